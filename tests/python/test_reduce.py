"""Reductions, scans, order, finding and counting against PyTorch: values, places and gradients, over random shapes."""
import ctypes
import pathlib
import random
import re

import pytest
import torch

from peer import LIBRARY, Ref, check, int64, make, near, pointer, random_shape, read, var
from test_values import DLTensor, context  # noqa: F401: the fixture

TRIALS = 5
HEADER = (pathlib.Path(__file__).parents[2] / "include/eadem/op/aggregate.h").read_text()
AGGREGATE = {name.lower(): i for i, name in enumerate(re.findall(r"^    EA_AGG_(\w+)", HEADER, re.M))}
INF = float("inf")


def random_dims(shape):
    dims = random.sample(range(len(shape)), random.randint(0, len(shape)))
    return [d - len(shape) if random.random() < 0.5 else d for d in dims]


def reduce(name, x, dims, keep, parameter=0.0):
    return var("reduce", x, AGGREGATE[name], (ctypes.c_int * 8)(*dims), len(dims), int(keep), ctypes.c_double(parameter))


def peer_prod(x, dims, keep):
    for d in sorted((d % x.ndim for d in (dims or range(x.ndim))), reverse=True):
        x = x.prod(d, keepdim=keep)
    return x


def away_from_zero(shape):
    x = make(shape)
    return x + x.sign() * 0.3


CASES = {
    "prod": [(peer_prod, lambda s: make(s) * 0.3 + 1, 0.0)],
    "var": [(lambda x, d, k, c=c: torch.var(x, d or None, correction=c, keepdim=k), make, c) for c in (0.0, 1.0, 0.5)],
    "std": [(lambda x, d, k, c=c: torch.std(x, d or None, correction=c, keepdim=k), make, c) for c in (0.0, 1.0)],
    "norm": [(lambda x, d, k, p=p: torch.linalg.vector_norm(x, p, d or None, keepdim=k), away_from_zero, p)
             for p in (0.0, 1.0, 2.0, 3.0, 2.5, 0.5, INF, -INF)],
    "logsumexp": [(lambda x, d, k: torch.logsumexp(x, d or list(range(x.ndim)), keepdim=k), make, 0.0)],
    "amax": [(lambda x, d, k: torch.amax(x, d or list(range(x.ndim)), keepdim=k), lambda s: make(s).round(decimals=1), 0.0)],
    "amin": [(lambda x, d, k: torch.amin(x, d or list(range(x.ndim)), keepdim=k), lambda s: make(s).round(decimals=1), 0.0)],
}


@pytest.mark.parametrize("name", CASES)
def test_aggregates(context, name):
    for _ in range(TRIALS):
        for peer, maker, parameter in CASES[name]:
            shape = random_shape()
            dims, keep = random_dims(shape), random.random() < 0.5
            reduced = [shape[d] for d in (dims or range(len(shape)))]
            terms = 1
            for size in reduced:
                terms *= size
            if name in ("var", "std") and terms < 3:
                continue
            check(context, lambda x: reduce(name, x, dims, keep, parameter), lambda x: peer(x, dims, keep),
                  [maker(shape)], terms=8 * max(terms, 8), scale=8.0 if name != "prod" else None)


def test_any_all(context):
    for _ in range(TRIALS):
        shape = random_shape()
        dims, x = random_dims(shape), (make(shape) > 0.5).float()
        for name, peer in (("any", torch.any), ("all", torch.all)):
            check(context, lambda v: reduce(name, v, dims, True), lambda v: peer(v.bool(), dims or tuple(range(len(shape))), keepdim=True),
                  [x])


def test_prod_with_zeros(context):
    for zeros in range(3):
        x = make([40, 7])
        x[:zeros] = 0
        check(context, lambda v: reduce("prod", v, [0], False), lambda v: v.prod(0), [x], terms=400)


