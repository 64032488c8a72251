"""Maxima, minima and sorting, where PyTorch's loops and libraries choose differently among equals: −0 and +0, ties.

The first of the largest (smallest) stands, and a NaN wins; sorting is stable.
"""

import math

import torch

from eadem.torch.kernels.base import aggregate, call, handles, new, point, reduced_shape, same, serves_integers, writes


@handles("maximum")
def maximum(a, b):
    return point("maximum", a, b)


@handles("minimum")
def minimum(a, b):
    return point("minimum", a, b)


@handles("fmax")
def fmax(a, b):
    return torch.where(a.isnan(), b, torch.where(b.isnan(), a, maximum(a, b)))


@handles("fmin")
def fmin(a, b):
    return torch.where(a.isnan(), b, torch.where(b.isnan(), a, minimum(a, b)))


@handles("relu")
def relu(x):
    return same("relu", x)


@writes("relu_")
def relu_(x):
    call("relu", (x, x))


@handles("clamp", "clip")
def clamp(x, min=None, max=None):
    """min(max(x, low), high), where of two zeros the bound's stays away; a NaN x stays."""
    if isinstance(min, torch.Tensor) or isinstance(max, torch.Tensor):
        x = x if min is None else torch.where(x < min, min, x)
        return x if max is None else torch.where(x > max, max, x)
    return point("clamp", x, parameters=(-math.inf if min is None else float(min),
                                         math.inf if max is None else float(max)))


@handles("clamp_min")
def clamp_min(x, min):
    return clamp(x, min)


@handles("clamp_max")
def clamp_max(x, max):
    return clamp(x, None, max)


@handles("hardtanh")
def hardtanh(x, min_val=-1, max_val=1):
    return point("hardtanh", x, parameters=(float(min_val), float(max_val)))


@handles("softshrink")
def softshrink(x, lambd=0.5):
    return torch.where(x > lambd, x - lambd, torch.where(x < -lambd, x + lambd, x * 0.0))


@handles("softshrink_backward")
def softshrink_backward(grad, x, lambd):
    return torch.where((x >= -lambd) & (x <= lambd), 0.0, grad)


def _with_index(name):
    def handler(x, dim=None, keepdim=False):
        dims = () if dim is None else (dim,)
        shape = reduced_shape(x, dims, keepdim)
        values, index = new(x, shape), new(x, shape, torch.int64)
        call(name, (x, values, None if dim is None else index), dims)
        return values if dim is None else (values, index)
    handles(name)(handler)


_with_index("max")
_with_index("min")


def _aggregate(name):
    def handler(x, dim=(), keepdim=False):
        return aggregate(name, x, (dim,) if isinstance(dim, int) else dim, keepdim)
    handles(name)(handler)
    return handler


amax, amin = _aggregate("amax"), _aggregate("amin")


@handles("aminmax")
def aminmax(x, *, dim=None, keepdim=False):
    dims = () if dim is None else (dim,)
    return aggregate("amin", x, dims, keepdim), aggregate("amax", x, dims, keepdim)


@handles("sort")
def sort(x, dim=-1, descending=False, *, stable=None):
    return torch.sort(x, dim=dim, descending=descending, stable=True)


serves_integers(sort)  # the indices of equals


@handles("argsort")
def argsort(x, dim=-1, descending=False, *, stable=None):
    return sort(x, dim, descending)[1]


serves_integers(argsort)


@handles("topk")
def topk(x, k, dim=-1, largest=True, sorted=True):
    if x.dim() == 0:
        return x.clone(), torch.zeros((), dtype=torch.int64)
    shape = list(x.shape)
    shape[dim] = k
    values, index = new(x, shape), new(x, shape, torch.int64)
    call("topk", (x, values, index), (dim, int(largest)))
    return values, index


serves_integers(topk)


@handles("_unique2")
def unique(x, sorted=True, return_inverse=False, return_counts=False):
    values, inverse, counts = new(x, (x.numel(),)), new(x, x.shape, torch.int64), new(x, (x.numel(),), torch.int64)
    count = torch.empty((), dtype=torch.int64)
    call("unique", (x, values, inverse, counts, count))
    return values[:count].clone(), inverse, counts[:count].clone()


serves_integers(unique)  # the indices


@handles("unique_dim")
def unique_dim(x, dim, sorted=True, return_inverse=False, return_counts=False):
    size, count = x.shape[dim], torch.empty((), dtype=torch.int64)
    values, inverse, counts = new(x, x.shape), new(x, (size,), torch.int64), new(x, (size,), torch.int64)
    call("unique_dim", (x, values, inverse, counts, count), (dim,))
    return values.narrow(dim, 0, int(count)).clone(), inverse, counts[:count].clone()


serves_integers(unique_dim)


@handles("allclose")
def allclose(x, y, rtol=1e-05, atol=1e-08, equal_nan=False):
    return bool(torch.isclose(x, y, rtol, atol, equal_nan).all())


serves_integers(allclose)


def _pick(name, x, dim, keepdim, *numbers):
    """An operation that gives one element of each line and its place."""
    if x.dim() == 0:
        return x.clone(), torch.zeros((), dtype=torch.int64)
    shape = reduced_shape(x, (dim,), keepdim)
    values, index = new(x, shape), new(x, shape, torch.int64)
    call(name, (x, values, index), (dim, *numbers))
    return values, index


@handles("kthvalue")
def kthvalue(x, k, dim=-1, keepdim=False):
    return _pick("kthvalue", x, dim, keepdim, k)


def _median(name, ignore_nan):
    def handler(x, dim=None, keepdim=False):
        if dim is None:
            return _pick("median", x.reshape(-1), 0, False, ignore_nan)[0]
        return _pick("median", x, dim, keepdim, ignore_nan)
    handles(name)(serves_integers(handler))


_median("median", 0)
_median("nanmedian", 1)


@handles("mode")
def mode(x, dim=-1, keepdim=False):
    return _pick("mode", x, dim, keepdim)


for _function in (kthvalue, mode):
    serves_integers(_function)  # the place among equals
