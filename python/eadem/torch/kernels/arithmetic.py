"""Element-wise arithmetic that PyTorch fuses in some loops and not in others."""

import torch

from eadem.torch.kernels.base import handles, widened


@handles("add")
def add(x, y, *, alpha=1):
    return torch.add(x, y) if alpha == 1 else torch.add(x, torch.mul(y, alpha))


@handles("sub")
def sub(x, y, *, alpha=1):
    return torch.sub(x, y) if alpha == 1 else torch.sub(x, torch.mul(y, alpha))


@handles("rsub")
def rsub(x, y, alpha=1):
    return torch.sub(y, x) if alpha == 1 else torch.sub(y, torch.mul(x, alpha))


@handles("addcmul")
@widened
def addcmul(x, a, b, *, value=1):
    product = a * b
    return x + (product if value == 1 else product * value)


@handles("addcdiv")
@widened
def addcdiv(x, a, b, *, value=1):
    quotient = a / b
    return x + (quotient if value == 1 else quotient * value)


@handles("lerp")
@widened
def lerp(start, end, weight):
    return start + (end - start) * weight
