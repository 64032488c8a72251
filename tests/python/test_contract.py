"""Contractions made of others, sparse matrices, rotary embedding and dropout against PyTorch in binary64."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from peer import LIBRARY, check, double, int64, library_constant, run, var
from test_values import TRIALS, DLTensor, context, dl, make, random_shape  # noqa: F401 (a fixture)

EQUATIONS = [
    ("ij,jk->ik", "ij jk"), ("ij,jk", "ij jk"), ("bij,bjk->bik", "bij bjk"), ("bij,bkj->bki", "bij bkj"),
    ("i,i->", "i i"), ("i,j->ij", "i j"), ("ij->ji", "ij"), ("ij->", "ij"), ("ijk->j", "ijk"), ("ii->i", "ii"), ("ii", "ii"),
    ("iji->j", "iji"), ("bhqd,bhkd->bhqk", "bhqd bhkd"), ("abc,cd,de->abe", "abc cd de"), ("ab,ac,ad->bcd", "ab ac ad"),
    ("...ij,...jk->...ik", "bij cbjk"), ("...i,oij,...j->...o", "abi oij abj"), ("ij,ij->ij", "ij ij"), ("Ab,bC", "Ab bC"),
    ("ij,kl->", "ij kl"), (" i j , j k -> k i ", "ij jk"), ("ijk,jil->kl", "ijk jil"),
]


@pytest.mark.parametrize("equation, shapes", EQUATIONS)
def test_einsum(context, equation, shapes):
    for trial in range(3):
        sizes = {label: random.randint(1, 7) for label in "abcdehijkloqAC"}
        leaves = [make([sizes[label] for label in labels]) for labels in shapes.split()]
        if trial == 2 and "..." in equation:
            leaves[0] = leaves[0][:1]  # broadcasts

        def build(*values):
            return var("einsum", equation.encode(), (ctypes.c_void_p * len(values))(*values), len(values))

        check(context, build, lambda *t: torch.einsum(equation, *t), leaves, 400, scale=20.0, grad_scale=100.0)


@pytest.mark.parametrize("equation", ["ij,jk->ikz", "ij", "i?,jk", "ij,jk->ii", "ij,jk->ik,"])
def test_einsum_refuses(context, equation):
    def build(*values):
        return var("einsum", equation.encode(), (ctypes.c_void_p * 2)(*values), 2)

    with pytest.raises(AssertionError, match="ea_var_einsum"):
        run(context, build, [torch.randn(2, 3), torch.randn(3, 4)], None)


def test_permute(context):
    for _ in range(TRIALS):
        x = make(random_shape(0, 6, 5))
        order = random.sample(range(x.ndim), x.ndim)
        check(context, lambda v: var("permute", v, (ctypes.c_int * 8)(*order), len(order)), lambda t: t.permute(order), [x],
              exact=True)


@pytest.mark.parametrize("batch", [False, True])
def test_addmm(context, batch):
    for _ in range(TRIALS):
        lead, (m, k, n) = [random.randint(1, 4)] * batch, [random.randint(1, 20) for _ in range(3)]
        beta, alpha = random.choice([0, 1, 0.3]), random.choice([1, -2.5])
        leaves = [make(random.choice([lead + [m, n], [n], [m, 1]])), make(lead + [m, k]), make(lead + [k, n])]
        check(context, lambda *v: var("addmm", *v, double(beta), double(alpha)),
              lambda i, a, b: torch.add(beta * i if beta else torch.zeros(()), torch.matmul(a, b), alpha=alpha).expand(lead + [m, n]),
              leaves, k, scale=4 * k**0.5, grad_scale=40.0)


def test_bilinear(context):
    for _ in range(TRIALS):
        lead, (i, j, o) = random_shape(0, 2, 5), [random.randint(1, 9) for _ in range(3)]
        leaves = [make(lead + [i]), make(lead + [j]), make([o, i, j])] + [make([o])] * (random.random() < 0.5)

        def build(*values):
            bias = values[3] if len(values) == 4 else library_constant("ea_no_bias")
            return var("bilinear", *values[:3], bias)

        check(context, build, F.bilinear, leaves, i * j, scale=4 * (i * j)**0.5, grad_scale=60.0)


class Sparse(ctypes.Structure):
    _fields_ = [("batch", ctypes.c_int64), ("rows", ctypes.c_int64), ("columns", ctypes.c_int64)] + [
        (name, ctypes.POINTER(DLTensor)) for name in ("row_start", "column", "indices")]


def described(tensor):
    return ctypes.pointer(dl(tensor))


def check_sparse(context, matrix, values, dense, expected):
    check(context, lambda v, d: var("sparse_mm", ctypes.byref(matrix), v, d), expected, [values, dense], 200, scale=16.0,
          grad_scale=60.0)


@pytest.mark.parametrize("batch", [1, 4])
def test_coo(context, batch):
    for _ in range(TRIALS):
        rows, columns, n, nnz = [random.randint(1, 30) for _ in range(3)] + [random.randint(0, 90)]
        bounds = [batch, rows, columns][batch == 1:]
        indices = torch.stack([torch.randint(bound, [nnz]) for bound in bounds])
        shape = [batch, rows, columns][batch == 1:]
        matrix = Sparse(batch, rows, columns, None, None, described(indices))
        check_sparse(context, matrix, torch.randn(nnz), torch.randn([batch, columns, n][batch == 1:]),
                     lambda v, d: torch.sparse_coo_tensor(indices, v, shape).to_dense() @ d)


def test_csr(context):
    for _ in range(TRIALS):
        rows, columns, n = [random.randint(1, 30) for _ in range(3)]
        csr = (torch.randn(rows, columns) * (torch.rand(rows, columns) < 0.3)).to_sparse_csr()
        start, column = csr.crow_indices(), csr.col_indices()
        row = torch.repeat_interleave(torch.arange(rows), start.diff())
        matrix = Sparse(0, rows, columns, described(start), described(column), None)
        check_sparse(context, matrix, csr.values(), torch.randn(columns, n),
                     lambda v, d: torch.zeros(rows, columns).double().index_put((row, column), v) @ d)


@pytest.mark.parametrize("start, column", [([0, 1, 3], [0, 9]), ([0, 2, 1], [0, 1]), ([0, 1, 2], [0, -1]), ([1, 1, 2], [0, 1])])
def test_malformed_csr_is_refused(context, start, column):
    start, column = torch.tensor(start), torch.tensor(column)
    matrix = Sparse(0, 2, 3, described(start), described(column), None)
    with pytest.raises(AssertionError, match="ea_sparse_mm"):
        context.call("ea_sparse_mm", matrix, torch.randn(2), torch.randn(3, 4), torch.randn(2, 4))


@pytest.mark.parametrize("adjacent", [0, 1])
def test_rotary(context, adjacent):
    for _ in range(8):
        steps, half, first = random.randint(1, 9), random.randint(1, 12), random.choice([0, 500])
        cosine, sine = torch.zeros(steps, half), torch.zeros(steps, half)
        context.call("ea_rotary_table", double(10000.0), int64(first), cosine, sine)
        angle = torch.arange(first, first + steps).double()[:, None] * 10000.0**(-torch.arange(half).double() / half)
        torch.testing.assert_close(cosine.double(), angle.cos(), atol=1e-4, rtol=0)
        torch.testing.assert_close(sine.double(), angle.sin(), atol=1e-4, rtol=0)
        keep = dl(cosine), dl(sine)

        def expected(x):
            pairs = x.unflatten(-1, (half, 2)) if adjacent else x.unflatten(-1, (2, half)).transpose(-1, -2)
            turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * torch.complex(cosine.double(), sine.double()))
            return turned.flatten(-2) if adjacent else turned.transpose(-1, -2).flatten(-2)

        check(context, lambda v: var("rotary", v, *map(ctypes.byref, keep), adjacent), expected,
              [make(random_shape(0, 2, 4) + [steps, 2 * half])])


class Generator(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint64 * 1024)]


def seeded(context, seed):
    generator = Generator()
    LIBRARY.ea_seed(context.handle, ctypes.c_uint64(seed), ctypes.byref(generator))
    return generator


@pytest.mark.parametrize("name, feature", [("dropout", 0), ("feature_dropout", 1), ("alpha_dropout", 0), ("feature_alpha_dropout", 1)])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout(context, name, feature, p):
    """The mask is what ea_bernoulli draws; with it the values and gradients are torch's formula."""
    x = torch.randn(6, 40, 9)
    mask = torch.ones(6, 40, 1 if feature else 9)
    if p:
        context.call("ea_bernoulli", ctypes.byref(seeded(context, 7)), double(1 - p), mask)
        assert abs(mask.mean().item() - (1 - p)) < 0.1
    alpha = 1.7580993408473766

    def expected(t):
        if "alpha" not in name:
            return t * mask * (0 if p == 1 else 1 / (1 - p))
        scale = 0 if p == 1 else ((alpha**2 * p + 1) * (1 - p))**-0.5
        return t * (mask * scale) + (mask - 1) * alpha * scale + alpha * scale * p

    check(context, lambda v: var(name, v, double(p), ctypes.byref(seeded(context, 7))), expected, [x])


def test_dropout_of_an_evaluation_is_the_identity(context):
    check(context, lambda v: var("dropout", v, double(0.5), None), lambda t: t * 1, [torch.randn(3, 4)], exact=True)


def test_dropout_refuses_p(context):
    with pytest.raises(AssertionError, match="dropout: p is 1.5"):
        run(context, lambda v: var("dropout", v, double(1.5), None), [make([3, 4])], None)
