"""Differentiable operations with Eadem's bits, forward and backward, usable without reproducible().

Each takes and returns CPU tensors and has the meaning of torch.nn.functional's function of the same name.
The contract is the one of the calling thread (eadem.ops.use_contract), noted at the forward for its backward.
"""

from typing import Any, Optional, Sequence

import torch
from torch import Tensor

from eadem._context import current, use_contract
from eadem.torch import kernels


class _Function(torch.autograd.Function):
    """Remembers the forward's contract, so that the backward computes under the same."""

    @classmethod
    def setup_context(cls, ctx, inputs, output):
        ctx.contract = current().contract
        cls.remember(ctx, inputs, output)

    @classmethod
    def backward(cls, ctx, *grads):
        if torch.is_grad_enabled():
            raise RuntimeError(f"{cls.__name__} has no gradient of its gradient: use PyTorch's operation inside reproducible()")
        with use_contract(ctx.contract):
            return cls.gradients(ctx, *grads)


class _Linear(_Function):
    @staticmethod
    def forward(x, weight, bias):
        out = x.new_empty(*x.shape[:-1], weight.shape[0])
        kernels.call("linear", (x, weight, bias, out))
        return out

    @staticmethod
    def remember(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def gradients(ctx, grad):
        x, weight = ctx.saved_tensors
        rows, flat = grad.reshape(-1, grad.shape[-1]), x.reshape(-1, x.shape[-1])
        grad_x = kernels.mm(rows, weight).reshape(x.shape) if ctx.needs_input_grad[0] else None
        grad_weight = kernels.mm(rows.t(), flat) if ctx.needs_input_grad[1] else None
        grad_bias = kernels.sum_dims(rows, (0,)) if ctx.needs_input_grad[2] else None
        return grad_x, grad_weight, grad_bias


class _Conv2d(_Function):
    @staticmethod
    def forward(x, weight, bias, stride, padding, dilation, groups):
        return kernels.convolution(x, weight, bias, stride, padding, dilation, False, (0, 0), groups)

    @staticmethod
    def remember(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])
        ctx.options = inputs[3:]

    @staticmethod
    def gradients(ctx, grad):
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.options
        return (*kernels.convolution_backward(grad, x, weight, None, stride, padding, dilation, False, (0, 0),
                                              groups, ctx.needs_input_grad[:3]), None, None, None, None)


class _BatchNorm(_Function):
    @staticmethod
    def forward(x, weight, bias, running_mean, running_var, training, momentum, eps):
        return kernels.native_batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps)

    @staticmethod
    def remember(ctx, inputs, output):
        x, weight, _, running_mean, running_var, ctx.training, _, ctx.eps = inputs
        ctx.save_for_backward(x, weight, running_mean, running_var, *output[1:])
        ctx.mark_non_differentiable(*output[1:])

    @staticmethod
    def gradients(ctx, grad, *_):
        x, weight, running_mean, running_var, mean, std = ctx.saved_tensors
        grads = kernels.native_batch_norm_backward(grad, x, weight, running_mean, running_var, mean, std,
                                                   ctx.training, ctx.eps, ctx.needs_input_grad[:3])
        return (*grads, None, None, None, None, None)


_REDUCTIONS = {"mean": 0, "sum": 1, "none": 2}


class _CrossEntropy(_Function):
    @staticmethod
    def forward(x, target, reduction):
        out = x.new_empty(x.shape[0] if reduction == 2 else ())
        kernels.call("cross_entropy", (x, target, out), (reduction,))
        return out

    @staticmethod
    def remember(ctx, inputs, output):
        x, target, ctx.reduction = inputs
        ctx.save_for_backward(x, target)

    @staticmethod
    def gradients(ctx, grad):
        x, target = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        kernels.call("cross_entropy_backward", (grad, x, target, grad_x), (ctx.reduction,))
        return grad_x, None, None


