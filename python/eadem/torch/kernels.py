"""ATen operations on Eadem's. A handler has the ATen signature and returns new tensors.

What Eadem has as one operation is called; the rest is spelled out in element-wise PyTorch arithmetic that rounds
once an operation, so that its bits follow from the order written here (docs/contract.md states it too).
"""

import math

import torch

from eadem import _native
from eadem._context import current

_to_dlpack = torch._C._to_dlpack
_OPS = _native.ops
aten = torch.ops.aten

HANDLERS = {}


class Refused(Exception):
    """These arguments of an operation have no reproducible version; the text says which."""


def _handles(*names):
    def register(function):
        for name in names:
            HANDLERS[name] = function
        return function
    return register


def call(name, tensors, integers=(), floats=()):
    """One Eadem operation on CPU tensors in place; None stands for an absent tensor."""
    current().call(_OPS[name], tuple([None if t is None else _to_dlpack(t) for t in tensors]),
                   integers, floats)


def _new(like, shape, dtype=None):
    return torch.empty(shape, dtype=dtype or like.dtype)


def _same(name, x, *more, integers=()):
    out = torch.empty_like(x)
    call(name, (x, *more, out), integers)
    return out


# --- Contractions ------------------------------------------------------------------------------------


@_handles("mm")
def mm(a, b):
    out = _new(a, (a.shape[0], b.shape[1]))
    call("matmul", (a, b, out))
    return out


@_handles("bmm")
def bmm(a, b):
    out = _new(a, (a.shape[0], a.shape[1], b.shape[2]))
    call("bmm", (a, b, out))
    return out


@_handles("mv")
def mv(a, x):
    out = _new(a, (a.shape[0],))
    call("matmul", (a, x, out))
    return out


@_handles("dot", "vdot")
def dot(x, y):
    out = _new(x, ())
    call("matmul", (x, y, out))
    return out


def _scaled_add(product, extra, beta, alpha):
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (extra if beta == 1 else extra * beta)


@_handles("addmm")
def addmm(extra, a, b, *, beta=1, alpha=1):
    return _scaled_add(mm(a, b), extra, beta, alpha)


@_handles("baddbmm")
def baddbmm(extra, a, b, *, beta=1, alpha=1):
    return _scaled_add(bmm(a, b), extra, beta, alpha)


@_handles("addmv")
def addmv(extra, a, x, *, beta=1, alpha=1):
    return _scaled_add(mv(a, x), extra, beta, alpha)


def _conv_numbers(stride, padding, dilation, groups):
    return (*stride, *padding, *dilation, groups)


def _two_dimensional(tensor, stride, padding, dilation):
    """Conv1d as Conv2d over a height of 1."""
    if tensor.dim() == 4:
        return list(stride), list(padding), list(dilation)
    if tensor.dim() == 3:
        return [1, *stride], [0, *padding], [1, *dilation]
    raise Refused("convolution in three dimensions is not there")


def _conv_out(x, weight, stride, padding, dilation):
    size = [(x.shape[2 + d] + 2 * padding[d] - dilation[d] * (weight.shape[2 + d] - 1) - 1) // stride[d] + 1
            for d in (0, 1)]
    return (x.shape[0], weight.shape[0], *size)


def _conv2d(x, weight, bias, numbers, shape):
    out = _new(x, shape)
    call("conv2d", (x, weight, bias, out), numbers)
    return out


def _conv2d_input(grad, weight, numbers, shape):
    out = _new(grad, shape)
    call("conv2d_backward_input", (grad, weight, out), numbers)
    return out


def _conv2d_weight(grad, x, numbers, shape):
    out = _new(grad, shape)
    call("conv2d_backward_weight", (grad, x, out), numbers)
    return out


def _lift(t, flat):
    return t.unsqueeze(2) if flat else t


def _drop(t, flat):
    return t.squeeze(2) if flat else t


