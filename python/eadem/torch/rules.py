"""What reproducible() does with each ATen operation.

EXACT     PyTorch's own result does not depend on the machine; EXACT_NAMES says why.
REPLACED  runs on Eadem (``kernels/``).
UNKNOWN   neither: no reproducible version here. Every operation that nobody has judged is this.

An operation that reads integers and booleans only, and gives such, is exact whatever its rule.
``docs/pytorch-operations.md`` lists the rule of every operation; a test holds the exact ones to their definitions.
"""

from typing import Any, Dict

import torch

from eadem.torch import kernels

EXACT, REPLACED, UNKNOWN = "exact", "replaced", "unknown"

_MOVES = """
_reshape_alias _reshape_copy _unsafe_index _unsafe_view alias alias_copy as_strided as_strided_ as_strided_copy
as_strided_scatter cat channel_shuffle clone constant_pad_nd contiguous detach detach_ diag_embed diagonal
diagonal_backward diagonal_copy diagonal_scatter embedding empty empty_like empty_permuted empty_strided expand
expand_copy eye fill fill_ flip full full_like gather im2col index index_fill index_fill_ index_select lift lift_fresh
lift_fresh_copy masked_fill masked_fill_ masked_scatter masked_scatter_ masked_scatter_backward masked_select
native_channel_shuffle new_empty new_empty_strided new_full new_ones new_zeros ones ones_like permute permute_copy
pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave
replication_pad1d replication_pad2d replication_pad3d resize_ roll rot90 scalar_tensor select select_backward
select_copy select_scatter set_ slice slice_backward slice_copy slice_scatter split split_copy split_with_sizes
split_with_sizes_copy squeeze squeeze_ squeeze_copy stack t t_ t_copy take transpose transpose_ transpose_copy tril
tril_ triu triu_ unbind unbind_copy unfold unfold_copy unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_
unsqueeze_copy view view_copy where zero_ zeros zeros_like _local_scalar_dense item is_same_size record_stream
upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d
_pack_padded_sequence _stack block_diag zero narrow_copy detach_copy resize_as_ _lazy_clone _unsafe_masked_index tril_indices
triu_indices conj_physical conj_physical_ _conj_physical
"""

_QUESTIONS = """
_assert_async _assert_scalar _assert_tensor_metadata _functional_assert_async _functional_assert_scalar _has_same_storage_numel
_print is_pinned is_set_to sym_constrain_range sym_constrain_range_for_size
"""

# Ties and zeros of both signs included: the rule of each is one comparison at a time in a fixed order.
_COMPARISONS = """
eq eq_ ne ne_ lt lt_ le le_ gt gt_ ge ge_ equal isnan isinf isfinite isposinf isneginf isin logical_and logical_and_
logical_or logical_or_ logical_not logical_not_ logical_xor logical_xor_ any all count_nonzero nonzero argmax argmin
sign sign_ sgn signbit searchsorted bucketize threshold threshold_ threshold_backward hardtanh_backward hardshrink
hardshrink_backward nan_to_num nan_to_num_ cummax cummin max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d
adaptive_max_pool3d heaviside heaviside_ unique_consecutive unique_dim_consecutive sgn_
"""

_ROUNDED_ONCE = """
neg neg_ abs abs_ floor floor_ ceil ceil_ trunc trunc_ mul mul_ reciprocal reciprocal_ copysign copysign_
leaky_relu leaky_relu_ leaky_relu_backward _prelu_kernel _prelu_kernel_backward
"""

_CONVERSIONS = "_to_copy copy copy_"

_DRAWS = "random random_ randint randint_like randperm"

_REASONS = {
    "moves or fills elements, no rounding": _MOVES,
    "asks or checks, computes nothing": _QUESTIONS,
    "compares": _COMPARISONS,
    "one correctly rounded operation an element": _ROUNDED_ONCE,
    "moves elements, or rounds each once to the nearest": _CONVERSIONS,
    "integers, drawn one after another from the generator by one thread": _DRAWS,
}

EXACT_NAMES = {name: reason for reason, names in _REASONS.items() for name in names.split()}

EXACT_QUESTIONS = frozenset(_QUESTIONS.split())

# Exact on real numbers; on complex ones several roundings, which PyTorch's loops order each in its own way.
_REAL_ONLY = frozenset(_ROUNDED_ONCE.split()) | {"sgn", "sgn_", "conj_physical", "conj_physical_", "_conj_physical"}


class Rule:
    """What to do with one operation. run(func, args, kwargs) only for REPLACED."""

    def __init__(self, kind, run=None, reason="its order of additions or its functions depend on the machine"):
        self.kind = kind
        self.run = run
        self.reason = reason


_EXACT_RULE = Rule(EXACT)
_UNKNOWN_RULE = Rule(UNKNOWN)
_cache: Dict[Any, Rule] = {}


_WHOLE = frozenset((torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
                    *(getattr(torch, name) for name in ("uint16", "uint32", "uint64") if hasattr(torch, name))))