def _unary(name):
    class Unary(_Function):
        @staticmethod
        def forward(x):
            return kernels.HANDLERS[name](x)

        @staticmethod
        def remember(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def gradients(ctx, grad):
            (x,) = ctx.saved_tensors
            grad_x = torch.empty_like(x)
            kernels.call(f"{name}_backward", (grad, x, grad_x))
            return grad_x

    Unary.__name__ = name
    return Unary


_Tanh, _Sigmoid, _Relu = _unary("tanh"), _unary("sigmoid"), _unary("relu")


class _Softmax(_Function):
    @staticmethod
    def forward(x, dim, kind):
        return kernels.same(kind, x, integers=(dim,))

    @staticmethod
    def remember(ctx, inputs, output):
        _, ctx.dim, ctx.kind = inputs
        ctx.save_for_backward(output)

    @staticmethod
    def gradients(ctx, grad):
        (out,) = ctx.saved_tensors
        return kernels.same(f"{ctx.kind}_backward", grad, out, integers=(ctx.dim,)), None, None


class _Attention(_Function):
    @staticmethod
    def forward(q, k, v, mask, state, causal, scale, dropout):
        if state is None:
            return kernels.attention(q, k, v, mask, causal, scale)
        after = state.clone()
        out = kernels.attention(q, k, v, mask, causal, scale, dropout, after)
        torch.default_generator.set_state(after)
        return out

    @staticmethod
    def remember(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:5])
        ctx.options = inputs[5:]

    @staticmethod
    def gradients(ctx, grad):
        q, k, v, mask, state = ctx.saved_tensors
        causal, scale, dropout = ctx.options
        grads = kernels.attention_backward(grad, q, k, v, mask, causal, scale, ctx.needs_input_grad[:3], dropout, state)
        return (*grads, None, None, None, None, None)


def _apply(function: Any, *args: Any) -> Any:
    return function.apply(*args)


def linear(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """x [..., in] · weightᵀ [out, in] + bias [out]."""
    return _apply(_Linear, x, weight, bias)


def conv2d(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Sequence[int] = (1, 1),
           padding: Sequence[int] = (0, 0), dilation: Sequence[int] = (1, 1), groups: int = 1) -> Tensor:
    """x [n, c, h, w], weight [oc, c/groups, kh, kw], bias [oc]; pairs are (height, width)."""
    return _apply(_Conv2d, x, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


def batch_norm(x: Tensor, running_mean: Optional[Tensor], running_var: Optional[Tensor], weight: Optional[Tensor] = None,
               bias: Optional[Tensor] = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """x [n, c, ...]; running statistics are updated in place in training."""
    return _apply(_BatchNorm, x, weight, bias, running_mean, running_var, training, momentum, eps)[0]


def cross_entropy(x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """x [n, classes], target [n] class indices."""
    return _apply(_CrossEntropy, x, target, _REDUCTIONS[reduction])


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent; its gradient uses the correctly rounded derivative at x."""
    return _apply(_Tanh, x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ); its gradient uses the correctly rounded derivative at x."""
    return _apply(_Sigmoid, x)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor] = None, causal: bool = False,
              scale: Optional[float] = None, dropout: float = 0.0) -> Tensor:
    """q [..., h, n, d], k [..., g, m, d], v [..., g, m, e], h a multiple of g; mask of truth values or floats, without a
    gradient, broadcasts to [..., h, n, m]; scale None: 1/√d. dropout is the weights', from PyTorch's generator."""
    state = torch.default_generator.get_state() if dropout else None
    return _apply(_Attention, q, k, v, mask, state, causal, scale, dropout)


def relu(x: Tensor) -> Tensor:
    """max(x, 0); −0 and NaN stay."""
    return _apply(_Relu, x)


def softmax(x: Tensor, dim: int) -> Tensor:
    """Softmax along dim."""
    return _apply(_Softmax, x, dim, "softmax")


def log_softmax(x: Tensor, dim: int) -> Tensor:
    """Logarithm of the softmax along dim."""
    return _apply(_Softmax, x, dim, "log_softmax")
