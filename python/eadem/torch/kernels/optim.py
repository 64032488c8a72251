"""The fused optimisers of PyTorch (fused=True): Eadem's step on each parameter."""

import torch

from eadem.torch.kernels.base import Refused, call, handles


def positive(x):
    """In the library's options zero means the default, so a true zero is given as a negative number."""
    return float(x) or -1.0


def _unscaled(grad_scale, found_inf):
    if grad_scale is not None or found_inf is not None:
        raise Refused("a fused optimiser that takes the gradient scaler's factor is not there")


def _adam(decoupled):
    def step(params, grads, means, squares, maxima, steps, *, lr, beta1, beta2, weight_decay, eps, amsgrad, maximize,
             grad_scale=None, found_inf=None):
        _unscaled(grad_scale, found_inf)
        for i, param in enumerate(params):
            call("adam", (grads[i].contiguous(), param, means[i], squares[i], maxima[i] if amsgrad else None),
                 (int(steps[i]), int(amsgrad), decoupled, int(maximize)),
                 (float(lr), positive(beta1), positive(beta2), positive(eps), float(weight_decay)))
    return step


handles("_fused_adam_")(_adam(0))
handles("_fused_adamw_")(_adam(1))


@handles("_fused_sgd_")
def sgd(params, grads, buffers, *, weight_decay, momentum, lr, dampening, nesterov, maximize, is_first_step,
        grad_scale=None, found_inf=None):
    _unscaled(grad_scale, found_inf)
    for i, param in enumerate(params):
        call("sgd", (grads[i].contiguous(), param, buffers[i] if momentum else None),
             (1 if is_first_step else 2, int(nesterov), int(maximize)),
             (float(lr), float(momentum), float(dampening), float(weight_decay)))


@handles("_fused_adagrad_")
def adagrad(params, grads, sums, steps, *, lr, lr_decay, weight_decay, eps, maximize, grad_scale=None, found_inf=None):
    _unscaled(grad_scale, found_inf)
    for i, param in enumerate(params):
        call("update", (grads[i].contiguous(), param, sums[i], None, None, None), (int(steps[i]), _ADAGRAD, 0, 0, int(maximize)),
             (float(lr), 0.0, 0.0, positive(eps), float(weight_decay), 0.0, 0.0, float(lr_decay)))


_ADAGRAD = 4  # its place in ea_update_rule
