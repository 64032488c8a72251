"""Softmax and losses."""

import math

import torch

from eadem.torch.kernels.base import call, handles, new, point, point_backward, same, widened
from eadem.torch.kernels.function import function
from eadem.torch.kernels.reduce import mean, sum_dims


@handles("_softmax")
def softmax(x, dim, half_to_float):
    return same("softmax", x.float() if half_to_float else x, integers=(dim,))


@handles("_safe_softmax")
def safe_softmax(x, dim, dtype=None):
    x = x if dtype is None else x.to(dtype)
    out = same("softmax", x, integers=(dim,))
    suspect = out.select(dim, 0).isnan() if out.shape[dim] else out  # a row of −infinity alone gives NaN
    if suspect.any():
        out.masked_fill_((x == -math.inf).all(dim, keepdim=True), 0.0)
    return out


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


def _register(name, point_name, parameter):
    """A loss and its gradient by x; `parameter` says whether it takes one, after the reduction."""
    def forward(x, target, reduction=1, *parameters):
        return _reduced(point(point_name, x, target, parameters=_floats(parameters)), reduction)

    def backward(grad, x, target, reduction, *parameters):
        grad = grad / x.numel() if reduction == 1 else grad
        return point_backward(point_name, 0, grad.expand_as(x).contiguous(), x, target, parameters=_floats(parameters))

    def _floats(parameters):
        return tuple(map(float, parameters or (1.0,))) if parameter else ()

    handles(name)(forward)
    handles(f"{name}_backward")(backward)


_register("mse_loss", "mse_loss", False)
_register("smooth_l1_loss", "smooth_l1_loss", True)
_register("huber_loss", "huber_loss", True)


def _weighted(x, weight):
    return x if weight is None else x * weight


@handles("binary_cross_entropy")
def binary_cross_entropy(x, target, weight=None, reduction=1):
    return _reduced(_weighted(point("bce", x, target), weight), reduction)


@handles("binary_cross_entropy_backward")
def binary_cross_entropy_backward(grad, x, target, weight=None, reduction=1):
    grad = _weighted(grad / x.numel() if reduction == 1 else grad, weight)
    return point_backward("bce", 0, grad.expand_as(x).contiguous(), x, target)


@handles("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction=1):
    loss = point("bce_with_logits", x, target, 1.0 if pos_weight is None else pos_weight)
    return _reduced(_weighted(loss, weight), reduction)


@handles("soft_margin_loss")
@widened
def soft_margin_loss(x, target, reduction=1):
    return _reduced(function("softplus", -target * x), reduction)


@handles("soft_margin_loss_backward")
@widened
def soft_margin_loss_backward(grad, x, target, reduction):
    slope = -target * function("sigmoid", -target * x)
    return slope * (grad / x.numel() if reduction == 1 else grad)


def _lengths(values):
    return values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=torch.int64)


@handles("_ctc_loss")
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, zero_infinity=False):
    """The losses; in the place of PyTorch's table of the forward pass, which our backward needs not, nothing."""
    losses = new(log_probs, (log_probs.shape[1],))
    call("ctc_loss", (log_probs, targets, _lengths(input_lengths), _lengths(target_lengths), losses),
         (blank, int(zero_infinity)))
    return losses, new(log_probs, (0,))


@handles("_ctc_loss_backward")
def ctc_loss_backward(grad, log_probs, targets, input_lengths, target_lengths, losses, table, blank,
                      zero_infinity=False):
    out = new(log_probs, log_probs.shape)
    call("ctc_loss_backward",
         (grad.contiguous(), log_probs, targets, _lengths(input_lengths), _lengths(target_lengths), out),
         (blank, int(zero_infinity)))
    return out
