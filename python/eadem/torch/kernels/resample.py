"""Interpolation, and the gradients of padding and of patches, where several places add to one."""

from eadem.torch.kernels.base import call, handles, new

_REFLECT, _REPLICATE = 1, 2
_NEAREST, _NEAREST_EXACT, _LINEAR, _CUBIC = 0, 1, 2, 3


def _pad_backward(name, mode, dims):
    def backward(grad, x, padding):
        # PyTorch gives (before, after) of the last dimension first.
        before, after = list(padding[0::2])[::-1], list(padding[1::2])[::-1]
        rest = (0,) * (3 - dims)
        out = new(grad, x.shape)
        call("pad_backward", (grad, out), (dims, mode, *before, *rest, *after, *rest))
        return out

    handles(f"{name}{dims}d_backward")(backward)


for _dims in (1, 2, 3):
    _pad_backward("reflection_pad", _REFLECT, _dims)
    _pad_backward("replication_pad", _REPLICATE, _dims)


def _interpolation(name, mode, dims, antialias=0):
    """Handlers of upsample_X and its backward; those of X = nearest have no align_corners."""
    nearest = mode in (_NEAREST, _NEAREST_EXACT)

    def options(rest):
        align, scales = (False, rest) if nearest else (rest[0], rest[1:])
        scales = [0.0 if s is None else s for s in scales]
        return (dims, mode, int(align), antialias), tuple(scales)

    def forward(x, output_size, *rest):
        out = new(x, (*x.shape[:2], *output_size))
        call("interpolate", (x, out), *options(rest))
        return out

    def backward(grad, output_size, input_size, *rest):
        out = new(grad, input_size)
        call("interpolate_backward", (grad, out), *options(rest))
        return out

    handles(name)(_positional(forward))
    handles(f"{name}_backward")(_positional(backward))


def _positional(function):
    """The scales may come by keyword, in order."""
    def wrapped(*args, **scales):
        return function(*args, *scales.values())
    return wrapped


for _dims, _linear in ((1, "linear1d"), (2, "bilinear2d"), (3, "trilinear3d")):
    _interpolation(f"upsample_nearest{_dims}d", _NEAREST, _dims)
    _interpolation(f"_upsample_nearest_exact{_dims}d", _NEAREST_EXACT, _dims)
    _interpolation(f"upsample_{_linear}", _LINEAR, _dims)
_interpolation("upsample_bicubic2d", _CUBIC, 2)
_interpolation("_upsample_bilinear2d_aa", _LINEAR, 2, antialias=1)
_interpolation("_upsample_bicubic2d_aa", _CUBIC, 2, antialias=1)


@handles("col2im")
def col2im(x, output_size, kernel_size, dilation, padding, stride):
    batched = x.dim() == 3
    channels = x.shape[-2] // (kernel_size[0] * kernel_size[1])
    out = new(x, (*x.shape[:-2], channels, *output_size))
    pair = (x, out) if batched else (x.unsqueeze(0), out.unsqueeze(0))
    call("fold", pair, (*kernel_size, *stride, *padding, *dilation))
    return out


def grid_sampler(x, grid, interpolation_mode, padding_mode, align_corners):
    out = new(x, (*x.shape[:2], *grid.shape[1:-1]))
    call("grid_sample", (x.contiguous(), grid.contiguous(), out), (interpolation_mode, padding_mode, int(align_corners)))
    return out


def grid_sampler_backward(grad, x, grid, interpolation_mode, padding_mode, align_corners, output_mask):
    grad_x = new(x, x.shape) if output_mask[0] else None
    grad_grid = new(grid, grid.shape) if output_mask[1] else None
    call("grid_sample_backward", (grad.contiguous(), x.contiguous(), grid.contiguous(), grad_x, grad_grid),
         (interpolation_mode, padding_mode, int(align_corners)))
    return grad_x, grad_grid


handles("grid_sampler_2d", "grid_sampler_3d")(grid_sampler)
handles("grid_sampler_2d_backward", "grid_sampler_3d_backward")(grid_sampler_backward)
