"""Every operation of eadem.ops: values against PyTorch, bits against the definitions, on NumPy arrays and on tensors."""

import pathlib
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from eadem import _native, ops

HEADERS = pathlib.Path(__file__).parents[2] / "include" / "eadem" / "op"

# Doors whose name in eadem.ops is another, and the doors that need none: what a two-dimensional or named one covers.
RENAMED = {"conv": "conv2d", "conv_transpose": "conv_transpose2d", "reduce": "var", "point": "gelu", "unique_dim": "unique"}
COVERED = {"conv2d", "conv2d_backward_input", "conv2d_backward_weight", "max_pool2d", "max_pool2d_backward"}
QUESTIONS = {"point_name", "point_inputs", "point_parameters", "recurrent_gates", "recurrent_kept", "update_state"}


def doors():
    for header in HEADERS.glob("*.h"):
        yield from re.findall(r"EA_API[^(]*?\bea_(\w+)\(", header.read_text())


def test_every_door_of_the_headers_is_there():
    missing = [name for name in doors() if RENAMED.get(name, name) not in ops.__all__ and name not in COVERED | QUESTIONS]
    assert len(set(doors())) > 100 and not missing


def test_every_function_by_number_is_there():
    assert not set(_native.points) - set(ops.__all__)


def test_every_function_has_a_docstring():
    assert not [name for name in ops.__all__ if not (getattr(ops, name).__doc__ or "").strip()]


def rand(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def pos(*shape):
    return rand(*shape).abs() + 0.1


def ints(high, *shape):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(high))


