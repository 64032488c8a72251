"""Element by element, with broadcasting. Bits: docs/contract.md, Elementwise and Elementary functions."""

from typing import Callable, Optional, Sequence

from eadem import _native
from eadem.ops.base import Array, array, broadcast, call, empty, is_float, like_first, named, shape

__all__ = """
add sub mul div exp log sqrt tanh sigmoid relu abs neg sign floor ceil round trunc frac reciprocal square rsqrt cbrt exp2 expm1
log2 log10 log1p sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfc erfinv logsigmoid softplus silu gelu gelu_tanh mish elu
selu celu hardswish hardsigmoid hardtanh relu6 leaky_relu clamp isnan isinf isfinite isposinf isneginf signbit logical_not eq ne
lt le gt ge logical_and logical_or logical_xor maximum minimum fmod remainder div_floor div_trunc pow atan2 hypot prelu lerp
addcmul addcdiv exp_backward log_backward sqrt_backward tanh_backward sigmoid_backward relu_backward function function_scaled
point_backward copy
""".split()


def _unary(name: str, doc: str) -> Callable[..., Array]:
    def run(x: Array, out: Optional[Array] = None) -> Array:
        out = empty(x, shape(x)) if out is None else out
        call(name, (x, out))
        return out
    return named(run, name, doc + " x floats; out as x.", "x out=None")


def _binary(name: str, doc: str) -> Callable[..., Array]:
    def run(a: Array, b: Array, out: Optional[Array] = None) -> Array:
        a, b = array(a), array(b)
        out = empty(like_first([a, b]), broadcast(a, b)) if out is None else out
        call(name, (a, b, out))
        return out
    return named(run, name, doc + " a and b broadcast; one rounding.", "a b out=None")


def _backward(name: str, derivative: str) -> Callable[..., Array]:
    def run(grad_out: Array, x: Array, out: Optional[Array] = None) -> Array:
        out = empty(x, shape(x)) if out is None else out
        call(name, (grad_out, x, out))
        return out
    return named(run, name, f"grad_out · {derivative} at x, of one shape; the derivative is correctly rounded.",
                 "grad_out x out=None")


def point(name: str, inputs: Sequence[Array], parameters: Sequence[float] = (), out: Optional[Array] = None,
          truth: bool = False) -> Array:
    """The function called `name` (docs/contract.md, Functions by number) of inputs that broadcast."""
    given = [array(x) for x in inputs]
    if out is None:
        first = like_first(given)
        out = empty(first, broadcast(*given), "bool" if truth else None if is_float(first) else "float32")
    call("point", (*given, out), (_native.points[name],), tuple(map(float, parameters)))
    return out


def _point(name: str, signature: str, doc: str, truth: bool = False) -> Callable[..., Array]:
    """A function of the words of `signature` without a default, and of parameters with one."""
    words = signature.split()
    inputs = [w for w in words if "=" not in w]
    defaults = {w.split("=")[0]: float(w.split("=")[1]) for w in words if "=" in w}

    def run(*args: Array, out: Optional[Array] = None, **kwargs: Array) -> Array:
        names = [*inputs, *defaults]
        if len(args) > len(names):
            raise TypeError(f"{name} takes {len(names)} arguments, not {len(args)}")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key in given or key not in names:
                raise TypeError(f"{name} got {key!r}, which is {'given twice' if key in given else 'none of its arguments'}")
            given[key] = value
        missing = [word for word in inputs if word not in given]
        if missing:
            raise TypeError(f"{name} misses {', '.join(missing)}")
        parameters = [float(given.get(key, value)) for key, value in defaults.items()]
        return point(name, [given[word] for word in inputs], parameters, out, truth)

    kinds = "floats, booleans or uint8" + (", which broadcast" if len(inputs) > 1 else "")
    return named(run, name, f"{doc} {', '.join(inputs)}: {kinds}{'; out: bool' if truth else ''}. As torch.{name}.",
                 signature + " out=None")


def copy(x: Array, out: Array) -> Array:
    """x's elements into out, of the same shape, rounded once to out's type."""
    call("copy", (x, out))
    return out


