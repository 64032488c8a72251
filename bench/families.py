#!/usr/bin/env python3
"""Elementwise functions, reductions, scans, order and losses beside PyTorch's on the CPU, one after another in one process.

    bench/families.py [THREADS [ROUNDS [FAMILY…]]]

Shapes are those of ResNet-50's activations (a batch of 8), BERT-base's (8 × 128) and a language model's vocabulary. Each line: the
best of ROUNDS alternating runs of both, and PyTorch's time over Eadem's; forward, and the gradient where PyTorch has one."""
import ctypes
import math
import pathlib
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/python"))
from peer import LIBRARY, pointers  # noqa: E402
from test_losses import NllOptions  # noqa: E402
from test_point import NUMBER  # noqa: E402
from test_reduce import AGGREGATE  # noqa: E402
from test_values import Context, ContextOptions, dl  # noqa: E402

RESNET, BERT, VOCABULARY = [8, 64, 56, 56], [8, 128, 768], [1024, 10000]


def best(call, seconds=0.02):
    call()
    shortest, end = math.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


class Threads(Context):
    def __init__(self, threads):
        self.handle, self.contract = ctypes.c_void_p(), 0
        options = ContextOptions(threads, None, 0)
        assert LIBRARY.ea_context_create(ctypes.byref(options), ctypes.byref(self.handle)) == 0

    def bound(self, name, *arguments):
        """A call of a door with its arguments converted once."""
        kept = [dl(a) if isinstance(a, torch.Tensor) else a for a in arguments]
        given = [ctypes.byref(a) if isinstance(a, ctypes.Structure) else a for a in kept]
        function = getattr(LIBRARY, name)

        def call():
            assert function(self.handle, *given) == 0, LIBRARY.ea_error_text(self.handle).decode()
        call.kept = kept, arguments
        return call


def gradient(output, x, grad):
    return lambda: torch.autograd.grad(output, x, grad, retain_graph=True)


def points(c):
    one = {"gelu": F.gelu, "silu": F.silu, "mish": F.mish, "elu": F.elu, "hardswish": F.hardswish, "leaky_relu": F.leaky_relu,
           "softplus": F.softplus, "logsigmoid": F.logsigmoid, "erf": torch.erf, "sin": torch.sin, "cos": torch.cos,
           "atan": torch.atan, "abs": torch.abs, "round": torch.round, "reciprocal": torch.reciprocal, "square": torch.square,
           "log1p": torch.log1p, "expm1": torch.expm1, "sign": torch.sign, "clamp": lambda a: a.clamp(-0.5, 0.5)}
    two = {"pow": torch.pow, "atan2": torch.atan2, "hypot": torch.hypot, "maximum": torch.maximum, "fmod": torch.fmod,
           "remainder": torch.remainder, "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"),
           "lt": torch.lt, "mse_loss": lambda a, b: F.mse_loss(a, b, reduction="none"),
           "smooth_l1_loss": lambda a, b: F.smooth_l1_loss(a, b, reduction="none")}
    x, y, grad = torch.rand(BERT) + 0.1, torch.rand(BERT) + 0.1, torch.randn(BERT)
    for name, peer in {**one, **two}.items():
        inputs = [x, y] if name in two else [x]
        truth = name == "lt"
        out = torch.empty(BERT, dtype=torch.bool if truth else torch.float32)
        yield name, c.bound("ea_point", NUMBER[name], pointers(inputs), None, out), lambda p=peer, i=inputs: p(*i)
        if truth or name in ("round", "sign", "div_floor", "hypot", "fmod", "remainder"):
            continue
        leaves = [a.clone().requires_grad_() for a in inputs[:1]] + inputs[1:]
        yield (name + " gradient", c.bound("ea_point_backward", NUMBER[name], 0, dl(grad), pointers(inputs), None,
                                           torch.empty(BERT)), gradient(peer(*leaves), leaves[0], grad))


def aggregates(c):
    dim = (ctypes.c_int * 1)
    peers = {"prod": lambda a, d: a.prod(d), "var": lambda a, d: a.var(d), "std": lambda a, d: a.std(d),
             "norm": lambda a, d: torch.linalg.vector_norm(a, 2, d), "logsumexp": lambda a, d: a.logsumexp(d),
             "amax": lambda a, d: a.amax(d), "amin": lambda a, d: a.amin(d)}
    for shape, d in ((BERT, 2), (RESNET, 1), ([4000000], 0)):
        x = torch.randn(shape)
        sizes = [n for i, n in enumerate(shape) if i != d]
        for name, peer in peers.items():
            parameter = 2.0 if name == "norm" else 1.0
            out = torch.empty(sizes)
            yield (f"{name} {shape} dim {d}", c.bound("ea_reduce", AGGREGATE[name], x, dim(d), 1, ctypes.c_double(parameter), out),
                   lambda p=peer, a=x, k=d: p(a, k))
        leaf = x.clone().requires_grad_()
        for name in ("var", "logsumexp", "norm"):
            parameter = 2.0 if name == "norm" else 1.0
            out, grad = peers[name](x, d), torch.randn(sizes)
            yield (f"{name} {shape} gradient", c.bound("ea_reduce_backward", AGGREGATE[name], grad, x, out, dim(d), 1,
                                                       ctypes.c_double(parameter), torch.empty(shape)),
                   gradient(peers[name](leaf, d), leaf, grad))
        values, places = torch.empty(sizes), torch.empty(sizes, dtype=torch.int64)
        yield f"max {shape} dim {d}", c.bound("ea_max", x, dim(d), 1, values, places), lambda a=x, k=d: a.max(k)


