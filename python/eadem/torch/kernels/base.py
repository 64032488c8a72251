"""What every file of handlers builds on: the register of handlers and the call of an Eadem operation."""

import functools

import torch

from eadem import _native
from eadem._context import current

_to_dlpack = torch._C._to_dlpack
_OPS = _native.ops

HANDLERS = {}


class Refused(Exception):
    """These arguments of an operation have no reproducible version; the text says which."""


def handles(*names):
    def register(function):
        for name in names:
            HANDLERS[name] = function
        return function
    return register


def call(name, tensors, integers=(), floats=()):
    """One Eadem operation on CPU tensors in place; None stands for an absent tensor."""
    current().call(_OPS[name], tuple([None if t is None else _to_dlpack(t) for t in tensors]),
                   integers, floats)


def new(like, shape, dtype=None):
    return torch.empty(shape, dtype=dtype or like.dtype)


def same(name, x, *more, integers=()):
    out = torch.empty_like(x)
    call(name, (x, *more, out), integers)
    return out


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
        return function(*map(_wide, args), **{k: _wide(v) for k, v in kwargs.items()}).to(half)
    return wrapped