def test_special_values(context):
    nan = float("nan")
    x = torch.tensor([[1.0, nan, 3.0], [INF, 2.0, -INF], [-INF, -INF, -INF], [-0.0, 0.0, -0.0], [INF, INF, 1.0]])
    peers = {"amax": torch.amax, "amin": torch.amin, "logsumexp": torch.logsumexp, "var": torch.var, "prod": torch.prod}
    for name, peer in peers.items():
        out = torch.empty(5)
        context.call("ea_reduce", AGGREGATE[name], x, (ctypes.c_int * 1)(1), 1, ctypes.c_double(1.0), out)
        expected = peer(x, 1)
        assert torch.equal(out.isnan(), expected.isnan()), name
        near(out[~out.isnan()], expected.double()[~out.isnan()])
    values, places = torch.empty(5), torch.empty(5, dtype=torch.int64)
    for name, peer in (("max", torch.max), ("min", torch.min)):
        context.call(f"ea_{name}", x, (ctypes.c_int * 1)(1), 1, values, places)
        expected = peer(x, 1)
        assert torch.equal(values.nan_to_num(7), expected.values.nan_to_num(7)) and torch.equal(places, expected.indices)


def first_place(x, values, dim):
    """The lowest index along dim at which x equals the value."""
    equal = (x == values) | (x.isnan() & values.isnan())
    return equal.int().argmax(dim, keepdim=True)


def chosen(name, x, dim, *arguments):
    """ea_var_NAME with the places it tells."""
    indices = ctypes.POINTER(DLTensor)()
    out = var(name, x, dim, *arguments, ctypes.byref(indices))
    chosen.places = read(indices.contents) if out else None
    return out


def ties(shape):
    return make(shape).round(decimals=1)


def test_choices(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 3)
        dim = random.randrange(len(shape))
        n = shape[dim]
        k = random.randint(1, n)
        cases = {
            "max": ((1,), lambda x: x.max(dim, keepdim=True)), "min": ((1,), lambda x: x.min(dim, keepdim=True)),
            "kthvalue": ((int64(k), 1), lambda x: x.kthvalue(k, dim, keepdim=True)),
            "median": ((1, 0), lambda x: x.median(dim, keepdim=True)),
        }
        x = make(shape)  # distinct, so that PyTorch has no choice
        for name, (arguments, peer) in cases.items():
            check(context, lambda v: chosen(name, v, dim, *arguments), lambda v: peer(v).values, [x], exact=True)
            assert torch.equal(chosen.places, peer(x).indices), name
        x = ties(shape)
        for name, (arguments, peer) in cases.items():
            out = torch.empty([1 if d == dim else s for d, s in enumerate(shape)])
            places = torch.empty(out.shape, dtype=torch.int64)
            if name in ("max", "min"):
                context.call(f"ea_{name}", x, (ctypes.c_int * 1)(dim), 1, out, places)
            else:
                context.call(f"ea_{name}", x, dim, *arguments[:1] if name == "kthvalue" else (0,), out, places)
            assert torch.equal(out, peer(x).values), name
            assert torch.equal(places, first_place(x, out, dim)), name


def test_sort_and_topk(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 3)
        if random.random() < 0.3:
            shape[-1] = random.choice([300, 9000])
        dim, descending = random.randrange(len(shape)), random.randint(0, 1)
        x = ties(shape)
        if random.random() < 0.3:
            x[x > 1] = float("nan")
        expected = torch.sort(x, dim=dim, descending=bool(descending), stable=True)
        values, places = torch.empty_like(x), torch.empty(x.shape, dtype=torch.int64)
        context.call("ea_sort", x, dim, descending, values, places)
        assert torch.equal(values.nan_to_num(9), expected.values.nan_to_num(9)) and torch.equal(places, expected.indices)
        k = random.randint(0, shape[dim])
        sizes = [k if d == dim else s for d, s in enumerate(shape)]
        values, places = torch.empty(sizes), torch.empty(sizes, dtype=torch.int64)
        context.call("ea_topk", x, dim, descending, values, places)
        assert torch.equal(places, expected.indices.narrow(dim, 0, k))
        x = make(shape)
        check(context, lambda v: chosen("sort", v, dim, descending),
              lambda v: torch.sort(v, dim=dim, descending=bool(descending)).values, [x], exact=True)
        k = max(k, 1)
        check(context, lambda v: chosen("topk", v, dim, int64(k), 1), lambda v: torch.topk(v, k, dim).values, [x], exact=True)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool, torch.float16, torch.bfloat16])