def tensors_of(values):
    """The tensors among values and in the lists among them."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_of(value)


def on_host(args):
    """False when a tensor among args, or in the lists among them, is outside host memory."""
    for x in args:
        if isinstance(x, torch.Tensor):
            if not x.is_cpu:
                return False
        elif isinstance(x, (list, tuple)) and not on_host(x):
            return False
    return True


def is_integer_only(args):
    """True when the tensors among args hold integers or booleans, and there is one."""
    found = False
    for x in args:
        if isinstance(x, torch.Tensor):
            if x.dtype not in _WHOLE:
                return False
            found = True
        elif isinstance(x, (list, tuple)):
            if is_integer_only(x):
                found = True
            elif any(True for _ in tensors_of(x)):
                return False
    return found


def gives_integers_only(result):
    """True when no tensor of an operation's result holds floating-point numbers."""
    return not any(x.is_floating_point() or x.is_complex() for x in tensors_of((result,)))


def _asks_for_floats(handler, kwargs):
    """Whether a handler serves integers too: functions whose result is a float, sums of a floating dtype."""
    dtype = kwargs.get("dtype")
    return getattr(handler, "takes_integers", False) or dtype is not None and dtype.is_floating_point


def _on_integers(func, args, kwargs):
    result = func(*args, **kwargs)
    if not gives_integers_only(result):
        raise kernels.Refused("it makes floating-point numbers of integers")
    return result


def _in_integers(args, kwargs):
    """args as a reduction that was asked for an integer dtype takes them, or None."""
    dtype = kwargs.get("dtype")
    if dtype is None or dtype.is_floating_point or dtype.is_complex or not isinstance(args[0], torch.Tensor):
        return None
    x = args[0]
    return (_saturated(x, dtype) if x.is_floating_point() and dtype is not torch.bool else x.to(dtype), *args[1:])


def _functional(handler):
    def run(func, args, kwargs):
        whole = _in_integers(args, kwargs) if kwargs and args else None
        if whole is not None:
            return _on_integers(func, whole, kwargs)
        if is_integer_only(args) and not _asks_for_floats(handler, kwargs):
            return _on_integers(func, args, kwargs)
        if not kwargs:
            return handler(*args)
        out = kwargs.pop("out", None)
        result = handler(*args, **kwargs)
        return result if out is None else out.copy_(result)
    return run


def _in_place(handler, write):
    """write(*args), where there is such, else the handler's result copied."""
    def run(func, args, kwargs):
        if is_integer_only(args) and not _asks_for_floats(handler, kwargs):
            return func(*args, **kwargs)
        if write is None or len({t.dtype for t in tensors_of(args)}) > 1:
            return args[0].copy_(handler(*args, **kwargs))
        write(*args, **kwargs)
        return args[0]
    return run


def _real_only(func, args, kwargs):
    if any(x.is_complex() for x in tensors_of(args)):
        raise kernels.Refused("complex numbers have no reproducible arithmetic here")
    return func(*args, **kwargs)


def _saturated(source, dtype):
    """Floats as integers of a type: cut towards zero; beyond its ends the end, and 0 for NaN, where C leaves it to the
    processor."""
    ends = torch.iinfo(dtype)
    whole = torch.nan_to_num(source.double(), nan=0.0)
    top = float(ends.max + 1)  # the first number above the type, a power of two
    inside = torch.where(whole < top, whole, 0.0).clamp(min=float(ends.min)).to(dtype)
    return torch.where(whole < top, inside, torch.tensor(ends.max, dtype=dtype))


def _convert(func, args, kwargs):
    in_place = func._schema.name == "aten::copy_"
    source = args[1] if func._schema.name != "aten::_to_copy" else args[0]
    into = args[0].dtype if func._schema.name != "aten::_to_copy" else kwargs.get("dtype")
    if into is not None and not into.is_floating_point and not into.is_complex and into is not torch.bool \
            and source.is_floating_point():
        whole = _saturated(source, into)
        args = (args[0], whole) if in_place or len(args) > 1 else (whole,)
    return func(*args, **kwargs)


def _make(func):
    if getattr(func, "namespace", None) == "profiler":
        return _EXACT_RULE
    if not isinstance(func, torch._ops.OpOverload) or func.namespace != "aten":
        return Rule(UNKNOWN, reason="Eadem knows PyTorch's own operations only")
    name = func._schema.name.split("::")[1]
    if name.startswith("_foreach_"):
        run = kernels.foreach(name, EXACT_NAMES)
        return _UNKNOWN_RULE if run is None else Rule(REPLACED, run)
    if name in kernels.HANDLERS:
        return Rule(REPLACED, _functional(kernels.HANDLERS[name]))
    if name.endswith("_") and name[:-1] in kernels.HANDLERS:
        return Rule(REPLACED, _in_place(kernels.HANDLERS[name[:-1]], kernels.IN_PLACE.get(name)))
    if name in _CONVERSIONS.split():
        return Rule(EXACT, _convert)
    if name in _REAL_ONLY:
        return Rule(EXACT, _real_only)
    if name in EXACT_NAMES or func.is_view:
        return _EXACT_RULE
    return _UNKNOWN_RULE


def rule_of(func):
    """The rule of an OpOverload."""
    rule = _cache.get(func)
    if rule is None:
        rule = _cache[func] = _make(func)
    return rule
