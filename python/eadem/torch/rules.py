"""What reproducible() does with each ATen operation.

EXACT     PyTorch's own result does not depend on the machine: data movement, comparisons, arithmetic that rounds
          once an element, sums that PyTorch computes in one fixed order.
REPLACED  runs on Eadem (``kernels.py``).
UNKNOWN   neither: no reproducible version here.

An operation that reads integers and booleans only is exact whatever its rule.
"""

import torch

from eadem.torch import kernels

EXACT, REPLACED, UNKNOWN = "exact", "replaced", "unknown"

# Data movement, creation, comparisons: no rounding at all.
_MOVES = """
_reshape_alias _reshape_copy _to_copy _unsafe_index _unsafe_view alias alias_copy as_strided as_strided_ cat channel_shuffle clone
constant_pad_nd contiguous copy copy_ detach detach_ diag_embed diagonal diagonal_backward diagonal_copy diagonal_scatter
embedding empty empty_like empty_permuted empty_strided expand expand_copy eye fill fill_ flip full full_like gather index
index_copy index_copy_ index_fill index_fill_ index_select lift lift_fresh lift_fresh_copy masked_fill masked_fill_ masked_scatter
masked_scatter_ masked_select max_unpool2d native_channel_shuffle new_empty new_empty_strided new_full new_ones new_zeros
nonzero ones ones_like permute pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d repeat
repeat_interleave replication_pad1d replication_pad2d replication_pad3d resize_ roll rot90 scalar_tensor select
select_backward select_scatter set_ slice slice_backward slice_scatter split split_with_sizes unsafe_split unsafe_split_with_sizes squeeze squeeze_ stack t t_
transpose transpose_ tril tril_ triu triu_ unbind unfold unfold_copy unsqueeze unsqueeze_ view view_copy where zero_ zeros
zeros_like _local_scalar_dense item is_same_size equal allclose _has_compatible_shallow_copy_type record_stream
upsample_nearest1d upsample_nearest2d upsample_nearest3d split_copy unbind_copy permute_copy
eq eq_ ne ne_ lt lt_ le le_ gt gt_ ge ge_ isnan isinf isfinite isposinf isneginf logical_and logical_and_ logical_or
logical_or_ logical_not logical_not_ logical_xor logical_xor_ any all count_nonzero sign sign_ sgn signbit
max min amax amin aminmax argmax argmin sort argsort topk kthvalue searchsorted bucketize maximum maximum_ minimum
minimum_ fmax fmin clamp clamp_ clamp_min clamp_min_ clamp_max clamp_max_ max_pool2d_with_indices max_pool3d_with_indices
relu relu_ threshold threshold_ threshold_backward hardtanh hardtanh_ hardtanh_backward prelu_kernel
"""

# One rounding an element, the same in PyTorch's vector loops and their tails; or exact.
_ROUNDED_ONCE = """
neg neg_ abs abs_ floor floor_ ceil ceil_ round round_ trunc trunc_ mul mul_ div div_ sqrt sqrt_ reciprocal reciprocal_
leaky_relu leaky_relu_ leaky_relu_backward fmod fmod_ floor_divide ldexp copysign copysign_
"""

# Integers, drawn one after another from the generator by one thread.
_RANDOM = "random_ randint randint_like randperm"

# Sums over a fixed order whatever the thread count: each destination row is one thread's, sources ascending.
_SEQUENTIAL = "embedding_dense_backward"

_EXACT_NAMES = frozenset((_MOVES + _ROUNDED_ONCE + _RANDOM + " " + _SEQUENTIAL).split())


class Rule:
    """What to do with one operation. run(func, args, kwargs) only for REPLACED."""

    def __init__(self, kind, run=None, reason="its order of additions or its functions depend on the machine"):
        self.kind = kind
        self.run = run
        self.reason = reason


_EXACT_RULE = Rule(EXACT)
_UNKNOWN_RULE = Rule(UNKNOWN)
_cache = {}


def on_host(x):
    """True unless x is a tensor outside host memory."""
    return not isinstance(x, torch.Tensor) or x.device.type == "cpu"


def is_integer_only(args):
    """True when the tensors among args hold integers or booleans, and there is one."""
    found = False
    for x in args:
        for t in x if isinstance(x, (list, tuple)) else (x,):
            if isinstance(t, torch.Tensor):
                if t.is_floating_point() or t.is_complex():
                    return False
                found = True
    return found


def _functional(handler):
    takes_integers = getattr(handler, "takes_integers", False)  # functions whose result is a float all the same

    def run(func, args, kwargs):
        if args and is_integer_only(args) and not takes_integers:
            return func(*args, **kwargs)
        out = kwargs.pop("out", None)
        result = handler(*args, **kwargs)
        return result if out is None else out.copy_(result)
    return run


def _in_place(handler):
    def run(func, args, kwargs):
        if is_integer_only(args):
            return func(*args, **kwargs)
        return args[0].copy_(handler(*args, **kwargs))
    return run


def _make(func):
    if getattr(func, "namespace", None) == "profiler":
        return _EXACT_RULE
    if not isinstance(func, torch._ops.OpOverload) or func.namespace != "aten":
        return Rule(UNKNOWN, reason="Eadem knows PyTorch's own operations only")
    name = func._schema.name.split("::")[1]
    if name.startswith("_foreach_"):
        return Rule(REPLACED, lambda f, args, kwargs: kernels.foreach(name, args, kwargs, rule_of))
    if name in kernels.HANDLERS:
        return Rule(REPLACED, _functional(kernels.HANDLERS[name]))
    if name.endswith("_") and name[:-1] in kernels.HANDLERS:
        return Rule(REPLACED, _in_place(kernels.HANDLERS[name[:-1]]))
    if name in _EXACT_NAMES or func.is_view:
        return _EXACT_RULE
    return _UNKNOWN_RULE


def rule_of(func):
    """The rule of an OpOverload."""
    rule = _cache.get(func)
    if rule is None:
        rule = _cache[func] = _make(func)
    return rule
