"""scaled_dot_product_attention under reproducible().

PyTorch chooses among its implementations by strides, gradients and switches before the dispatcher sees anything, so the
choice is taken from it: one function mode gives the call to Eadem's operation, or, where that has no answer (a mask
that wants a gradient, shapes that broadcast), to its parts, spelled out here so that they give the same bits.
"""

import math

import torch
from torch.overrides import TorchFunctionMode

from eadem.torch import functional, kernels

_FLOATS = (torch.float32, torch.float16, torch.bfloat16)
_softmax = getattr(torch, "_safe_softmax", torch.softmax)  # zero where all of a row is −∞; PyTorch 2.2 has none
_ATTENTION = torch.nn.functional.scaled_dot_product_attention


# What runs the autograd engine, which takes over the modes of the moment: what a checkpoint computes again is attention too.
_BACKWARD = frozenset((torch.Tensor.backward, torch.autograd.backward))
_OURS = _BACKWARD | {_ATTENTION}
_ENGINE_ASKS_MODES = "has_torch_function" in torch.autograd.backward.__code__.co_names  # not so in PyTorch 2.2


class AttentionMode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func not in _OURS:  # first, as nearly every call is such a one
            return func(*args, **kwargs) if kwargs else func(*args)
        if func is _ATTENTION:
            return attend(*args, **(kwargs or {}))
        if _in_a_graph(args[0]):
            with self:
                return _backward(*args, **(kwargs or {}))
        return func(*args, **kwargs) if kwargs else func(*args)


def _in_a_graph(tensors):
    return all(t.requires_grad for t in ((tensors,) if isinstance(tensors, torch.Tensor) else tensors) if isinstance(t, torch.Tensor))


def _edges(tensors):
    """The tensors' places in the graph, which, unlike tensors, are not asked for modes."""
    if not _ENGINE_ASKS_MODES or tensors is None:
        return tensors
    tensors = (tensors,) if isinstance(tensors, torch.Tensor) else tensors
    return [torch.autograd.graph.get_gradient_edge(t) if isinstance(t, torch.Tensor) else t for t in tensors]


def _backward(tensors, gradient=None, retain_graph=None, create_graph=False, inputs=None, *, grad_tensors=None):
    torch.autograd.backward(_edges(tensors), grad_tensors if gradient is None else gradient, retain_graph, create_graph,
                            inputs=_edges(inputs))


def _autocast_dtype():
    if hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None  # PyTorch 2.2


def attend(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """torch.nn.functional.scaled_dot_product_attention, its arguments and meaning."""
    tensors = [query, key, value] + ([] if attn_mask is None else [attn_mask])
    dtype = _autocast_dtype()
    if dtype is not None:
        query, key, value = (t.to(dtype) if t.dtype in _FLOATS else t for t in (query, key, value))
    if query.dtype not in _FLOATS or any(t.device.type != "cpu" or t.is_nested for t in tensors):
        more = {"enable_gqa": True} if enable_gqa else {}
        return _ATTENTION(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **more)
    with torch.autocast("cpu", enabled=False):
        if _is_one_operation(query, key, value, attn_mask, scale, enable_gqa):
            return functional.attention(query, key, value, attn_mask, is_causal, scale, dropout_p)
        return _parts(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)


def _is_one_operation(q, k, v, mask, scale, shared_heads):
    if scale == 0 or mask is not None and mask.requires_grad and torch.is_grad_enabled():
        return False
    if not (q.dim() == k.dim() == v.dim() >= 3 and q.shape[:-3] == k.shape[:-3] == v.shape[:-3]):
        return False
    return k.shape[-3] == v.shape[-3] and (q.shape[-3] == k.shape[-3] or shared_heads)


def _parts(q, k, v, mask, dropout, causal, scale, shared_heads):
    """The same roundings one operation at a time: halves in float32, heads that share keys as rows of one matrix."""
    dtype, rows, heads = q.dtype, q.shape[-2], q.shape[-3] if q.dim() > 2 else 1
    q, k, v = q.float(), k.float(), v.float()
    scores_shape = (*torch.broadcast_shapes(q.shape[:-3], k.shape[:-3]), heads, rows, k.shape[-2])
    if causal:
        if mask is not None:
            raise ValueError("scaled_dot_product_attention: attn_mask and is_causal exclude each other")
        mask = torch.ones(rows, k.shape[-2], dtype=torch.bool).tril()
    shared = shared_heads and heads != k.shape[-3]
    if shared:
        q = q.reshape(*q.shape[:-3], k.shape[-3], -1, q.shape[-1])
    scores = (q @ k.transpose(-1, -2)) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if mask is not None:
        wide = mask.expand(scores_shape).reshape(scores.shape) if shared else mask
        scores = scores.masked_fill(~wide, -math.inf) if mask.dtype is torch.bool else scores + wide
    weights = _softmax(scores, -1)
    if dropout:
        weights = weights * kernels.dropout_factors(weights, dropout)
    out = weights @ v
    return (out.reshape(*out.shape[:-3], heads, rows, v.shape[-1]) if shared else out).to(dtype)
