"""Indexing against PyTorch: values, gradients, and the same bits from definitions and fast versions."""
import random

import pytest
import torch

from peer import check, double, int64, library_constant, make, pointer, pointers, random_shape, var
from test_values import context  # noqa: F401: the fixture

TRIALS = 12

KINDS = {"copy": 0, "sum": 1, "prod": 2, "mean": 3, "amax": 4, "amin": 5}


def index_like(shape, size, dtype=None, low=0):
    """Indices in a random memory layout, of either type."""
    order = random.sample(range(len(shape)), len(shape))
    dtype = dtype or random.choice([torch.int64, torch.int32])
    values = torch.randint(low, size, [shape[d] for d in order], dtype=dtype)
    return values.permute([order.index(d) for d in range(len(shape))])


def smaller(shape, keep):
    return [size if d == keep else random.randint(1, size) for d, size in enumerate(shape)]


def test_gather(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 12)
        dim = random.randrange(-len(shape), len(shape))
        sizes = smaller(shape, dim % len(shape))
        sizes[dim] = random.randint(1, 30)
        index = index_like(sizes, shape[dim])
        check(context, lambda x: var("gather", x, dim, index), lambda x: x.gather(dim, index.long()), [make(shape)],
              terms=16)


def unique_index(shape, size, dim):
    """No destination twice: PyTorch's scatter says nothing about which one of two stands."""
    other = [n for d, n in enumerate(shape) if d != dim]
    lines = torch.stack([torch.randperm(size)[:shape[dim]] for _ in range(max(1, int(torch.tensor(other).prod())))])
    return lines.reshape(other + [shape[dim]]).movedim(-1, dim)


def test_scatter_copy(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 9)
        dim = random.randrange(len(shape))
        sizes = smaller(shape, -1)
        index = unique_index(sizes, shape[dim], dim)
        check(context, lambda x, s: var("scatter", x, dim, index, s, 0, 1), lambda x, s: x.scatter(dim, index, s),
              [make(shape), make(sizes)], exact=True)
        check(context, lambda x, s: var("scatter", x, dim, index, s, 0, 1),
              lambda x, s: x * torch.ones_like(x).scatter(dim, index, 0) +
              s * torch.zeros_like(x).scatter(dim, index, 1), [make(shape), make([])], terms=200)


@pytest.mark.parametrize("kind", ["sum", "mean"])
@pytest.mark.parametrize("include_self", [0, 1])
def test_scatter_reduce(context, kind, include_self):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 9)
        dim = random.randrange(len(shape))
        sizes = smaller(shape, -1)
        sizes[dim] = random.randint(1, 40)
        index = index_like(sizes, shape[dim])
        check(context, lambda x, s: var("scatter", x, dim, index, s, KINDS[kind], include_self),
              lambda x, s: x.scatter_reduce(dim, index.long(), s, kind, include_self=bool(include_self)),
              [make(shape), make(sizes)], terms=40, scale=6.0)


def test_a_long_line_is_shared_among_threads(context):
    index = torch.randint(5000, [60000])
    check(context, lambda x, s: var("scatter", x, 0, index, s, KINDS["sum"], 1),
          lambda x, s: x.scatter_add(0, index, s), [torch.randn(5000), torch.randn(60000)], terms=60, scale=20.0)
    rows = torch.randint(50, [3000])
    check(context, lambda x, s: var("index_add", x, 0, rows, s, double(1)), lambda x, s: x.index_add(0, rows, s),
          [torch.randn(50, 300), torch.randn(3000, 300)], terms=100, scale=30.0)


def test_index_select_add_copy(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 12)
        dim = random.randrange(-len(shape), len(shape))
        index = index_like([random.randint(1, 30)], shape[dim])
        check(context, lambda x: var("index_select", x, dim, index), lambda x: x.index_select(dim, index), [make(shape)],
              terms=30)
        slices = list(shape)
        slices[dim] = len(index)
        alpha = random.choice([1.0, -0.75])
        check(context, lambda x, s: var("index_add", x, dim, index, s, double(alpha)),
              lambda x, s: x.index_add(dim, index, s, alpha=alpha), [make(shape), make(slices)], terms=30, scale=6.0)
        some = torch.randperm(shape[dim])[:random.randint(1, shape[dim])]
        slices[dim] = len(some)
        check(context, lambda x, s: var("index_copy", x, dim, some, s), lambda x, s: x.index_copy(dim, some, s),
              [make(shape), make(slices)], exact=True)
        check(context, lambda x, s: var("index_copy", x, dim, some, s), lambda x, s: x.index_fill(dim, some, s),
              [make(shape), make([])], terms=400)


