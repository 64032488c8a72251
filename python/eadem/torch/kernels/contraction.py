"""Matrix products and convolutions."""

import torch

from eadem import _shapes
from eadem._shapes import three
from eadem.torch.kernels.base import call, handles, new
from eadem.torch.kernels.reduce import sum_dims


@handles("mm")
def mm(a, b):
    out = new(a, (a.shape[0], b.shape[1]))
    call("matmul", (a, b, out))
    return out


@handles("bmm")
def bmm(a, b):
    out = new(a, (a.shape[0], a.shape[1], b.shape[2]))
    call("bmm", (a, b, out))
    return out


@handles("mv")
def mv(a, x):
    out = new(a, (a.shape[0],))
    call("matmul", (a, x, out))
    return out


@handles("dot", "vdot")
def dot(x, y):
    out = new(x, ())
    call("matmul", (x, y, out))
    return out


def _scaled_add(product, extra, beta, alpha):
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (extra if beta == 1 else extra * beta)


@handles("addmm")
def addmm(extra, a, b, *, beta=1, alpha=1):
    if beta == 1 and alpha == 1 and extra.dim() == 1 and extra.shape[0] == b.shape[1]:
        out = new(a, (a.shape[0], b.shape[1]))
        call("linear", (a, b.t(), extra, out))
        return out
    return _scaled_add(mm(a, b), extra, beta, alpha)


@handles("baddbmm")
def baddbmm(extra, a, b, *, beta=1, alpha=1):
    return _scaled_add(bmm(a, b), extra, beta, alpha)


@handles("addmv")
def addmv(extra, a, x, *, beta=1, alpha=1):
    return _scaled_add(mv(a, x), extra, beta, alpha)


@handles("addbmm")
def addbmm(extra, a, b, *, beta=1, alpha=1):
    """The sum over the batch is one contraction over (batch, k)."""
    rows = a.transpose(0, 1).reshape(a.shape[1], -1)
    return _scaled_add(mm(rows, b.reshape(-1, b.shape[2])), extra, beta, alpha)


@handles("addr")
def addr(extra, x, y, *, beta=1, alpha=1):
    return _scaled_add(x[:, None] * y, extra, beta, alpha)


@handles("linalg_cross")
def cross(x, y, *, dim=-1):
    """Two products and their difference, one rounding each."""
    x, y = torch.broadcast_tensors(x, y)
    after, before = (lambda t: t.roll(-1, dim)), (lambda t: t.roll(1, dim))
    return after(x) * before(y) - before(x) * after(y)


@handles("_grouped_mm")
def grouped_mm(a, b, offs=None, bias=None, out_dtype=None):
    """A product a group; offs are the groups' ends along the dimension that both share or that one alone has."""
    if a.dim() == 3 and b.dim() == 3:
        out = bmm(a, b)
    else:
        ends = offs.tolist()
        spans = list(zip([0, *ends[:-1]], ends))
        if a.dim() == 2 and b.dim() == 2:
            out = torch.stack([mm(a[:, i:j], b[i:j]) for i, j in spans])
        elif a.dim() == 2:
            out = _filled([mm(a[i:j], b[g]) for g, (i, j) in enumerate(spans)], 0, a.shape[0])
        else:
            out = _filled([mm(a[g], b[:, i:j]) for g, (i, j) in enumerate(spans)], 1, b.shape[1])
    out = out if bias is None else out + bias
    return out if out_dtype is None else out.to(out_dtype)


def _filled(pieces, dim, size):
    """The pieces one after another, and zeros up to size: what no group holds."""
    shape = list(pieces[0].shape)
    shape[dim] = size - sum(piece.shape[dim] for piece in pieces)
    return torch.cat([*pieces, torch.zeros(shape, dtype=pieces[0].dtype)], dim)


def _numbers(dims, stride, padding, dilation, groups):
    """As the native convolutions take them: an entry for each spatial dimension, the rest zero."""
    return (dims, *three(stride), *three(padding), *three(dilation), groups)


def _sizes(x, weight, stride, padding, dilation, transposed, output_padding):
    sizes, kernel = x.shape[2:], weight.shape[2:]
    if transposed:
        return _shapes.conv_transpose(sizes, kernel, stride, padding, dilation, output_padding)
    return _shapes.conv(sizes, kernel, stride, padding, dilation)


@handles("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution")
def convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *_):
    dims = x.dim() - 2
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    out = new(x, (x.shape[0], channels, *_sizes(x, weight, stride, padding, dilation, transposed, output_padding)))
    call("conv_transpose" if transposed else "conv", (x, weight, bias, out),
         _numbers(dims, stride, padding, dilation, groups))
    return out


@handles("convolution_backward", "convolution_backward_overrideable")
def convolution_backward(grad, x, weight, bias_sizes, stride, padding, dilation, transposed, output_padding,
                         groups, output_mask):
    dims = x.dim() - 2
    kind = "conv_transpose_backward" if transposed else "conv_backward"
    numbers = _numbers(dims, stride, padding, dilation, groups)
    grad_x = grad_weight = grad_bias = None
    if output_mask[0]:
        grad_x = new(grad, x.shape)
        call(f"{kind}_input", (grad, weight, grad_x), numbers)
    if output_mask[1]:
        grad_weight = new(grad, weight.shape)
        call(f"{kind}_weight", (grad, x, grad_weight), numbers)
    if output_mask[2]:
        grad_bias = sum_dims(grad, (0, *range(2, grad.dim())))
    return grad_x, grad_weight, grad_bias
