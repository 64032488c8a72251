"""The errors of docs/ops.md for operations of tensors: sums of products, norms, resampling, losses, optimiser steps.

A case is ours, PyTorch's, and the inputs of both; PyTorch's in binary64 is the exact result. Results near 0 are mostly what is
left of larger terms, so errors count in units of no less than the results' root mean square."""
import ctypes

import numpy as np
import torch
import torch.nn.functional as F

from eadem import ops
from peer import library_constant, pointer, run, var
from test_contract import seeded
from test_losses import NONE, TripletOptions, constant
from test_recurrent import KINDS, Layer
from test_recurrent import Options as RecurrentOptions
from test_values import BatchNormOptions, dl

CLASSES = 50


def contractions():
    index = torch.randint(0, 200, [4000])
    coo = torch.stack([torch.arange(4000) % 64, index])
    return {
        "bmm": (ops.bmm, torch.bmm, [torch.randn(4, 64, 300), torch.randn(4, 300, 64)]),
        "linear": (ops.linear, F.linear, [torch.randn(128, 768), torch.randn(256, 768), torch.randn(256)]),
        "conv": (ops.conv3d, F.conv3d, [torch.randn(2, 8, 6, 9, 9), torch.randn(8, 8, 3, 3, 3)]),
        "conv2d": (ops.conv2d, F.conv2d, [torch.randn(4, 64, 14, 14), torch.randn(64, 64, 3, 3)]),
        "conv_transpose": (ops.conv_transpose2d, F.conv_transpose2d, [torch.randn(4, 64, 14, 14), torch.randn(64, 32, 3, 3)]),
        "attention": (ops.attention, F.scaled_dot_product_attention, [torch.randn(2, 4, 100, 64) for _ in range(3)]),
        "sparse_mm": (lambda v, d: ops.sparse_mm(v, d, 64, indices=coo),
                      lambda v, d: torch.sparse.mm(torch.sparse_coo_tensor(coo, v, (64, 200)), d),
                      [torch.randn(4000), torch.randn(200, 32)]),
    }


def sums():
    index, dim = torch.randint(0, 40, [3000]), torch.randint(0, 40, [3000, 8])
    base, terms = torch.randn(40, 8), torch.randn(3000, 8)
    weight, bags = torch.randn(1000, 16), torch.arange(0, 3000, 30)
    rows = torch.randint(0, 1000, [3000])
    patches = torch.randn(2, 8 * 9, 144)
    return {
        "scatter": (lambda x, s: ops.scatter(x, 0, dim, s, "sum"), lambda x, s: x.scatter_add(0, dim, s), [base, terms]),
        "index_add": (lambda x, s: ops.index_add(x, 0, index, s), lambda x, s: x.index_add(0, index, s), [base, terms]),
        "index_put": (lambda x, s: ops.index_put(x, [index], s, accumulate=True),
                      lambda x, s: x.index_put((index,), s, accumulate=True), [base, terms]),
        "embedding_bag": (lambda w: ops.embedding_bag(w, rows, bags, "mean")[0],
                          lambda w: F.embedding_bag(rows, w, bags, mode="mean"), [weight]),
        "avg_pool": (lambda x: ops.avg_pool(x, 3), lambda x: F.avg_pool2d(x, 3), [torch.randn(4, 16, 30, 30)]),
        "adaptive_avg_pool": (lambda x: ops.adaptive_avg_pool(x, 5), lambda x: F.adaptive_avg_pool2d(x, 5),
                              [torch.randn(4, 16, 32, 32)]),
        "fold": (lambda x: ops.fold(x, 12, 3, padding=1), lambda x: F.fold(x, 12, 3, padding=1), [patches]),
        "interpolate": (lambda x: ops.interpolate(x, [50, 50], "linear"), lambda x: F.interpolate(x, [50, 50], mode="bilinear"),
                        [torch.randn(2, 8, 30, 30)]),
        "grid_sample": (ops.grid_sample, lambda x, g: F.grid_sample(x, g, align_corners=False),
                        [torch.randn(2, 8, 30, 30), torch.rand(2, 20, 20, 2) * 1.8 - 0.9]),
        "point:prelu": (ops.prelu, lambda x, w: F.prelu(x, w[:1]), [torch.randn(200000), torch.tensor([0.3]).expand(200000)]),
        "point:lerp": (ops.lerp, torch.lerp, [torch.randn(200000), torch.randn(200000), torch.rand(200000)]),
        "point:addcmul": (ops.addcmul, torch.addcmul, [torch.randn(200000) for _ in range(3)]),
        "point:addcdiv": (ops.addcdiv, torch.addcdiv, [torch.rand(200000) + 0.1 for _ in range(3)]),
    }


