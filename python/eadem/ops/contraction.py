"""Matrix products, convolutions, attention, recurrences. Bits: docs/contract.md, Contraction, Convolution, Attention."""

from typing import Any, Optional, Sequence, Tuple

import numpy as np

from eadem import _native, _shapes
from eadem._shapes import Numbers, each, three
from eadem.ops.base import Array, call, contiguous, empty, shape, zeros

__all__ = """
matmul bmm linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d conv_backward_input
conv_backward_weight conv_transpose_backward_input conv_transpose_backward_weight attention attention_backward rotary_table
sparse_mm sparse_mm_backward recurrence_forward recurrence_backward
""".split()


def matmul(a: Array, b: Array, out: Optional[Array] = None) -> Array:
    """torch.matmul: a [..., m, k] · b [..., k, n], leading dimensions broadcast, vectors allowed. The gradients are
    matmul(grad_out, bᵀ) and matmul(aᵀ, grad_out)."""
    if out is None:
        left = shape(a) if len(a.shape) > 1 else (1, *shape(a))
        right = shape(b) if len(b.shape) > 1 else (*shape(b), 1)
        sizes = tuple(np.broadcast_shapes(left[:-2], right[:-2]))
        sizes += left[-2:-1] if len(a.shape) > 1 else ()
        sizes += right[-1:] if len(b.shape) > 1 else ()
        out = empty(a, sizes)
    call("matmul", (a, b, out))
    return out


def bmm(a: Array, b: Array, out: Optional[Array] = None) -> Array:
    """torch.bmm: a [batch, m, k] · b [batch, k, n]."""
    out = empty(a, (a.shape[0], a.shape[1], b.shape[2])) if out is None else out
    call("bmm", (a, b, out))
    return out


def linear(x: Array, weight: Array, bias: Optional[Array] = None, out: Optional[Array] = None) -> Array:
    """torch.nn.functional.linear: x [..., in] · weightᵀ [out, in] + bias [out]."""
    out = empty(x, (*shape(x)[:-1], weight.shape[0])) if out is None else out
    call("linear", (x, weight, bias, out))
    return out


def _numbers(dims: int, stride: Numbers, padding: Numbers, dilation: Numbers, groups: int) -> Tuple[int, ...]:
    return (dims, *three(each(stride, dims)), *three(each(padding, dims)), *three(each(dilation, dims)), groups)


def _conv(dims: int, x: Array, weight: Array, bias: Optional[Array], stride: Numbers, padding: Numbers,
          dilation: Numbers, groups: int, out: Optional[Array]) -> Array:
    if out is None:
        sizes = _shapes.conv(shape(x)[-dims:], shape(weight)[2:], each(stride, dims), each(padding, dims),
                             each(dilation, dims))
        out = empty(x, (*shape(x)[:-dims - 1], weight.shape[0], *sizes))
    call("conv", (x, weight, bias, out), _numbers(dims, stride, padding, dilation, groups))
    return out


def conv1d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
           dilation: Numbers = 1, groups: int = 1, out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv1d: x [n, c, w] or [c, w], weight [oc, c/groups, kw], bias [oc]."""
    return _conv(1, x, weight, bias, stride, padding, dilation, groups, out)


def conv2d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
           dilation: Numbers = 1, groups: int = 1, out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv2d: x [n, c, h, w] or [c, h, w], weight [oc, c/groups, kh, kw], bias [oc]."""
    return _conv(2, x, weight, bias, stride, padding, dilation, groups, out)


def conv3d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
           dilation: Numbers = 1, groups: int = 1, out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv3d: x [n, c, d, h, w] or [c, d, h, w], weight [oc, c/groups, kd, kh, kw], bias [oc]."""
    return _conv(3, x, weight, bias, stride, padding, dilation, groups, out)


def _conv_transpose(dims: int, x: Array, weight: Array, bias: Optional[Array], stride: Numbers, padding: Numbers,
                    output_padding: Numbers, groups: int, dilation: Numbers, out: Optional[Array]) -> Array:
    if out is None:
        sizes = _shapes.conv_transpose(shape(x)[-dims:], shape(weight)[2:], each(stride, dims), each(padding, dims),
                                       each(dilation, dims), each(output_padding, dims))
        out = empty(x, (*shape(x)[:-dims - 1], weight.shape[1] * groups, *sizes))
    call("conv_transpose", (x, weight, bias, out), _numbers(dims, stride, padding, dilation, groups))
    return out


def conv_transpose1d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
                     out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv_transpose1d: x [n, c, w] or [c, w], weight [c, oc/groups, kw], bias [oc]."""
    return _conv_transpose(1, x, weight, bias, stride, padding, output_padding, groups, dilation, out)