def test_take_along_dim(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 9)
        dim = random.randrange(-len(shape), len(shape))
        a = [n if d == dim % len(shape) else random.choice([1, n]) for d, n in enumerate(shape)]
        b = [n if m == 1 else random.choice([1, n]) for m, n in zip(a, shape)]
        b[dim] = random.randint(1, 9)
        index = index_like(b, a[dim], torch.int64)
        tensor = make(a).expand([m if d == dim % len(shape) else max(m, n) for d, (m, n) in enumerate(zip(a, b))])
        check(context, lambda x: var("take_along_dim", x, index, dim), lambda x: torch.take_along_dim(x, index, dim),
              [tensor], terms=16)
        out = make(list(torch.take_along_dim(make(a), index, dim).shape))
        x = make(a)
        context.call("ea_take_along_dim", x, index - a[dim] * (index % 2), dim, out)
        assert torch.equal(out, torch.take_along_dim(x, index - a[dim] * (index % 2) + a[dim] * (index % 2), dim))


def random_indices(shape):
    """Some dimensions indexed by tensors that broadcast, others whole."""
    joint = random_shape(0, 2, 4)
    indices = []
    for size in shape[:random.randint(1, len(shape))]:
        cut = joint[random.randint(0, len(joint)):]
        sizes = [random.choice([1, n]) for n in cut]
        indices.append(index_like(sizes, size, torch.int64, -size) if random.random() < 0.6 else None)
    if all(i is None for i in indices):
        indices[0] = index_like(joint, shape[0], torch.int64)
    return indices


def test_index_and_index_put(context):
    for _ in range(3 * TRIALS):
        shape = random_shape(1, 4, 6)
        indices = random_indices(shape)
        torch_indices = tuple(slice(None) if i is None else i for i in indices)
        x, array = make(shape), pointers(indices)
        check(context, lambda x: var("index", x, array, len(indices)), lambda x: x[torch_indices], [x], terms=16)
        result = list(x[torch_indices].shape)
        values = make([random.choice([1, n]) for n in result][random.randint(0, len(result)):])
        check(context, lambda x, v: var("index_put", x, array, len(indices), v, 1),
              lambda x, v: torch.ops.aten.index_put(x, indices, v, True), [x, values], terms=100, scale=10.0)
        if len(torch.unique(torch.arange(x.numel()).reshape(shape)[torch_indices])) == x[torch_indices].numel():
            check(context, lambda x, v: var("index_put", x, array, len(indices), v, 0),
                  lambda x, v: torch.ops.aten.index_put(x, indices, v, False), [x, values], terms=100)


def test_embedding(context):
    for _ in range(TRIALS):
        rows, width = random.randint(1, 30), random.randint(1, 80)
        index = index_like(random_shape(0, 3, 9), rows)
        padding = random.choice([-1, random.randrange(rows)])
        check(context, lambda w: var("embedding", w, index, int64(padding)),
              lambda w: torch.nn.functional.embedding(index, w, None if padding < 0 else padding), [make([rows, width])],
              terms=100, scale=10.0)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(context, mode):
    number = ["sum", "mean", "max"].index(mode)
    for trial in range(TRIALS):
        rows, width, bags = random.randint(1, 30), random.randint(1, 80), random.randint(1, 9)
        index = index_like([random.randint(1, 60)], rows, torch.int64)
        offsets = torch.cat([torch.zeros(1), torch.randint(len(index) + 1, [bags - 1]).sort()[0]]).long()
        padding = random.choice([-1, random.randrange(rows)])
        bag = lambda w, s=None: torch.nn.functional.embedding_bag(
            index, w, offsets, mode=mode, per_sample_weights=s, padding_idx=None if padding < 0 else padding)
        none = library_constant("ea_no_bias")
        check(context, lambda w: var("embedding_bag", w, index, offsets, none, number, int64(padding)), bag,
              [make([rows, width])], terms=100, scale=10.0)
        if mode == "sum":
            check(context, lambda w, s: var("embedding_bag", w, index, offsets, s, number, int64(padding)), bag,
                  [make([rows, width]), make([len(index)])], terms=200, scale=10.0)


def mask_for(shape):
    sizes = [random.choice([1, n, n]) for n in shape][random.choice([0, 0, random.randint(0, len(shape))]):]
    return torch.rand(sizes) < random.choice([0.1, 0.5, 0.9])


