"""Scaled dot-product attention on the tape against PyTorch in binary64: values and gradients, grouped heads, masks, layouts."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from peer import check, var
from test_values import TRIALS, context, make  # noqa: F401 (a fixture)


class Options(ctypes.Structure):
    _fields_ = [("causal", ctypes.c_int), ("scale", ctypes.c_double)]


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