def conv_transpose2d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
                     out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv_transpose2d: x [n, c, h, w] or [c, h, w], weight [c, oc/groups, kh, kw], bias [oc]."""
    return _conv_transpose(2, x, weight, bias, stride, padding, output_padding, groups, dilation, out)


def conv_transpose3d(x: Array, weight: Array, bias: Optional[Array] = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
                     out: Optional[Array] = None) -> Array:
    """torch.nn.functional.conv_transpose3d: x [n, c, d, h, w] or [c, d, h, w], weight [c, oc/groups, kd, kh, kw]."""
    return _conv_transpose(3, x, weight, bias, stride, padding, output_padding, groups, dilation, out)


def _conv_gradient(name: str, grad_out: Array, other: Array, sizes: Sequence[int], stride: Numbers, padding: Numbers,
                   dilation: Numbers, groups: int) -> Array:
    out = empty(grad_out, sizes)
    dims = max(len(other.shape), len(sizes)) - 2
    call(name, (grad_out, other, out), _numbers(dims, stride, padding, dilation, groups))
    return out


def conv_backward_input(grad_out: Array, weight: Array, x_shape: Sequence[int], stride: Numbers = 1,
                        padding: Numbers = 0, dilation: Numbers = 1, groups: int = 1) -> Array:
    """The gradient of conv1d … conv3d with respect to x, of x_shape."""
    return _conv_gradient("conv_backward_input", grad_out, weight, x_shape, stride, padding, dilation, groups)


def conv_backward_weight(grad_out: Array, x: Array, weight_shape: Sequence[int], stride: Numbers = 1,
                         padding: Numbers = 0, dilation: Numbers = 1, groups: int = 1) -> Array:
    """The gradient of conv1d … conv3d with respect to the weight, of weight_shape; the bias's is
    sum(grad_out, all dimensions but the channels)."""
    return _conv_gradient("conv_backward_weight", grad_out, x, weight_shape, stride, padding, dilation, groups)


def conv_transpose_backward_input(grad_out: Array, weight: Array, x_shape: Sequence[int], stride: Numbers = 1,
                                  padding: Numbers = 0, dilation: Numbers = 1, groups: int = 1) -> Array:
    """The gradient of conv_transpose1d … 3d with respect to x, of x_shape."""
    return _conv_gradient("conv_transpose_backward_input", grad_out, weight, x_shape, stride, padding, dilation, groups)


def conv_transpose_backward_weight(grad_out: Array, x: Array, weight_shape: Sequence[int], stride: Numbers = 1,
                                   padding: Numbers = 0, dilation: Numbers = 1, groups: int = 1) -> Array:
    """The gradient of conv_transpose1d … 3d with respect to the weight, of weight_shape."""
    return _conv_gradient("conv_transpose_backward_weight", grad_out, x, weight_shape, stride, padding, dilation, groups)


def attention(q: Array, k: Array, v: Array, mask: Optional[Array] = None, causal: bool = False, scale: float = 0.0,
              out: Optional[Array] = None) -> Array:
    """torch.nn.functional.scaled_dot_product_attention: q [..., h, n, d], k [..., g, m, d], v [..., g, m, e]; the result
    is [..., h, n, e]. h/g neighbouring heads share one head of k and v.

    mask broadcasts to [..., h, n, m]: truth values (true takes part) or floats, which are added; not with causal.
    scale: 0 means 1/√d. A row that sees no key is zero.
    """
    out = empty(q, (*shape(q)[:-1], v.shape[-1])) if out is None else out
    call("attention", (q, k, v, mask, out, None), (int(causal),), (float(scale),))
    return out


def attention_backward(grad_out: Array, q: Array, k: Array, v: Array, mask: Optional[Array] = None,
                       causal: bool = False, scale: float = 0.0) -> Tuple[Array, Array, Array]:
    """The gradients of attention with respect to q, k and v."""
    grads = empty(q, shape(q)), empty(k, shape(k)), empty(v, shape(v))
    call("attention_backward", (grad_out, q, k, v, mask, *grads, None), (int(causal),), (float(scale),))
    return grads


def rotary_table(theta: float, first: int, steps: int, dim: int, like: Optional[Array] = None) -> Tuple[Array, Array]:
    """Cosine and sine [steps, dim/2], float32, of (first + step)·theta^(−2i/dim); NumPy's unless `like` is a tensor.
    Su et al. 2021 (arXiv:2104.09864)."""
    cosine, sine = (empty(like, (steps, dim // 2), "float32") for _ in range(2))
    call("rotary_table", (cosine, sine), (first,), (float(theta),))
    return cosine, sine


def _sparse(row_start: Optional[Array], column: Optional[Array], indices: Optional[Array], batch: int, rows: int,
            columns: int) -> Tuple[Tuple[Optional[Array], ...], Tuple[int, ...]]:
    return (contiguous(row_start), contiguous(column), contiguous(indices)), (batch, rows, columns)


def sparse_mm(values: Array, dense: Array, rows: int, row_start: Optional[Array] = None,
              column: Optional[Array] = None, indices: Optional[Array] = None) -> Array:
    """A sparse matrix [rows, columns] times dense [columns, n]; or with `batch` before each.

    values [stored] and, int64, either CSR's row_start [rows + 1] and column [stored], or COO's indices [2, stored] (row,
    column) or [3, stored] (batch, row, column), in any order, duplicates allowed. All floats are float32.
    """
    batch = dense.shape[0] if len(dense.shape) == 3 else 0
    places, numbers = _sparse(row_start, column, indices, batch, rows, dense.shape[-2])
    out = empty(dense, (*shape(dense)[:-2], rows, dense.shape[-1]))
    call("sparse_mm", (*places, contiguous(values), contiguous(dense), out), numbers)
    return out


def sparse_mm_backward(grad_out: Array, values: Array, dense: Array, rows: int, row_start: Optional[Array] = None,
                       column: Optional[Array] = None, indices: Optional[Array] = None) -> Tuple[Array, Array]:
    """The gradients of sparse_mm with respect to values and dense."""
    batch = dense.shape[0] if len(dense.shape) == 3 else 0
    places, numbers = _sparse(row_start, column, indices, batch, rows, dense.shape[-2])
    grads = empty(values, shape(values)), empty(dense, shape(dense))
    call("sparse_mm_backward", (*places, *map(contiguous, (grad_out, values, dense)), *grads), numbers)
    return grads


def _kind(kind: str) -> Tuple[int, int, int]:
    """Its number, its gates, and how many numbers a row keeps for the backward; both times hidden."""
    if kind not in _native.recurrences:
        raise ValueError(f"kind {kind!r} is none: give one of {', '.join(_native.recurrences)}")
    return _native.recurrences[kind]


def recurrence_forward(kind: str, gates_x: Array, weight_hh: Array, bias_hh: Optional[Array] = None,
                       h0: Optional[Array] = None, c0: Optional[Array] = None, weight_hr: Optional[Array] = None,
                       n: Optional[int] = None, batch_sizes: Optional[Array] = None, reverse: bool = False) -> Any:
    """One direction of one layer of torch.nn.RNN ("tanh", "relu"), LSTM or GRU: kind in lower case.

    gates_x [rows, gates·hidden] is weight_ih·x + bias_ih, rows being steps of n sequences, or by batch_sizes (int64) those
    of a packed sequence; weight_hh [gates·hidden, out], bias_hh [gates·hidden], h0 [n, out], c0 [n, hidden] (LSTM),
    weight_hr [out, hidden] (LSTM with projection). All float32. Returns y [rows, out], hn, cn (None but for LSTM) and
    (kept, previous), which recurrence_backward takes.
    """
    number, gates, kept = _kind(kind)
    hidden, out = weight_hh.shape[0] // gates, weight_hh.shape[1]
    rows = gates_x.shape[0]
    if n is None:
        n = h0.shape[0] if h0 is not None else int(batch_sizes[0]) if batch_sizes is not None else 1
    steps = len(batch_sizes) if batch_sizes is not None else rows // n
    y, hn = empty(gates_x, (rows, out)), empty(gates_x, (n, out))
    cn = empty(gates_x, (n, hidden)) if kind == "lstm" else None
    state = empty(gates_x, (rows, kept * hidden)), empty(gates_x, (rows, out))
    given = [contiguous(t) for t in (gates_x, h0, c0, weight_hh, bias_hh, weight_hr)]
    call("recurrence_forward", (*given, y, hn, cn, *state, contiguous(batch_sizes)), (number, int(reverse), steps))
    return y, hn, cn, state


def recurrence_backward(kind: str, weight_hh: Array, state: Tuple[Array, Array], grad_y: Optional[Array] = None,
                        grad_hn: Optional[Array] = None, grad_cn: Optional[Array] = None,
                        weight_hr: Optional[Array] = None, n: int = 1, batch_sizes: Optional[Array] = None,
                        reverse: bool = False) -> Any:
    """The gradients of recurrence_forward with respect to gates_x, h0, c0 (None but for LSTM), weight_hh, bias_hh and
    weight_hr (None without it); `state` is what the forward returned for it."""
    number, gates, _ = _kind(kind)
    hidden, out = weight_hh.shape[0] // gates, weight_hh.shape[1]
    rows = state[0].shape[0]
    steps = len(batch_sizes) if batch_sizes is not None else rows // n
    grad_x, grad_h0 = empty(weight_hh, (rows, gates * hidden)), empty(weight_hh, (n, out))
    grad_c0 = empty(weight_hh, (n, hidden)) if kind == "lstm" else None
    grad_hh, grad_bias = zeros(weight_hh, shape(weight_hh)), zeros(weight_hh, (gates * hidden,))
    grad_hr = zeros(weight_hr, shape(weight_hr)) if weight_hr is not None else None
    given = [contiguous(t) for t in (grad_y, grad_hn, grad_cn, weight_hh, weight_hr, *state)]
    call("recurrence_backward", (*given, grad_x, grad_h0, grad_c0, grad_hh, grad_bias, grad_hr, contiguous(batch_sizes)),
         (number, int(reverse), steps))
    return grad_x, grad_h0, grad_c0, grad_hh, grad_bias, grad_hr