def test_masks(context):
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 12)
        mask = mask_for(shape)
        a, b = ([random.choice([1, n, n]) for n in shape] for _ in range(2))
        check(context, lambda a, b: var("where", pointer(mask), a, b), lambda a, b: torch.where(mask, a, b),
              [make(a), make(b)], terms=1000)
        check(context, lambda x: var("masked_fill", x, mask, double(-2.5)), lambda x: x.masked_fill(mask, -2.5),
              [make(shape)], exact=True)
        check(context, lambda x: var("masked_select", x, mask), lambda x: x.masked_select(mask), [make(shape)],
              exact=True)
        source = make([mask.expand(shape).sum().item() + random.randint(0, 3)])
        check(context, lambda x, s: var("masked_scatter", x, mask, s), lambda x, s: x.masked_scatter(mask, s),
              [make(shape), source], exact=True)
        places = torch.empty([int(mask.sum()), mask.ndim], dtype=torch.int64)
        context.call("ea_nonzero", mask, places)
        assert torch.equal(places, mask.nonzero())


def test_triangles(context):
    for _ in range(TRIALS):
        shape = random_shape(2, 4, 12)
        diagonal = random.randint(-13, 13)
        for name in ("tril", "triu"):
            check(context, lambda x: var(name, x, int64(diagonal)), lambda x: getattr(x, name)(diagonal), [make(shape)],
                  exact=True)


def values_array(values):
    import ctypes
    return (ctypes.c_void_p * len(values))(*(v.value for v in values))


def test_arrangement(context):
    import ctypes
    for _ in range(TRIALS):
        shape = random_shape(1, 4, 9)
        dim = random.randrange(-len(shape), len(shape))
        parts = []
        for _ in range(random.randint(1, 4)):
            sizes = list(shape)
            sizes[dim] = random.randint(0, 5) + (not parts)
            parts.append(make(sizes))
        check(context, lambda *v: var("cat", values_array(v), len(v), dim), lambda *t: torch.cat(t, dim), parts,
              exact=True)
        equal = [make(shape) for _ in range(random.randint(1, 4))]
        at = random.randrange(-len(shape) - 1, len(shape) + 1)
        check(context, lambda *v: var("stack", values_array(v), len(v), at), lambda *t: torch.stack(t, at), equal,
              exact=True)
        start = random.randrange(shape[dim])
        length = random.randint(1, shape[dim] - start)
        check(context, lambda x: var("narrow", x, dim, int64(start), int64(length)),
              lambda x: x.narrow(dim, start, length), [make(shape)], exact=True)
        dims = random.sample(range(len(shape)), random.randint(1, len(shape)))
        shifts = [random.randint(-30, 30) for _ in dims]
        c_dims, c_shifts = (ctypes.c_int * len(dims))(*dims), (int64 * len(dims))(*shifts)
        check(context, lambda x: var("roll", x, c_shifts, c_dims, len(dims)), lambda x: x.roll(shifts, dims),
              [make(shape)], exact=True)
        check(context, lambda x: var("flip", x, c_dims, len(dims)), lambda x: x.flip(dims), [make(shape)], exact=True)
        repeats = torch.randint(0, 4, [shape[dim]])
        check(context, lambda x: var("repeat_interleave", x, repeats, dim), lambda x: x.repeat_interleave(repeats, dim),
              [make(shape)], terms=4)


def test_one_hot(context):
    for _ in range(TRIALS):
        index = index_like(random_shape(0, 3, 9), 7)
        out = torch.full([*index.shape, 9], -1)
        context.call("ea_one_hot", index, out)
        assert torch.equal(out, torch.nn.functional.one_hot(index.long(), 9))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool, torch.float16, torch.bfloat16])
def test_moves_take_any_type(context, dtype):
    x = make([5, 7, 6]).mul(20).to(dtype)
    index = index_like([5, 4, 6], 7, torch.int64)
    out = torch.empty([5, 4, 6], dtype=dtype)
    context.call("ea_gather", x, 1, index, out)
    assert torch.equal(out, x.gather(1, index))
    index = unique_index([5, 4, 6], 7, 1)
    copied = torch.empty([5, 7, 6], dtype=dtype)
    context.call("ea_scatter", x, 1, index, out, 0, 1, copied)
    assert torch.equal(copied, x.scatter(1, index, out))
    if dtype in (torch.int64, torch.int32, torch.float16, torch.bfloat16):
        context.call("ea_scatter", x, 1, index, out, KINDS["sum"], 1, copied)
        assert torch.equal(copied, x.scatter_add(1, index, out))
