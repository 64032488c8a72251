"""Reading and writing where an index or a mask says; arrangement. Bits: docs/contract.md, Indexing, Masks and arrangement.

An index is int64 or int32 and counts from 0; one outside raises eadem.Error with its place and value. Several sources of one
destination count in ascending order.
"""

from typing import List, Optional, Sequence, Tuple, Union

import numpy as np

from eadem.ops.base import Array, array, broadcast, call, empty, like_first, shape, zeros

__all__ = """
gather scatter index_select index_add index_copy take_along_dim index index_put embedding embedding_backward embedding_bag
embedding_bag_backward one_hot where count_nonzero nonzero masked_select masked_scatter tril triu cat stack split roll flip
repeat_interleave
""".split()

_KINDS = ("copy", "sum", "prod", "mean", "amax", "amin")
_BAGS = ("sum", "mean", "max")


def _choice(what: str, value: str, names: Sequence[str]) -> int:
    if value not in names:
        raise ValueError(f"{what} {value!r} is none: give one of {', '.join(names)}")
    return names.index(value)


def gather(x: Array, dim: int, index: Array, out: Optional[Array] = None) -> Array:
    """torch.gather: index has x's dimensions; out index's shape."""
    out = empty(x, shape(index)) if out is None else out
    call("gather", (x, index, out), (dim,))
    return out


def scatter(x: Array, dim: int, index: Array, src: Array, reduce: str = "copy", include_self: bool = True,
            out: Optional[Array] = None) -> Array:
    """torch.scatter ("copy": the last source stands), scatter_add ("sum"), scatter_reduce ("sum", "prod", "mean", "amax",
    "amin"): x with src's elements taken in at index along dim."""
    out = empty(x, shape(x)) if out is None else out
    call("scatter", (x, index, array(src), out), (dim, _choice("reduce", reduce, _KINDS), int(include_self)))
    return out


def index_select(x: Array, dim: int, index: Array, out: Optional[Array] = None) -> Array:
    """torch.index_select: the slices of x along dim that index [m] names."""
    sizes = list(shape(x))
    sizes[dim] = shape(index)[0] if shape(index) else 1
    out = empty(x, sizes) if out is None else out
    call("index_select", (x, index, out), (dim,))
    return out


def index_add(x: Array, dim: int, index: Array, src: Array, alpha: float = 1.0, out: Optional[Array] = None) -> Array:
    """torch.index_add: x, and alpha · slice k of src added to slice index[k] along dim."""
    out = empty(x, shape(x)) if out is None else out
    call("index_add", (x, index, src, out), (dim,), (float(alpha),))
    return out


def index_copy(x: Array, dim: int, index: Array, src: Array, out: Optional[Array] = None) -> Array:
    """torch.index_copy: x with slice index[k] along dim replaced by slice k of src; the last stands."""
    out = empty(x, shape(x)) if out is None else out
    call("index_copy", (x, index, src, out), (dim,))
    return out


def take_along_dim(x: Array, index: Array, dim: int, out: Optional[Array] = None) -> Array:
    """torch.take_along_dim: index broadcasts with x except along dim; negative values count from the end."""
    if out is None:
        dim = dim % len(x.shape)
        lengths = [1 if d == dim else size for d, size in enumerate(shape(x))]
        others = [1 if d == dim else size for d, size in enumerate(shape(index))]
        sizes = list(np.broadcast_shapes(lengths, others))
        sizes[dim] = index.shape[dim]
        out = empty(x, sizes)
    call("take_along_dim", (x, index, out), (dim,))
    return out


def _indexed_shape(x: Array, indices: Sequence[Optional[Array]]) -> Tuple[int, ...]:
    given = [d for d, i in enumerate(indices) if i is not None]
    places = broadcast(*[indices[d] for d in given])
    rest = [size for d, size in enumerate(shape(x)) if d not in given]
    together = given == list(range(given[0], given[-1] + 1))
    at = given[0] if together else 0
    return (*rest[:at], *places, *rest[at:])


