"""Tensors made from numbers."""

import torch

from eadem.torch.kernels.base import Refused, handles


@handles("arange")
def arange(start, end=None, step=1, *, dtype=None, **_):
    """start + i·step in binary64, rounded once; PyTorch's vector loop and its tail round differently."""
    start, end = (0, start) if end is None else (start, end)
    if all(isinstance(value, int) for value in (start, end, step)) and not (dtype and dtype.is_floating_point):
        return torch.arange(start, end, step, dtype=dtype)
    count = len(torch.arange(start, end, step, dtype=torch.float64))
    return (torch.arange(count).double() * step + start).to(dtype or torch.get_default_dtype())


@handles("index_put")
def index_put(x, indices, values, accumulate=False):
    if accumulate and x.is_floating_point():
        raise Refused("index_put with accumulate is not there")
    return torch.ops.aten.index_put(x, indices, values, accumulate)
