"""The rule of every ATen operation: what passes through to PyTorch has one correct result, and PyTorch gives it.

An operation is exact when its float32 result is the float64 result rounded once: so for elements that are moved, for
comparisons, and for +, −, ·, ÷ and conversions (53 bits are more than 2·24 + 2). Vector loops and their tails differ
at other places for the two types, so a zero's sign or a tie that depends on them shows as well.
"""

import pathlib
import sys
import warnings

import pytest
import torch

import eadem.torch as et
from eadem.torch import kernels, rules

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import aten_table  # noqa: E402

aten = torch.ops.aten
SPECIAL = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-45, -1e-40, 3.4e38, 2.5, -2.5])


def floats(*shape):
    """Numbers of many sizes, zeros of both signs, infinities, subnormals, NaN."""
    generator = torch.Generator().manual_seed(sum(shape))
    x = torch.randn(shape, generator=generator) * torch.exp2(torch.randint(-8, 8, shape, generator=generator).float())
    flat = x.view(-1)
    flat[::5] = SPECIAL.repeat(len(flat) // 50 + 1)[:len(flat[::5])]
    return x


X, Y = floats(3, 19), floats(19, 3).t()
IMAGE, VOLUME, LINE = floats(2, 3, 6, 8), floats(1, 2, 4, 6, 8), floats(2, 3, 17)
ROWS, MASK = torch.tensor([2, 0, 2, 1]), X > 0.3

# Arguments where the schema's types do not tell them.
SAMPLES = {
    "_reshape_alias": [X, [19, 3], [3, 1]], "_reshape_copy": [X, [57]], "_unsafe_index": [X, [ROWS]],
    "_unsafe_view": [X, [57]], "as_strided": [X, [5, 3], [2, 7]], "as_strided_": [X.clone(), [5, 3], [2, 7]],
    "as_strided_copy": [X, [5, 3], [2, 7]], "as_strided_scatter": [X, floats(5, 3), [5, 3], [3, 1]],
    "channel_shuffle": [IMAGE, 3], "native_channel_shuffle": [IMAGE, 3], "constant_pad_nd": [X, [2, -1, 0, 3], 0.3],
    "diag_embed": [X], "diagonal_backward": [floats(3), [3, 19], 0, 0, 1], "diagonal_scatter": [X, floats(3)],
    "embedding": [X, ROWS], "expand": [X, [2, 3, 19]], "expand_copy": [X, [2, 3, 19]], "flip": [X, [0, 1]],
    "full": [[3, 4], 0.1], "gather": [X, 0, ROWS.repeat(5, 1)], "im2col": [IMAGE, [2, 3], [1, 1], [1, 0], [2, 1]],
    "index": [X, [ROWS]], "index_fill": [X, 0, ROWS, 0.1], "index_fill_": [X.clone(), 0, ROWS, 0.1],
    "index_select": [X, 0, ROWS], "masked_fill": [X, MASK, 0.1], "masked_fill_": [X.clone(), MASK, 0.1],
    "masked_scatter": [X, MASK, floats(60)], "masked_scatter_": [X.clone(), MASK, floats(60)],
    "masked_scatter_backward": [X, MASK, [57]], "masked_select": [X, MASK], "new_full": [X, [3], 0.1],
    "new_ones": [X, [3]], "new_zeros": [X, [3]], "ones": [[3]], "zeros": [[3]], "permute": [X, [1, 0]],
    "permute_copy": [X, [1, 0]], "pixel_shuffle": [floats(2, 12, 3, 5), 2], "pixel_unshuffle": [IMAGE, 2],
    "reflection_pad1d": [LINE, [3, 2]], "reflection_pad2d": [IMAGE, [3, 2, 1, 0]],
    "reflection_pad3d": [VOLUME, [3, 2, 1, 0, 1, 1]], "replication_pad1d": [LINE, [3, 2]],
    "replication_pad2d": [IMAGE, [3, 2, 1, 0]], "replication_pad3d": [VOLUME, [3, 2, 1, 0, 1, 1]], "repeat": [X, [2, 3]],
    "repeat_interleave": [torch.tensor([2, 0, 3])], "roll": [X, [1, 5], [0, 1]], "scalar_tensor": [0.1],
    "select_backward": [floats(3), [3, 19], 1, 4], "select_scatter": [X, floats(19), 0, 1],
    "slice_backward": [floats(3, 9), [3, 19], 1, 0, 18, 2], "slice_scatter": [X, floats(1, 19), 0, 1, 2],
    "split": [X, 2], "split_copy": [X, 2], "split_with_sizes": [X, [1, 2]], "split_with_sizes_copy": [X, [1, 2]],
    "unsafe_split": [X, 2], "unsafe_split_with_sizes": [X, [1, 2]], "squeeze": [X[:1]], "squeeze_": [X[:1].clone()],
    "squeeze_copy": [X[:1]], "take": [X, ROWS], "view": [X, [57]], "view_copy": [X, [57]], "where": [MASK, X, Y],
    "unfold": [X, 1, 4, 3], "unfold_copy": [X, 1, 4, 3], "item": [X[0, 0]], "_local_scalar_dense": [X[0, 0]],
    "expand_as": [X, X], "eye": [4], "full_like": [X, 0.1], "isin": [X, Y], "nan_to_num": [X, 0.1, 2.0, -2.0],
    "nan_to_num_": [X.clone(), 0.1, 2.0, -2.0], "searchsorted": [floats(19).nan_to_num().sort()[0], X],
    "bucketize": [X, floats(19).nan_to_num().sort()[0]], "threshold_backward": [X, Y, 0.5], "resize_": [X.clone(), [57]],
    "hardtanh_backward": [X, Y, -1.0, 1.0], "hardshrink_backward": [X, Y, 0.5], "_prelu_kernel": [X, floats(19)],
    "_prelu_kernel_backward": [X, Y, floats(19)], "leaky_relu": [X, 0.25], "leaky_relu_": [X.clone(), 0.25],
    "leaky_relu_backward": [X, Y, 0.25, False],
    "max_pool2d_with_indices": [IMAGE, [3, 2], [2, 1], [1, 0], [1, 2], True],
    "max_pool3d_with_indices": [VOLUME, [2, 3, 2], [1, 2, 2]], "adaptive_max_pool2d": [IMAGE, [4, 3]],
    "_pack_padded_sequence": [floats(4, 3, 5), torch.tensor([4, 2, 1]), False],
    "_unsafe_masked_index": [X, X > 100, [ROWS[:3, None]], 0.0],
    "adaptive_max_pool3d": [VOLUME, [3, 4, 3]], "_to_copy": [X], "equal": [X, X.clone()],
    **{f"{name}{d}d": [t, [size * 5 // 3 for size in t.shape[2:]]] for name in ("upsample_nearest", "_upsample_nearest_exact")
       for d, t in ((1, LINE), (2, IMAGE), (3, VOLUME))},
}

# Results that no input determines, or that the state of a generator does (test_convert.py's and random's tests).
UNDEFINED = set("empty empty_like empty_permuted empty_strided new_empty new_empty_strided set_ record_stream random "
                "random_ randint randint_like randperm".split()) | set(rules.EXACT_QUESTIONS)


def guess(argument, place):
    kind = str(argument.type)
    if kind == "Tensor":
        return (X, Y)[place % 2].clone()
    if kind == "List[Tensor]":
        return [X, Y]
    return {"number": 0.5, "float": 0.5, "int": 0, "bool": False}[kind]


def arguments(overload):
    """Arguments for those that have no default; KeyError where the type does not tell."""
    needed = [a for a in overload._schema.arguments if not a.has_default_value() and not a.kwarg_only]
    return [guess(a, i) for i, a in enumerate(needed)]


def wide(x):
    if isinstance(x, (list, tuple)):
        return [wide(y) for y in x]
    return x.double() if isinstance(x, torch.Tensor) and x.dtype == torch.float32 else x


def fresh(args):
    return [a.clone() if isinstance(a, torch.Tensor) and a.is_contiguous() else a for a in args]


def assert_same_bits(narrow, exact):
    if isinstance(narrow, (list, tuple)):
        assert len(narrow) == len(exact)
        for pair in zip(narrow, exact):
            assert_same_bits(*pair)
    elif not isinstance(narrow, torch.Tensor):
        assert narrow == exact or narrow != narrow
    else:
        rounded = exact.to(narrow.dtype)
        assert narrow.shape == rounded.shape
        if not narrow.dtype.is_floating_point:
            assert torch.equal(narrow, rounded)
            return
        differ = (narrow.contiguous().view(torch.int32) != rounded.contiguous().view(torch.int32)) & ~(
            narrow.isnan() & rounded.isnan())
        assert not differ.any(), f"{narrow[differ][:3]} for {rounded[differ][:3]}"


def overloads(name):
    packet = getattr(aten, name)
    return [getattr(packet, o) for o in packet.overloads() if "out" not in o and "Dimname" not in o]


@pytest.mark.parametrize("name", sorted(set(rules.EXACT_NAMES) - UNDEFINED))
def test_exact_operations_round_once(name):
    if not hasattr(aten, name):
        pytest.skip("this PyTorch has no such operation")
    ran = 0
    for overload in overloads(name):
        try:
            args = SAMPLES.get(name) or arguments(overload)
            exact = overload(*wide(fresh(args)))
        except (KeyError, RuntimeError, TypeError, IndexError):
            continue  # the arguments fit another overload
        assert_same_bits(overload(*fresh(args)), exact)
        ran += 1
    assert ran, "no overload took the arguments: give it a line in SAMPLES"


def test_the_referee_sees_a_wrong_rounding():
    """PyTorch's sqrt comes from its vector library, which rounds some roots otherwise; or, on other builds, not."""
    x = torch.rand(4096) + 1
    once = x.double().sqrt().float()
    with et.reproducible():
        assert torch.equal(x.sqrt(), once)
    with pytest.raises(AssertionError):
        assert_same_bits(x + 2.0 ** -23, x.double())


def test_every_operation_has_a_rule_and_the_table_says_it():
    """Each operation that can reach reproducible() is exact for a stated reason, Eadem's, or refused; the document of
    the pinned PyTorch lists them all."""
    table = aten_table.table()
    assert len(table) > 800
    for name, (verdict, why) in table.items():
        assert verdict in ("exact", "Eadem", "refused") and why, name
    path = pathlib.Path(__file__).parents[2] / "docs" / "pytorch-operations.md"
    if torch.__version__.split("+")[0] == aten_table.VERSION:
        assert path.read_text() == aten_table.document(table), "run tools/aten_table.py"


REFUSED = [lambda x: torch.fft.fft(x), lambda x: torch.linalg.svd(x), lambda x: torch.special.i0(x),
           lambda x: torch.lgamma(x), lambda x: torch.linalg.solve(x, x), lambda x: torch.poisson(x),
           lambda x: torch.special.i0(torch.arange(4)), lambda x: torch.lgamma(torch.arange(4)),
           lambda x: torch.sum(torch.fft.fft(x)), lambda x: torch.complex(x, x) * torch.complex(x, x),
           lambda x: torch.complex(x, x) / 2, lambda x: torch.complex(x, x).abs(), lambda x: torch._foreach_lgamma([x]),
           lambda x: torch._foreach_mul_([torch.complex(x, x)], 2.0), lambda x: x.to_sparse() @ x]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_nobody_has_judged_is_refused(number):
    with et.reproducible(), pytest.raises(et.NotReproducible), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        REFUSED[number](torch.rand(4, 4) + 1)


def test_conversions_to_integers_saturate():
    x = torch.tensor([-128.9, 127.5, 0.5, 1e30, -float("inf"), float("nan")])
    with et.reproducible():
        assert x.to(torch.int8).tolist() == [-128, 127, 0, 127, -128, 0]
        assert x.long().tolist() == [-128, 127, 0, 2**63 - 1, -2**63, 0]
        assert x[:3].sum(dtype=torch.int64) == -1 and x[:3].cumsum(0, dtype=torch.int32).tolist() == [-128, -1, -1]
        assert torch.zeros(6, dtype=torch.uint8).copy_(x).tolist() == [0, 127, 0, 255, 0, 0]


def test_lists_of_tensors_by_the_rule_of_one():
    a, b = [torch.rand(7), torch.rand(3, 5)], [torch.rand(7), torch.rand(3, 5)]
    with et.reproducible():
        assert all(torch.equal(n, torch.linalg.vector_norm(x)) for n, x in zip(torch._foreach_norm(a), a))
        for c, x, y in zip(torch._foreach_addcdiv(a, b, a, torch.tensor([2.0, 3.0])), a, b):
            torch.testing.assert_close(c, x + (2.0 if len(x) == 7 else 3.0) * y / x)
        torch._foreach_copy_(a, b)
        torch._foreach_sub_(a, b, alpha=2)
        assert all(torch.equal(x, -y) for x, y in zip(a, b))
        torch._foreach_zero_(a)
        assert not any(x.any() for x in a)
        assert torch._foreach_pow(b, 2)[0].tolist() == (b[0] * b[0]).tolist()
        norm = torch.nn.utils.clip_grad_norm_([torch.nn.Parameter(b[0])], 1.0)
    assert norm == 0


def test_handlers_are_operations_of_pytorch():
    known = {name[6:].split(".")[0] for name in torch._C._dispatch_get_all_op_names() if name.startswith("aten::")}
    newest = torch.__version__.split("+")[0] == aten_table.VERSION
    assert not newest or all({name, name + "_"} & known for name in kernels.HANDLERS)
