"""Shapes of results, as PyTorch has them."""

from typing import Iterable, Optional, Sequence, Tuple, Union

Shape = Tuple[int, ...]
Numbers = Union[int, Sequence[int]]


def each(value: Numbers, dims: int) -> Shape:
    """One number for all spatial dimensions, or one for each."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dims if len(values) == 1 else values


def three(values: Sequence[int]) -> Shape:
    """As the library's options have it: an entry for each spatial dimension, the rest zero."""
    return (*values, *(0,) * (3 - len(values)))


def conv(sizes: Iterable[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
         dilation: Sequence[int]) -> Shape:
    """Spatial sizes of a convolution's result."""
    return tuple(max((size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1, 0)
                 for d, size in enumerate(sizes))


def conv_transpose(sizes: Iterable[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
                   dilation: Sequence[int], output_padding: Sequence[int]) -> Shape:
    """Spatial sizes of a transposed convolution's result."""
    return tuple((size - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel[d] - 1) + 1 + output_padding[d]
                 for d, size in enumerate(sizes))


def pool(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil_mode: bool = False) -> int:
    """The last window may reach over the end (ceil mode), but not begin there."""
    reach = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (reach + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def reduced(shape: Sequence[int], dims: Optional[Sequence[int]], keepdim: bool) -> Shape:
    """shape without dims (none: all), or with 1 in their place."""
    ndim = len(shape)
    gone = {d % ndim for d in dims} if dims and ndim else set(range(ndim))
    return tuple(1 if d in gone else shape[d] for d in range(ndim) if keepdim or d not in gone)
