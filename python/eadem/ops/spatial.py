"""Pooling, padding, patches, interpolation over one to three spatial dimensions: x [n, c, spatial…] or [c, spatial…].

Bits: docs/contract.md, Pooling, Axis maps, Grid sample. A number stands for all spatial dimensions.
"""

from typing import Optional, Sequence, Tuple

from eadem import _shapes
from eadem._shapes import Numbers, each, three
from eadem.ops.base import Array, call, empty, shape
from eadem.ops.indexing import _choice

__all__ = """
max_pool max_pool_backward adaptive_max_pool fractional_max_pool max_unpool max_unpool_backward avg_pool avg_pool_backward
adaptive_avg_pool adaptive_avg_pool_backward pad pad_backward unfold fold pixel_shuffle pixel_unshuffle interpolate
interpolate_backward grid_sample grid_sample_backward
""".split()


def _pool_numbers(dims: int, kernel: Numbers, stride: Optional[Numbers], padding: Numbers, dilation: Numbers = 1,
                  ceil_mode: bool = False, count_include_pad: bool = True, divisor: int = 0) -> Tuple[int, ...]:
    kernel = each(kernel, dims)
    stride = kernel if stride is None else each(stride, dims)
    return (dims, *three(kernel), *three(stride), *three(each(padding, dims)), *three(each(dilation, dims)), int(ceil_mode),
            int(not count_include_pad), divisor)


def _pooled(x: Array, dims: int, numbers: Tuple[int, ...]) -> Tuple[int, ...]:
    lead, sizes = shape(x)[:-dims], shape(x)[-dims:]
    return (*lead, *(_shapes.pool(size, numbers[1 + d], numbers[4 + d], numbers[7 + d], numbers[10 + d] or 1, bool(numbers[13]))
                     for d, size in enumerate(sizes)))


def max_pool(x: Array, kernel: Numbers, stride: Optional[Numbers] = None, padding: Numbers = 0, dilation: Numbers = 1,
             ceil_mode: bool = False, dims: int = 2) -> Tuple[Array, Array]:
    """torch.nn.functional.max_pool1d … 3d with their indices: each maximum's place in its plane, row-major. The first of
    equals stands, a NaN wins. stride None: the kernel."""
    numbers = _pool_numbers(dims, kernel, stride, padding, dilation, ceil_mode)
    sizes = _pooled(x, dims, numbers)
    out, indices = empty(x, sizes), empty(x, sizes, "int64")
    call("max_pool", (x, out, indices), numbers)
    return out, indices


def max_pool_backward(grad_out: Array, indices: Array, x_shape: Sequence[int], dims: int = 2) -> Array:
    """The gradient of every max pooling that gives indices, of x_shape."""
    out = empty(grad_out, x_shape)
    call("max_pool_backward", (grad_out, indices, out), (dims,))
    return out


def adaptive_max_pool(x: Array, size: Numbers, dims: int = 2) -> Tuple[Array, Array]:
    """torch.nn.functional.adaptive_max_pool1d … 3d with their indices."""
    sizes = (*shape(x)[:-dims], *each(size, dims))
    out, indices = empty(x, sizes), empty(x, sizes, "int64")
    call("adaptive_max_pool", (x, out, indices), (dims,))
    return out, indices


def fractional_max_pool(x: Array, kernel: Numbers, size: Numbers, samples: Array, dims: int = 2) -> Tuple[Array, Array]:
    """torch.nn.functional.fractional_max_pool2d and 3d with their indices; samples [n, c, dims] in [0, 1)."""
    sizes = (*shape(x)[:-dims], *each(size, dims))
    out, indices = empty(x, sizes), empty(x, sizes, "int64")
    call("fractional_max_pool", (x, samples, out, indices), (dims, *three(each(kernel, dims))))
    return out, indices


def max_unpool(x: Array, indices: Array, size: Sequence[int], dims: int = 2) -> Array:
    """torch.nn.functional.max_unpool1d … 3d: each x at its index in a plane of zeros of spatial `size`; of several the last
    stays."""
    out = empty(x, (*shape(x)[:-dims], *size))
    call("max_unpool", (x, indices, out), (dims,))
    return out


