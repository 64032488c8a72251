"""Sums, means, variances, norms."""

import math

import torch

from eadem.torch.kernels.arithmetic import sqrt
from eadem.torch.kernels.base import Refused, call, handles, new
from eadem.torch.kernels.order import amax, amin


def _reduce(name, x, dims, keepdim, dtype):
    if dtype is not None and dtype != x.dtype:
        x = x.to(dtype)
    ndim = x.dim()
    dims = tuple(dims) if dims else tuple(range(ndim))
    gone = {d % ndim for d in dims} if ndim else set()
    shape = [1 if d in gone else x.shape[d] for d in range(ndim) if keepdim or d not in gone]
    out = new(x, shape)
    call(name, (x, out), dims)
    return out


def sum_dims(x, dims, keepdim=False):
    """Sum over dims (empty: all) in the contract's order."""
    return _reduce("sum", x, dims, keepdim, None)


def _as_dims(dim):
    return () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)


@handles("sum")
def sum_(x, dim=None, keepdim=False, *, dtype=None):
    return _reduce("sum", x, _as_dims(dim), keepdim, dtype)


@handles("mean")
def mean(x, dim=None, keepdim=False, *, dtype=None):
    return _reduce("mean", x, _as_dims(dim), keepdim, dtype)


def _variance(x, dim, correction, keepdim):
    """Two passes: the mean, then the sum of squared differences over n − correction."""
    dims = _as_dims(dim) or tuple(range(x.dim()))
    n = math.prod(x.shape[d] for d in dims)
    centre = _reduce("mean", x, dims, True, None)
    difference = x - centre
    total = sum_dims(difference * difference, dims, keepdim)
    divisor = n - (1 if correction is None else correction)
    return total / max(divisor, 0), centre if keepdim else centre.reshape(total.shape)


@handles("var")
def var(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    correction = int(unbiased) if isinstance(unbiased, bool) else correction
    return _variance(x, dim, correction, keepdim)[0]


@handles("std")
def std(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    return sqrt(var(x, dim, unbiased, keepdim, correction=correction))


@handles("var_mean")
def var_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    correction = int(unbiased) if isinstance(unbiased, bool) else correction
    return _variance(x, dim, correction, keepdim)


@handles("std_mean")
def std_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    variance, centre = var_mean(x, dim, unbiased, keepdim, correction=correction)
    return sqrt(variance), centre


@handles("trace")
def trace(x):
    return sum_dims(x.diagonal(), ())


@handles("nansum")
def nansum(x, dim=None, keepdim=False, *, dtype=None):
    return sum_(torch.where(x.isnan(), 0.0, x), dim, keepdim, dtype=dtype)


@handles("norm")
def norm(x, p=2, dim=None, keepdim=False, *, dtype=None):
    return linalg_vector_norm(x, 2 if p is None else p, dim, keepdim, dtype=dtype)


@handles("dist")
def dist(x, y, p=2):
    return linalg_vector_norm(x - y, p)


@handles("linalg_vector_norm")
def linalg_vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    x = x if dtype is None else x.to(dtype)
    if ord == 2:
        return sqrt(sum_dims(x * x, _as_dims(dim), keepdim))
    if ord == 1:
        return sum_dims(x.abs(), _as_dims(dim), keepdim)
    if math.isinf(ord):
        dims = _as_dims(dim) or tuple(range(x.dim()))
        return (amax if ord > 0 else amin)(x.abs(), dims, keepdim)
    raise Refused(f"the norm of order {ord} is not there: 1, 2 and infinity have")
