"""RepDL's operations: no gradients, one function a shape."""

import torch

from eadem._context import use_contract
from eadem.torch import kernels

__all__ = ["cross_entropy", "div", "mm", "softmax", "sqrt", "sum1d", "sum2d_dim0", "sum2d_dim1", "sum4d_dim023"]


def cross_entropy(input, target):
    """The loss of each row: input [n, classes], target [n]; returns [n]."""
    out = input.new_empty(input.shape[0])
    with use_contract("repdl"):
        kernels.call("cross_entropy", (input, target, out), (2,))  # reduction "none"
    return out


def div(input, other):
    """input / other, one rounding."""
    return torch.div(input, other)


def mm(input, mat2, transA=False, transB=False):
    """The product of two matrices, either of them transposed first."""
    with use_contract("repdl"):
        return kernels.mm(input.t() if transA else input, mat2.t() if transB else mat2)


def softmax(input):
    """Softmax of each row of [n, classes]."""
    with use_contract("repdl"):
        return kernels.softmax(input, 1, False)


def sqrt(input):
    """Square root, correctly rounded."""
    return torch.sqrt(input)


def _sum(input, dims, keepdim, average):
    with use_contract("repdl"):
        return (kernels.mean if average else kernels.sum_)(input, dims, keepdim)


def sum1d(input, average=False):
    """The sum, or the average, of all elements of [n]."""
    return _sum(input, (0,), False, average)


def sum2d_dim0(input, keepdim=False, average=False):
    """Over the rows of [n, m]."""
    return _sum(input, (0,), keepdim, average)


def sum2d_dim1(input, keepdim=False, average=False):
    """Over the columns of [n, m]."""
    return _sum(input, (1,), keepdim, average)


def sum4d_dim023(input, keepdim=False, average=False):
    """Over all dimensions of [n, c, h, w] but the channels."""
    return _sum(input, (0, 2, 3), keepdim, average)