def index(x: Array, indices: Sequence[Optional[Array]], out: Optional[Array] = None) -> Array:
    """x[indices[0], indices[1], …] as PyTorch indexes: the indices broadcast together, None takes the whole dimension,
    negative values count from the end. For a mask give the columns of nonzero(mask)."""
    out = empty(x, _indexed_shape(x, indices)) if out is None else out
    call("index", (x, *indices, out))
    return out


def index_put(x: Array, indices: Sequence[Optional[Array]], values: Array, accumulate: bool = False,
              out: Optional[Array] = None) -> Array:
    """torch.index_put: x with those places taking `values`, which broadcast, added when `accumulate`."""
    out = empty(x, shape(x)) if out is None else out
    call("index_put", (x, *indices, array(values), out), (int(accumulate),))
    return out


def embedding(weight: Array, index: Array, out: Optional[Array] = None) -> Array:
    """torch.nn.functional.embedding: out[…, :] = weight[index[…], :]."""
    out = empty(weight, (*shape(index), weight.shape[1])) if out is None else out
    call("embedding", (weight, index, out))
    return out


def embedding_backward(grad_out: Array, index: Array, rows: int, padding_idx: int = -1) -> Array:
    """The gradient of embedding's weight [rows, width]: each row's gradients summed; 0 in row padding_idx (−1: none)."""
    out = empty(grad_out, (rows, grad_out.shape[-1]))
    call("embedding_backward", (grad_out, index, out), (padding_idx,))
    return out


def embedding_bag(weight: Array, index: Array, offsets: Array, mode: str = "sum",
                  per_sample_weights: Optional[Array] = None, padding_idx: int = -1) -> Tuple[Array, Optional[Array]]:
    """torch.nn.functional.embedding_bag with index [n] and offsets [bags]: the bags' sums, means or maxima [bags, width],
    and for "max" the rows of the maxima (else None). per_sample_weights [n] for "sum" only."""
    sizes = (shape(offsets)[0], weight.shape[1])
    out, rows = empty(weight, sizes), empty(weight, sizes, "int64") if mode == "max" else None
    call("embedding_bag", (weight, index, offsets, per_sample_weights, out, rows),
         (_choice("mode", mode, _BAGS), padding_idx))
    return out, rows


def embedding_bag_backward(grad_out: Array, weight: Array, index: Array, offsets: Array, mode: str = "sum",
                           per_sample_weights: Optional[Array] = None, padding_idx: int = -1,
                           max_indices: Optional[Array] = None) -> Tuple[Array, Optional[Array]]:
    """The gradients of embedding_bag with respect to weight and per_sample_weights (None without them)."""
    grad = empty(weight, shape(weight))
    grad_samples = None if per_sample_weights is None else empty(per_sample_weights, shape(per_sample_weights))
    call("embedding_bag_backward",
         (grad_out, weight, index, offsets, per_sample_weights, max_indices, grad, grad_samples),
         (_choice("mode", mode, _BAGS), padding_idx))
    return grad, grad_samples


def one_hot(index: Array, classes: int) -> Array:
    """torch.nn.functional.one_hot: int64 [..., classes]."""
    out = empty(index, (*shape(index), classes), "int64")
    call("one_hot", (index, out))
    return out


def where(mask: Array, a: Array, b: Array, out: Optional[Array] = None) -> Array:
    """a where mask (bool or uint8), else b; all broadcast. torch.masked_fill(x, mask, value) is where(mask, value, x)."""
    a, b = array(a), array(b)
    out = empty(like_first([a, b]), broadcast(mask, a, b)) if out is None else out
    call("where", (mask, a, b, out))
    return out


def count_nonzero(mask: Array) -> int:
    """How many elements of a mask (bool or uint8) are true."""
    count: Array = np.empty((), dtype=np.int64)
    call("count_nonzero", (mask, count))
    return int(count)


def nonzero(mask: Array) -> Array:
    """torch.nonzero: the places [count, ndim] (int64) of a mask's true elements, in row-major order."""
    out = empty(mask, (count_nonzero(mask), len(mask.shape)), "int64")
    call("nonzero", (mask, out))
    return out