def max_unpool_backward(grad_out: Array, indices: Array, dims: int = 2) -> Array:
    """The gradient of max_unpool."""
    out = empty(grad_out, shape(indices))
    call("max_unpool_backward", (grad_out, indices, out), (dims,))
    return out


def avg_pool(x: Array, kernel: Numbers, stride: Optional[Numbers] = None, padding: Numbers = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor: int = 0, dims: int = 2) -> Array:
    """torch.nn.functional.avg_pool1d … 3d; divisor 0: the number of the window's places."""
    numbers = _pool_numbers(dims, kernel, stride, padding, 1, ceil_mode, count_include_pad, divisor)
    out = empty(x, _pooled(x, dims, numbers))
    call("avg_pool", (x, out), numbers)
    return out


def avg_pool_backward(grad_out: Array, x_shape: Sequence[int], kernel: Numbers, stride: Optional[Numbers] = None,
                      padding: Numbers = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor: int = 0,
                      dims: int = 2) -> Array:
    """The gradient of avg_pool, of x_shape."""
    out = empty(grad_out, x_shape)
    call("avg_pool_backward", (grad_out, out),
         _pool_numbers(dims, kernel, stride, padding, 1, ceil_mode, count_include_pad, divisor))
    return out


def adaptive_avg_pool(x: Array, size: Numbers, dims: int = 2) -> Array:
    """torch.nn.functional.adaptive_avg_pool1d … 3d."""
    out = empty(x, (*shape(x)[:-dims], *each(size, dims)))
    call("adaptive_avg_pool", (x, out), (dims,))
    return out


def adaptive_avg_pool_backward(grad_out: Array, x_shape: Sequence[int], dims: int = 2) -> Array:
    """The gradient of adaptive_avg_pool, of x_shape."""
    out = empty(grad_out, x_shape)
    call("adaptive_avg_pool_backward", (grad_out, out), (dims,))
    return out


_PADS = ("constant", "reflect", "replicate", "circular")


def _pad_numbers(padding: Sequence[int], mode: str) -> Tuple[int, ...]:
    before, after = tuple(padding[0::2])[::-1], tuple(padding[1::2])[::-1]
    return (len(before), _choice("mode", mode, _PADS), *three(before), *three(after))


def pad(x: Array, padding: Sequence[int], mode: str = "constant", value: float = 0.0) -> Array:
    """torch.nn.functional.pad over the last one to three dimensions: padding is before and after of the last dimension,
    then of the one before it … mode "constant", "reflect", "replicate" or "circular". x has one or two more dimensions."""
    numbers = _pad_numbers(padding, mode)
    dims = numbers[0]
    sizes = [size + numbers[2 + d] + numbers[5 + d] for d, size in enumerate(shape(x)[-dims:])]
    out = empty(x, (*shape(x)[:-dims], *sizes))
    call("pad", (x, out), numbers, (float(value),))
    return out


def pad_backward(grad_out: Array, padding: Sequence[int], mode: str = "constant") -> Array:
    """The gradient of pad."""
    numbers = _pad_numbers(padding, mode)
    dims = numbers[0]
    sizes = [size - numbers[2 + d] - numbers[5 + d] for d, size in enumerate(shape(grad_out)[-dims:])]
    out = empty(grad_out, (*shape(grad_out)[:-dims], *sizes))
    call("pad_backward", (grad_out, out), numbers, (0.0,))
    return out


def _patch_numbers(kernel: Numbers, stride: Numbers, padding: Numbers, dilation: Numbers) -> Tuple[int, ...]:
    return (*each(kernel, 2), *each(stride, 2), *each(padding, 2), *each(dilation, 2))


def unfold(x: Array, kernel: Numbers, dilation: Numbers = 1, padding: Numbers = 0, stride: Numbers = 1) -> Array:
    """torch.nn.functional.unfold: x [n, c, h, w] into [n, c·kh·kw, places]."""
    sizes = _shapes.conv(shape(x)[-2:], each(kernel, 2), each(stride, 2), each(padding, 2), each(dilation, 2))
    rows = x.shape[-3] * each(kernel, 2)[0] * each(kernel, 2)[1]
    out = empty(x, (*shape(x)[:-3], rows, sizes[0] * sizes[1]))
    call("unfold", (x, out), _patch_numbers(kernel, stride, padding, dilation))
    return out


