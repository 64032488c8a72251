"""Batch, layer and group normalisation."""

import torch

from eadem.torch.kernels.arithmetic import sqrt
from eadem.torch.kernels.base import aggregate, call, handles, new, widened
from eadem.torch.kernels.reduce import sum_dims


def _batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps):
    out = torch.empty_like(x)
    saved = new(x, (x.shape[1],), torch.float32), new(x, (x.shape[1],), torch.float32)
    call("batch_norm", (x, weight, bias, running_mean, running_var, out, *saved), (int(training),),
         (float(momentum) or -1.0, float(eps)))  # zero would mean the default
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


def _eps(eps):
    return (float(eps) or -1.0,)  # zero would mean the default


@handles("native_layer_norm")
def native_layer_norm(x, normalized_shape, weight, bias, eps):
    dims = len(normalized_shape)
    rows = (*x.shape[:x.dim() - dims], *[1] * dims)
    out, mean, rstd = new(x, x.shape), new(x, rows, torch.float32), new(x, rows, torch.float32)
    lead = x.shape[:x.dim() - dims]
    call("layer_norm", (x, weight, bias, out, mean.view(lead), rstd.view(lead)), (dims,), _eps(eps))
    return out, mean, rstd


@handles("native_layer_norm_backward")
def native_layer_norm_backward(grad, x, normalized_shape, mean, rstd, weight, bias, mask):
    dims = len(normalized_shape)
    lead = x.shape[:x.dim() - dims]
    grads = _gradients(mask, (x, weight, bias))
    call("layer_norm_backward", (grad, x, weight, mean.reshape(lead), rstd.reshape(lead), *grads), (dims,))
    return grads


@handles("native_group_norm")
def native_group_norm(x, weight, bias, n, channels, size, groups, eps):
    out = new(x, x.shape)
    mean, rstd = new(x, (n, groups), torch.float32), new(x, (n, groups), torch.float32)
    call("group_norm", (x, weight, bias, out, mean, rstd), (groups,), _eps(eps))
    return out, mean, rstd


@handles("native_group_norm_backward")
def native_group_norm_backward(grad, x, mean, rstd, weight, n, channels, size, groups, mask):
    grads = _gradients(mask, (x, weight, weight if weight is not None else x.new_empty(channels)))
    call("group_norm_backward", (grad, x, weight, mean, rstd, *grads), (groups,))
    return grads


def _over_all_but(dim, x):
    return tuple(d for d in range(x.dim()) if d != dim % x.dim())


@handles("_weight_norm_interface")
@widened
def weight_norm(v, g, dim=0):
    norms = aggregate("norm", v, _over_all_but(dim, v), True, 2)
    return v * (g / norms), norms


@handles("_weight_norm_interface_backward")
@widened
def weight_norm_backward(grad, v, g, norms, dim):
    along = sum_dims(grad * v, _over_all_but(dim, v), True)
    return (g / norms) * (grad - v * (along / (norms * norms))), along / norms


def _gradients(mask, tensors):
    """Room for the gradients that are wanted."""
    return tuple(new(t, t.shape) if wanted and t is not None else None for wanted, t in zip(mask, tensors))
