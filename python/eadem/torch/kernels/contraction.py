"""Matrix products and convolutions."""

import torch

from eadem.torch.kernels.base import Refused, call, handles, new
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
    return _scaled_add(mm(a, b), extra, beta, alpha)


@handles("baddbmm")
def baddbmm(extra, a, b, *, beta=1, alpha=1):
    return _scaled_add(bmm(a, b), extra, beta, alpha)


@handles("addmv")
def addmv(extra, a, x, *, beta=1, alpha=1):
    return _scaled_add(mv(a, x), extra, beta, alpha)


def _conv_numbers(stride, padding, dilation, groups):
    return (*stride, *padding, *dilation, groups)


def _two_dimensional(tensor, stride, padding, dilation):
    """Conv1d as Conv2d over a height of 1."""
    if tensor.dim() == 4:
        return list(stride), list(padding), list(dilation)
    if tensor.dim() == 3:
        return [1, *stride], [0, *padding], [1, *dilation]
    raise Refused("convolution in three dimensions is not there")


def _conv_out(x, weight, stride, padding, dilation):
    size = [(x.shape[2 + d] + 2 * padding[d] - dilation[d] * (weight.shape[2 + d] - 1) - 1) // stride[d] + 1
            for d in (0, 1)]
    return (x.shape[0], weight.shape[0], *size)


def _conv2d(x, weight, bias, numbers, shape):
    out = new(x, shape)
    call("conv2d", (x, weight, bias, out), numbers)
    return out


def _conv2d_input(grad, weight, numbers, shape):
    out = new(grad, shape)
    call("conv2d_backward_input", (grad, weight, out), numbers)
    return out


def _conv2d_weight(grad, x, numbers, shape):
    out = new(grad, shape)
    call("conv2d_backward_weight", (grad, x, out), numbers)
    return out


def _lift(t, flat):
    return t.unsqueeze(2) if flat else t


def _drop(t, flat):
    return t.squeeze(2) if flat else t


@handles("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution")
def convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *_):
    flat = x.dim() == 3
    stride, padding, dilation = _two_dimensional(x, stride, padding, dilation)
    x, weight = _lift(x, flat), _lift(weight, flat)
    numbers = _conv_numbers(stride, padding, dilation, groups)
    if not transposed:
        return _drop(_conv2d(x, weight, bias, numbers, _conv_out(x, weight, stride, padding, dilation)), flat)
    extra = [0, *output_padding] if flat else list(output_padding)
    size = [(x.shape[2 + d] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (weight.shape[2 + d] - 1) +
            extra[d] + 1 for d in (0, 1)]
    out = _conv2d_input(x, weight, numbers, (x.shape[0], weight.shape[1] * groups, *size))
    return _drop(out if bias is None else out + bias[:, None, None], flat)


@handles("convolution_backward", "convolution_backward_overrideable")
def convolution_backward(grad, x, weight, bias_sizes, stride, padding, dilation, transposed, output_padding,
                         groups, output_mask):
    flat = x.dim() == 3
    stride, padding, dilation = _two_dimensional(x, stride, padding, dilation)
    x, weight, grad = _lift(x, flat), _lift(weight, flat), _lift(grad, flat)
    numbers = _conv_numbers(stride, padding, dilation, groups)
    grad_x = grad_weight = grad_bias = None
    if output_mask[0] and transposed:
        grad_x = _drop(_conv2d(grad, weight, None, numbers, x.shape), flat)
    elif output_mask[0]:
        grad_x = _drop(_conv2d_input(grad, weight, numbers, x.shape), flat)
    if output_mask[1]:
        pair = (x, grad) if transposed else (grad, x)
        grad_weight = _drop(_conv2d_weight(*pair, numbers, weight.shape), flat)
    if output_mask[2]:
        grad_bias = sum_dims(grad, (0, 2, 3))
    return grad_x, grad_weight, grad_bias