def norms():
    x, weight, bias = torch.randn(64, 96), torch.rand(96) + 0.5, torch.randn(96)
    planes, channel, shift = torch.randn(8, 32, 10, 10), torch.rand(32) + 0.5, torch.randn(32)
    return {
        "layer_norm": (lambda x, w, b: ops.layer_norm(x, 1, w, b), lambda x, w, b: F.layer_norm(x, [96], w, b), [x, weight, bias]),
        "rms_norm": (lambda x, w: ops.rms_norm(x, 1, w, eps=1e-6), lambda x, w: F.rms_norm(x, [96], w, 1e-6), [x, weight]),
        "group_norm": (lambda x, w, b: ops.group_norm(x, 4, w, b), lambda x, w, b: F.group_norm(x, 4, w, b),
                       [planes, channel, shift]),
        "batch_norm": (lambda x, w, b: ops.batch_norm(x, weight=w, bias=b, training=True),
                       lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [planes, channel, shift]),
    }


def losses(context):
    logits = torch.randn(2000, CLASSES).log_softmax(1)
    target = torch.randint(0, CLASSES, [2000])
    steps = torch.randn(40, 6, 20).log_softmax(2)
    labels, long, short = torch.randint(1, 20, [6, 10]), torch.full([6], 40), torch.full([6], 10)
    a, b, c = (torch.randn(500, 64) for _ in range(3))
    signs = torch.randn(500).sign()
    number, none = ctypes.c_double, 2
    triplet = TripletOptions(1.0, 2.0, 1e-6, 0)
    few = torch.randint(0, 64, [500])

    def taped(build):
        return lambda *x: run(context, build, list(x), torch.ones_like)[0]

    return {
        "nll_loss": (lambda x: ops.nll_loss(x, target), lambda x: F.nll_loss(x, target), [logits]),
        "ctc_loss": (lambda x: ops.ctc_loss(x, labels, long, short),
                     lambda x: F.ctc_loss(x, labels, long, short, reduction="none"), [steps]),
        "var:cosine_embedding_loss": (
            taped(lambda x, y: var("cosine_embedding_loss", x, y, constant(signs, x), number(0.3), none)),
            lambda x, y: F.cosine_embedding_loss(x, y, signs.to(x.dtype), 0.3, reduction="none"), [a, b]),
        "var:triplet_margin_loss": (
            taped(lambda x, y, z: var("triplet_margin_loss", x, y, z, ctypes.byref(triplet), none)),
            lambda x, y, z: F.triplet_margin_loss(x, y, z, reduction="none"), [a, b, c]),
        "var:multi_margin_loss": (
            taped(lambda x: var("multi_margin_loss", x, pointer(few), 1, number(1.0), NONE, none)),
            lambda x: F.multi_margin_loss(x, few, reduction="none"), [a]),
        "var:pairwise_distance": (
            taped(lambda x, y: var("pairwise_distance", x, y, number(2.0), number(1e-6), 0)),
            F.pairwise_distance, [a, b]),
        "point:hinge_embedding_loss": (
            lambda x: ops.hinge_embedding_loss(x, signs, reduction="none"),
            lambda x: F.hinge_embedding_loss(x, signs.to(x.dtype), reduction="none"), [a[:, 0].contiguous()]),
    }


