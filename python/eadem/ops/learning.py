"""Normalisation, losses, optimisers. Bits: docs/contract.md, Batch norm, Row norms, Losses, Optimisers."""

from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np

from eadem._context import current
from eadem.ops.base import Array, Number, call, capsule, empty, named, shape
from eadem.ops.elementwise import point
from eadem.ops.indexing import _choice
from eadem.ops.reduction import mean, sum as sum_of

__all__ = """
batch_norm batch_norm_backward layer_norm layer_norm_backward rms_norm rms_norm_backward group_norm group_norm_backward
cross_entropy cross_entropy_backward nll_loss nll_loss_backward ctc_loss ctc_loss_backward mse_loss l1_loss smooth_l1_loss
huber_loss hinge_embedding_loss kl_div poisson_nll_loss bce bce_with_logits gaussian_nll_loss margin_ranking_loss sgd adam
update
""".split()

# --- Normalisation: eps 0 is a true 0 here; the library's zero stands for its default. ---


def _eps(eps: float) -> float:
    return float(eps) or -1.0


def _batch_norm_forward(x: Array, running_mean: Optional[Array], running_var: Optional[Array], weight: Optional[Array],
                        bias: Optional[Array], training: bool, momentum: float, eps: float,
                        out: Optional[Array]) -> Tuple[Array, Array, Array]:
    out = empty(x, shape(x)) if out is None else out
    saved = empty(x, (x.shape[1],), "float32"), empty(x, (x.shape[1],), "float32")
    call("batch_norm", (x, weight, bias, running_mean, running_var, out, *saved), (int(training),),
         (float(momentum) or -1.0, float(eps)))
    return out, saved[0], saved[1]


def batch_norm(x: Array, running_mean: Optional[Array] = None, running_var: Optional[Array] = None,
               weight: Optional[Array] = None, bias: Optional[Array] = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5, out: Optional[Array] = None, save: bool = False) -> Any:
    """torch.nn.functional.batch_norm: x [n, c, ...], the rest [c]; running statistics are updated in place in training.
    With `save` also the mean and the deviation that normalised, which batch_norm_backward takes."""
    result = _batch_norm_forward(x, running_mean, running_var, weight, bias, training, momentum, eps, out)
    return result if save else result[0]


def batch_norm_backward(grad_out: Array, x: Array, weight: Optional[Array], save_mean: Array, save_std: Array,
                        training: bool = True, eps: float = 1e-5) -> Tuple[Array, Array, Array]:
    """The gradients of batch_norm with respect to x, weight and bias."""
    grads = empty(x, shape(x)), empty(x, (x.shape[1],)), empty(x, (x.shape[1],))
    call("batch_norm_backward", (grad_out, x, weight, save_mean, save_std, *grads), (int(training),), (0.1, float(eps)))
    return grads


def layer_norm(x: Array, dims: int = 1, weight: Optional[Array] = None, bias: Optional[Array] = None, eps: float = 1e-5,
               save: bool = False) -> Any:
    """torch.nn.functional.layer_norm over the last `dims` dimensions, whose shape weight and bias have. With `save` also
    the rows' means and 1/√(variance + eps), which layer_norm_backward takes."""
    lead = shape(x)[:len(x.shape) - dims]
    out, saved = empty(x, shape(x)), (empty(x, lead, "float32"), empty(x, lead, "float32"))
    call("layer_norm", (x, weight, bias, out, *saved), (dims,), (_eps(eps),))
    return (out, *saved) if save else out


def layer_norm_backward(grad_out: Array, x: Array, weight: Optional[Array], save_mean: Array, save_rstd: Array,
                        dims: int = 1) -> Tuple[Array, Array, Array]:
    """The gradients of layer_norm with respect to x, weight and bias."""
    sizes = shape(x)[len(x.shape) - dims:]
    grads = empty(x, shape(x)), empty(x, sizes), empty(x, sizes)
    call("layer_norm_backward", (grad_out, x, weight, save_mean, save_rstd, *grads), (dims,))
    return grads


def rms_norm(x: Array, dims: int = 1, weight: Optional[Array] = None, eps: float = 2.0**-23, save: bool = False) -> Any:
    """torch.nn.functional.rms_norm: x/√(mean of squares + eps) over the last `dims` dimensions. With `save` also the
    rows' factors, which rms_norm_backward takes. Zhang and Sennrich 2019 (arXiv:1910.07467)."""
    out, saved = empty(x, shape(x)), empty(x, shape(x)[:len(x.shape) - dims], "float32")
    call("rms_norm", (x, weight, out, saved), (dims,), (_eps(eps),))
    return (out, saved) if save else out


def rms_norm_backward(grad_out: Array, x: Array, weight: Optional[Array], save_rstd: Array,
                      dims: int = 1) -> Tuple[Array, Array]:
    """The gradients of rms_norm with respect to x and weight."""
    grads = empty(x, shape(x)), empty(x, shape(x)[len(x.shape) - dims:])
    call("rms_norm_backward", (grad_out, x, weight, save_rstd, *grads), (dims,))
    return grads