def masked_select(x: Array, mask: Array) -> Array:
    """torch.masked_select: the elements [count] of x where mask, in row-major order; both broadcast."""
    times = np.prod(broadcast(x, mask), dtype=np.int64) // max(np.prod(shape(mask), dtype=np.int64), 1)
    out = empty(x, (count_nonzero(mask) * int(times),))
    call("masked_select", (x, mask, out))
    return out


def masked_scatter(x: Array, mask: Array, src: Array, out: Optional[Array] = None) -> Array:
    """torch.masked_scatter: x with the true places taking the first elements of src; mask broadcasts to x."""
    out = empty(x, shape(x)) if out is None else out
    call("masked_scatter", (x, mask, src, out))
    return out


def tril(x: Array, diagonal: int = 0, out: Optional[Array] = None) -> Array:
    """torch.tril: the elements on and below a diagonal of the last two dimensions, 0 elsewhere."""
    out = empty(x, shape(x)) if out is None else out
    call("tril", (x, out), (diagonal,))
    return out


def triu(x: Array, diagonal: int = 0, out: Optional[Array] = None) -> Array:
    """torch.triu: the elements on and above a diagonal of the last two dimensions, 0 elsewhere."""
    out = empty(x, shape(x)) if out is None else out
    call("triu", (x, out), (diagonal,))
    return out


def cat(tensors: Sequence[Array], dim: int = 0, out: Optional[Array] = None) -> Array:
    """torch.cat, of at most 63 tensors: one after another along dim; the other sizes agree."""
    if out is None:
        sizes = list(shape(tensors[0]))
        sizes[dim] = sum(t.shape[dim] for t in tensors)
        out = empty(tensors[0], sizes)
    call("cat", (*tensors, out), (dim,))
    return out


def stack(tensors: Sequence[Array], dim: int = 0, out: Optional[Array] = None) -> Array:
    """torch.stack, of at most 63 tensors: slices of a new dimension."""
    if out is None:
        sizes = list(shape(tensors[0]))
        sizes.insert(dim % (len(sizes) + 1), len(tensors))
        out = empty(tensors[0], sizes)
    call("stack", (*tensors, out), (dim,))
    return out


def split(x: Array, sizes: Sequence[int], dim: int = 0) -> List[Array]:
    """torch.split into at most 63 pieces of these sizes along dim, copied."""
    shapes = [[size if d == dim % len(x.shape) else s for d, s in enumerate(shape(x))] for size in sizes]
    outs = [empty(x, piece) for piece in shapes]
    call("split", (x, *outs), (dim,))
    return outs


def roll(x: Array, shifts: Union[int, Sequence[int]], dims: Union[int, Sequence[int]], out: Optional[Array] = None) -> Array:
    """torch.roll: element k of dims[i] goes to k + shifts[i], around the end."""
    shifts, dims = ((v,) if isinstance(v, int) else tuple(v) for v in (shifts, dims))
    if len(shifts) != len(dims):
        raise ValueError(f"{len(shifts)} shifts for {len(dims)} dimensions: give one for each")
    out = empty(x, shape(x)) if out is None else out
    call("roll", (x, out), (*shifts, *dims))
    return out


def flip(x: Array, dims: Union[int, Sequence[int]], out: Optional[Array] = None) -> Array:
    """torch.flip: the dimensions backwards."""
    out = empty(x, shape(x)) if out is None else out
    call("flip", (x, out), (dims,) if isinstance(dims, int) else tuple(dims))
    return out


def repeat_interleave(x: Array, repeats: Union[int, Array], dim: int = 0) -> Array:
    """torch.repeat_interleave: slice k of x along dim stands repeats[k] times in a row (a number: the same for all)."""
    sizes = list(shape(x))
    if isinstance(repeats, int):
        sizes[dim] *= repeats
        repeats = zeros(x, (), "int64") + repeats
        repeats = np.array(repeats) if not hasattr(repeats, "__dlpack__") else repeats
    else:
        sizes[dim] = int(repeats.sum()) if shape(repeats) else sizes[dim] * int(repeats)
    out = empty(x, sizes)
    call("repeat_interleave", (x, repeats, out), (dim,))
    return out
