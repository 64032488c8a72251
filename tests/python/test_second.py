"""A second implementation of operations of the bit contract, in NumPy, from the text of docs/contract.md alone: it shares no
code and no order of work with src/. Every bit must be equal, so the text says all that the bits depend on."""
import decimal
import math
from decimal import Decimal

import numpy as np
import pytest

import eadem.ops as ops

F = np.float32
decimal.getcontext().prec = 50
CONTRACTS = ["chain", "repdl"]


# Rounding. A binary64 number that is rounded to odd rounds to binary32 as the exact value does.

def to_odd(nearest, error):
    """`nearest` is an exact value less `error`, rounded to nearest in binary64."""
    bits = nearest.view(np.int64)
    towards = np.where(np.signbit(error) == np.signbit(nearest), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + towards, bits).view(np.float64)


def fma(a, b, c):
    """fl(a·b + c), one rounding; the product of two binary32 numbers is exact in binary64."""
    with np.errstate(invalid="ignore"):
        product, c = np.asarray(a, np.float64) * np.asarray(b, np.float64), np.asarray(c, np.float64)
        total = product + c
        part = total - product
        error = np.where(np.isfinite(total), (product - (total - part)) + (c - part), 0)
    return to_odd(total, error).astype(F)


def rounded(real):
    nearest = np.array([float(real)])
    return to_odd(nearest, np.array([float(real - Decimal(nearest[0]))]))[0].astype(F)


def elementwise(function):
    return lambda x: np.array([rounded(function(Decimal(float(v)))) for v in np.ravel(x)], F).reshape(np.shape(x))


exp, log = elementwise(Decimal.exp), elementwise(Decimal.ln)


# Contraction and Sum.

def contraction(lists, contract):
    """One value for each list of terms (x, y)."""
    length = np.array([len(terms) for terms in lists])
    x, y = np.zeros((2, len(lists), max(length)), F)
    for row, terms in enumerate(lists):
        if terms:
            x[row, :len(terms)], y[row, :len(terms)] = zip(*terms)
    block = 1024 if contract == "chain" else max(length)
    total = np.zeros(len(lists), F)
    for start in range(0, max(length), block):
        chain = np.zeros(len(lists), F)
        for k in range(start, min(start + block, max(length))):
            chain = np.where(k < length, fma(x[:, k], y[:, k], chain), chain)
        total = chain if start == 0 else np.where(start < length, total + chain, total)
    return total


def chunk_sum(values):
    lanes = np.zeros((16, *values.shape[1:]), F)
    for i, value in enumerate(values):
        lanes[i % 16] += value
    for half in (8, 4, 2, 1):
        lanes[:half] += lanes[half:2 * half].copy()
    return lanes[0]


def total(values, contract):
    """Sum over the first dimension."""
    values = np.asarray(values, F)
    if contract == "repdl":
        s = np.zeros(values.shape[1:], F)
        for value in values:
            s = s + value
        return s
    sums = [chunk_sum(values[i:i + 1024]) for i in range(0, max(len(values), 1), 1024)]
    return sums[0] if len(sums) == 1 else total(np.stack(sums), contract)


def mean(values, contract):
    return of_sum(total(values, contract), len(values), contract)


def of_sum(s, n, contract):
    return s / F(n) if contract == "chain" else F(1 / n) * s


# The comparison.

@pytest.fixture(params=CONTRACTS)
def contract(request):
    with ops.use_contract(request.param):
        yield request.param


def random(*shape, seed=[0]):
    """Magnitudes over five decades, so that a sum in another order has other bits."""
    seed[0] += 1
    numbers = np.random.default_rng(seed[0])
    return (numbers.standard_normal(shape) * 10.0 ** numbers.uniform(-3, 2, shape)).astype(F)