@_handles("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution")
def convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *_):
    flat = x.dim() == 3
    stride, padding, dilation = _two_dimensional(x, stride, padding, dilation)
    x, weight = _lift(x, flat), _lift(weight, flat)
    numbers = _conv_numbers(stride, padding, dilation, groups)
    if not transposed:
        return _drop(_conv2d(x, weight, bias, numbers, _conv_out(x, weight, stride, padding, dilation)), flat)
    extra = [0, *output_padding] if flat else list(output_padding)
    size = [(x.shape[2 + d] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (weight.shape[2 + d] - 1) +
            extra[d] + 1 for d in (0, 1)]
    out = _conv2d_input(x, weight, numbers, (x.shape[0], weight.shape[1] * groups, *size))
    return _drop(out if bias is None else out + bias[:, None, None], flat)


@_handles("convolution_backward", "convolution_backward_overrideable")
def convolution_backward(grad, x, weight, bias_sizes, stride, padding, dilation, transposed, output_padding,
                         groups, output_mask):
    flat = x.dim() == 3
    stride, padding, dilation = _two_dimensional(x, stride, padding, dilation)
    x, weight, grad = _lift(x, flat), _lift(weight, flat), _lift(grad, flat)
    numbers = _conv_numbers(stride, padding, dilation, groups)
    grad_x = grad_weight = grad_bias = None
    if output_mask[0] and transposed:
        grad_x = _drop(_conv2d(grad, weight, None, numbers, x.shape), flat)
    elif output_mask[0]:
        grad_x = _drop(_conv2d_input(grad, weight, numbers, x.shape), flat)
    if output_mask[1]:
        pair = (x, grad) if transposed else (grad, x)
        grad_weight = _drop(_conv2d_weight(*pair, numbers, weight.shape), flat)
    if output_mask[2]:
        grad_bias = sum_dims(grad, (0, 2, 3))
    return grad_x, grad_weight, grad_bias


# --- Functions and reductions --------------------------------------------------------------------------


@_handles("exp")
def exp(x):
    return _same("exp", x)


@_handles("log")
def log(x):
    return _same("log", x)


@_handles("tanh")
def tanh(x):
    return _same("tanh", x)


@_handles("sigmoid")
def sigmoid(x):
    return _same("sigmoid", x)


@_handles("tanh_backward")
def tanh_backward(grad, out):
    return grad * (1 - out * out)


@_handles("sigmoid_backward")
def sigmoid_backward(grad, out):
    return grad * ((1 - out) * out)


def _reduce(name, x, dims, keepdim, dtype):
    if dtype is not None and dtype != x.dtype:
        x = x.to(dtype)
    ndim = x.dim()
    dims = tuple(dims) if dims else tuple(range(ndim))
    gone = {d % ndim for d in dims} if ndim else set()
    shape = [1 if d in gone else x.shape[d] for d in range(ndim) if keepdim or d not in gone]
    out = _new(x, shape)
    call(name, (x, out), dims)
    return out


def sum_dims(x, dims, keepdim=False):
    """Sum over dims (empty: all) in the contract's order."""
    return _reduce("sum", x, dims, keepdim, None)


def _as_dims(dim):
    return () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)


@_handles("sum")
def sum_(x, dim=None, keepdim=False, *, dtype=None):
    return _reduce("sum", x, _as_dims(dim), keepdim, dtype)


@_handles("mean")
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


