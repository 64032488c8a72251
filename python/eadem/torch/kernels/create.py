"""Tensors made from numbers."""

import torch

from eadem.torch.kernels.base import handles


@handles("arange")
def arange(start, end=None, step=1, *, dtype=None, **_):
    """start + i·step in binary64, rounded once; PyTorch's vector loop and its tail round differently."""
    start, end = (0, start) if end is None else (start, end)
    if all(isinstance(value, int) for value in (start, end, step)) and not (dtype and dtype.is_floating_point):
        return torch.arange(start, end, step, dtype=dtype)
    count = len(torch.arange(start, end, step, dtype=torch.float64))
    return (torch.arange(count).double() * step + start).to(dtype or torch.get_default_dtype())


@handles("linspace")
def linspace(start, end, steps, *, dtype=None, **_):
    """From the nearer end, start + i·step or end − i·step, in binary64, rounded once."""
    start, end = (float(value) for value in (start, end))
    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    count = torch.arange(steps).double()
    values = torch.where(count < steps // 2, count * step + start, end - (steps - 1 - count) * step)
    return (values if steps > 1 else values.fill_(start)).to(dtype or torch.get_default_dtype())