def test_sort_of_every_type(context, dtype):
    x = (make([5, 700]) * 50).to(dtype)
    expected = torch.sort(x, dim=1, stable=True)
    values, places = torch.empty_like(x), torch.empty(x.shape, dtype=torch.int64)
    context.call("ea_sort", x, 1, 0, values, places)
    assert torch.equal(values, expected.values) and torch.equal(places, expected.indices)


def test_median_and_mode_with_nan(context):
    for _ in range(TRIALS):
        x = ties([6, random.choice([5, 90])])
        x[random.randrange(6), random.randrange(5)] = float("nan")
        values, places = torch.empty(6), torch.empty(6, dtype=torch.int64)
        for ignore, peer in ((0, torch.median), (1, torch.nanmedian)):
            context.call("ea_median", x, 1, ignore, values, places)
            assert torch.equal(values.nan_to_num(9), peer(x, 1).values.nan_to_num(9))
            assert torch.equal(places[:, None], first_place(x, values[:, None], 1))
        numbers = x.nan_to_num(0.5)  # PyTorch's mode compares NaN with <, so that its order is by chance
        context.call("ea_mode", numbers, 1, values, places)
        assert torch.equal(values, torch.mode(numbers, 1).values)
        assert torch.equal(places[:, None], first_place(numbers, values[:, None], 1))


def test_unique(context):
    for dtype in (torch.float32, torch.int64):
        for _ in range(TRIALS):
            x = (ties(random_shape(1, 3)) * 3).to(dtype)
            values, counts = torch.zeros(x.numel(), dtype=dtype), torch.zeros(x.numel(), dtype=torch.int64)
            inverse, count = torch.empty(x.shape, dtype=torch.int64), int64()
            context.call("ea_unique", x, values, inverse, counts, ctypes.byref(count))
            expected = torch.unique(x, return_inverse=True, return_counts=True)
            assert torch.equal(values[:count.value], expected[0])
            assert torch.equal(inverse, expected[1]) and torch.equal(counts[:count.value], expected[2])


def test_scans(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4)
        dim = random.randrange(len(shape))
        x = make(shape)
        out = torch.empty_like(x)
        context.call("ea_cumsum", x, dim, out)
        assert torch.equal(out, torch.cumsum(x, dim))  # PyTorch's running value is a double as well
        context.call("ea_cumprod", x, dim, out)
        assert torch.equal(out, torch.cumprod(x, dim))
        check(context, lambda v: var("cumsum", v, dim), lambda v: v.cumsum(dim), [x], terms=2000)
        check(context, lambda v: var("cumprod", v, dim), lambda v: v.cumprod(dim), [make(shape) * 0.3 + 1], terms=2000,
              scale=8.0, grad_scale=30.0)
        for name, peer in (("cummax", torch.cummax), ("cummin", torch.cummin)):
            check(context, lambda v: chosen(name, v, dim), lambda v: peer(v, dim).values, [x], terms=2000, grad_scale=30.0)
            assert torch.equal(chosen.places, peer(x, dim).indices)


def test_cumprod_with_zeros_and_integers(context):
    x = make([6, 40])
    x[0, 5] = 0
    x[1, 5] = x[1, 20] = 0
    check(context, lambda v: var("cumprod", v, 1), lambda v: v.cumprod(1), [x], terms=2000)
    whole = (make([5, 60]) * 4).long()
    out = torch.empty_like(whole)
    context.call("ea_cumsum", whole, 1, out)
    assert torch.equal(out, whole.cumsum(1))
    context.call("ea_cumprod", whole, 0, out)
    assert torch.equal(out, whole.cumprod(0))