add = _binary("add", "a + b.")
sub = _binary("sub", "a − b.")
mul = _binary("mul", "a · b.")
div = _binary("div", "a / b.")
exp = _unary("exp", "eˣ, correctly rounded.")
log = _unary("log", "Natural logarithm, correctly rounded.")
sqrt = _unary("sqrt", "Square root, correctly rounded.")
tanh = _unary("tanh", "Hyperbolic tangent, correctly rounded.")
sigmoid = _unary("sigmoid", "1 / (1 + e⁻ˣ), correctly rounded.")
relu = _unary("relu", "max(x, 0); −0 and NaN stay.")
exp_backward = _backward("exp_backward", "eˣ")
log_backward = _backward("log_backward", "1/x")
sqrt_backward = _backward("sqrt_backward", "1/(2√x)")
tanh_backward = _backward("tanh_backward", "1 − tanh²")
sigmoid_backward = _backward("sigmoid_backward", "σ(1 − σ)")
relu_backward = _backward("relu_backward", "(x > 0)")

abs = _point("abs", "x", "|x|.")
neg = _point("neg", "x", "−x.")
sign = _point("sign", "x", "−1, 0 or 1.")
floor = _point("floor", "x", "The integer at or below.")
ceil = _point("ceil", "x", "The integer at or above.")
round = _point("round", "x", "The nearest integer, half to even.")
trunc = _point("trunc", "x", "The integer towards zero.")
frac = _point("frac", "x", "x − trunc(x).")
reciprocal = _point("reciprocal", "x", "1/x.")
square = _point("square", "x", "x·x.")
rsqrt = _point("rsqrt", "x", "1/√x, correctly rounded.")
cbrt = _point("cbrt", "x", "Cube root, correctly rounded.")
exp2 = _point("exp2", "x", "2ˣ, correctly rounded.")
expm1 = _point("expm1", "x", "eˣ − 1, correctly rounded.")
log2 = _point("log2", "x", "Logarithm to base 2, correctly rounded.")
log10 = _point("log10", "x", "Logarithm to base 10, correctly rounded.")
log1p = _point("log1p", "x", "log(1 + x), correctly rounded.")
sin = _point("sin", "x", "Sine, correctly rounded.")
cos = _point("cos", "x", "Cosine, correctly rounded.")
tan = _point("tan", "x", "Tangent, correctly rounded.")
asin = _point("asin", "x", "Arc sine, correctly rounded.")
acos = _point("acos", "x", "Arc cosine, correctly rounded.")
atan = _point("atan", "x", "Arc tangent, correctly rounded.")
sinh = _point("sinh", "x", "Hyperbolic sine, correctly rounded.")
cosh = _point("cosh", "x", "Hyperbolic cosine, correctly rounded.")
asinh = _point("asinh", "x", "Inverse hyperbolic sine, correctly rounded.")
acosh = _point("acosh", "x", "Inverse hyperbolic cosine, correctly rounded.")
atanh = _point("atanh", "x", "Inverse hyperbolic tangent, correctly rounded.")
erf = _point("erf", "x", "Error function, correctly rounded.")
erfc = _point("erfc", "x", "1 − erf(x), correctly rounded.")
erfinv = _point("erfinv", "x", "The inverse of erf, correctly rounded.")
logsigmoid = _point("logsigmoid", "x", "log σ(x), correctly rounded.")
softplus = _point("softplus", "x beta=1 threshold=20", "log(1 + e^(beta·x))/beta; x above the threshold of beta·x.")
silu = _point("silu", "x", "x·σ(x), correctly rounded.")
gelu = _point("gelu", "x", "x·Φ(x), Φ the normal distribution; correctly rounded.")
gelu_tanh = _point("gelu_tanh", "x", "gelu(approximate='tanh'), correctly rounded.")
mish = _point("mish", "x", "x·tanh(softplus(x)), correctly rounded.")
elu = _point("elu", "x alpha=1", "x if x > 0, else alpha·(eˣ − 1).")
selu = _point("selu", "x", "Scaled elu.")
celu = _point("celu", "x alpha=1", "x if x > 0, else alpha·(e^(x/alpha) − 1).")
hardswish = _point("hardswish", "x", "x·clamp(x + 3, 0, 6)/6.")
hardsigmoid = _point("hardsigmoid", "x", "clamp(x + 3, 0, 6)/6.")
hardtanh = _point("hardtanh", "x min=-1 max=1", "x between min and max.")
relu6 = _point("relu6", "x", "x between 0 and 6.")
leaky_relu = _point("leaky_relu", "x slope=0.01", "x if x > 0, else slope·x.")
clamp = _point("clamp", "x min=-inf max=inf", "x between min and max; NaN stays.")
isnan = _point("isnan", "x", "Whether x is NaN.", truth=True)
isinf = _point("isinf", "x", "Whether x is infinite.", truth=True)
isfinite = _point("isfinite", "x", "Whether x is a number and not infinite.", truth=True)
isposinf = _point("isposinf", "x", "Whether x is +∞.", truth=True)
isneginf = _point("isneginf", "x", "Whether x is −∞.", truth=True)
signbit = _point("signbit", "x", "Whether x has a minus sign, −0 included.", truth=True)
logical_not = _point("logical_not", "x", "Whether x is 0.", truth=True)
eq = _point("eq", "a b", "a = b.", truth=True)
ne = _point("ne", "a b", "a ≠ b.", truth=True)
lt = _point("lt", "a b", "a < b.", truth=True)
le = _point("le", "a b", "a ≤ b.", truth=True)
gt = _point("gt", "a b", "a > b.", truth=True)
ge = _point("ge", "a b", "a ≥ b.", truth=True)
logical_and = _point("logical_and", "a b", "Both are not 0.", truth=True)
logical_or = _point("logical_or", "a b", "One is not 0.", truth=True)
logical_xor = _point("logical_xor", "a b", "Exactly one is not 0.", truth=True)
maximum = _point("maximum", "a b", "The larger; a on ties; NaN if one is.")
minimum = _point("minimum", "a b", "The smaller; a on ties; NaN if one is.")
fmod = _point("fmod", "a b", "The remainder with a's sign, exact.")
remainder = _point("remainder", "a b", "The remainder with b's sign.")
div_floor = _point("div_floor", "a b", "div(rounding_mode='floor').")
div_trunc = _point("div_trunc", "a b", "div(rounding_mode='trunc').")
pow = _point("pow", "x y", "xʸ, correctly rounded.")
atan2 = _point("atan2", "y x", "The angle of (x, y), correctly rounded.")
hypot = _point("hypot", "x y", "√(x² + y²), correctly rounded.")
prelu = _point("prelu", "x weight", "x if x > 0, else weight·x; weight broadcasts as it stands.")
lerp = _point("lerp", "start end weight", "start + weight·(end − start).")
addcmul = _point("addcmul", "x a b value=1", "x + (value·a)·b.")
addcdiv = _point("addcdiv", "x a b value=1", "x + (value·a)/b.")