def group_norm(x: Array, groups: int, weight: Optional[Array] = None, bias: Optional[Array] = None, eps: float = 1e-5,
               save: bool = False) -> Any:
    """torch.nn.functional.group_norm: x [n, c, …] in groups of channels, weight and bias [c]; groups = c is instance_norm.
    With `save` also mean and 1/√(variance + eps) [n, groups]. Wu and He 2018 (arXiv:1803.08494)."""
    sizes = (x.shape[0], groups)
    out, saved = empty(x, shape(x)), (empty(x, sizes, "float32"), empty(x, sizes, "float32"))
    call("group_norm", (x, weight, bias, out, *saved), (groups,), (_eps(eps),))
    return (out, *saved) if save else out


def group_norm_backward(grad_out: Array, x: Array, groups: int, weight: Optional[Array], save_mean: Array,
                        save_rstd: Array) -> Tuple[Array, Array, Array]:
    """The gradients of group_norm with respect to x, weight and bias."""
    grads = empty(x, shape(x)), empty(x, (x.shape[1],)), empty(x, (x.shape[1],))
    call("group_norm_backward", (grad_out, x, weight, save_mean, save_rstd, *grads), (groups,))
    return grads


# --- Losses ---

_REDUCTIONS = ("mean", "sum", "none")


def cross_entropy(x: Array, target: Array, reduction: str = "mean", out: Optional[Array] = None) -> Array:
    """torch.nn.functional.cross_entropy with class indices: x [n, classes], target [n] of int64 or int32; [] or for
    "none" [n]. With weights, smoothing or probabilities: nll_loss(log_softmax(x, 1), …)."""
    number = _choice("reduction", reduction, _REDUCTIONS)
    out = empty(x, (x.shape[0],) if reduction == "none" else ()) if out is None else out
    call("cross_entropy", (x, target, out), (number,))
    return out


def cross_entropy_backward(grad_out: Array, x: Array, target: Array, reduction: str = "mean") -> Array:
    """The gradient of cross_entropy with respect to x."""
    out = empty(x, shape(x))
    call("cross_entropy_backward", (grad_out, x, target, out), (_choice("reduction", reduction, _REDUCTIONS),))
    return out


def _nll_numbers(reduction: str, ignore_index: int, label_smoothing: float) -> Tuple[Tuple[int, ...], Tuple[float, ...]]:
    return (_choice("reduction", reduction, _REDUCTIONS), 1, ignore_index), (float(label_smoothing),)


def nll_loss(x: Array, target: Array, weight: Optional[Array] = None, reduction: str = "mean", ignore_index: int = -100,
             label_smoothing: float = 0.0) -> Array:
    """torch.nn.functional.nll_loss, with cross_entropy's label smoothing: x log-probabilities [n, classes, …] or
    [classes]; target class indices [n, …] or [], or probabilities of x's shape; weight [classes]."""
    places = shape(x)[:1] + shape(x)[2:] if len(x.shape) > 1 else ()
    out = empty(x, places if reduction == "none" else ())
    call("nll_loss", (x, target, weight, out), *_nll_numbers(reduction, ignore_index, label_smoothing))
    return out


def nll_loss_backward(grad_out: Array, x: Array, target: Array, weight: Optional[Array] = None, reduction: str = "mean",
                      ignore_index: int = -100, label_smoothing: float = 0.0) -> Array:
    """The gradient of nll_loss with respect to x."""
    out = empty(x, shape(x))
    call("nll_loss_backward", (grad_out, x, target, weight, out, None),
         *_nll_numbers(reduction, ignore_index, label_smoothing))
    return out


def ctc_loss(log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int = 0,
             zero_infinity: bool = False) -> Array:
    """torch.nn.functional.ctc_loss(reduction="none"): log_probs [time, n, classes], targets [n, longest] or one after
    another, lengths [n]; losses [n]. Graves et al. 2006."""
    out = empty(log_probs, (log_probs.shape[1],))
    call("ctc_loss", (log_probs, targets, input_lengths, target_lengths, out), (blank, int(zero_infinity)))
    return out


def ctc_loss_backward(grad_out: Array, log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array,
                      blank: int = 0, zero_infinity: bool = False) -> Array:
    """The gradient of ctc_loss, as PyTorch's that for logits whose log_softmax log_probs is."""
    out = empty(log_probs, shape(log_probs))
    call("ctc_loss_backward", (grad_out, log_probs, targets, input_lengths, target_lengths, out),
         (blank, int(zero_infinity)))
    return out


def _loss(name: str, inputs: int, doc: str, *parameters: str) -> Callable[..., Array]:
    """A loss of terms: point functions and their mean or sum."""
    defaults = {word.split("=")[0]: float(word.split("=")[1]) for word in parameters}

    def run(*args: Array, reduction: str = "mean", **given: Number) -> Array:
        if len(args) != inputs or set(given) - set(defaults):
            raise TypeError(f"{name} takes {inputs} tensors, reduction and {', '.join(defaults) or 'nothing else'}")
        terms = point(name, args, [float(given.get(key, value)) for key, value in defaults.items()])
        return (mean, sum_of, lambda t: t)[_choice("reduction", reduction, _REDUCTIONS)](terms)

    words = ("x target" if inputs == 2 else "x target third").split() + list(parameters)
    tail = " reduction 'mean', 'sum' or 'none', by name as the other options. The gradient of a term: point_backward."
    return named(run, name, f"torch.nn.functional.{doc}" + tail, " ".join(words))


