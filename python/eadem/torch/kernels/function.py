"""Functions of one variable, and their gradients: correctly rounded, or spelled out in operations that round once."""

import functools
import math

import torch

from eadem import _native
from eadem.torch.kernels.arithmetic import sqrt
from eadem.torch.kernels.base import HANDLERS, call, handles, point, point_backward, serves_integers, widened
from eadem.torch.kernels.order import maximum, minimum

_FUNCTIONS = _native.functions


def function(name, x):
    """f(x), correctly rounded; integers and booleans are taken as float32, as PyTorch's default does."""
    if not x.is_floating_point():
        x = x.to(torch.get_default_dtype())
    out = torch.empty_like(x)
    call("function", (x, out), (_FUNCTIONS[name],))
    return out


def scaled(name, a, x):
    """a · f(x): the gradient where f is a derivative."""
    out = torch.empty_like(x)
    call("function_scaled", (a.expand_as(x), x, out), (_FUNCTIONS[name],))
    return out


def _register(aten_name, name):
    def handler(x):
        return function(name, x)
    HANDLERS[aten_name] = serves_integers(handler)


for _name in ("exp exp2 expm1 log log2 log10 log1p tanh sigmoid erf erfc sin cos tan asin acos atan sinh cosh asinh acosh "
              "atanh rsqrt mish silu erfinv").split():
    _register(_name, _name)
for _name in ("expm1", "exp2", "erf", "erfc", "erfinv", "log1p"):
    _register(f"special_{_name}", _name)


@handles("tanh_backward")
@widened
def tanh_backward(grad, out):
    return grad * (1 - out * out)


@handles("sigmoid_backward")
@widened
def sigmoid_backward(grad, out):
    return grad * ((1 - out) * out)


@handles("silu_backward")
def silu_backward(grad, x):
    return scaled("silu_derivative", grad, x)


@handles("mish_backward")
def mish_backward(grad, x):
    return scaled("mish_derivative", grad, x)


@handles("gelu")
def gelu(x, *, approximate="none"):
    return function("gelu_tanh" if approximate == "tanh" else "gelu", x)


@handles("gelu_backward")
def gelu_backward(grad, x, *, approximate="none"):
    return scaled("gelu_tanh_derivative" if approximate == "tanh" else "gelu_derivative", grad, x)


@handles("softplus")
def softplus(x, beta=1, threshold=20):
    return point("softplus", x, parameters=(float(beta), float(threshold)))


@handles("softplus_backward")
def softplus_backward(grad, x, beta, threshold):
    return point_backward("softplus", 0, grad, x, parameters=(float(beta), float(threshold)))


@handles("log_sigmoid_forward")
def log_sigmoid_forward(x):
    return function("logsigmoid", x), torch.zeros(0, dtype=x.dtype)


@handles("log_sigmoid_backward")
def log_sigmoid_backward(grad, x, buffer):
    return scaled("sigmoid", grad, -x)


@handles("celu")
def celu(x, alpha=1.0):
    return point("celu", x, parameters=(float(alpha),))


@handles("glu")
@widened
def glu(x, dim=-1):
    value, gate = x.chunk(2, dim)
    return value * function("sigmoid", gate.contiguous())


@handles("glu_backward")
@widened
def glu_backward(grad, x, dim):
    value, gate = x.chunk(2, dim)
    s = function("sigmoid", gate.contiguous())
    return torch.cat([grad * s, (grad * value) * ((1 - s) * s)], dim)


@handles("xlogy", "special_xlogy")
@widened
def xlogy(x, y):
    log_y = function("log", y) if isinstance(y, torch.Tensor) else math.log(y)
    product = x * log_y
    nan = y.isnan() if isinstance(y, torch.Tensor) else torch.tensor(math.isnan(y))
    zero = x == 0 if isinstance(x, torch.Tensor) else torch.tensor(x == 0)
    return torch.where(nan, math.nan, torch.where(zero, 0.0, product))


@handles("elu")
@widened
def elu(x, alpha=1, scale=1, input_scale=1):
    below = function("expm1", x if input_scale == 1 else x * input_scale) * (alpha * scale)
    return torch.where(x > 0, x if scale == 1 else x * scale, below)


@handles("elu_backward")
@widened
def elu_backward(grad, alpha, scale, input_scale, is_result, x):
    if is_result:  # x is the output: its negative part is alpha·(e^z − 1)
        below = grad * input_scale * (x + alpha * scale)
    else:
        below = grad * (input_scale * alpha * scale) * function("exp", x * input_scale)
    return torch.where(x <= 0, below, grad if scale == 1 else grad * scale)


for _name in ("hardsigmoid", "hardswish"):
    HANDLERS[_name] = functools.partial(point, _name)
    HANDLERS[f"{_name}_backward"] = functools.partial(point_backward, _name, 0)


@handles("logit")
@widened
def logit(x, eps=None):
    x = x if eps is None else point("clamp", x, parameters=(eps, 1 - eps))
    return function("log", x / (1 - x))


@handles("logit_backward")
@widened
def logit_backward(grad, x, eps=None):
    low = 0.0 if eps is None else eps
    outside = math.nan if eps is None else 0.0
    return torch.where((x < low) | (x > 1 - low), outside, grad / (x * (1 - x)))


@handles("logaddexp")
@widened
def logaddexp(a, b):
    top = maximum(a, b)
    tail = function("log1p", function("exp", minimum(a, b) - top))
    return torch.where((a == b) & a.isinf(), a, top + tail)


# Where another operation has the same correctly rounded result; for negative numbers and zeros a root is PyTorch's.
_POWERS = {0: torch.ones_like, 1: torch.clone, 2: lambda t: t * t, -1: torch.reciprocal, 0.5: sqrt,
           -0.5: lambda t: function("rsqrt", t)}


@handles("pow")
def pow_(x, exponent):
    if isinstance(x, torch.Tensor) and not isinstance(exponent, torch.Tensor) and exponent in _POWERS:
        return _POWERS[exponent](x if isinstance(exponent, int) or x.is_floating_point() else x.to(torch.get_default_dtype()))
    if not any(t.is_floating_point() if isinstance(t, torch.Tensor) else isinstance(t, float) for t in (x, exponent)):
        return torch.pow(x, exponent)
    return point("pow", *(t.to(torch.get_default_dtype()) if isinstance(t, torch.Tensor) and not t.is_floating_point() else t
                          for t in (x, exponent)))


serves_integers(pow_)


@handles("atan2")
def atan2(y, x):
    return point("atan2", y, x)


@handles("hypot")
def hypot(x, y):
    return point("hypot", x, y)