def composed(context):
    """Functions of the tape that are made of other operations; for the dropouts PyTorch's formula with the mask drawn here."""
    number, size, no_bias = ctypes.c_double, ctypes.c_int64, library_constant("ea_no_bias")
    planes, p, alpha = torch.randn(8, 32, 10, 10), 0.3, 1.7580993408473766
    kernel = (size * 2)(3, 3)
    angles = torch.arange(100)[:, None] * 10000.0 ** (-torch.arange(32) / 32)
    tables = [angles.cos(), angles.sin()]
    rotary = [dl(t) for t in tables]
    norm_options = BatchNormOptions(1, 0.1, 1e-5)
    lstm = torch.nn.LSTM(24, 32)
    weights = [w.detach() for w in lstm.parameters()]

    def taped(build):
        return lambda *x: run(context, build, list(x), torch.ones_like)[0]

    def einsum(*x):
        return var("einsum", b"bid,bjd->bij", (ctypes.c_void_p * 2)(*x), 2)

    def turned(x):
        cosine, sine = (t.to(x.dtype) for t in tables)
        first, second = x.chunk(2, -1)
        return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)

    def recurrent(x, *w):
        options, last = RecurrentOptions(kind=KINDS.index("LSTM"), layers=1), [ctypes.c_void_p() for _ in range(2)]
        return var("recurrent", x, ctypes.byref(options), (Layer * 1)(Layer(*w, no_bias)), no_bias, no_bias, *map(ctypes.byref, last))

    def network(x, *w):
        names = [name for name, _ in lstm.named_parameters()]
        return torch.func.functional_call(lstm.to(x.dtype), dict(zip(names, w)), (x,))[0]

    def dropped(name):
        def ours(x):
            return taped(lambda v: var(name, v, number(p), ctypes.byref(seeded(context, 7))))(x)

        kept = ours(torch.ones(64, 50, 9)) != ours(torch.zeros(64, 50, 9))  # the mask does not depend on x
        scale = ((alpha**2 * p + 1) * (1 - p)) ** -0.5

        def peer(x):
            mask = kept.to(x.dtype)
            if "alpha" not in name:
                return x * (mask / (1 - p))
            return x * (mask * scale) + ((mask - 1) * (alpha * scale) + alpha * scale * p)
        return ours, peer, [torch.randn(64, 50, 9)]

    return {
        "var:addmm": (taped(lambda i, a, b: var("addmm", i, a, b, number(0.5), number(2.0))),
                      lambda i, a, b: torch.addmm(i, a, b, beta=0.5, alpha=2.0),
                      [torch.randn(64), torch.randn(128, 300), torch.randn(300, 64)]),
        "var:bilinear": (taped(lambda x, y, w, b: var("bilinear", x, y, w, b)), F.bilinear,
                         [torch.randn(64, 20), torch.randn(64, 30), torch.randn(16, 20, 30), torch.randn(16)]),
        "var:einsum": (taped(einsum), lambda x, y: torch.einsum("bid,bjd->bij", x, y),
                       [torch.randn(4, 50, 300), torch.randn(4, 60, 300)]),
        "var:softmin": (taped(lambda x: var("softmin", x, 1)), lambda x: F.softmin(x, 1), [torch.randn(400, 1000)]),
        "var:lp_pool": (taped(lambda x: var("lp_pool", x, 2, number(2.0), kernel, kernel, 0)),
                        lambda x: F.lp_pool2d(x, 2.0, 3), [planes]),
        "var:local_response_norm": (
            taped(lambda x: var("local_response_norm", x, size(5), number(1e-2), number(0.75), number(1.0))),
            lambda x: F.local_response_norm(x, 5, 1e-2, 0.75, 1.0), [planes]),
        "var:instance_norm": (
            taped(lambda x, w, b: var("instance_norm", x, w, b, None, None, ctypes.byref(norm_options))),
            lambda x, w, b: F.instance_norm(x, None, None, w, b), [planes, torch.rand(32) + 0.5, torch.randn(32)]),
        "var:rotary": (taped(lambda x: var("rotary", x, *map(ctypes.byref, rotary), 0)), turned, [torch.randn(16, 100, 64)]),
        "var:recurrent": (taped(recurrent), network, [torch.randn(20, 8, 24), *weights]),
        **{f"var:{name}": dropped(name) for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")},
    }


def stepped(make, steps=5):
    """Parameters after steps of an optimiser of torch.optim."""
    def peer(param, grad):
        param = param.clone().requires_grad_()
        optimiser = make([param])
        for _ in range(steps):
            param.grad = grad.clone()
            optimiser.step()
        return param.detach()
    return peer


def optimisers():
    def ours(step_once, states):
        def steps(param, grad):
            param, rooms = param.clone(), [torch.zeros_like(param) for _ in range(states)]
            for step in range(1, 6):
                step_once(grad, param, rooms, step)
            return param
        return steps

    inputs = [torch.randn(20000), torch.randn(20000)]
    return {
        "sgd": (ours(lambda g, p, s, n: ops.sgd(g, p, s[0], n, lr=0.01, momentum=0.9), 1),
                stepped(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)), inputs),
        "adam": (ours(lambda g, p, s, n: ops.adam(g, p, *s, step=n, lr=0.001), 2),
                 stepped(lambda p: torch.optim.Adam(p, lr=0.001)), inputs),
        "update": (ours(lambda g, p, s, n: ops.update("adamax", g, p, s, n, lr=0.001), 2),
                   stepped(lambda p: torch.optim.Adamax(p, lr=0.001)), inputs),
    }


