"""Indexing where several sources may meet in one destination, and the gradients of indexing."""

import torch

from eadem.torch.kernels.base import Refused, call, handles, new

_KINDS = {"sum": 1, "prod": 2, "mean": 3, "amax": 4, "amin": 5, "add": 1, "multiply": 2}
_COPY, _SUM = 0, 1


def _scatter(x, dim, index, src, kind, include_self=True):
    """ea_scatter; a tensor without dimensions is taken as one of one element, as PyTorch does."""
    if not isinstance(src, torch.Tensor):
        src = torch.tensor(src, dtype=x.dtype)
    elif src.dim() == 0:
        src = src.reshape(1)
    flat = x.dim() == 0
    out = new(x, x.shape)
    x, place, index = (t.reshape(1) if t.dim() == 0 else t for t in (x, out, index))
    call("scatter", (x, index, src, place), (dim if not flat else 0, kind, int(include_self)))
    return out


@handles("scatter")
def scatter(x, dim, index, src, *, reduce=None):
    return _scatter(x, dim, index, src, _COPY if reduce is None else _KINDS[reduce])


@handles("scatter_add")
def scatter_add(x, dim, index, src):
    return _scatter(x, dim, index, src, _SUM)


@handles("scatter_reduce")
def scatter_reduce(x, dim, index, src, reduce, *, include_self=True):
    return _scatter(x, dim, index, src, _KINDS[reduce], include_self)


def _along(name, x, dim, index, source, floats=()):
    flat = x.dim() == 0
    out = new(x, x.shape)
    place = out
    if flat:
        x, place, source, dim = x.reshape(1), out.reshape(1), source.reshape(1), 0
    call(name, (x, index.reshape(-1), source, place), (dim,), floats)
    return out


@handles("index_add")
def index_add(x, dim, index, source, *, alpha=1):
    return _along("index_add", x, dim, index, source, (float(alpha),))


@handles("index_copy")
def index_copy(x, dim, index, source):
    return _along("index_copy", x, dim, index, source)


def _positions(indices):
    """Indices as ea_index_put takes them: a mask stands for the columns of its nonzero()."""
    result = []
    for index in indices:
        if index is not None and index.dtype in (torch.bool, torch.uint8):
            result.extend(index.nonzero().unbind(1))
        else:
            result.append(index)
    return result


@handles("index_put", "_unsafe_index_put", "_index_put_impl")
def index_put(x, indices, values, accumulate=False, unsafe=False):
    out = new(x, x.shape)
    call("index_put", (x, *_positions(indices), values.to(x.dtype), out), (int(accumulate),))
    return out


@handles("put")
def put(x, index, source, accumulate=False):
    flat = index_put(x.reshape(-1), [index.reshape(-1)], source.reshape(-1), accumulate)
    return flat.reshape(x.shape)


@handles("embedding_dense_backward")
def embedding_dense_backward(grad, indices, num_weights, padding_idx, scale_grad_by_freq):
    if scale_grad_by_freq:
        raise Refused("embedding with scale_grad_by_freq is not there")
    out = new(grad, (num_weights, grad.shape[-1]))
    call("embedding_backward", (grad, indices, out), (padding_idx,))
    return out


@handles("unfold_backward")
def unfold_backward(grad, input_sizes, dim, size, step):
    """Tensor.unfold's gradient: window i's element j goes to i·step + j, windows ascending."""
    dim = dim % max(len(input_sizes), 1)
    windows = grad.movedim(-1, dim + 1)  # the window's elements beside the windows
    count = windows.shape[dim]
    index = (torch.arange(count)[:, None] * step + torch.arange(size)).reshape(-1)
    zeros = torch.zeros(input_sizes, dtype=grad.dtype)
    return index_add(zeros, dim, index, windows.flatten(dim, dim + 1))


def _bag_offsets(offsets, include_last_offset):
    return offsets[:-1] if include_last_offset else offsets


@handles("_embedding_bag", "_embedding_bag_forward_only")
def embedding_bag(weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
                  include_last_offset=False, padding_idx=-1):
    """The result and what autograd carries: each entry's bag, the bags' sizes, the rows of the maxima."""
    starts = _bag_offsets(offsets, include_last_offset)
    bags = starts.shape[0]
    out = new(weight, (bags, weight.shape[1]))
    rows = new(weight, (bags, weight.shape[1]) if mode == 2 else (0,), torch.int64)
    call("embedding_bag", (weight, indices, starts, per_sample_weights, out, rows if mode == 2 else None),
         (mode, padding_idx))
    bag_of_entry = torch.searchsorted(starts, torch.arange(indices.shape[0], dtype=starts.dtype), right=True) - 1
    sizes = torch.diff(starts, append=starts.new_tensor([indices.shape[0]]))
    return out, bag_of_entry, sizes, rows


def _starts(bag_of_entry, bags):
    return torch.searchsorted(bag_of_entry.contiguous(), torch.arange(bags, dtype=bag_of_entry.dtype))


@handles("_embedding_bag_dense_backward")
def embedding_bag_backward(grad, indices, bag_of_entry, bag_size, rows, num_weights, scale_grad_by_freq, mode,
                           per_sample_weights, padding_idx=-1):
    if scale_grad_by_freq:
        raise Refused("embedding_bag with scale_grad_by_freq is not there")
    out = new(grad, (num_weights, grad.shape[1]))
    call("embedding_bag_backward",
         (grad, grad.new_zeros(()).expand(out.shape), indices, _starts(bag_of_entry, grad.shape[0]), per_sample_weights,
          rows if mode == 2 else None, out, None), (mode, padding_idx))
    return out


@handles("_embedding_bag_backward")
def embedding_bag_any_backward(grad, indices, offsets, bag_of_entry, bag_size, rows, num_weights, scale_grad_by_freq,
                               mode, sparse, per_sample_weights, padding_idx=-1):
    if sparse:
        raise Refused("sparse gradients are not there")
    return embedding_bag_backward(grad, indices, bag_of_entry, bag_size, rows, num_weights, scale_grad_by_freq, mode,
                                  per_sample_weights, padding_idx)


@handles("_embedding_bag_per_sample_weights_backward")
def embedding_bag_weights_backward(grad, weight, indices, offsets, bag_of_entry, mode, padding_idx=-1):
    out = new(grad, (indices.shape[0],))
    call("embedding_bag_backward",
         (grad, weight, indices, _starts(bag_of_entry, grad.shape[0]), None, None, None, out), (mode, padding_idx))
    return out
