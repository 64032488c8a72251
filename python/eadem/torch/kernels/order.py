"""Maxima, minima and sorting, where PyTorch's loops and libraries choose differently among equals: −0 and +0, ties.

The first of the largest (smallest) stands, and a NaN wins; sorting is stable.
"""

import math

import torch

from eadem.torch.kernels.base import call, handles, point, same, writes


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


def _extremum(index_of, x, dims, keepdim):
    """x at the first of the largest (smallest) over dims."""
    dims = sorted({d % x.dim() for d in dims}) if dims else list(range(x.dim()))
    if x.dim() == 0:
        return x.clone()
    rest = [d for d in range(x.dim()) if d not in dims]
    rows = x.permute(*rest, *dims).reshape(*[x.shape[d] for d in rest], -1)
    out = rows.gather(-1, index_of(rows, -1, True)).squeeze(-1)
    return out.reshape([1 if d in dims else x.shape[d] for d in range(x.dim())]) if keepdim else out


@handles("amax")
def amax(x, dim=(), keepdim=False):
    return _extremum(torch.argmax, x, [dim] if isinstance(dim, int) else dim, keepdim)


@handles("amin")
def amin(x, dim=(), keepdim=False):
    return _extremum(torch.argmin, x, [dim] if isinstance(dim, int) else dim, keepdim)


def _with_index(name, index_of):
    def handler(x, dim=None, keepdim=False):
        if dim is None:
            return _extremum(index_of, x, (), False)
        if x.dim() == 0:
            return x.clone(), torch.zeros((), dtype=torch.int64)
        index = index_of(x, dim, True)
        values = x.gather(dim, index)
        return (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))
    handles(name)(handler)


_with_index("max", torch.argmax)
_with_index("min", torch.argmin)


@handles("aminmax")
def aminmax(x, *, dim=None, keepdim=False):
    dims = () if dim is None else (dim,)
    return _extremum(torch.argmin, x, dims, keepdim), _extremum(torch.argmax, x, dims, keepdim)


@handles("sort")
def sort(x, dim=-1, descending=False, *, stable=None):
    return torch.sort(x, dim=dim, descending=descending, stable=True)


sort.takes_integers = True  # the indices of equals


@handles("argsort")
def argsort(x, dim=-1, descending=False, *, stable=None):
    return sort(x, dim, descending)[1]


argsort.takes_integers = True


@handles("topk")
def topk(x, k, dim=-1, largest=True, sorted=True):
    if x.dim() == 0:
        return x.clone(), torch.zeros((), dtype=torch.int64)
    values, index = sort(x, dim, largest)
    return values.narrow(dim, 0, k).contiguous(), index.narrow(dim, 0, k).contiguous()


topk.takes_integers = True


@handles("median")
def median(x, dim=None, keepdim=False):
    """The lower of two middles; NaN if there is one."""
    if dim is None:
        return median(x.reshape(-1), 0)[0]
    values, index = sort(x, dim)
    nan = values.isnan().any(dim, keepdim=True)  # sorted to the end: the first of them is the answer
    place = torch.where(nan, (~values.isnan()).sum(dim, keepdim=True), (x.shape[dim] - 1) // 2)
    found = values.gather(dim, place), index.gather(dim, place)
    return found if keepdim else tuple(t.squeeze(dim) for t in found)


@handles("kthvalue")
def kthvalue(x, k, dim=-1, keepdim=False):
    values, index = sort(x, dim)
    pick = (lambda t: t.narrow(dim, k - 1, 1)) if keepdim else (lambda t: t.select(dim, k - 1))
    return pick(values).contiguous(), pick(index).contiguous()


kthvalue.takes_integers = True
