"""RepDL's operations: no gradients, one function a shape."""

import torch
from torch import Tensor

from eadem._context import use_contract
from eadem.torch import kernels

__all__ = ["cross_entropy", "div", "mm", "softmax", "sqrt", "sum1d", "sum2d_dim0", "sum2d_dim1", "sum4d_dim023"]


def cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    """The loss of each row: input [n, classes], target [n]; returns [n]."""
    out = input.new_empty(input.shape[0])
    with use_contract("repdl"):
        kernels.call("cross_entropy", (input, target, out), (2,))  # reduction "none"
    return out


def div(input: Tensor, other: Tensor) -> Tensor:
    """input / other, one rounding."""
    return torch.div(input, other)


def mm(input: Tensor, mat2: Tensor, transA: bool = False, transB: bool = False) -> Tensor:
    """The product of two matrices, either of them transposed first."""
    with use_contract("repdl"):
        return kernels.mm(input.t() if transA else input, mat2.t() if transB else mat2)


def softmax(input: Tensor) -> Tensor:
    """Softmax of each row of [n, classes]."""
    with use_contract("repdl"):
        return kernels.softmax(input, 1, False)


def sqrt(input: Tensor) -> Tensor:
    """Square root, correctly rounded."""
    return torch.sqrt(input)


def _sum(input, dims, keepdim, average):
    with use_contract("repdl"):
        return (kernels.mean if average else kernels.sum_)(input, dims, keepdim)


def sum1d(input: Tensor, average: bool = False) -> Tensor:
    """The sum, or the average, of all elements of [n]."""
    return _sum(input, (0,), False, average)


def sum2d_dim0(input: Tensor, keepdim: bool = False, average: bool = False) -> Tensor:
    """Over the rows of [n, m]."""
    return _sum(input, (0,), keepdim, average)


def sum2d_dim1(input: Tensor, keepdim: bool = False, average: bool = False) -> Tensor:
    """Over the columns of [n, m]."""
    return _sum(input, (1,), keepdim, average)


def sum4d_dim023(input: Tensor, keepdim: bool = False, average: bool = False) -> Tensor:
    """Over all dimensions of [n, c, h, w] but the channels."""
    return _sum(input, (0, 2, 3), keepdim, average)
