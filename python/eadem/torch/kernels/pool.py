"""Pooling in one to three dimensions. One dimension arrives here as a height of 1."""

import torch

from eadem import _shapes
from eadem._shapes import each, three
from eadem.torch.kernels.base import Refused, call, handles, new


def _numbers(dims, kernel, stride, padding, ceil_mode, count_include_pad, divisor):
    kernel, padding = each(kernel, dims), each(padding, dims)
    stride = each(stride, dims) or kernel
    return (dims, *three(kernel), *three(stride), *three(padding), 0, 0, 0, int(ceil_mode),
            int(not count_include_pad), 0 if divisor is None else divisor)


def _avg_pool(dims):
    def forward(x, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
        kernel, pad = each(kernel_size, dims), each(padding, dims)
        step = each(stride, dims) or kernel
        sizes = x.shape[x.dim() - dims:]
        shape = [_shapes.pool(*window, ceil_mode=ceil_mode) for window in zip(sizes, kernel, step, pad)]
        out = new(x, (*x.shape[:x.dim() - dims], *shape))
        call("avg_pool", (x, out), _numbers(dims, kernel, step, pad, ceil_mode, count_include_pad, divisor_override))
        return out

    def backward(grad, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
        out = new(grad, x.shape)
        call("avg_pool_backward", (grad, out),
             _numbers(dims, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override))
        return out

    handles(f"avg_pool{dims}d")(forward)
    handles(f"avg_pool{dims}d_backward")(backward)


def _adaptive_avg_pool(dims):
    def forward(x, output_size):
        out = new(x, (*x.shape[:x.dim() - dims], *each(output_size, dims)))
        call("adaptive_avg_pool", (x, out), (dims,))
        return out

    def backward(grad, x):
        out = new(grad, x.shape)
        call("adaptive_avg_pool_backward", (grad, out), (dims,))
        return out

    handles(f"_adaptive_avg_pool{dims}d")(forward)
    handles(f"_adaptive_avg_pool{dims}d_backward")(backward)


def _max_pool_backward(dims):
    def backward(grad, x, *options):
        out = new(grad, x.shape)
        call("max_pool_backward", (grad, options[-1], out), (dims,))  # the indices come last
        return out

    handles(f"max_pool{dims}d_with_indices_backward", f"adaptive_max_pool{dims}d_backward",
            f"fractional_max_pool{dims}d_backward")(backward)


for _dims in (2, 3):
    _avg_pool(_dims)
    _adaptive_avg_pool(_dims)
    _max_pool_backward(_dims)


@handles("max_unpool2d")
def max_unpool2d(x, indices, output_size):
    return _max_unpool(2, x, indices, output_size)


@handles("max_unpool3d")
def max_unpool3d(x, indices, output_size, stride, padding):
    return _max_unpool(3, x, indices, output_size)


def _max_unpool(dims, x, indices, output_size):
    out = new(x, (*x.shape[:x.dim() - dims], *output_size))
    call("max_unpool", (x, indices, out), (dims,))
    return out


def _fractional_max_pool(dims):
    def forward(x, kernel_size, output_size, random_samples):
        if x.dim() != dims + 2:
            raise Refused("fractional pooling needs a batch dimension")
        shape = (*x.shape[:2], *each(output_size, dims))
        out, indices = new(x, shape), new(x, shape, torch.int64)
        call("fractional_max_pool", (x, random_samples, out, indices), (dims, *three(each(kernel_size, dims))))
        return out, indices

    handles(f"fractional_max_pool{dims}d")(forward)


_fractional_max_pool(2)
_fractional_max_pool(3)
