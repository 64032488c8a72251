"""Batch, layer and group normalisation."""

import torch

from eadem.torch.kernels.arithmetic import sqrt
from eadem.torch.kernels.base import call, handles, new
from eadem.torch.kernels.reduce import mean, sum_dims


def _batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps):
    out = torch.empty_like(x)
    saved = new(x, (x.shape[1],), torch.float32), new(x, (x.shape[1],), torch.float32)
    call("batch_norm", (x, weight, bias, running_mean, running_var, out, *saved), (int(training),),
         (float(momentum), float(eps)))
    return (out, *saved)


@handles("native_batch_norm", "_native_batch_norm_legit")
def native_batch_norm(x, weight, bias, *rest):
    running = rest[:2] if len(rest) == 5 else (None, None)
    return _batch_norm(x, weight, bias, *running, *rest[-3:])


@handles("_native_batch_norm_legit_no_training")
def native_batch_norm_eval(x, weight, bias, running_mean, running_var, momentum, eps):
    out, saved_mean, saved_std = _batch_norm(x, weight, bias, running_mean, running_var, False, momentum, eps)
    return out, saved_mean, saved_std


@handles("native_batch_norm_backward")
def native_batch_norm_backward(grad, x, weight, running_mean, running_var, save_mean, save_std, train, eps, mask):
    # The second statistic that our forward saves is the deviation, not its inverse; autograd only carries it.
    if not train:
        save_mean, save_std = running_mean, sqrt(running_var + eps)
    grad_x = torch.empty_like(x) if mask[0] else None
    grad_weight = new(x, (x.shape[1],)) if mask[1] else None
    grad_bias = new(x, (x.shape[1],)) if mask[2] else None
    call("batch_norm_backward", (grad, x, weight, save_mean, save_std, grad_x, grad_weight, grad_bias),
         (int(train),), (0.1, float(eps)))
    return grad_x, grad_weight, grad_bias


def _normalise(x, dims, eps):
    centre = mean(x, dims, True)
    difference = x - centre
    variance = mean(difference * difference, dims, True)
    return centre, sqrt(variance + eps).reciprocal()


def _normalise_backward(grad, normal, rstd, dims):
    """grad is already multiplied by the weight; normal = (x − mean)·rstd."""
    inner = grad - mean(grad, dims, True)
    return (inner - normal * mean(grad * normal, dims, True)) * rstd


@handles("native_layer_norm")
def native_layer_norm(x, normalized_shape, weight, bias, eps):
    dims = tuple(range(x.dim() - len(normalized_shape), x.dim()))
    wide = x.float()
    centre, rstd = _normalise(wide, dims, eps)
    out = (wide - centre) * rstd
    out = out if weight is None else out * weight.float()
    out = out if bias is None else out + bias.float()
    return out.to(x.dtype), centre, rstd


@handles("native_layer_norm_backward")
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


@handles("native_group_norm")
def native_group_norm(x, weight, bias, n, channels, size, groups, eps):
    wide = _grouped(x, groups)
    centre, rstd = _normalise(wide, (2,), eps)
    out = (wide - centre) * rstd
    out = out if weight is None else out * _by_channel(weight, x, groups)
    out = out if bias is None else out + _by_channel(bias, x, groups)
    return out.reshape(x.shape).to(x.dtype), centre.reshape(n, groups), rstd.reshape(n, groups)


@handles("native_group_norm_backward")
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
