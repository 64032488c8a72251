"""Softmax and losses."""

import math

import torch

from eadem.torch.kernels.base import handles, same, widened
from eadem.torch.kernels.reduce import mean, sum_dims


@handles("_softmax")
def softmax(x, dim, half_to_float):
    return same("softmax", x.float() if half_to_float else x, integers=(dim,))


@handles("_safe_softmax")
def safe_softmax(x, dim, dtype=None):
    x = x if dtype is None else x.to(dtype)
    empty = (x == -math.inf).all(dim, keepdim=True)
    return torch.where(empty, 0.0, same("softmax", x, integers=(dim,)))


@handles("_log_softmax")
def log_softmax(x, dim, half_to_float):
    return same("log_softmax", x.float() if half_to_float else x, integers=(dim,))


@handles("_softmax_backward_data")
def softmax_backward(grad, out, dim, input_dtype):
    return same("softmax_backward", grad, out, integers=(dim,)).to(input_dtype)


@handles("_log_softmax_backward_data")
def log_softmax_backward(grad, out, dim, input_dtype):
    return same("log_softmax_backward", grad, out, integers=(dim,)).to(input_dtype)


def _class_weights(x, target, weight, ignore_index):
    """The weight of each target's class, 0 where it is ignored; and the targets with those made 0."""
    ignored = target == ignore_index
    target = target.masked_fill(ignored, 0)
    weights = torch.ones_like(target, dtype=x.dtype) if weight is None else weight[target]
    return weights.masked_fill(ignored, 0), target


@handles("nll_loss_forward", "nll_loss2d_forward")
def nll_loss_forward(x, target, weight, reduction, ignore_index):
    weights, target = _class_weights(x, target, weight, ignore_index)
    channel = int(x.dim() > 1)
    loss = -x.gather(channel, target.unsqueeze(channel)).squeeze(channel) * weights
    total = sum_dims(weights, ())
    if reduction == 0:
        return loss, torch.zeros((), dtype=x.dtype)
    loss = sum_dims(loss, ())
    return (loss / total if reduction == 1 else loss), total


@handles("nll_loss_backward", "nll_loss2d_backward")
def nll_loss_backward(grad, x, target, weight, reduction, ignore_index, total_weight):
    weights, target = _class_weights(x, target, weight, ignore_index)
    scale = grad / total_weight if reduction == 1 else grad
    out = torch.zeros_like(x)
    channel = int(x.dim() > 1)
    return out.scatter_(channel, target.unsqueeze(channel), (-weights * scale).unsqueeze(channel))


def _reduced(loss, reduction):
    return (loss, mean(loss), sum_dims(loss, ()))[reduction]


@handles("mse_loss")
@widened
def mse_loss(x, target, reduction=1):
    difference = x - target
    return _reduced(difference * difference, reduction)


@handles("mse_loss_backward")
@widened
def mse_loss_backward(grad, x, target, reduction):
    return (x - target) * (grad * (2.0 / x.numel() if reduction == 1 else 2.0))