def fold(x: Array, size: Numbers, kernel: Numbers, dilation: Numbers = 1, padding: Numbers = 0, stride: Numbers = 1) -> Array:
    """torch.nn.functional.fold: x [n, c·kh·kw, places] into [n, c, *size], overlapping values added."""
    area = each(kernel, 2)[0] * each(kernel, 2)[1]
    out = empty(x, (*shape(x)[:-2], x.shape[-2] // area, *each(size, 2)))
    call("fold", (x, out), _patch_numbers(kernel, stride, padding, dilation))
    return out


def pixel_shuffle(x: Array, r: int) -> Array:
    """torch.nn.functional.pixel_shuffle: x [..., c·r², h, w] into [..., c, h·r, w·r]; pixel_unshuffle is its gradient."""
    c, h, w = shape(x)[-3:]
    out = empty(x, (*shape(x)[:-3], c // (r * r), h * r, w * r))
    call("pixel_shuffle", (x, out), (r,))
    return out


def pixel_unshuffle(x: Array, r: int) -> Array:
    """torch.nn.functional.pixel_unshuffle: pixel_shuffle backwards, and its gradient."""
    c, h, w = shape(x)[-3:]
    out = empty(x, (*shape(x)[:-3], c * r * r, h // r, w // r))
    call("pixel_unshuffle", (x, out), (r,))
    return out


_INTERPOLATIONS = ("nearest", "nearest-exact", "linear", "cubic", "area")


def _interpolate_numbers(dims: int, mode: str, align_corners: bool, antialias: bool) -> Tuple[int, ...]:
    return dims, _choice("mode", mode, _INTERPOLATIONS), int(align_corners), int(antialias)


def interpolate(x: Array, size: Sequence[int], mode: str = "nearest", align_corners: bool = False, antialias: bool = False,
                scale: Sequence[float] = ()) -> Array:
    """torch.nn.functional.interpolate to the spatial `size`: mode "nearest", "nearest-exact", "linear" (bilinear,
    trilinear), "cubic" (two dimensions), "area". scale: PyTorch's scale_factor, when that and not a size was given."""
    dims = len(size)
    out = empty(x, (*shape(x)[:-dims], *size))
    call("interpolate", (x, out), _interpolate_numbers(dims, mode, align_corners, antialias), tuple(map(float, scale)))
    return out


def interpolate_backward(grad_out: Array, x_shape: Sequence[int], mode: str = "nearest", align_corners: bool = False,
                         antialias: bool = False, scale: Sequence[float] = (), dims: int = 2) -> Array:
    """The gradient of interpolate, of x_shape."""
    out = empty(grad_out, x_shape)
    call("interpolate_backward", (grad_out, out), _interpolate_numbers(dims, mode, align_corners, antialias),
         tuple(map(float, scale)))
    return out


_GRID_MODES, _GRID_PADS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def _grid_numbers(mode: str, padding: str, align_corners: bool) -> Tuple[int, ...]:
    return _choice("mode", mode, _GRID_MODES), _choice("padding", padding, _GRID_PADS), int(align_corners)


def grid_sample(x: Array, grid: Array, mode: str = "bilinear", padding: str = "zeros", align_corners: bool = False) -> Array:
    """torch.nn.functional.grid_sample: x [n, c, h, w] at grid [n, oh, ow, 2], or x [n, c, d, h, w] at [n, od, oh, ow, 3];
    mode "bilinear", "nearest", "bicubic"; padding "zeros", "border", "reflection"."""
    out = empty(x, (*shape(x)[:2], *shape(grid)[1:-1]))
    call("grid_sample", (x, grid, out), _grid_numbers(mode, padding, align_corners))
    return out


def grid_sample_backward(grad_out: Array, x: Array, grid: Array, mode: str = "bilinear", padding: str = "zeros",
                         align_corners: bool = False) -> Tuple[Array, Array]:
    """The gradients of grid_sample with respect to x and grid."""
    grads = empty(x, shape(x)), empty(grid, shape(grid))
    call("grid_sample_backward", (grad_out, x, grid, *grads), _grid_numbers(mode, padding, align_corners))
    return grads