mse_loss = _loss("mse_loss", 2, "mse_loss.")
l1_loss = _loss("l1_loss", 2, "l1_loss.")
smooth_l1_loss = _loss("smooth_l1_loss", 2, "smooth_l1_loss.", "beta=1")
huber_loss = _loss("huber_loss", 2, "huber_loss.", "delta=1")
hinge_embedding_loss = _loss("hinge_embedding_loss", 2, "hinge_embedding_loss.", "margin=1")
kl_div = _loss("kl_div", 2, "kl_div; log_target 0 or 1.", "log_target=0")
poisson_nll_loss = _loss("poisson_nll_loss", 2, "poisson_nll_loss.", "log_input=1", "full=0", "eps=1e-8")
bce = _loss("bce", 2, "binary_cross_entropy.")
bce_with_logits = _loss("bce_with_logits", 3, "binary_cross_entropy_with_logits; the third is pos_weight, 1 for none.")
gaussian_nll_loss = _loss("gaussian_nll_loss", 3, "gaussian_nll_loss; the third is the variance.", "full=0", "eps=1e-6")
margin_ranking_loss = _loss("margin_ranking_loss", 3, "margin_ranking_loss of x1, x2, target.", "margin=0")


# --- Optimisers: one step of one parameter; float32, contiguous, of one shape; parameter and states in place. ---


def _true(value: float) -> float:
    return float(value) or -1.0  # the library's zero stands for its default


def sgd(grad: Array, param: Array, momentum_buffer: Optional[Array] = None, step: int = 1, lr: float = 1e-3,
        momentum: float = 0.0, dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False,
        maximize: bool = False) -> None:
    """torch.optim.SGD. Step 1 fills momentum_buffer with the gradient; it is needed when momentum is not 0."""
    call("sgd", (grad, param, momentum_buffer), (step, int(nesterov), int(maximize)),
         (float(lr), float(momentum), float(dampening), float(weight_decay)))


def adam(grad: Array, param: Array, exp_avg: Array, exp_avg_sq: Array, max_exp_avg_sq: Optional[Array] = None,
         step: int = 1, lr: float = 1e-3, betas: Tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
         weight_decay: float = 0.0, amsgrad: bool = False, decoupled: bool = False, maximize: bool = False) -> None:
    """torch.optim.Adam, or with `decoupled` AdamW; under contract "repdl" RepDL's Adam. States are 0 before step 1."""
    call("adam", (grad, param, exp_avg, exp_avg_sq, max_exp_avg_sq), (step, int(amsgrad), int(decoupled), int(maximize)),
         (float(lr), _true(betas[0]), _true(betas[1]), _true(eps), float(weight_decay)))


_RULES = ("nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta", "lion")  # in the order of ea_update_rule


def update(rule: str, grad: Array, param: Array, states: Sequence[Array], step: int = 1, lr: float = 1e-3, *,
           mu_product: Optional[Array] = None, beta1: float = 0.0, beta2: float = 0.0, eps: float = 0.0,
           weight_decay: float = 0.0, momentum: float = 0.0, momentum_decay: float = 0.0, lr_decay: float = 0.0,
           centered: bool = False, decoupled: bool = False, maximize: bool = False) -> None:
    """torch.optim's NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta, or Lion (Chen et al. 2023, arXiv:2302.06675), by name
    in lower case.

    states, 0 before step 1, in order: exp_avg, exp_avg_sq (nadam, radam), exp_avg, exp_inf (adamax), square_avg,
    momentum_buffer if momentum, grad_avg if centered (rmsprop), sum (adagrad), square_avg, acc_delta (adadelta), exp_avg
    (lion). mu_product: one NumPy float64, 1 before step 1 (nadam). 0 for beta1, beta2, eps and momentum_decay means PyTorch's
    default, a negative number a true 0; beta2 is rmsprop's alpha and adadelta's rho.
    """
    if mu_product is not None and (not isinstance(mu_product, np.ndarray) or mu_product.dtype != np.float64):
        raise TypeError("mu_product is one NumPy float64")
    rooms = [*states, *[None] * (3 - len(states))]
    call("update", (grad, param, *rooms, mu_product),
         (step, _choice("rule", rule, _RULES), int(centered), int(decoupled), int(maximize)),
         tuple(map(float, (lr, beta1, beta2, eps, weight_decay, momentum, momentum_decay, lr_decay))))


def digest(*tensors: Array) -> str:
    """SHA-256 of the elements of all tensors, one after another, as hexadecimal digits."""
    return str(current().digest(tuple(capsule(t) for t in tensors)))