def orders(c):
    for shape, d in ((BERT, 2), ([1000000], 0), (VOCABULARY, 1)):
        x = torch.randn(shape)
        values, places = torch.empty(shape), torch.empty(shape, dtype=torch.int64)
        for name in ("cumsum", "cumprod"):
            yield f"{name} {shape}", c.bound(f"ea_{name}", x, d, values), lambda n=name, a=x, k=d: getattr(torch, n)(a, k)
        yield f"cummax {shape}", c.bound("ea_cummax", x, d, values, places), lambda a=x, k=d: a.cummax(k)
        if shape != VOCABULARY:
            yield f"sort {shape}", c.bound("ea_sort", x, d, 0, values, places), lambda a=x, k=d: a.sort(dim=k, stable=True)
        few = [50 if i == d else n for i, n in enumerate(shape)]
        tops, at = torch.empty(few), torch.empty(few, dtype=torch.int64)
        yield f"topk 50 {shape}", c.bound("ea_topk", x, d, 1, tops, at), lambda a=x, k=d: a.topk(50, k)
        one = [1 if i == d else n for i, n in enumerate(shape)]
        middle, where = torch.empty(one), torch.empty(one, dtype=torch.int64)
        yield f"median {shape}", c.bound("ea_median", x, d, 0, middle, where), lambda a=x, k=d: a.median(k)
    x, labels = torch.randn(1000000), torch.randint(0, 1000, [1000000])
    flat, count = torch.empty(1000000, dtype=torch.int64), ctypes.c_int64()
    yield "unique [1000000]", c.bound("ea_unique", labels, flat, None, None, ctypes.byref(count)), lambda: labels.unique()
    edges = torch.randn(1000).sort().values
    yield ("searchsorted", c.bound("ea_searchsorted", edges, x, 0, torch.empty(1000000, dtype=torch.int64)),
           lambda: torch.searchsorted(edges, x))
    yield ("histc", c.bound("ea_histc", x, ctypes.c_double(-3), ctypes.c_double(3), torch.empty(100)),
           lambda: torch.histc(x, 100, -3, 3))
    yield "bincount", c.bound("ea_bincount", labels, None, torch.empty(1000, dtype=torch.int64)), lambda: torch.bincount(labels)


def losses(c):
    x = torch.randn(VOCABULARY).log_softmax(1)
    target, none = torch.randint(0, VOCABULARY[1], VOCABULARY[:1]), ctypes.POINTER(NllOptions)()
    yield "nll_loss", c.bound("ea_nll_loss", x, target, None, none, torch.empty([])), lambda: F.nll_loss(x, target)
    leaf, grad = x.clone().requires_grad_(), torch.ones([])
    yield ("nll_loss gradient", c.bound("ea_nll_loss_backward", grad, x, target, None, none, torch.empty(VOCABULARY), None),
           gradient(F.nll_loss(leaf, target), leaf, grad))
    scores = torch.randn(100, 16, 29).log_softmax(2)
    labels, times, lengths = torch.randint(1, 29, [16, 30]), torch.full([16], 100), torch.full([16], 30)
    zero, weights = ctypes.c_int64(0), torch.ones(16)
    yield ("ctc_loss", c.bound("ea_ctc_loss", scores, labels, times, lengths, zero, 0, torch.empty(16)),
           lambda: F.ctc_loss(scores, labels, times, lengths, reduction="none"))
    leaf = scores.clone().requires_grad_()
    yield ("ctc_loss gradient", c.bound("ea_ctc_loss_backward", weights, scores, labels, times, lengths, zero, 0,
                                        torch.empty(scores.shape)),
           gradient(F.ctc_loss(leaf, labels, times, lengths, reduction="none"), leaf, weights))


def main():
    threads, rounds = (int(a) for a in (sys.argv[1:3] + ["1", "3"][len(sys.argv[1:3]):]))
    torch.set_num_threads(threads)
    context = Threads(threads)
    families = {"point": points, "aggregate": aggregates, "order": orders, "loss": losses}
    print(f"PyTorch {torch.__version__}, {threads} threads; ms, and PyTorch's time over Eadem's")
    for family in sys.argv[3:] or families:
        ratios = []
        for name, mine, theirs in families[family](context):
            times = [(best(mine), best(theirs)) for _ in range(rounds)]
            a, b = min(t[0] for t in times), min(t[1] for t in times)
            ratios.append(b / a)
            print(f"{name:44s} {a * 1e3:9.3f} {b * 1e3:9.3f} {b / a:7.2f}")
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{family}: geometric mean {mean:.2f}, least {min(ratios):.2f}, {len(ratios)} lines")


if __name__ == "__main__":
    main()