def test_unique_dim(context):
    for trial in range(TRIALS * 3):
        shape = random_shape(3)
        dim = random.randrange(-len(shape), len(shape)) if shape else 0
        x = torch.randint(-1, 2, shape) if trial % 2 else make(shape).round().clamp(-1, 1)
        n = shape[dim] if shape else 1
        values, inverse, counts = torch.empty_like(x), torch.empty(n, dtype=torch.int64), torch.empty(n, dtype=torch.int64)
        count = ctypes.c_int64()
        if x.numel() == 0 and n:
            with pytest.raises(AssertionError, match="slices have no elements"):
                context.call("ea_unique_dim", x, dim, values, inverse, counts, ctypes.byref(count))
            continue
        context.call("ea_unique_dim", x, dim, values, inverse, counts, ctypes.byref(count))
        if n == 0:
            assert count.value == 0
            continue
        expected = torch.unique(x, return_inverse=True, return_counts=True, dim=dim)
        found = values.narrow(dim, 0, count.value) if shape else values
        assert torch.equal(found, expected[0])
        assert torch.equal(inverse, expected[1].reshape(n)) and torch.equal(counts[:count.value], expected[2])


def test_slices_with_nan_and_zeros(context):
    x = torch.tensor([[1.0, torch.nan], [0.0, 2.0], [1.0, torch.nan], [-0.0, 2.0]])
    values, inverse, count = torch.empty_like(x), torch.empty(4, dtype=torch.int64), ctypes.c_int64()
    context.call("ea_unique_dim", x, 0, values, inverse, None, ctypes.byref(count))
    assert count.value == 3 and inverse.tolist() == [1, 0, 2, 0]
    assert torch.equal(values[0], x[1]) and not values[0].signbit().any()


def test_searchsorted(context):
    for _ in range(TRIALS):
        rows, m, n = random.randint(1, 4), random.randint(0, 50), random.randint(1, 70)
        edges, values = ties([rows, m]).sort(1).values.contiguous(), ties([rows, n]).contiguous()
        values[0, 0] = float("nan")
        out = torch.empty([rows, n], dtype=torch.int64)
        for right in (0, 1):
            context.call("ea_searchsorted", edges, values, right, out)
            assert torch.equal(out, torch.searchsorted(edges, values, right=bool(right)))
            context.call("ea_searchsorted", edges[0], values, right, out)
            assert torch.equal(out, torch.searchsorted(edges[0], values, right=bool(right)))
        context.call("ea_searchsorted", (edges[0] * 5).long(), (values.nan_to_num(0) * 5).long(), 0, out)
        assert torch.equal(out, torch.searchsorted((edges[0] * 5).long(), (values.nan_to_num(0) * 5).long()))


def test_counting(context):
    for _ in range(TRIALS):
        x, weights = torch.randint(0, 30, [500]), make([500])
        counts, sums = torch.empty(40, dtype=torch.int64), torch.empty(40)
        context.call("ea_bincount", x, None, counts)
        assert torch.equal(counts, torch.bincount(x, minlength=40))
        context.call("ea_bincount", x, weights, sums)
        near(sums, torch.bincount(x, weights.double(), minlength=40), 50)
        bins = random.randint(1, 40)
        out, values = torch.empty(bins), make([50, 9])
        context.call("ea_histc", values, ctypes.c_double(-1.5), ctypes.c_double(2.0), out)
        assert torch.equal(out, torch.histc(values, bins, -1.5, 2.0))


def test_refusals(context):
    x = torch.empty(3, 0)
    out = torch.empty(3)
    for name, arguments in (("ea_reduce", (AGGREGATE["amax"], x, (ctypes.c_int * 1)(1), 1, ctypes.c_double(0), out)),
                            ("ea_max", (x, (ctypes.c_int * 1)(1), 1, out, None)), ("ea_median", (x, 1, 0, out, None)),
                            ("ea_kthvalue", (out, 0, int64(4), out[:1], None)),
                            ("ea_bincount", (torch.tensor([3]), None, torch.empty(3, dtype=torch.int64)))):
        with pytest.raises(AssertionError, match=name):
            context.call(name, *arguments)


def test_softmin(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 12)
        dim = random.randrange(-len(shape), len(shape))
        check(context, lambda x: var("softmin", x, dim), lambda x: x.neg().softmax(dim), [make(shape)], terms=2 * shape[dim])
