"""Attention as one operation, forward and backward."""

import torch

from eadem.torch.kernels.base import Refused, call, handles, new


def attention(q, k, v, mask, causal, scale, dropout=0.0, state=None):
    """ea_attention (include/eadem/op/attention.h); scale None: 1/√d. Dropout draws from the generator's `state`, which moves on."""
    out = new(q, (*q.shape[:-1], v.shape[-1]))
    call("attention", (q, k, v, mask, out, state), (int(causal),), (float(scale or 0), float(dropout)))
    return out


def attention_backward(grad, q, k, v, mask, causal, scale, wanted=(True, True, True), dropout=0.0, state=None):
    """The gradients of q, k and v that are wanted; `state` as it was before the forward."""
    grads = [new(t, t.shape) if want else None for t, want in zip((q, k, v), wanted)]
    if any(wanted):
        call("attention_backward", (grad, q, k, v, mask, *grads, state), (int(causal),), (float(scale or 0), float(dropout)))
    return grads


def dropout_factors(weights, dropout):
    """What attention multiplies its weights by: 0 with probability `dropout`, else 1/(1 − dropout)."""
    state, kept = torch.default_generator.get_state(), torch.empty(weights.shape)
    call("bernoulli", (state, kept), (), (1 - dropout,))
    torch.default_generator.set_state(state)
    return kept * (1 / (1 - dropout) if dropout < 1 else 0.0)


def _check(dropout, mask):
    if dropout:
        raise Refused("attention with dropout reaches here as one operation only when it is called by its inner name")
    return mask


@handles("_scaled_dot_product_flash_attention_for_cpu")
def flash_attention(q, k, v, dropout_p=0.0, is_causal=False, *, attn_mask=None, scale=None):
    """The result, and nothing in the place of the logarithm of the sums, which our backward needs not."""
    return attention(q, k, v, _check(dropout_p, attn_mask), is_causal, scale), new(q, (0,), torch.float32)


@handles("_scaled_dot_product_flash_attention")
def flash_attention_2_2(q, k, v, dropout_p=0.0, is_causal=False, return_debug_mask=False, *, scale=None):
    """Its name on the CPU in PyTorch 2.2; the last seven of nine results serve other devices."""
    nothing = new(q, (0,), torch.float32)
    return (attention(q, k, v, _check(dropout_p, None), is_causal, scale), nothing, nothing, nothing, 0, 0, nothing, nothing, nothing)


@handles("_scaled_dot_product_flash_attention_backward")
def flash_attention_backward_2_2(grad, q, k, v, out, sums, sizes_q, sizes_k, most_q, most_k, dropout_p, is_causal, seed, offset, *,
                                 scale=None):
    _check(dropout_p, None)
    return attention_backward(grad, q, k, v, None, is_causal, scale)


@handles("_scaled_dot_product_flash_attention_for_cpu_backward")
def flash_attention_backward(grad, q, k, v, out, sums, dropout_p, is_causal, *, attn_mask=None, scale=None):
    return attention_backward(grad, q, k, v, _check(dropout_p, attn_mask), is_causal, scale)
