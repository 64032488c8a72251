"""Sums, extremes, scans, softmax. Bits: docs/contract.md, Sum, Aggregates, Scans, Softmax."""

from typing import Callable, Optional, Sequence, Tuple, Union

from eadem._shapes import reduced
from eadem.ops.base import Array, call, dims_of, empty, is_float, named, shape

__all__ = """
sum mean sum_to_shape prod var std norm logsumexp amax amin any all reduce_backward max min argmax argmin cumsum cumprod cummax
cummin cumsum_backward cumprod_backward softmax log_softmax softmax_backward log_softmax_backward
""".split()

Dims = Union[None, int, Sequence[int]]
_OVER = " Over dim, one or several (None: all), in the contract's order; x floats."


def _reduction(name: str, doc: str) -> Callable[..., Array]:
    def run(x: Array, dim: Dims = None, keepdim: bool = False, out: Optional[Array] = None) -> Array:
        dims = dims_of(dim)
        out = empty(x, reduced(shape(x), dims, keepdim)) if out is None else out
        call(name, (x, out), dims)
        return out
    return named(run, name, doc + _OVER, "x dim=None keepdim=0 out=None")


_AGGREGATES = ("prod", "var", "std", "norm", "logsumexp", "amax", "amin", "any", "all")  # in the order of ea_aggregate


def _aggregate(name: str, doc: str, parameter: str = "", default: float = 0.0, truth: bool = False) -> Callable[..., Array]:
    def run(x: Array, dim: Dims = None, keepdim: bool = False, out: Optional[Array] = None, **given: float) -> Array:
        if set(given) - {parameter}:
            raise TypeError(f"{name} takes no {', '.join(sorted(set(given) - {parameter}))}")
        dims = dims_of(dim)
        if out is None:
            out = empty(x, reduced(shape(x), dims, keepdim), "bool" if truth else None)
        call("reduce", (x, out), (_AGGREGATES.index(name), *dims), (float(given.get(parameter, default)),))
        return out
    extra = f" {parameter}={default}" if parameter else ""
    return named(run, name, doc + _OVER, f"x dim=None keepdim=0{extra} out=None")


sum = _reduction("sum", "Sum.")
mean = _reduction("mean", "Sum divided by the count.")
prod = _aggregate("prod", "Product.")
var = _aggregate("var", "Squared distances from the mean, their sum divided by count − correction.", "correction", 1.0)
std = _aggregate("std", "Root of var.", "correction", 1.0)
norm = _aggregate("norm", "torch.linalg.vector_norm with ord = p: any number, also ±∞.", "p", 2.0)
logsumexp = _aggregate("logsumexp", "log Σ eˣ.")
amax = _aggregate("amax", "The largest; NaN if there is one.")
amin = _aggregate("amin", "The smallest; NaN if there is one.")
any = _aggregate("any", "Whether one is not 0; x also bool or uint8, out bool.", truth=True)
all = _aggregate("all", "Whether none is 0; x also bool or uint8, out bool.", truth=True)


def reduce_backward(name: str, grad_out: Array, x: Array, out: Array, dim: Dims = None, parameter: float = 0.0) -> Array:
    """The gradient with respect to x of prod, var, std, norm, logsumexp, amax or amin, by name; `out` is its result,
    `parameter` its correction or p. Raises ValueError for another name."""
    grad = empty(x, shape(x))
    call("reduce_backward", (grad_out, x, out, grad), (_AGGREGATES.index(name), *dims_of(dim)), (float(parameter),))
    return grad


def sum_to_shape(grad: Array, sizes: Sequence[int]) -> Array:
    """grad summed over the dimensions that broadcasting from `sizes` added or stretched."""
    out = empty(grad, sizes)
    call("sum_to_shape", (grad, out))
    return out


def _extreme(name: str, x: Array, dim: Dims, keepdim: bool) -> Tuple[Array, Array]:
    sizes = reduced(shape(x), dims_of(dim), keepdim)
    values, indices = empty(x, sizes), empty(x, sizes, "int64")
    call(name, (x, values, indices), dims_of(dim))
    return values, indices


def max(x: Array, dim: Dims = None, keepdim: bool = False) -> Tuple[Array, Array]:
    """The largest and where it stands (int64) among what is reduced, in row-major order: the first of equals, the
    first NaN."""
    return _extreme("max", x, dim, keepdim)


def min(x: Array, dim: Dims = None, keepdim: bool = False) -> Tuple[Array, Array]:
    """The smallest and where it stands, as max."""
    return _extreme("min", x, dim, keepdim)


def argmax(x: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Where the largest stands: max(…)[1]."""
    return _extreme("max", x, dim, keepdim)[1]


def argmin(x: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Where the smallest stands: min(…)[1]."""
    return _extreme("min", x, dim, keepdim)[1]


def _scan(name: str, doc: str) -> Callable[..., Array]:
    def run(x: Array, dim: int, out: Optional[Array] = None) -> Array:
        out = empty(x, shape(x), None if is_float(x) else "int64") if out is None else out
        call(name, (x, out), (dim,))
        return out
    return named(run, name, doc + " Along dim; x floats, or integers, whose result is int64.", "x dim out=None")


def _scan_extreme(name: str, doc: str) -> Callable[..., Tuple[Array, Array]]:
    def run(x: Array, dim: int) -> Tuple[Array, Array]:
        values, indices = empty(x, shape(x)), empty(x, shape(x), "int64")
        call(name, (x, values, indices), (dim,))
        return values, indices
    return named(run, name, doc + " so far along dim, and where it stands: the first of equals, the first NaN.", "x dim")


cumsum = _scan("cumsum", "Running sum.")
cumprod = _scan("cumprod", "Running product.")
cummax = _scan_extreme("cummax", "The largest")
cummin = _scan_extreme("cummin", "The smallest")


def cumsum_backward(grad_out: Array, dim: int) -> Array:
    """The gradient of cumsum."""
    out = empty(grad_out, shape(grad_out))
    call("cumsum_backward", (grad_out, out), (dim,))
    return out


def cumprod_backward(grad_out: Array, x: Array, dim: int) -> Array:
    """The gradient of cumprod at x."""
    out = empty(x, shape(x))
    call("cumprod_backward", (grad_out, x, out), (dim,))
    return out


def _along(name: str, doc: str, words: str) -> Callable[..., Array]:
    def run(*args: Array, out: Optional[Array] = None, dim: Optional[int] = None) -> Array:
        tensors, dim = (args, dim) if dim is not None else (args[:-1], args[-1])
        out = empty(tensors[0], shape(tensors[0])) if out is None else out
        call(name, (*tensors, out), (dim,))
        return out
    return named(run, name, doc, words)


softmax = _along("softmax", "exp(x − max) divided by its sum, along dim.", "x dim out=None")
log_softmax = _along("log_softmax", "Logarithm of the softmax along dim.", "x dim out=None")
softmax_backward = _along("softmax_backward", "The gradient of softmax; `result` is what it gave.", "grad_out result dim out=None")
log_softmax_backward = _along("log_softmax_backward", "The gradient of log_softmax; `result` is what it gave.",
                              "grad_out result dim out=None")
