"""Pooling."""

from eadem.torch.kernels.base import call, handles, new


@handles("max_pool2d_with_indices_backward")
def max_pool2d_with_indices_backward(grad, x, kernel_size, stride, padding, dilation, ceil_mode, indices):
    flat = x.dim() == 3
    out = new(x, x.shape)
    lift = (lambda t: t.unsqueeze(0)) if flat else (lambda t: t)
    call("max_pool2d_backward", (lift(grad), lift(indices), lift(out)))
    return out
