#!/usr/bin/env python3
"""Elementwise functions, reductions, scans, order, indexing and losses beside PyTorch's on the CPU, in one process:

    bench/families.py [THREADS [ROUNDS [FAMILY…]]]

Shapes are those of ResNet-50's activations (a batch of 8), BERT-base's (8 × 128) and a language model's vocabulary. Each line:
the best of ROUNDS alternating runs of both, and PyTorch's time over Eadem's; "forward", and "both", forward with backward, each
through its library's usual way: the tape, autograd. "door" is an operation without a gradient, called directly."""
import ctypes
import math
import sys

import torch
import torch.nn.functional as F
from turns import Threads, compare, eadem_step, line, torch_step  # first: it finds the tests' modules

from peer import LIBRARY, double, int64, library_constant, pointers, var
from test_index import KINDS
from test_losses import NllOptions
from test_point import LOSSES, NUMBER, ONE, TWO, point
from test_reduce import AGGREGATE
from test_values import dl

RESNET, BERT, VOCABULARY = [8, 64, 56, 56], [8, 128, 768], [1024, 10000]


def taped(name, build, peer, *leaves):
    """build takes the values on the tape, peer tensors; the gradients of all leaves."""
    return name, build, peer, leaves


def door(context, name, peer, function, *arguments):
    """A door without a gradient, its arguments converted once."""
    kept = [dl(a) if isinstance(a, torch.Tensor) else a for a in arguments]
    given = [ctypes.byref(a) if isinstance(a, ctypes.Structure) else a for a in kept]
    function = getattr(LIBRARY, function)

    def call():
        assert function(context.handle, *given) == 0, LIBRARY.ea_error_text(context.handle).decode()
    call.kept = arguments, kept
    return name, call, peer


def held(tensor):
    """A description that lives as long as the program: the tape uses indices and masks in place."""
    held.all.append((tensor, dl(tensor)))
    return ctypes.byref(held.all[-1][1])


held.all = []


def positive(shape):
    return torch.rand(shape) + 0.1


def unit(shape):
    return torch.rand(shape) * 1.96 - 0.98


def domain_of(name):
    return {"rsqrt": positive, "log2": positive, "log10": positive, "log1p": positive, "asin": unit, "acos": unit,
            "acosh": lambda s: positive(s) + 1, "atanh": unit, "erfinv": unit, "pow": positive}.get(name, torch.randn)


def points(c):
    for name, peer in {"exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
                       "relu": torch.relu}.items():
        x = (positive if name in ("log", "sqrt") else torch.randn)(BERT)
        yield taped(name, lambda x, n=name: var(n, x), peer, x)
    for name, (peer, _, choices) in ONE.items():
        p = choices[0]
        if name not in ("cbrt", "clamp"):
            yield taped(name, lambda x, n=name: point(n, None, x), peer, domain_of(name)(BERT))
    yield taped("clamp", lambda x: point("clamp", (-0.5, 0.75), x), lambda x: x.clamp(-0.5, 0.75), torch.randn(BERT))
    for name, peer in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}.items():
        yield taped(name, lambda x, y, n=name: var(n, x, y), peer, torch.randn(BERT), positive(BERT))
    for name, (peer, *_) in TWO.items():
        if name not in ("mse_loss", "l1_loss"):
            yield taped(name, lambda x, y, n=name: point(n, None, x, y), peer, domain_of(name)(BERT), positive(BERT))
    yield taped("prelu", lambda x, w: point("prelu", None, x, w), F.prelu, torch.randn(BERT), torch.rand(1))
    three = torch.randn(BERT), torch.randn(BERT), positive(BERT)
    for name in ("lerp", "addcmul", "addcdiv"):
        yield taped(name, lambda *v, n=name: point(n, None, *v), getattr(torch, name), *three)
    for name in ("mse_loss", "l1_loss"):
        yield taped(name, lambda x, y, n=name: point(n, None, x, y),
                    lambda x, y, n=name: getattr(F, n)(x, y, reduction="none"), *three[:2])
    for name, (peer, makers, choices) in LOSSES.items():
        p = choices[0]
        leaves = [make(BERT).contiguous() for make in makers]
        yield taped(name, lambda *v, n=name, p=p: point(n, p, *v), peer(p), *leaves)
    x, y, truth = torch.randn(BERT), torch.randn(BERT), torch.empty(BERT, dtype=torch.bool)
    for name in ("isnan", "lt"):
        inputs = [x, y][:1 + (name == "lt")]
        yield door(c, name, lambda n=name, i=inputs: getattr(torch, n)(*i), "ea_point", NUMBER[name], pointers(inputs), None, truth)
    mask = x > 0
    held_mask = held(mask)
    yield taped("where", lambda x, y: var("where", held_mask, x, y), lambda x, y: torch.where(mask, x, y), x, y)
    yield taped("masked_fill", lambda x: var("masked_fill", x, held_mask, double(0.5)), lambda x: x.masked_fill(mask, 0.5), x)