def recurrence():
    """One LSTM layer; the gates of the inputs are given to both as they are."""
    steps, n, hidden = 20, 8, 32
    gates, weight = torch.randn(steps * n, 4 * hidden), torch.randn(4 * hidden, hidden) * 0.1

    def peer(gates, weight):
        h = c = torch.zeros(n, hidden, dtype=gates.dtype)
        result = []
        for row in gates.split(n):
            i, f, g, o = (row + h @ weight.T).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            result.append(h)
        return torch.cat(result)

    return {"recurrence_forward": (lambda g, w: ops.recurrence_forward("lstm", g, w, n=n)[0], peer, [gates, weight])}


def without_peer(units):
    """Operations that PyTorch has not: the exact result is NumPy's or PyTorch's in binary64."""
    x = torch.randn(200000)
    cosine, _ = ops.rotary_table(10000.0, 0, 512, 64, like=x)
    angles = np.arange(512)[:, None] * np.float32(10000.0 ** (-2.0 * np.arange(32) / 64)).astype(np.float64)  # as the contract says
    return {"`ea_point(EA_FN_CBRT)`": [f"{units(ops.cbrt(x), torch.from_numpy(np.cbrt(x.double().numpy()))):.2f}", "-"],
            "`ea_function`": [f"{units(ops.function('expm1', x), x.double().expm1()):.2f}", "-"],
            "`ea_rotary_table`": [f"{units(cosine, torch.from_numpy(np.cos(angles)), True):.2f}", "-"]}


def measure(context, pair, units):
    torch.manual_seed(5)
    cases = {**contractions(), **sums(), **norms(), **losses(context), **composed(context), **optimisers(), **recurrence()}
    result = without_peer(units)
    for name, (ours, peer, inputs) in cases.items():
        kind, _, short = name.rpartition(":")
        door = {"var": f"ea_var_{short}", "point": f"ea_point(EA_FN_{short.upper()})"}.get(kind, f"ea_{short}")
        result[f"`{door}`"] = pair(ours(*inputs), peer(*inputs), peer(*(x.double() for x in inputs)), True)
    return result
