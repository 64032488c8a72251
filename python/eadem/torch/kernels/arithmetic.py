"""Element-wise arithmetic that PyTorch fuses in some loops and not in others, or gives to a vector library."""

import torch

from eadem.torch.kernels.base import Refused, handles, point, same, serves_integers, writes


@handles("add")
def add(x, y, *, alpha=1):
    return torch.add(x, y) if alpha == 1 else torch.add(x, torch.mul(y, alpha))


@handles("sub")
def sub(x, y, *, alpha=1):
    return torch.sub(x, y) if alpha == 1 else torch.sub(x, torch.mul(y, alpha))


@handles("rsub")
def rsub(x, y, alpha=1):
    return torch.sub(y, x) if alpha == 1 else torch.sub(y, torch.mul(x, alpha))


for _function in (add, sub, rsub):
    serves_integers(_function)  # beside a number that is none


@handles("addcmul")
def addcmul(x, a, b, *, value=1):
    return point("addcmul", x, a, b, parameters=(float(value),))


@handles("addcdiv")
def addcdiv(x, a, b, *, value=1):
    return point("addcdiv", x, a, b, parameters=(float(value),))


@handles("lerp")
def lerp(start, end, weight):
    return point("lerp", start, end, weight)


@writes("add_")
def add_(x, y, *, alpha=1):
    x.add_(y if alpha == 1 else torch.mul(y, alpha))


@writes("sub_")
def sub_(x, y, *, alpha=1):
    x.sub_(y if alpha == 1 else torch.mul(y, alpha))


@writes("addcmul_")
def addcmul_(x, a, b, *, value=1):
    point("addcmul", x, a, b, parameters=(float(value),), out=x)


@writes("addcdiv_")
def addcdiv_(x, a, b, *, value=1):
    point("addcdiv", x, a, b, parameters=(float(value),), out=x)


@writes("lerp_")
def lerp_(x, end, weight):
    point("lerp", x, end, weight, out=x)


@handles("sqrt")
def sqrt(x):
    """PyTorch's is its vector library's, which rounds one root in ten otherwise."""
    return same("sqrt", x if x.is_floating_point() else x.to(torch.get_default_dtype()))


serves_integers(sqrt)


@handles("round")
def round_(x, *, decimals=0):
    if decimals:
        raise Refused("round to decimals is not there")
    return torch.round(x)


@handles("frac")
def frac(x):
    return point("frac", x)


@handles("fmod")
def fmod(x, y):
    return point("fmod", x, y)


@handles("remainder")
def remainder(x, y):
    return point("remainder", *((x, y) if isinstance(x, torch.Tensor) else (torch.tensor(x, dtype=y.dtype), y)))


@handles("floor_divide")
def floor_divide(x, y):
    return point("div_floor", x, y)


def _has_floats(*values):
    return any(t.is_floating_point() if isinstance(t, torch.Tensor) else isinstance(t, float) for t in values)


@handles("div")
def div(x, y, *, rounding_mode=None):
    if any(isinstance(t, torch.Tensor) and t.is_complex() for t in (x, y)):
        raise Refused("complex division rounds in an order of its own")
    if rounding_mode is None or not _has_floats(x, y):
        return torch.div(x, y, rounding_mode=rounding_mode)
    return point("div_floor" if rounding_mode == "floor" else "div_trunc", x, y)


serves_integers(div)


@handles("deg2rad")
def deg2rad(x):
    return x * 0.017453292519943295


@handles("rad2deg")
def rad2deg(x):
    return x * 57.29577951308232
