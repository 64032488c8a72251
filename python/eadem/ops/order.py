"""Sorting, searching, counting. Bits: docs/contract.md, Order. NaN is larger than every number; equals keep their order."""

from typing import Any, Optional, Tuple

import numpy as np

from eadem._shapes import reduced
from eadem.ops.base import Array, call, empty, shape

__all__ = "sort argsort topk kthvalue median nanmedian mode unique searchsorted bincount histc".split()


def sort(x: Array, dim: int = -1, descending: bool = False) -> Tuple[Array, Array]:
    """torch.sort(stable=True): values and, int64, indices. x: any type but float64."""
    values, indices = empty(x, shape(x)), empty(x, shape(x), "int64")
    call("sort", (x, values, indices), (dim, int(descending)))
    return values, indices


def argsort(x: Array, dim: int = -1, descending: bool = False) -> Array:
    """torch.argsort(stable=True)."""
    indices = empty(x, shape(x), "int64")
    call("sort", (x, None, indices), (dim, int(descending)))
    return indices


def topk(x: Array, k: int, dim: int = -1, largest: bool = True) -> Tuple[Array, Array]:
    """torch.topk: the k largest (smallest) along dim in order, and their indices."""
    sizes = list(shape(x))
    sizes[dim] = k
    values, indices = empty(x, sizes), empty(x, sizes, "int64")
    call("topk", (x, values, indices), (dim, int(largest)))
    return values, indices


def _pick(name: str, x: Array, dim: int, keepdim: bool, *numbers: int) -> Tuple[Array, Array]:
    sizes = reduced(shape(x), (dim,), keepdim)
    values, indices = empty(x, sizes), empty(x, sizes, "int64")
    call(name, (x, values, indices), (dim, *numbers))
    return values, indices


def kthvalue(x: Array, k: int, dim: int = -1, keepdim: bool = False) -> Tuple[Array, Array]:
    """torch.kthvalue: the k-th smallest along dim, k from 1, and its lowest index."""
    return _pick("kthvalue", x, dim, keepdim, k)


def median(x: Array, dim: int = -1, keepdim: bool = False) -> Tuple[Array, Array]:
    """torch.median: the lower of the two in the middle along dim, NaN if there is one, and its lowest index."""
    return _pick("median", x, dim, keepdim, 0)


def nanmedian(x: Array, dim: int = -1, keepdim: bool = False) -> Tuple[Array, Array]:
    """torch.nanmedian: median of what is no NaN."""
    return _pick("median", x, dim, keepdim, 1)


def mode(x: Array, dim: int = -1, keepdim: bool = False) -> Tuple[Array, Array]:
    """torch.mode: the most frequent along dim, of several the smallest, and its lowest index."""
    return _pick("mode", x, dim, keepdim)


def unique(x: Array, dim: Optional[int] = None) -> Tuple[Array, Array, Array]:
    """torch.unique(sorted=True): the different elements of x, or slices of x along dim, ascending, each one's place among
    them (x's shape, or [x's size along dim]), and how often each stands. Each NaN counts as different."""
    count: Array = np.empty((), dtype=np.int64)
    if dim is None:
        size = int(np.prod(shape(x), dtype=np.int64))
        values, inverse, counts = empty(x, (size,)), empty(x, shape(x), "int64"), empty(x, (size,), "int64")
        call("unique", (x, values, inverse, counts, count))
        return values[:int(count)], inverse, counts[:int(count)]
    size = shape(x)[dim]
    values, inverse, counts = empty(x, shape(x)), empty(x, (size,), "int64"), empty(x, (size,), "int64")
    call("unique_dim", (x, values, inverse, counts, count), (dim,))
    kept = (slice(None),) * (dim % len(shape(x))) + (slice(int(count)),)
    return values[kept], inverse, counts[:int(count)]


def searchsorted(sorted: Array, values: Array, right: bool = False) -> Array:
    """torch.searchsorted: how many elements of sorted's line stand before each value; of those equal to it none, or with
    `right` all. sorted [m] or [values' leading dimensions, m], ascending; both floats or both integers."""
    out = empty(values, shape(values), "int64")
    call("searchsorted", (sorted, values, out), (int(right),))
    return out


def bincount(x: Array, weights: Optional[Array] = None, bins: Optional[int] = None) -> Any:
    """torch.bincount: how often x [n] of integers holds each of 0 … bins−1 (None: up to the largest), or the sum of
    their weights [n]. Raises eadem.Error naming an element outside."""
    if bins is None:
        bins = int(x.max()) + 1 if shape(x) != (0,) else 0
    out = empty(x, (bins,), "int64") if weights is None else empty(weights, (bins,))
    call("bincount", (x, weights, out))
    return out


def histc(x: Array, bins: int, low: float, high: float) -> Array:
    """torch.histc: how many elements of x fall into each of equally wide bins from low to high, which the last has."""
    out = empty(x, (bins,))
    call("histc", (x, out), (), (float(low), float(high)))
    return out