def point_backward(name: str, which: int, grad_out: Array, *inputs: Array, parameters: Sequence[float] = (),
                   out: Optional[Array] = None) -> Array:
    """The gradient of a function above, or of a loss's term, by its name, with respect to inputs[which].

    grad_out has the shape of the function's result, to which the inputs broadcast, and so has the gradient: sum it to
    the input's shape by sum_to_shape. parameters: those of the function, in order; none: the defaults. Raises
    KeyError for no such function, eadem.Error for one without a gradient.
    """
    out = empty(grad_out, shape(grad_out)) if out is None else out
    call("point_backward", (grad_out, *[array(x) for x in inputs], out), (_native.points[name], which),
         tuple(map(float, parameters)))
    return out


def function(name: str, x: Array, out: Optional[Array] = None) -> Array:
    """A correctly rounded function of one variable by its name in docs/contract.md, derivatives included:
    "gelu", "gelu_derivative", "rsqrt" … Raises KeyError for none."""
    out = empty(x, shape(x)) if out is None else out
    call("function", (x, out), (_native.functions[name],))
    return out


def function_scaled(name: str, a: Array, x: Array, out: Optional[Array] = None) -> Array:
    """a · function(name, x), the product rounded once: the gradient where the function is a derivative."""
    out = empty(x, shape(x)) if out is None else out
    call("function_scaled", (a, x, out), (_native.functions[name],))
    return out
