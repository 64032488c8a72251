"""Sums, means, variances, norms."""

import torch

from eadem.torch.kernels.base import AGGREGATES as _AGGREGATES, aggregate, call, handles, new, reduced_shape, same, widened
from eadem.torch.kernels.order import amax, amin


def _reduce(name, x, dims, keepdim, dtype):
    x = x if dtype is None else x.to(dtype)
    out = new(x, reduced_shape(x, dims, keepdim))
    call(name, (x, out), tuple(dims))
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


def _correction(unbiased, correction):
    return int(unbiased) if isinstance(unbiased, bool) else 1 if correction is None else correction


def _spread(name):
    def handler(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
        return aggregate(name, x, _as_dims(dim), keepdim, _correction(unbiased, correction))

    def with_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
        spread = handler(x, dim, unbiased, keepdim, correction=correction)
        return spread, _reduce("mean", x, _as_dims(dim), keepdim, None)

    handles(name)(handler)
    handles(f"{name}_mean")(with_mean)


_spread("var")
_spread("std")


@handles("prod")
def prod(x, dim=None, keepdim=False, *, dtype=None):
    return aggregate("prod", x if dtype is None else x.to(dtype), _as_dims(dim), keepdim)


@handles("logsumexp")
def logsumexp(x, dim, keepdim=False):
    return aggregate("logsumexp", x, _as_dims(dim), keepdim)


def _scan(name):
    def handler(x, dim, *, dtype=None):
        x = x if dtype is None else x.to(dtype)
        line = x.reshape(1) if x.dim() == 0 else x
        return same(name, line, integers=(dim,)).reshape(x.shape)
    handles(name)(handler)


_scan("cumsum")
_scan("cumprod")


@handles("histc")
def histc(x, bins=100, min=0, max=0):
    if min == max:
        min, max = (float(t) for t in (amin(x), amax(x)))
        min, max = (min - 1, max + 1) if min == max else (min, max)
    out = new(x, (bins,))
    call("histc", (x, out), (), (float(min), float(max)))
    return out


@handles("bincount")
def bincount(x, weights=None, minlength=0):
    out = new(weights, (max(minlength, int(x.max()) + 1 if x.numel() else 0),))
    call("bincount", (x, weights, out))
    return out


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


def _differences(x, y):
    """[..., rows of x, rows of y, width]"""
    return x.unsqueeze(-2) - y.unsqueeze(-3)


@handles("_cdist_forward", "cdist")
def cdist(x, y, p=2.0, compute_mode=None):
    return aggregate("norm", _differences(x, y), (-1,), False, p)


@handles("_euclidean_dist")
def euclidean_dist(x, y):
    return cdist(x, y)


@handles("_cdist_backward")
def cdist_backward(grad, x, y, p, distances):
    """The norms' gradients, summed over the rows of y."""
    steps = _differences(x, y)
    out = torch.empty_like(steps)
    call("reduce_backward", (grad.contiguous(), steps, distances, out), (_AGGREGATES.index("norm"), -1), (float(p),))
    return sum_dims(out, (-2,))


def _shrink(x, p, dim, largest):
    """The factor of each slice: 1, or what brings its norm down to the largest allowed, as PyTorch has it."""
    norms = aggregate("norm", x, tuple(d for d in range(x.dim()) if d != dim % x.dim()), True, p)
    return torch.where(norms > largest, largest / (norms + 1e-7), torch.ones_like(norms))


@handles("renorm")
@widened
def renorm(x, p, dim, maxnorm):
    return x * _shrink(x, p, dim, maxnorm)


@handles("embedding_renorm")
def embedding_renorm(weight, indices, max_norm, norm_type):
    rows = torch.unique(indices)
    return weight.index_copy(0, rows, renorm(weight[rows], norm_type, 0, max_norm))


@handles("linalg_vector_norm")
def linalg_vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    return aggregate("norm", x if dtype is None else x.to(dtype), _as_dims(dim), keepdim, ord)