@_handles("var")
def var(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    correction = int(unbiased) if isinstance(unbiased, bool) else correction
    return _variance(x, dim, correction, keepdim)[0]


@_handles("std")
def std(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    return var(x, dim, unbiased, keepdim, correction=correction).sqrt()


@_handles("var_mean")
def var_mean(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    correction = int(unbiased) if isinstance(unbiased, bool) else correction
    return _variance(x, dim, correction, keepdim)


@_handles("linalg_vector_norm")
def linalg_vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    x = x if dtype is None else x.to(dtype)
    if ord == 2:
        return sum_dims(x * x, _as_dims(dim), keepdim).sqrt()
    if ord == 1:
        return sum_dims(x.abs(), _as_dims(dim), keepdim)
    if math.isinf(ord):
        dims = _as_dims(dim) or tuple(range(x.dim()))
        return (torch.amax if ord > 0 else torch.amin)(x.abs(), dims, keepdim)
    raise Refused(f"the norm of order {ord} is not there: 1, 2 and infinity have")


@_handles("pow")
def pow_(x, exponent):
    powers = {0: torch.ones_like, 1: torch.clone, 2: lambda t: t * t, 3: lambda t: t * t * t, 0.5: torch.sqrt,
              -1: torch.reciprocal}
    if isinstance(x, torch.Tensor) and not isinstance(exponent, torch.Tensor) and exponent in powers:
        return powers[exponent](x)
    raise Refused(f"pow with exponent {exponent} is not there: 0, 1, 2, 3, 0.5 and "
                              "-1 have")


@_handles("max_pool2d_with_indices_backward")
def max_pool2d_with_indices_backward(grad, x, kernel_size, stride, padding, dilation, ceil_mode, indices):
    flat = x.dim() == 3
    out = _new(x, x.shape)
    lift = (lambda t: t.unsqueeze(0)) if flat else (lambda t: t)
    call("max_pool2d_backward", (lift(grad), lift(indices), lift(out)))
    return out


# --- Softmax, losses -----------------------------------------------------------------------------------


@_handles("_softmax")
def softmax(x, dim, half_to_float):
    return _same("softmax", x.float() if half_to_float else x, integers=(dim,))


@_handles("_safe_softmax")
def safe_softmax(x, dim, dtype=None):
    x = x if dtype is None else x.to(dtype)
    empty = (x == -math.inf).all(dim, keepdim=True)
    return torch.where(empty, 0.0, _same("softmax", x, integers=(dim,)))


@_handles("_log_softmax")
def log_softmax(x, dim, half_to_float):
    return _same("log_softmax", x.float() if half_to_float else x, integers=(dim,))


@_handles("_softmax_backward_data")
def softmax_backward(grad, out, dim, input_dtype):
    return _same("softmax_backward", grad, out, integers=(dim,)).to(input_dtype)


@_handles("_log_softmax_backward_data")
def log_softmax_backward(grad, out, dim, input_dtype):
    return _same("log_softmax_backward", grad, out, integers=(dim,)).to(input_dtype)


def _class_weights(x, target, weight, ignore_index):
    """The weight of each target's class, 0 where it is ignored; and the targets with those made 0."""
    ignored = target == ignore_index
    target = target.masked_fill(ignored, 0)
    weights = torch.ones_like(target, dtype=x.dtype) if weight is None else weight[target]
    return weights.masked_fill(ignored, 0), target


@_handles("nll_loss_forward", "nll_loss2d_forward")
def nll_loss_forward(x, target, weight, reduction, ignore_index):
    weights, target = _class_weights(x, target, weight, ignore_index)
    channel = int(x.dim() > 1)
    loss = -x.gather(channel, target.unsqueeze(channel)).squeeze(channel) * weights
    total = sum_dims(weights, ())
    if reduction == 0:
        return loss, torch.zeros((), dtype=x.dtype)
    loss = sum_dims(loss, ())
    return (loss / total if reduction == 1 else loss), total


@_handles("nll_loss_backward", "nll_loss2d_backward")
def nll_loss_backward(grad, x, target, weight, reduction, ignore_index, total_weight):
    weights, target = _class_weights(x, target, weight, ignore_index)
    scale = grad / total_weight if reduction == 1 else grad
    out = torch.zeros_like(x)
    channel = int(x.dim() > 1)
    return out.scatter_(channel, target.unsqueeze(channel), (-weights * scale).unsqueeze(channel))


def _reduced(loss, reduction):
    return (loss, mean(loss), sum_dims(loss, ()))[reduction]


@_handles("mse_loss")
def mse_loss(x, target, reduction=1):
    difference = x - target
    return _reduced(difference * difference, reduction)


@_handles("mse_loss_backward")
def mse_loss_backward(grad, x, target, reduction):
    return (x - target) * (grad * (2.0 / x.numel() if reduction == 1 else 2.0))


# --- Normalisation -------------------------------------------------------------------------------------


def _batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps):
    out = torch.empty_like(x)
    saved = _new(x, (x.shape[1],), torch.float32), _new(x, (x.shape[1],), torch.float32)
    call("batch_norm", (x, weight, bias, running_mean, running_var, out, *saved), (int(training),),
         (float(momentum), float(eps)))
    return (out, *saved)


@_handles("native_batch_norm", "_native_batch_norm_legit")
def native_batch_norm(x, weight, bias, *rest):
    running = rest[:2] if len(rest) == 5 else (None, None)
    return _batch_norm(x, weight, bias, *running, *rest[-3:])


@_handles("_native_batch_norm_legit_no_training")
def native_batch_norm_eval(x, weight, bias, running_mean, running_var, momentum, eps):
    out, saved_mean, saved_std = _batch_norm(x, weight, bias, running_mean, running_var, False, momentum, eps)
    return out, saved_mean, saved_std


@_handles("native_batch_norm_backward")
def native_batch_norm_backward(grad, x, weight, running_mean, running_var, save_mean, save_std, train, eps, mask):
    # The second statistic that our forward saves is the deviation, not its inverse; autograd only carries it.
    if not train:
        save_mean, save_std = running_mean, (running_var + eps).sqrt()
    grad_x = torch.empty_like(x) if mask[0] else None
    grad_weight = _new(x, (x.shape[1],)) if mask[1] else None
    grad_bias = _new(x, (x.shape[1],)) if mask[2] else None
    call("batch_norm_backward", (grad, x, weight, save_mean, save_std, grad_x, grad_weight, grad_bias),
         (int(train),), (0.1, float(eps)))
    return grad_x, grad_weight, grad_bias


def _normalise(x, dims, eps):
    centre = _reduce("mean", x, dims, True, None)
    difference = x - centre
    variance = _reduce("mean", difference * difference, dims, True, None)
    return centre, ((variance + eps).sqrt()).reciprocal()


def _normalise_backward(grad, normal, rstd, dims):
    """grad is already multiplied by the weight; normal = (x − mean)·rstd."""
    inner = grad - _reduce("mean", grad, dims, True, None)
    return (inner - normal * _reduce("mean", grad * normal, dims, True, None)) * rstd


@_handles("native_layer_norm")
def native_layer_norm(x, normalized_shape, weight, bias, eps):
    dims = tuple(range(x.dim() - len(normalized_shape), x.dim()))
    wide = x.float()
    centre, rstd = _normalise(wide, dims, eps)
    out = (wide - centre) * rstd
    out = out if weight is None else out * weight.float()
    out = out if bias is None else out + bias.float()
    return out.to(x.dtype), centre, rstd


@_handles("native_layer_norm_backward")
def native_layer_norm_backward(grad, x, normalized_shape, centre, rstd, weight, bias, mask):
    dims = tuple(range(x.dim() - len(normalized_shape), x.dim()))
    lead = tuple(range(x.dim() - len(normalized_shape)))
    wide = grad.float()
    normal = (x.float() - centre) * rstd
    grad_x = grad_weight = grad_bias = None
    if mask[0]:
        scaled = wide if weight is None else wide * weight.float()
        grad_x = _normalise_backward(scaled, normal, rstd, dims).to(x.dtype)
    if mask[1] and weight is not None:
        product = wide * normal
        grad_weight = (sum_dims(product, lead) if lead else product).to(weight.dtype)
    if mask[2] and bias is not None:
        grad_bias = (sum_dims(wide, lead) if lead else wide.clone()).to(bias.dtype)
    return grad_x, grad_weight, grad_bias


def _grouped(x, groups):
    return x.float().reshape(x.shape[0], groups, -1)


def _by_channel(parameter, x, groups):
    """A per-channel parameter in the shape of _grouped(x, groups), to be broadcast over it."""
    shape = (1, x.shape[1], *([1] * (x.dim() - 2)))
    return parameter.float().reshape(shape).expand_as(x).reshape(x.shape[0], groups, -1)


@_handles("native_group_norm")
def native_group_norm(x, weight, bias, n, channels, size, groups, eps):
    wide = _grouped(x, groups)
    centre, rstd = _normalise(wide, (2,), eps)
    out = (wide - centre) * rstd
    out = out if weight is None else out * _by_channel(weight, x, groups)
    out = out if bias is None else out + _by_channel(bias, x, groups)
    return out.reshape(x.shape).to(x.dtype), centre.reshape(n, groups), rstd.reshape(n, groups)


@_handles("native_group_norm_backward")
def native_group_norm_backward(grad, x, centre, rstd, weight, n, channels, size, groups, mask):
    wide, rstd = _grouped(grad, groups), rstd[..., None]
    normal = (_grouped(x, groups) - centre[..., None]) * rstd
    others = (0, *range(2, x.dim()))
    grad_x = grad_weight = grad_bias = None
    if mask[0]:
        scaled = wide if weight is None else wide * _by_channel(weight, x, groups)
        grad_x = _normalise_backward(scaled, normal, rstd, (2,)).reshape(x.shape).to(x.dtype)
    if mask[1]:
        grad_weight = sum_dims((wide * normal).reshape(x.shape), others).to(x.dtype)
    if mask[2]:
        grad_bias = sum_dims(grad.float(), others).to(x.dtype)
    return grad_x, grad_weight, grad_bias


# --- Element-wise arithmetic that PyTorch fuses in some loops and not in others --------------------------


@_handles("add")
def add(x, y, *, alpha=1):
    return torch.add(x, y) if alpha == 1 else torch.add(x, torch.mul(y, alpha))


@_handles("sub")
def sub(x, y, *, alpha=1):
    return torch.sub(x, y) if alpha == 1 else torch.sub(x, torch.mul(y, alpha))


@_handles("rsub")
def rsub(x, y, alpha=1):
    return torch.sub(y, x) if alpha == 1 else torch.sub(y, torch.mul(x, alpha))


@_handles("addcmul")
def addcmul(x, a, b, *, value=1):
    product = a * b
    return x + (product if value == 1 else product * value)


@_handles("addcdiv")
def addcdiv(x, a, b, *, value=1):
    quotient = a / b
    return x + (quotient if value == 1 else quotient * value)


@_handles("lerp")
def lerp(start, end, weight):
    return start + (end - start) * weight




# --- Random numbers: the stream of PyTorch's CPU generator; PyTorch rounds a + b·u by its build ---------


def _draw(name, like, low, high, generator):
    generator = torch.default_generator if generator is None else generator
    state = generator.get_state()
    out = torch.empty(like.shape, dtype=like.dtype)
    call(name, (state, out), (), (float(low), float(high)))
    generator.set_state(state)
    return out


@_handles("uniform")
def uniform(x, low=0.0, high=1.0, *, generator=None):
    return _draw("uniform", x, low, high, generator)


@_handles("normal", "normal_functional")
def normal(x, mean=0.0, deviation=1.0, *, generator=None):
    return _draw("normal", x, mean, deviation, generator)


def _shaped(size, dtype):
    return torch.empty(size, dtype=dtype or torch.get_default_dtype())


@_handles("rand")
def rand(size, *, generator=None, dtype=None, **_):
    return uniform(_shaped(size, dtype), generator=generator)


@_handles("randn")
def randn(size, *, generator=None, dtype=None, **_):
    return normal(_shaped(size, dtype), generator=generator)


@_handles("rand_like")
def rand_like(x, *, dtype=None, **_):
    return uniform(_shaped(x.shape, dtype or x.dtype))


@_handles("randn_like")
def randn_like(x, *, dtype=None, **_):
    return normal(_shaped(x.shape, dtype or x.dtype))


@_handles("bernoulli")
def bernoulli(x, p=None, *, generator=None):
    chance = x if p is None else p if isinstance(p, torch.Tensor) else float(p)
    return (uniform(_shaped(x.shape, torch.float32), generator=generator) < chance).to(x.dtype)


@_handles("native_dropout")
def native_dropout(x, p, train):
    if not train or p == 0:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    keep = uniform(_shaped(x.shape, torch.float32)) < 1 - p
    return torch.where(keep, x * (1 / (1 - p)) if p < 1 else torch.zeros_like(x), 0), keep


@_handles("native_dropout_backward")
def native_dropout_backward(grad, keep, scale):
    return torch.where(keep, grad * scale, 0)


# --- Lists of tensors ------------------------------------------------------------------------------------


def foreach(name, args, kwargs, rule_of):
    """_foreach_X on lists: X on each of them, by X's own rule."""
    base = name[len("_foreach_"):]
    packet = getattr(aten, base)
    results = []
    for i in range(len(args[0])):
        one = [a[i] if isinstance(a, (list, tuple)) else a for a in args]
        keywords = {k: v[i] if isinstance(v, (list, tuple)) else v for k, v in kwargs.items()}
        results.append(_by_rule(packet, one, keywords, rule_of))
    return None if base.endswith("_") else results


_SCALARS_BY_KEYWORD = {"addcmul": "value", "addcdiv": "value"}


def _by_rule(packet, args, kwargs, rule_of):
    keyword = _SCALARS_BY_KEYWORD.get(packet.__name__.rstrip("_"))
    if keyword and len(args) > 3:  # _foreach_addcmul takes its value in fourth place
        kwargs = {**kwargs, keyword: args[3]}
        args = args[:3]
    scalar = len(args) > 1 and not isinstance(args[1], torch.Tensor)
    overload = packet.Tensor if "Tensor" in packet.overloads() and not scalar else None
    overload = overload or (packet.Scalar if "Scalar" in packet.overloads() else packet.default)
    rule = rule_of(overload)
    if rule.run is not None:
        return rule.run(overload, tuple(args), kwargs)
    return packet(*args, **kwargs)