def same(got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    nan = np.isnan(want)
    assert (np.isnan(got) == nan).all()
    assert (got.view(np.uint32) == want.view(np.uint32))[~nan].all()


@pytest.mark.parametrize("k", [0, 1, 1024, 1025, 2500])
def test_matmul_and_linear(contract, k):
    a, b, bias = random(3, k), random(k, 5), random(5)
    lists = [list(zip(a[i], b[:, j])) for i in range(3) for j in range(5)]
    want = contraction(lists, contract).reshape(3, 5) if k else np.zeros((3, 5), F)
    same(ops.matmul(a, b), want)
    same(ops.linear(a, np.ascontiguousarray(b.T), bias), want + bias)


def image_terms(factor, y, x, contract, other):
    """The term at row y, column x of a plane, outside which it is +0 or, under repdl, no term."""
    if 0 <= y < factor.shape[0] and 0 <= x < factor.shape[1]:
        return [(factor[y, x], other)]
    return [(F(0), other)] if contract == "chain" else []


def test_conv2d(contract):
    s, p, d, groups = 2, 2, 2, 2
    x, weight, bias = random(2, 120, 7, 8), random(4, 60, 3, 5), random(4)
    x[0, 3, 2, 2], weight[1, 5, 0, 0] = np.inf, np.inf  # under chain ∞·0 of the padding is NaN
    rows, columns = 4, 2
    lists = [[term for c in range(60) for j in range(3) for l in range(5)
              for term in image_terms(x[n, o // 2 * 60 + c], i * s - p + j * d, k * s - p + l * d, contract, weight[o, c, j, l])]
             for n in range(2) for o in range(4) for i in range(rows) for k in range(columns)]
    want = contraction(lists, contract).reshape(2, 4, rows, columns) + bias[:, None, None]
    assert contract == "repdl" or np.isnan(want).sum() > np.isnan(x).sum()
    same(ops.conv2d(x, weight, bias, s, p, d, groups), want)


@pytest.mark.parametrize("stride", [1, 2])
def test_conv2d_gradients(contract, stride):
    p, height, width = 1, 8, 7
    x, weight = random(3, 2, height, width), random(150, 2, 3, 3)
    rows, columns = (height + 2 * p - 3) // stride + 1, (width + 2 * p - 3) // stride + 1
    grad = random(3, 150, rows, columns)
    lists = [[term for o in range(150) for j in range(3) for l in range(3)
              if (i + p - j) % stride == 0 and (k + p - l) % stride == 0
              for term in image_terms(grad[n, o], (i + p - j) // stride, (k + p - l) // stride, contract, weight[o, c, j, l])]
             for n in range(3) for c in range(2) for i in range(height) for k in range(width)]
    same(ops.conv_backward_input(grad, weight, x.shape, stride, p), contraction(lists, contract).reshape(x.shape))


def test_conv2d_weight_gradient(contract):
    x, grad, p = random(3, 2, 21, 20), random(3, 2, 21, 20), 1
    lists = [[term for n in range(3) for i in range(21) for k in range(20)
              for term in image_terms(x[n, c], i - p + j, k - p + l, contract, grad[n, o, i, k])]
             for o in range(2) for c in range(2) for j in range(3) for l in range(3)]
    same(ops.conv_backward_weight(grad, x, (2, 2, 3, 3), 1, p), contraction(lists, contract).reshape(2, 2, 3, 3))


@pytest.mark.parametrize("shape, dims", [((0, 2), 0), ((17, 3), 0), ((3, 1025), 1), ((40, 3, 60), (0, 2)), ((20, 5, 11), None)])
def test_sum_and_mean(contract, shape, dims):
    x = random(*shape)
    reduced = range(len(shape)) if dims is None else (dims,) if isinstance(dims, int) else dims
    kept = [d for d in range(len(shape)) if d not in reduced]
    values = x.transpose(*reduced, *kept).reshape(-1, *(shape[d] for d in kept))
    same(ops.sum(x, dims), total(values, contract))
    if len(values):
        same(ops.mean(x, dims), mean(values, contract))


def test_softmax_and_cross_entropy(contract):
    rows, classes = 7, 1030
    x, g, target = random(rows, classes), random(rows, classes), np.arange(rows) * 100
    d = (x - x.max(1, keepdims=True)).T
    e = exp(d)
    s = total(e, contract)
    y, z = (e / s).T, (d - log(s)).T
    same(ops.softmax(x, 1), y)
    same(ops.log_softmax(x, 1), z)
    same(ops.softmax_backward(g, y, 1), (g - total((g * y).T, contract)[:, None]) * y)
    same(ops.log_softmax_backward(g, z, 1), g - exp(z) * total(g.T, contract)[:, None])

    losses = log(s) - d[target, np.arange(rows)]
    same(ops.cross_entropy(x, target, "none"), losses)
    same(ops.cross_entropy(x, target, "sum"), total(losses, contract))
    same(ops.cross_entropy(x, target), mean(losses, contract))
    q = y.copy()
    q[np.arange(rows), target] -= F(1)
    grad = F(0.7)
    same(ops.cross_entropy_backward(np.array(grad), x, target), (q * F(1 / rows)) * grad)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(contract, training):
    shape, eps, momentum = (9, 3, 13, 11), 1e-5, 0.1
    n = 9 * 13 * 11
    x, g, weight, bias = random(*shape), random(*shape), random(3), random(3)
    running_mean, running_var = random(3), np.abs(random(3))
    flat, back = lambda t: t.transpose(0, 2, 3, 1).reshape(-1, 3), lambda t: t.reshape(9, 13, 11, 3).transpose(0, 3, 1, 2)
    v, grad = flat(x), flat(g)
    mu, var, D = running_mean.copy(), running_var.copy(), None
    new_mean, new_var = mu, var
    if training:
        mu = mean(v, contract)
        D = total((v - mu) * (v - mu), contract)
        var = of_sum(D, n, contract)
        unbiased = D / F(n - 1) if contract == "chain" else var
        new_mean, new_var = (F(momentum) * new + F(1 - momentum) * old for new, old in ((mu, running_mean), (unbiased, running_var)))
    sigma = np.sqrt(var + F(eps))
    h = (v - mu) / sigma
    got, saved_mean, saved_std = ops.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps, save=True)
    same(got, back(h * weight + bias))
    same(running_mean, new_mean)
    same(running_var, new_var)

    G, W, k = total(grad, contract), total(h * grad, contract), weight / sigma
    if not training:
        want = k * grad
    elif contract == "chain":
        want = k * ((grad - G / F(n)) - h * (W / F(n)))
    else:
        f, c = F(1 / n), weight / (((F(2) * sigma) * sigma) * sigma)
        V = total((grad * (mu - v)) * c, contract) * f
        u = F(2) * (V * (v - mu))
        M = ((-weight / sigma) * G + total(-u, contract)) * f
        want = (k * grad + u) + M
    for result, expected in zip(ops.batch_norm_backward(g, x, weight, saved_mean, saved_std, training, eps), (back(want), W, G)):
        same(result, expected)


def test_layer_norm(contract):
    rows, n = 3, 1100
    x, g, weight, bias = random(rows, n), random(rows, n), random(n), random(n)
    d = x - mean(x.T, contract)[:, None]
    r = F(1) / np.sqrt(mean((d * d).T, contract) + F(1e-5))[:, None]
    h, q = d * r, g * weight
    got, saved_mean, saved_rstd = ops.layer_norm(x, 1, weight, bias, save=True)
    same(got, h * weight + bias)
    a, b = mean(q.T, contract)[:, None], mean((q * h).T, contract)[:, None]
    grads = ops.layer_norm_backward(g, x, weight, saved_mean, saved_rstd)
    for result, expected in zip(grads, (r * ((q - a) - h * b), total(g * h, contract), total(g, contract))):
        same(result, expected)


def test_max_pool(contract):
    x, g = np.round(random(2, 3, 9, 8)), random(2, 3, 5, 4)
    x[0, 0, 3, 3] = x[0, 0, 3, 4] = np.nan
    want, index, grad = np.empty_like(g), np.empty(g.shape, np.int64), np.zeros_like(x)
    taken = [[[] for _ in range(72)] for _ in range(6)]
    for n, c, i, k in np.ndindex(g.shape):
        best = None
        for y in range(max(2 * i - 1, 0), min(2 * i + 2, 9)):
            for z in range(max(2 * k - 1, 0), min(2 * k + 2, 8)):
                value = x[n, c, y, z]
                if best is None or value > best or np.isnan(value):
                    best, place = value, y * 8 + z
        want[n, c, i, k], index[n, c, i, k] = best, place
        taken[n * 3 + c][place].append(g[n, c, i, k])
    for plane in range(6):
        grad.reshape(6, 72)[plane] = [total(values, contract) for values in taken[plane]]
    got, places = ops.max_pool(x, 3, 2, 1)
    same(got, want)
    assert (places == index).all()
    same(ops.max_pool_backward(g, places, x.shape), grad)


@pytest.mark.parametrize("nesterov, dampening", [(False, 0.3), (True, 0.0)])
def test_sgd(contract, nesterov, dampening):
    lr, momentum, decay = 0.037, 0.9, 0.013
    p, b = random(50), None
    param, buffer = p.copy(), np.zeros(50, F)
    for step in range(1, 4):
        grad = random(50)
        ops.sgd(grad, param, buffer, step, lr, momentum, dampening, decay, nesterov)
        g = fma(p, F(decay), grad)
        b = g if b is None else fma(g, F(1 - dampening), b * F(momentum))
        p = fma(fma(b, F(momentum), g) if nesterov else b, F(-lr), p)
        same(param, p)
        same(buffer, b)


@pytest.mark.parametrize("decoupled, amsgrad", [(False, False), (True, True)])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.3, 0.7)])
def test_adam(contract, decoupled, amsgrad, betas):
    lr, eps, decay, (beta1, beta2) = 0.037, 1e-8, 0.013, betas
    p, m, v, top = random(50), *np.zeros((3, 50), F)
    param, avg, square, most = p.copy(), *np.zeros((3, 50), F)
    for step in range(1, 6):
        grad = random(50)
        ops.adam(grad, param, avg, square, most if amsgrad else None, step, lr, betas, eps, decay, amsgrad, decoupled)
        g = grad
        if decoupled:
            p = p * F(1 - lr * decay)
        else:
            g = fma(p, F(decay), g)
        c1, c2 = (1 - float(Decimal(beta) ** step) for beta in betas)
        if contract == "chain":
            w = 1 - beta1
            m = fma(F(w), g - m, m) if F(w) < 0.5 else fma(-(g - m), F(1) - F(w), g)
            v = fma(F(1 - beta2) * g, g, v * F(beta2))
        else:
            m = fma(g, F(1 - beta1), m * F(beta1))
            v = v * F(beta2) + (g * g) * F(1 - beta2)
        top = np.maximum(top, v)
        d = np.sqrt(top if amsgrad else v) / F(math.sqrt(c2)) + F(eps)
        p = p + ((F(-lr / c1) * m) / d if contract == "chain" else (m / d) * F(-lr / c1))
        for got, want in ((param, p), (avg, m), (square, v)):
            same(got, want)