def unit(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 0.9 + 0.05


X, Y, P, U = rand(5, 7), rand(5, 7), pos(5, 7), unit(5, 7)
BOOL = rand(5, 7) > 0
IMAGE, WEIGHT = rand(2, 4, 9, 8), rand(6, 2, 3, 3)
PLACES, STORED = torch.tensor([[0, 2, 2, 3], [1, 0, 4, 2]]), rand(4)
DENSE = torch.zeros(5, 6).index_put(tuple(PLACES), STORED)
SAMPLES = unit(2, 4, 2)

# name: (arguments, PyTorch's function of the same ones). Keyword arguments stand in the lambdas.
CASES = {
    "add": ((X, Y), torch.add), "sub": ((X, Y), torch.sub), "mul": ((X, Y[0]), torch.mul), "div": ((X, P), torch.div),
    "maximum": ((X, Y), torch.maximum), "minimum": ((X, 0.5), lambda a, b: a.clamp(max=b)), "pow": ((P, Y), torch.pow),
    "fmod": ((X, Y), torch.fmod), "remainder": ((X, Y), torch.remainder), "atan2": ((X, Y), torch.atan2),
    "hypot": ((X, Y), torch.hypot), "prelu": ((X, rand(7)), lambda x, w: torch.where(x > 0, x, x * w)),
    "div_floor": ((X, Y), lambda a, b: torch.div(a, b, rounding_mode="floor")),
    "div_trunc": ((X, Y), lambda a, b: torch.div(a, b, rounding_mode="trunc")),
    "lerp": ((X, Y, U), torch.lerp), "addcmul": ((X, Y, P, 0.5), lambda x, a, b, v: torch.addcmul(x, a, b, value=v)),
    "addcdiv": ((X, Y, P, 0.5), lambda x, a, b, v: torch.addcdiv(x, a, b, value=v)),
    "softplus": ((X, 2.0, 1.0), F.softplus), "elu": ((X, 0.7), F.elu), "celu": ((X, 0.7), F.celu),
    "leaky_relu": ((X, 0.2), F.leaky_relu), "hardtanh": ((X, -0.5, 0.7), F.hardtanh), "clamp": ((X, -0.5, 0.7), torch.clamp),
    "gelu_tanh": ((X,), lambda x: F.gelu(x, approximate="tanh")), "logsigmoid": ((X,), F.logsigmoid),
    "cbrt": ((P,), lambda x: x ** (1 / 3)), "acosh": ((1 + P,), torch.acosh), "logical_not": ((BOOL,), torch.logical_not),
    "logical_and": ((BOOL, BOOL[:1]), torch.logical_and), "logical_or": ((BOOL, BOOL[:1]), torch.logical_or),
    "logical_xor": ((BOOL, BOOL[:1]), torch.logical_xor), "copy": ((X, torch.empty(5, 7)), lambda x, out: x),
    "exp_backward": ((Y, X), lambda g, x: g * x.exp()), "log_backward": ((Y, P), lambda g, x: g / x),
    "sqrt_backward": ((Y, P), lambda g, x: g / (2 * x.sqrt())), "relu_backward": ((Y, X), lambda g, x: g * (x > 0)),
    "tanh_backward": ((Y, X), lambda g, x: g * (1 - x.tanh()**2)),
    "sigmoid_backward": ((Y, X), lambda g, x: g * x.sigmoid() * (1 - x.sigmoid())),
    "function": (("erf", X), lambda _, x: x.erf()), "function_scaled": (("sigmoid", Y, X), lambda _, a, x: a * x.sigmoid()),
    "point_backward": (("silu", 0, Y, X), lambda _, w, g, x: g * (x.sigmoid() * (1 + x * (1 - x.sigmoid())))),
    "matmul": ((rand(2, 5, 7), rand(7, 3)), torch.matmul), "bmm": ((rand(2, 5, 7), rand(2, 7, 3)), torch.bmm),
    "linear": ((X, rand(3, 7), rand(3)), F.linear), "conv1d": ((rand(2, 4, 9), rand(6, 2, 3), None, 2, 1, 2, 2), F.conv1d),
    "conv2d": ((IMAGE, WEIGHT, rand(6), (2, 1), 1, 1, 2), F.conv2d), "conv3d": ((rand(1, 2, 5, 4, 6), rand(3, 2, 2, 3, 3)), F.conv3d),
    "conv_transpose1d": ((rand(2, 4, 5), rand(4, 3, 3), None, 2, 1, 1), F.conv_transpose1d),
    "conv_transpose2d": ((IMAGE, rand(4, 3, 3, 3), rand(6), 2, 1, 1, 2), F.conv_transpose2d),
    "conv_transpose3d": ((rand(1, 2, 3, 4, 3), rand(2, 3, 2, 2, 2)), F.conv_transpose3d),
    "conv_backward_input": ((rand(2, 6, 9, 8), WEIGHT, (2, 4, 9, 8), 1, 1, 1, 2),
                            lambda g, w, s, *o: torch.nn.grad.conv2d_input(s, w, g, *o)),
    "conv_backward_weight": ((rand(2, 6, 9, 8), IMAGE, (6, 2, 3, 3), 1, 1, 1, 2),
                             lambda g, x, s, *o: torch.nn.grad.conv2d_weight(x, s, g, *o)),
    "conv_transpose_backward_input": ((rand(2, 3, 11, 10), rand(4, 3, 3, 3), (2, 4, 9, 8)), lambda g, w, s: F.conv2d(g, w)),
    "conv_transpose_backward_weight": ((rand(2, 3, 11, 10), IMAGE, (4, 3, 3, 3)),
                                       lambda g, x, s: torch.nn.grad.conv2d_weight(g, s, x)),
    "attention": ((rand(2, 4, 5, 8), rand(2, 2, 6, 8), rand(2, 2, 6, 3), rand(5, 6)),
                  lambda q, k, v, m: F.scaled_dot_product_attention(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1), m)),
    "attention_backward": ((rand(2, 4, 5, 3), rand(2, 4, 5, 8), rand(2, 4, 6, 8), rand(2, 4, 6, 3)),
                           lambda g, *qkv: gradients(F.scaled_dot_product_attention, g, *qkv)),
    "sparse_mm": ((STORED, rand(6, 3), 5, None, None, PLACES), lambda v, d, *_: DENSE @ d),
    "sparse_mm_backward": ((rand(5, 3), STORED, rand(6, 3), 5, None, None, PLACES),
                           lambda g, v, d, *_: ((g @ d.t())[tuple(PLACES)], DENSE.t() @ g)),
    "rotary_table": ((100.0, 3, 5, 8, X), lambda theta, first, steps, dim, _: [
        f(torch.arange(first, first + steps).double()[:, None] * theta**(-2 * torch.arange(dim // 2).double() / dim)).float()
        for f in (torch.cos, torch.sin)]),
    "sum": ((IMAGE, (1, 3)), torch.sum), "mean": ((IMAGE, (0, 2), True), torch.mean),
    "sum_to_shape": ((IMAGE, (4, 1, 8)), lambda x, s: x.sum_to_size(s)), "prod": ((P, 1), torch.prod),
    "var": ((X, 1), torch.var), "std": ((X, 0), torch.std), "norm": ((X, 1), lambda x, d: torch.linalg.vector_norm(x, dim=d)),
    "logsumexp": ((X, 1), torch.logsumexp), "amax": ((X, 1), torch.amax), "amin": ((X, (0, 1)), torch.amin),
    "any": ((BOOL, 1), torch.any), "all": ((BOOL, 0), torch.all),
    "reduce_backward": (("logsumexp", rand(5), X, X.logsumexp(1), 1), lambda n, g, x, o, d: g[:, None] * x.softmax(d)),
    "max": ((X, 1), torch.max), "min": ((X, 0), torch.min), "argmax": ((X, 1), torch.argmax), "argmin": ((X,), torch.argmin),
    "cumsum": ((X, 1), torch.cumsum), "cumprod": ((X, 0), torch.cumprod), "cummax": ((X, 1), torch.cummax),
    "cummin": ((X, 1), torch.cummin), "cumsum_backward": ((X, 1), lambda g, d: g.flip(d).cumsum(d).flip(d)),
    "cumprod_backward": ((Y, X, 1), lambda g, x, d: gradients(lambda t: t.cumprod(d), g, x)[0]),
    "softmax": ((X, 1), torch.softmax), "log_softmax": ((X, 0), torch.log_softmax),
    "softmax_backward": ((Y, X.softmax(1), 1), lambda g, o, d: o * (g - (g * o).sum(d, True))),
    "log_softmax_backward": ((Y, X.log_softmax(1), 1), lambda g, o, d: g - o.exp() * g.sum(d, True)),
    "sort": ((X, 0, True), lambda x, d, r: torch.sort(x, d, r)), "argsort": ((ints(3, 4, 9), 1), lambda x, d: torch.sort(x, dim=d, stable=True)[1]),
    "topk": ((X, 3, 1), torch.topk), "kthvalue": ((X, 2, 1), torch.kthvalue), "median": ((X, 1), torch.median),
    "nanmedian": ((X, 0), torch.nanmedian), "mode": ((ints(3, 4, 9), 1), lambda x, d: torch.mode(x, d)[0]),
    "unique": ((ints(9, 30),), lambda x: torch.unique(x, return_inverse=True, return_counts=True)),
    "searchsorted": ((X[0].sort()[0], Y), torch.searchsorted), "bincount": ((ints(9, 30), pos(30)), torch.bincount),
    "histc": ((X, 6, -1.0, 2.0), torch.histc), "gather": ((X, 1, ints(7, 5, 3)), torch.gather),
    "scatter": ((X, 1, ints(7, 5, 6), Y), lambda x, d, i, s: last_stands(x, i, s)),
    "index_select": ((X, 1, ints(7, 4)), torch.index_select), "index_add": ((X, 0, ints(5, 9), rand(9, 7), 0.5),
                                                                          lambda x, d, i, s, a: x.index_add(d, i, s, alpha=a)),
    "index_copy": ((X, 0, torch.tensor([3, 1]), rand(2, 7)), torch.index_copy), "take_along_dim": ((X, ints(7, 5, 2), 1), torch.take_along_dim),
    "index": ((IMAGE, [None, ints(4, 3), ints(9, 2, 3)]), lambda x, i: x[:, i[1], i[2]]),
    "index_put": ((X, [ints(5, 4), ints(7, 4)], rand(4), True), torch.index_put), "embedding": ((X, ints(5, 2, 3)), lambda w, i: F.embedding(i, w)),
    "embedding_backward": ((rand(6, 7), ints(5, 6), 5, 2), lambda g, i, n, p: torch.zeros(n, 7).index_add(0, i, g).index_fill(0, torch.tensor([p]), 0)),
    "embedding_bag": ((X, ints(5, 9), torch.tensor([0, 4]), "mean"), lambda w, i, o, m: F.embedding_bag(i, w, o, mode=m)),
    "embedding_bag_backward": ((rand(2, 7), X, ints(5, 9), torch.tensor([0, 4])),
                               lambda g, w, i, o: gradients(lambda t: F.embedding_bag(i, t, o, mode="sum"), g, w)[0]),
    "one_hot": ((ints(5, 2, 3), 6), F.one_hot), "where": ((BOOL, X, 0.5), torch.where), "count_nonzero": ((BOOL,), lambda m: m.sum()),
    "nonzero": ((BOOL,), torch.nonzero), "masked_select": ((X, BOOL[0]), torch.masked_select),
    "masked_scatter": ((X, BOOL, rand(35)), torch.masked_scatter), "tril": ((X, 1), torch.tril), "triu": ((X, -1), torch.triu),
    "cat": (([X, Y[:2]], 0), torch.cat), "stack": (([X, Y], 1), torch.stack), "split": ((X, [2, 3, 2], 1), torch.split),
    "roll": ((X, (2, -1), (0, 1)), torch.roll), "flip": ((X, (0, 1)), torch.flip), "repeat_interleave": ((X, 2, 1), torch.repeat_interleave),
    "max_pool": ((IMAGE, 3, 2, 1), lambda x, *o: F.max_pool2d(x, *o, return_indices=True)),
    "max_pool_backward": ((rand(2, 4, 4, 4), F.max_pool2d(IMAGE, 2, return_indices=True)[1], (2, 4, 9, 8)),
                          lambda g, i, s: F.max_unpool2d(g, i, 2, output_size=s)),
    "adaptive_max_pool": ((IMAGE, 3), lambda x, s: F.adaptive_max_pool2d(x, s, return_indices=True)),
    "fractional_max_pool": ((IMAGE, 2, 3, SAMPLES), lambda x, k, s, r: F.fractional_max_pool2d(x, k, s, return_indices=True, _random_samples=r)),
    "max_unpool": ((*F.max_pool2d(IMAGE, 2, return_indices=True), (8, 8)), lambda x, i, s: F.max_unpool2d(x, i, 2, output_size=s)),
    "max_unpool_backward": ((IMAGE, F.max_pool2d(IMAGE, 2, return_indices=True)[1]), lambda g, i: g.flatten(2).gather(2, i.flatten(2)).view_as(i)),
    "avg_pool": ((IMAGE, 3, 2, 1, True, False), F.avg_pool2d),
    "avg_pool_backward": ((rand(2, 4, 4, 4), (2, 4, 9, 8), 2), lambda g, s, k: gradients(lambda t: F.avg_pool2d(t, k), g, torch.ones(s))[0]),
    "adaptive_avg_pool": ((IMAGE, (3, 2)), F.adaptive_avg_pool2d),
    "adaptive_avg_pool_backward": ((rand(2, 4, 3, 3), (2, 4, 9, 8)), lambda g, s: gradients(lambda t: F.adaptive_avg_pool2d(t, 3), g, torch.ones(s))[0]),
    "pad": ((IMAGE, (1, 2, 3, 0), "reflect"), F.pad),
    "pad_backward": ((IMAGE, (1, 2, 2, 0), "replicate"), lambda g, p, m: gradients(lambda t: F.pad(t, p, m), g, torch.ones(2, 4, 7, 5))[0]),
    "unfold": ((IMAGE, (3, 2), 1, 1, 2), F.unfold), "fold": ((rand(2, 12, 12), (5, 4), (2, 2)), F.fold),
    "pixel_shuffle": ((IMAGE, 2), F.pixel_shuffle), "pixel_unshuffle": ((rand(2, 3, 4, 6), 2), F.pixel_unshuffle),
    "interpolate": ((IMAGE, (5, 13), "linear"), lambda x, s, m: F.interpolate(x, s, mode="bilinear")),
    "interpolate_backward": ((rand(2, 4, 5, 13), (2, 4, 9, 8), "cubic"),
                             lambda g, s, m: gradients(lambda t: F.interpolate(t, (5, 13), mode="bicubic"), g, torch.ones(s))[0]),
    "grid_sample": ((IMAGE, unit(2, 3, 5, 2)), lambda x, g: F.grid_sample(x, g, align_corners=False)),
    "grid_sample_backward": ((rand(2, 4, 3, 5), IMAGE, unit(2, 3, 5, 2)),
                             lambda g, *xs: gradients(lambda x, p: F.grid_sample(x, p, align_corners=False), g, *xs)),
    "batch_norm": ((IMAGE, rand(4), pos(4), rand(4), rand(4)), F.batch_norm),
    "batch_norm_backward": ((IMAGE, IMAGE + 1, rand(4), (IMAGE + 1).mean((0, 2, 3)), ((IMAGE + 1).var((0, 2, 3), False) + 1e-5).sqrt()),
                            lambda g, x, w, m, s: gradients(lambda x, w, b: F.batch_norm(x, None, None, w, b, True), g, x, w, torch.zeros(4))),
    "layer_norm": ((X, 1, rand(7), Y[0]), lambda x, d, w, b: F.layer_norm(x, (7,), w, b)),
    "layer_norm_backward": ((Y, X, rand(7), X.mean(1), (X.var(1, False) + 1e-5).rsqrt()),
                            lambda g, x, w, m, r: gradients(lambda x, w, b: F.layer_norm(x, (7,), w, b), g, x, w, torch.zeros(7))),
    "rms_norm": ((X, 1, rand(7), 1e-6), lambda x, d, w, e: x * (x.square().mean(1, True) + e).rsqrt() * w),
    "rms_norm_backward": ((Y, X, rand(7), (X.square().mean(1) + 1e-6).rsqrt()),
                          lambda g, x, w, r: gradients(lambda x, w: x * (x.square().mean(1, True) + 1e-6).rsqrt() * w, g, x, w)),
    "group_norm": ((IMAGE, 2, rand(4), rand(4)), F.group_norm),
    "group_norm_backward": ((IMAGE.flip(0), IMAGE, 4, rand(4), IMAGE.mean((2, 3)), (IMAGE.var((2, 3), False) + 1e-5).rsqrt()),
                            lambda g, x, n, w, m, r: gradients(lambda x, w, b: F.group_norm(x, n, w, b), g, x, w, torch.zeros(4))),
    "cross_entropy": ((X, ints(7, 5)), F.cross_entropy),
    "cross_entropy_backward": ((torch.tensor(2.0), X, ints(7, 5)), lambda g, x, t: gradients(lambda x: F.cross_entropy(x, t), g, x)[0]),
    "nll_loss": ((X.log_softmax(1), ints(7, 5), pos(7)), F.nll_loss),
    "nll_loss_backward": ((torch.tensor(2.0), X, ints(7, 5)), lambda g, x, t: gradients(lambda x: F.nll_loss(x, t), g, x)[0]),
    "ctc_loss": ((rand(9, 2, 5).log_softmax(2), 1 + ints(4, 2, 3), torch.tensor([9, 8]), torch.tensor([3, 2])),
                 lambda *a: F.ctc_loss(*a, reduction="none")),
    "ctc_loss_backward": ((torch.tensor([1.0, 2.0]), rand(9, 2, 5).log_softmax(2), 1 + ints(4, 2, 3), torch.tensor([9, 8]), torch.tensor([3, 2])),
                          lambda g, x, *a: gradients(lambda t: F.ctc_loss(t, *a, reduction="none"), g, x)[0]),
    "mse_loss": ((X, Y), F.mse_loss), "l1_loss": ((X, Y), F.l1_loss), "smooth_l1_loss": ((X, Y), F.smooth_l1_loss),
    "huber_loss": ((X, Y), F.huber_loss), "hinge_embedding_loss": ((X, Y.sign()), F.hinge_embedding_loss), "kl_div": ((X, U), F.kl_div),
    "poisson_nll_loss": ((X, P), F.poisson_nll_loss), "bce": ((U, U.flip(0)), F.binary_cross_entropy),
    "bce_with_logits": ((X, U, 1.0), lambda x, t, w: F.binary_cross_entropy_with_logits(x, t)),
    "gaussian_nll_loss": ((X, Y, P), F.gaussian_nll_loss), "margin_ranking_loss": ((X, Y, (X + Y).sign()), F.margin_ranking_loss),
}
for _name in """exp log sqrt tanh sigmoid relu abs neg sign floor ceil round trunc frac reciprocal square rsqrt exp2 expm1 log2 log10 log1p
        sin cos tan asin acos atan sinh cosh asinh atanh erf erfc erfinv silu gelu mish selu hardswish hardsigmoid relu6 isnan isinf isfinite
        isposinf isneginf signbit""".split():
    CASES[_name] = ((U,) if _name in ("asin", "acos", "atanh", "erfinv") else (P,) if _name.startswith("log") or "rt" in _name else (X,),
                    getattr(torch, _name, None) or getattr(F, _name))
for _name in "eq ne lt le gt ge".split():
    CASES[_name] = ((X, torch.where(BOOL, X, Y)), getattr(torch, _name))

ELSEWHERE = {"recurrence_forward", "recurrence_backward", "sgd", "adam", "update", "digest", "configure", "use_contract", "Array"}


def gradients(function, grad, *inputs):
    leaves = [x.double().requires_grad_() for x in inputs]
    return [g.float() for g in torch.autograd.grad(function(*leaves), leaves, grad.double())]


def last_stands(x, index, src):
    x = x.clone()
    for column in range(index.shape[1]):
        x[torch.arange(len(x)), index[:, column]] = src[:, column]
    return x


def test_every_function_is_compared():
    assert set(ops.__all__) - set(CASES) == ELSEWHERE


def parts(result):
    return [r for r in result if r is not None] if isinstance(result, (list, tuple)) else [result]


def as_numpy(x):
    if isinstance(x, torch.Tensor):
        return x.clone().numpy()
    return [as_numpy(t) for t in x] if isinstance(x, list) else x


def copies(arguments):
    return [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_and_bits(name):
    arguments, expected = CASES[name]
    ours = parts(getattr(ops, name)(*copies(arguments)))
    for mine, theirs in zip(ours, parts(expected(*copies(arguments)))):
        torch.testing.assert_close(torch.as_tensor(mine), theirs, rtol=2e-5, atol=2e-5, check_dtype=name != "count_nonzero")
    arrays = parts(getattr(ops, name)(*map(as_numpy, arguments)))
    ops.configure(isa="ref", threads=1)
    try:
        ref = parts(getattr(ops, name)(*copies(arguments)))
    finally:
        ops.configure(isa="", threads=0)
    for mine, other, definition in zip(ours, arrays, ref, strict=True):
        mine, other, definition = (np.asarray(t) for t in (mine, other, definition))
        assert mine.dtype == other.dtype and mine.tobytes() == other.tobytes() == definition.tobytes()


@pytest.mark.parametrize("kind, module", [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("tanh", torch.nn.RNN)])
def test_recurrence(kind, module):
    torch.manual_seed(2)
    net = module(5, 6)
    x, h0 = torch.randn(4, 3, 5), torch.randn(1, 3, 6)
    c0 = torch.randn(1, 3, 6) if kind == "lstm" else None
    gates = ops.linear(x.reshape(12, 5), net.weight_ih_l0, net.bias_ih_l0)
    y, hn, cn, state = ops.recurrence_forward(kind, gates, net.weight_hh_l0, net.bias_hh_l0, h0[0], None if c0 is None else c0[0])
    expected, last = net(x, h0 if c0 is None else (h0, c0))
    torch.testing.assert_close(y.reshape(4, 3, 6), expected)
    torch.testing.assert_close(hn, (last if c0 is None else last[0])[0])
    grad = torch.randn(4, 3, 6)
    expected.backward(grad)
    grads = ops.recurrence_backward(kind, net.weight_hh_l0, state, grad.reshape(12, 6), n=3)
    torch.testing.assert_close(grads[3], net.weight_hh_l0.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(grads[4], net.bias_hh_l0.grad, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="elman"):
        ops.recurrence_forward("elman", gates, net.weight_hh_l0)


STEPS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}, lambda g, p, s, n: ops.sgd(g, p, s[0], n, 0.1, 0.9)),
    "adam": (torch.optim.Adam, {}, lambda g, p, s, n: ops.adam(g, p, s[0], s[1], step=n, lr=0.1)),
    "adagrad": (torch.optim.Adagrad, {}, lambda g, p, s, n: ops.update("adagrad", g, p, s[:1], n, 0.1)),
    "rmsprop": (torch.optim.RMSprop, {}, lambda g, p, s, n: ops.update("rmsprop", g, p, s[:1], n, 0.1)),
    "adadelta": (torch.optim.Adadelta, {}, lambda g, p, s, n: ops.update("adadelta", g, p, s[:2], n, 0.1)),
    "adamax": (torch.optim.Adamax, {}, lambda g, p, s, n: ops.update("adamax", g, p, s[:2], n, 0.1)),
}


@pytest.mark.parametrize("name", STEPS)
def test_optimisers(name):
    kind, options, step = STEPS[name]
    ours = X.clone()
    theirs = torch.nn.Parameter(X.clone())
    optimizer = kind([theirs], lr=0.1, **options)
    states = [torch.zeros(5, 7) for _ in range(2)]
    for number, grad in enumerate((Y, P, U), 1):
        step(grad, ours, states, number)
        theirs.grad = grad.clone()
        optimizer.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)


def test_mu_product_is_checked():
    product = np.ones((), dtype=np.float64)
    ops.update("nadam", Y, X.clone(), [torch.zeros(5, 7), torch.zeros(5, 7)], mu_product=product)
    assert product < 1
    with pytest.raises(TypeError, match="mu_product"):
        ops.update("nadam", Y, X.clone(), [torch.zeros(5, 7), torch.zeros(5, 7)], mu_product=torch.ones(()))


def test_arguments_are_checked_by_name():
    with pytest.raises(TypeError, match="beta"):
        ops.gelu(X, beta=1)
    with pytest.raises(TypeError, match="misses b"):
        ops.maximum(X)
    with pytest.raises(ValueError, match="'average'"):
        ops.mse_loss(X, Y, reduction="average")
    with pytest.raises(KeyError):
        ops.function("gelo", X)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_unique_along_a_dimension(dim):
    x = ints(2, 12, 3, 2)
    for mine, theirs in zip(ops.unique(x, dim), torch.unique(x, dim=dim, return_inverse=True, return_counts=True), strict=True):
        assert torch.equal(mine, theirs)
    array = ops.unique(x.numpy(), dim)[0]
    assert isinstance(array, np.ndarray) and np.array_equal(array, torch.unique(x, dim=dim).numpy())