def aggregates(c):
    peers = {"prod": lambda a, d: a.prod(d), "var": lambda a, d: a.var(d), "std": lambda a, d: a.std(d),
             "norm": lambda a, d: torch.linalg.vector_norm(a, 2, d), "logsumexp": lambda a, d: a.logsumexp(d),
             "amax": lambda a, d: a.amax(d), "amin": lambda a, d: a.amin(d)}
    for shape, d in ((BERT, 2), (RESNET, 1), ([4000000], 0)):
        x, dims = torch.randn(shape), (ctypes.c_int * 1)(d)
        for name in ("sum", "mean"):
            yield taped(f"{name} {shape} dim {d}", lambda v, n=name, k=dims: var(n, v, k, 1, 0),
                        lambda a, n=name, k=d: getattr(a, n)(k), x)
        for name, peer in peers.items():
            parameter = double(2.0 if name == "norm" else 1.0)
            yield taped(f"{name} {shape} dim {d}", lambda v, n=name, k=dims, p=parameter: var("reduce", v, AGGREGATE[n], k, 1, 0, p),
                        lambda a, f=peer, k=d: f(a, k), x)
        yield taped(f"max {shape} dim {d}", lambda v, k=d: var("max", v, k, 0, None), lambda a, k=d: a.max(k).values, x)
        yield taped(f"softmax {shape} dim {d}", lambda v, k=d: var("softmax", v, k), lambda a, k=d: a.softmax(k), x)
        yield taped(f"log_softmax {shape} dim {d}", lambda v, k=d: var("log_softmax", v, k), lambda a, k=d: a.log_softmax(k), x)


def orders(c):
    for shape, d in ((BERT, 2), ([1000000], 0), (VOCABULARY, 1)):
        x = torch.randn(shape)
        for name in ("cumsum", "cumprod"):
            yield taped(f"{name} {shape}", lambda v, n=name, k=d: var(n, v, k), lambda a, n=name, k=d: getattr(torch, n)(a, k), x)
        yield taped(f"cummax {shape}", lambda v, k=d: var("cummax", v, k, None), lambda a, k=d: a.cummax(k).values, x)
        if shape != VOCABULARY:
            yield taped(f"sort {shape}", lambda v, k=d: var("sort", v, k, 0, None), lambda a, k=d: a.sort(dim=k, stable=True).values, x)
        yield taped(f"topk 50 {shape}", lambda v, k=d: var("topk", v, k, int64(50), 1, None), lambda a, k=d: a.topk(50, k).values, x)
        yield taped(f"median {shape}", lambda v, k=d: var("median", v, k, 0, 0, None), lambda a, k=d: a.median(k).values, x)
    x, labels = torch.randn(1000000), torch.randint(0, 1000, [1000000])
    flat, count = torch.empty(1000000, dtype=torch.int64), ctypes.c_int64()
    yield door(c, "unique [1000000]", lambda: labels.unique(), "ea_unique", labels, flat, None, None, ctypes.byref(count))
    edges = torch.randn(1000).sort().values
    yield door(c, "searchsorted", lambda: torch.searchsorted(edges, x), "ea_searchsorted", edges, x, 0,
               torch.empty(1000000, dtype=torch.int64))
    yield door(c, "histc", lambda: torch.histc(x, 100, -3, 3), "ea_histc", x, double(-3), double(3), torch.empty(100))
    yield door(c, "bincount", lambda: torch.bincount(labels), "ea_bincount", labels, None, torch.empty(1000, dtype=torch.int64))


