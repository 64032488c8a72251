"""Eadem's operations on DLPack objects in host memory: NumPy arrays, PyTorch tensors and others.

Inputs may have any strides and are not copied. A result is a PyTorch tensor when the first input is one,
else a NumPy array; ``out=`` gives the result's place instead. Float inputs are float32, float16 or (PyTorch)
bfloat16; the result has the first input's type. Shapes and meaning are PyTorch's operations of the same name;
``docs/contract.md`` states the bits. Errors are ``eadem.Error`` with a sentence that names the argument.
"""

import sys

import numpy as np

from eadem import _native
from eadem._context import configure, current, use_contract

__all__ = ["configure", "use_contract", "digest", "matmul", "bmm", "linear", "conv2d", "add", "sub", "mul",
           "div", "exp", "log", "sqrt", "tanh", "sigmoid", "relu", "sum", "mean", "softmax",
           "log_softmax", "cross_entropy", "batch_norm"]


def _is_torch(x):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _capsule(x):
    if x is None:
        return None
    if _is_torch(x):
        return sys.modules["torch"]._C._to_dlpack(x.detach())
    if isinstance(x, np.ndarray) and not x.flags.writeable:
        x = x.copy()  # NumPy exports no read-only array through DLPack
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"{type(x).__name__} does not speak DLPack: give a NumPy array or a PyTorch tensor")
    return x.__dlpack__()


def _empty(like, shape):
    if _is_torch(like):
        return sys.modules["torch"].empty(shape, dtype=like.dtype)
    return np.empty(shape, dtype=like.dtype if isinstance(like, np.ndarray) else np.float32)


def _call(name, tensors, integers=(), floats=()):
    current().call(_native.ops[name], tuple(_capsule(t) for t in tensors), integers, floats)


def digest(*tensors):
    """SHA-256 of the elements of all tensors, one after another, as hexadecimal digits."""
    return current().digest(tuple(_capsule(t) for t in tensors))


def _broadcast(a, b):
    return np.broadcast_shapes(tuple(a.shape), tuple(b.shape))


def _unary(name, x, out):
    out = _empty(x, tuple(x.shape)) if out is None else out
    _call(name, (x, out))
    return out


def _binary(name, a, b, out):
    out = _empty(a, _broadcast(a, b)) if out is None else out
    _call(name, (a, b, out))
    return out


def add(a, b, out=None):
    """a + b, broadcast; one rounding."""
    return _binary("add", a, b, out)


def sub(a, b, out=None):
    """a − b, broadcast; one rounding."""
    return _binary("sub", a, b, out)


def mul(a, b, out=None):
    """a · b, broadcast; one rounding."""
    return _binary("mul", a, b, out)


def div(a, b, out=None):
    """a / b, broadcast; one rounding."""
    return _binary("div", a, b, out)


def exp(x, out=None):
    """eˣ, correctly rounded."""
    return _unary("exp", x, out)


def log(x, out=None):
    """Natural logarithm, correctly rounded."""
    return _unary("log", x, out)


def sqrt(x, out=None):
    """Square root, correctly rounded."""
    return _unary("sqrt", x, out)


def tanh(x, out=None):
    """Hyperbolic tangent, correctly rounded."""
    return _unary("tanh", x, out)


def sigmoid(x, out=None):
    """1 / (1 + e⁻ˣ), correctly rounded."""
    return _unary("sigmoid", x, out)


def relu(x, out=None):
    """max(x, 0)."""
    return _unary("relu", x, out)


def matmul(a, b, out=None):
    """torch.matmul: a [..., m, k] · b [..., k, n], leading dimensions broadcast, vectors allowed."""
    if out is None:
        left = tuple(a.shape) if len(a.shape) > 1 else (1,) + tuple(a.shape)
        right = tuple(b.shape) if len(b.shape) > 1 else tuple(b.shape) + (1,)
        shape = np.broadcast_shapes(left[:-2], right[:-2])
        shape += left[-2:-1] if len(a.shape) > 1 else ()
        shape += right[-1:] if len(b.shape) > 1 else ()
        out = _empty(a, shape)
    _call("matmul", (a, b, out))
    return out


def bmm(a, b, out=None):
    """torch.bmm: a [batch, m, k] · b [batch, k, n]."""
    out = _empty(a, (a.shape[0], a.shape[1], b.shape[2])) if out is None else out
    _call("bmm", (a, b, out))
    return out


def linear(x, weight, bias=None, out=None):
    """x [..., in] · weightᵀ [out, in] + bias [out]."""
    out = _empty(x, tuple(x.shape[:-1]) + (weight.shape[0],)) if out is None else out
    _call("linear", (x, weight, bias, out))
    return out


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, out=None):
    """torch.nn.functional.conv2d: x [n, c, h, w], weight [oc, c/groups, kh, kw], bias [oc]."""
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    if out is None:
        size = [(x.shape[2 + d] + 2 * padding[d] - dilation[d] * (weight.shape[2 + d] - 1) - 1)
                // stride[d] + 1 for d in (0, 1)]
        out = _empty(x, (x.shape[0], weight.shape[0], *(max(s, 0) for s in size)))
    _call("conv", (x, weight, bias, out), (2, *stride, 0, *padding, 0, *dilation, 0, groups))
    return out


def _reduce(name, x, dim, keepdim, out):
    ndim = len(x.shape)
    dims = tuple(range(ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if out is None:
        gone = {d % ndim for d in dims} if ndim else set()
        shape = [1 if d in gone else x.shape[d] for d in range(ndim) if keepdim or d not in gone]
        out = _empty(x, tuple(shape))
    _call(name, (x, out), dims)
    return out


def sum(x, dim=None, keepdim=False, out=None):
    """Sum over dimensions (None: all), in the contract's order."""
    return _reduce("sum", x, dim, keepdim, out)


def mean(x, dim=None, keepdim=False, out=None):
    """Mean over dimensions (None: all), in the contract's order."""
    return _reduce("mean", x, dim, keepdim, out)


def softmax(x, dim, out=None):
    """Softmax along one dimension."""
    out = _empty(x, tuple(x.shape)) if out is None else out
    _call("softmax", (x, out), (dim,))
    return out


def log_softmax(x, dim, out=None):
    """Logarithm of the softmax along one dimension."""
    out = _empty(x, tuple(x.shape)) if out is None else out
    _call("log_softmax", (x, out), (dim,))
    return out


_REDUCTIONS = {"mean": 0, "sum": 1, "none": 2}


def cross_entropy(x, target, reduction="mean", out=None):
    """torch.nn.functional.cross_entropy with class indices: x [n, classes], target [n] of int64 or int32."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is none: give 'mean', 'sum' or 'none'")
    if out is None:
        out = _empty(x, (x.shape[0],) if reduction == "none" else ())
    _call("cross_entropy", (x, target, out), (_REDUCTIONS[reduction],))
    return out


def batch_norm(x, running_mean=None, running_var=None, weight=None, bias=None, training=False, momentum=0.1,
               eps=1e-5, out=None):
    """torch.nn.functional.batch_norm: x [n, c, ...]; running statistics are updated in place in training."""
    out = _empty(x, tuple(x.shape)) if out is None else out
    saved = _empty(x, (x.shape[1],)), _empty(x, (x.shape[1],))
    _call("batch_norm", (x, weight, bias, running_mean, running_var, out, *saved), (int(training),),
          (float(momentum), float(eps)))
    return out
