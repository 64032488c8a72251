"""Scaled dot-product attention on the tape against PyTorch in binary64: values and gradients, grouped heads, masks, layouts."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from peer import LIBRARY, check, var
from test_values import TRIALS, context, make  # noqa: F401 (a fixture)


class Options(ctypes.Structure):
    _fields_ = [("causal", ctypes.c_int), ("scale", ctypes.c_double), ("dropout", ctypes.c_double), ("generator", ctypes.c_void_p)]


def random_mask(kind, batch, heads, n, m):
    shape = [size if random.random() < 0.6 else 1 for size in (batch, heads, n)] + [m]
    if kind == "bool":
        return torch.rand(shape) < 0.7
    return make(shape) if kind == "float" else None


def compare(context, kind, batch, heads, groups, n, m, dim, values):
    causal, scale = kind == "causal", random.choice([0.0, 0.2])
    mask = random_mask(kind, batch, heads, n, m)
    options = Options(causal, scale)

    def build(q, k, v):
        return var("attention", q, k, v, mask, ctypes.byref(options))

    def expected(q, k, v):
        wide = mask.double() if kind == "float" else mask
        return F.scaled_dot_product_attention(q, k, v, attn_mask=wide, is_causal=causal, scale=scale or None, enable_gqa=True)

    check(context, build, expected, [make([batch, heads, n, dim]), make([batch, groups, m, dim]), make([batch, groups, m, values])],
          terms=16 * (m + dim), scale=16.0, grad_scale=256.0)


@pytest.mark.parametrize("kind", ["plain", "causal", "bool", "float"])
def test_attention(context, kind):
    for _ in range(TRIALS):
        groups = random.randint(1, 3)
        compare(context, kind, random.randint(1, 3), groups * random.randint(1, 3), groups, random.randint(1, 20),
                random.randint(1, 40), random.randint(1, 24), random.randint(1, 24))


def generator(seed):
    room = ctypes.create_string_buffer(4096)
    LIBRARY.ea_generator_seed(room, 0, ctypes.c_uint64(seed))
    return room


@pytest.mark.parametrize("kind", ["plain", "causal", "bool", "float"])
def test_dropout(context, kind):
    """The weights that ea_bernoulli drops from the same place of the generator, in PyTorch's arithmetic."""
    for _ in range(TRIALS):
        groups, shared, n, m = random.randint(1, 2), random.randint(1, 3), random.randint(1, 12), random.randint(1, 30)
        batch, heads, dim, values = random.randint(1, 3), groups * shared, random.randint(1, 12), random.randint(1, 12)
        p, causal, seed = random.choice([0.1, 0.5, 0.9, 1.0]), kind == "causal", random.randint(0, 2**40)
        mask, kept = random_mask(kind, batch, heads, n, m), torch.empty(batch, heads, n, m)
        context.call("ea_bernoulli", generator(seed), ctypes.c_double(1 - p), kept)

        def build(q, k, v):
            room = generator(seed)
            out = var("attention", q, k, v, mask, ctypes.byref(Options(causal, 0.3, p, ctypes.addressof(room))))
            one = torch.empty(1)
            context.call("ea_bernoulli", room, ctypes.c_double(0.5), one)
            after = torch.empty(kept.numel() + 1)
            context.call("ea_bernoulli", generator(seed), ctypes.c_double(0.5), after)
            assert one[0] == after[-1]  # it moved by one number for each weight
            return out

        def expected(q, k, v):
            k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
            scores = 0.3 * q @ k.transpose(-1, -2)
            sees = torch.ones(n, m, dtype=torch.bool).tril() if causal else mask if kind == "bool" else None
            scores = scores + mask.double() if kind == "float" else scores
            if sees is not None:
                scores = scores.masked_fill(~sees, -torch.inf)
            weights = scores.softmax(-1).nan_to_num(0)
            return (weights * kept.double() * (0 if p == 1 else 1 / (1 - p))) @ v

        check(context, build, expected,
              [make([batch, heads, n, dim]), make([batch, groups, m, dim]), make([batch, groups, m, values])],
              terms=16 * (m + dim), scale=64.0, grad_scale=1024.0)


def test_wrong_dropout_says_so(context):
    q, out = make([1, 3, 4]), make([1, 3, 4])
    with pytest.raises(AssertionError, match="dropout is 1.5: give a probability"):
        context.call("ea_attention", q, q, q, None, ctypes.byref(Options(0, 0, 1.5, None)), out)


def test_many_keys(context):
    compare(context, "causal", 1, 2, 1, 40, 1100, 8, 8)


def test_rows_that_see_nothing_are_zero(context):
    q, k, v, out = make([1, 3, 4]), make([1, 5, 4]), make([1, 5, 4]), make([1, 3, 4])
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1] = False
    context.call("ea_attention", q, k, v, mask, None, out)
    assert (out[0, 1] == 0).all() and (out[0, [0, 2]] != 0).all()


@pytest.mark.parametrize("q, k, v", [([2, 3, 4], [2, 5, 3], [2, 5, 4]), ([3, 3, 4], [2, 5, 4], [2, 5, 4]),
                                     ([2, 3, 4], [2, 5, 4], [2, 6, 4]), ([3, 4], [5, 4], [5, 4])])
def test_refuses_shapes(context, q, k, v):
    with pytest.raises(AssertionError, match="give"):
        context.call("ea_attention", make(q), make(k), make(v), None, None, make(q))