def indexings(c):
    x, words = torch.randn(BERT), torch.randn(30522, 768)
    tokens, rows = torch.randint(0, 30522, [8, 128]), torch.randint(0, 1024, [1024])
    places = torch.randint(0, 768, BERT)
    shuffled, repeats = torch.randperm(1024), torch.full([128], 3)
    flat, line_of_tokens = x.reshape(1024, 768), held(tokens.view(-1))
    t, r, p, order, times = (held(index) for index in (tokens, rows, places, shuffled, repeats))
    yield taped("embedding [30522, 768] of [8, 128]", lambda w: var("embedding", w, t, int64(-1)),
                lambda w: F.embedding(tokens, w), words)
    offsets = torch.arange(0, 1024, 128)
    o = held(offsets)
    yield taped("embedding_bag [30522, 768] of 8", lambda w: var("embedding_bag", w, line_of_tokens, o,
                                                                 library_constant("ea_no_bias"), 0, int64(-1)),
                lambda w: F.embedding_bag(tokens.view(-1), w, offsets, mode="sum"), words)
    yield taped("gather [8, 128, 768] dim 2", lambda v: var("gather", v, 2, p), lambda a: a.gather(2, places), x)
    yield taped("scatter_add [8, 128, 768] dim 2", lambda v, s: var("scatter", v, 2, p, s, KINDS["sum"], 1),
                lambda a, s: a.scatter_add(2, places, s), x, torch.randn(BERT))
    yield taped("scatter_reduce amax [8, 128, 768]", lambda v, s: var("scatter", v, 2, p, s, KINDS["amax"], 1),
                lambda a, s: a.scatter_reduce(2, places, s, "amax"), x, torch.randn(BERT))
    yield taped("index_select [1024, 768]", lambda v: var("index_select", v, 0, r), lambda a: a.index_select(0, rows), flat)
    yield taped("index_add [1024, 768]", lambda v, s: var("index_add", v, 0, r, s, double(1)),
                lambda a, s: a.index_add(0, rows, s), flat, torch.randn(1024, 768))
    yield taped("index_copy [1024, 768]", lambda v, s: var("index_copy", v, 0, order, s),
                lambda a, s: a.index_copy(0, shuffled, s), flat, torch.randn(1024, 768))
    array = pointers([rows])
    yield taped("x[rows] [1024, 768]", lambda v: var("index", v, array, 1), lambda a: a[rows], flat)
    yield taped("index_put accumulate [1024, 768]", lambda v, s: var("index_put", v, array, 1, s, 1),
                lambda a, s: a.index_put((rows,), s, accumulate=True), flat, torch.randn(1024, 768))
    mask = x > 0
    held_mask = held(mask)
    yield taped("masked_select [8, 128, 768]", lambda v: var("masked_select", v, held_mask), lambda a: a.masked_select(mask), x)
    yield taped("tril [8, 128, 768]", lambda v: var("tril", v, int64(0)), torch.tril, x)
    yield taped("flip [8, 128, 768] dim 2", lambda v: var("flip", v, (ctypes.c_int * 1)(2), 1), lambda a: a.flip(2), x)
    yield taped("roll [8, 128, 768] dim 1", lambda v: var("roll", v, (ctypes.c_int64 * 1)(3), (ctypes.c_int * 1)(1), 1),
                lambda a: a.roll(3, 1), x)
    yield taped("cat [8, 128, 768] dim 2", lambda v, w: var("cat", (ctypes.c_void_p * 2)(v.value, w.value), 2, 2),
                lambda a, b: torch.cat([a, b], 2), x, torch.randn(BERT))
    yield taped("repeat_interleave [8, 128, 768]", lambda v: var("repeat_interleave", v, times, 1),
                lambda a: a.repeat_interleave(repeats, 1), x)


def losses(c):
    x = torch.randn(VOCABULARY).log_softmax(1)
    target, none = torch.randint(0, VOCABULARY[1], VOCABULARY[:1]), ctypes.POINTER(NllOptions)()
    t = held(target)
    yield taped("nll_loss", lambda v: var("nll_loss", v, t, None, none), lambda a: F.nll_loss(a, target), x)
    yield taped("cross_entropy", lambda v: var("cross_entropy", v, t, 1), lambda a: F.cross_entropy(a, target), x)
    scores = torch.randn(100, 16, 29).log_softmax(2)
    labels, times, lengths = torch.randint(1, 29, [16, 30]), torch.full([16], 100), torch.full([16], 30)
    l, ts, ls = held(labels), held(times), held(lengths)
    yield taped("ctc_loss", lambda v: var("ctc_loss", v, l, ts, ls, int64(0), 0, 0),
                lambda a: F.ctc_loss(a, labels, times, lengths, reduction="none"), scores)


def measure(context, case, rounds):
    """The lines of one case: label and seconds."""
    name, ours, peer, *leaves = case
    least = 0.03
    if not leaves:
        return [("door", compare(ours, peer, rounds, least))]
    lines = []
    for backward in (False, True):
        steps = eadem_step(context, ours, leaves[0], backward), torch_step(peer, leaves[0], backward)
        lines.append(("both" if backward else "forward", compare(*steps, rounds, least)))
    return lines


def main():
    threads, rounds = (int(a) for a in (sys.argv[1:3] + ["1", "3"][len(sys.argv[1:3]):]))
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    context = Threads(threads)
    families = {"point": points, "aggregate": aggregates, "order": orders, "index": indexings, "loss": losses}
    print(f"{threads} threads, PyTorch {torch.__version__}\n{'':58s} {'':9s}       Eadem      PyTorch  ratio")
    for family in sys.argv[3:] or families:
        ratios = [line(case[0], label, best) for case in families[family](context) for label, best in measure(context, case, rounds)]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{family}: geometric mean {mean:.2f}, least {min(ratios):.2f}, {len(ratios)} lines\n", flush=True)


if __name__ == "__main__":
    main()
