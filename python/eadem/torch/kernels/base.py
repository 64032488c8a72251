"""What every file of handlers builds on: the register of handlers and the call of an Eadem operation."""

import functools

import torch

from eadem import _native
from eadem._context import current
from eadem._shapes import reduced

_to_dlpack = torch._C._to_dlpack
_OPS = _native.ops

HANDLERS = {}  # ATen's name: the function that returns new tensors
IN_PLACE = {}  # ATen's name ending in _: the function that writes its first argument; without one, HANDLERS' is copied


class Refused(Exception):
    """These arguments of an operation have no reproducible version; the text says which."""


def serves_integers(function):
    """Marks a handler that takes integers too: its result is a float, or its choice among equals."""
    function.takes_integers = True
    return function


def handles(*names):
    def register(function):
        for name in names:
            HANDLERS[name] = function
        return function
    return register


def writes(name):
    def register(function):
        IN_PLACE[name] = function
        return function
    return register


def call(name, tensors, integers=(), floats=()):
    """One Eadem operation on CPU tensors in place; None stands for an absent tensor."""
    current().call(_OPS[name], tuple([None if t is None else _to_dlpack(t) for t in tensors]),
                   integers, floats)


def new(like, shape, dtype=None):
    return torch.empty(shape, dtype=dtype or like.dtype)


def reduced_shape(x, dims, keepdim):
    """The shape of x without dims (empty: all), or with 1 in their place."""
    return reduced(x.shape, dims, keepdim)


AGGREGATES = ("prod", "var", "std", "norm", "logsumexp", "amax", "amin")  # in the order of ea_aggregate


def aggregate(name, x, dims, keepdim, parameter=0.0):
    """A reduction of include/eadem/op/aggregate.h over dims (empty: all)."""
    out = new(x, reduced_shape(x, dims, keepdim))
    call("reduce", (x, out), (AGGREGATES.index(name), *(dims or ())), (float(parameter),))
    return out


def same(name, x, *more, integers=()):
    out = torch.empty_like(x)
    call(name, (x, *more, out), integers)
    return out


_POINTS = _native.points


def point(name, *inputs, parameters=(), out=None):
    """A function by number (docs/contract.md) of tensors and numbers, which broadcast; of the type that PyTorch
    gives their sum, or written to `out`."""
    dtype = functools.reduce(torch.promote_types, [t.dtype for t in inputs if isinstance(t, torch.Tensor) and t.dim()] or
                             [t.dtype for t in inputs if isinstance(t, torch.Tensor)])
    if not dtype.is_floating_point:
        raise Refused("it takes floating-point numbers")
    tensors = [_as_point(x, dtype) for x in inputs]
    shape = tensors[0].shape if len(tensors) == 1 else torch.broadcast_shapes(*[x.shape for x in tensors])
    if out is None:
        out = torch.empty_like(tensors[0], dtype=dtype) if shape == tensors[0].shape else torch.empty(shape, dtype=dtype)
    call("point", (*tensors, out), (_POINTS[name],), parameters)
    return out


def point_backward(name, which, grad, *inputs, parameters=()):
    """The gradient of point(name, *inputs) with respect to inputs[which], of grad's shape."""
    out = torch.empty_like(grad)
    call("point_backward", (grad, *inputs, out), (_POINTS[name], which), parameters)
    return out


def _as_point(x, dtype):
    if not isinstance(x, torch.Tensor):
        return torch.tensor(x, dtype=dtype)
    return x if x.is_floating_point() else x.to(dtype)


_HALF = (torch.float16, torch.bfloat16)


def _wide(x):
    return x.float() if isinstance(x, torch.Tensor) and x.dtype in _HALF else x


def widened(function):
    """A handler of several roundings, which computes half-precision tensors in float32 and rounds its result once."""
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        half = next((x.dtype for x in args if isinstance(x, torch.Tensor) and x.dtype in _HALF), None)
        if half is None:
            return function(*args, **kwargs)
        result = function(*map(_wide, args), **{k: _wide(v) for k, v in kwargs.items()})
        return tuple(t.to(half) for t in result) if isinstance(result, tuple) else result.to(half)
    return wrapped
