"""Measures what docs/ops.md says of errors: the largest distance from PyTorch's result in binary64, in units in the last place
of a float there, of Eadem and of PyTorch in binary32 on the same inputs."""
import ctypes
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/python"))
import ops_error_layers  # noqa: E402
from peer import pointers  # noqa: E402
from test_point import NUMBER, ONE, TWO, LOSSES  # noqa: E402
from test_reduce import AGGREGATE  # noqa: E402
from test_values import Context  # noqa: E402

COUNT = 200000


def units(got, exact, cancels=False):
    """The largest error in units in the last place, over the finite results; where results cancel, in that of their root
    mean square for those that are smaller."""
    exact = exact.double()
    size = exact.abs().clamp(min=exact.square().mean().sqrt().item()) if cancels else exact
    place = torch.ldexp(torch.ones_like(exact), (torch.frexp(size).exponent - 24).clamp(min=-149))
    error = ((got.double() - exact).abs() / place)[exact.isfinite() & got.isfinite()]
    return error.max().item() if error.numel() else 0.0


def pair(got, theirs, exact, cancels=False):
    return [f"{units(got, exact, cancels):.2f}", f"{units(theirs, exact, cancels):.2f}"]


def point(context, name, inputs):
    out = torch.empty(inputs[0].shape)
    context.call("ea_point", NUMBER[name], pointers(inputs), None, out)
    return out


def points(context):
    result = {}
    cases = {name: (function, [domain]) for name, (function, domain, _) in ONE.items() if name not in ("cbrt", "clamp")}
    cases.update({name: (function, [first, second]) for name, (function, first, second, _) in TWO.items()})
    for name, (make_peer, makers, _) in LOSSES.items():
        defaults = {"smooth_l1_loss": (1.0,), "huber_loss": (1.0,), "kl_div": (0.0,), "poisson_nll_loss": (1.0, 0.0, 1e-8),
                    "gaussian_nll_loss": (0.0, 1e-6), "margin_ranking_loss": (0.0,)}
        cases[name] = (make_peer(defaults.get(name)), makers)
    for name, (peer, makers) in cases.items():
        torch.manual_seed(1)
        inputs = [maker([COUNT]).contiguous() for maker in makers]
        exact = peer(*(x.double() for x in inputs))
        result[f"`ea_point(EA_FN_{name.upper()})`"] = pair(point(context, name, inputs), peer(*inputs), exact)
    return result


def rows_of(context):
    """Reductions and scans of rows of 1000, softmax and its logarithm."""
    torch.manual_seed(2)
    x = torch.randn(400, 1000)
    dims, result = (ctypes.c_int * 1)(1), {}
    peers = {"prod": (lambda a: (a * 0.02 + 1).prod(1), x * 0.02 + 1, 0.0), "var": (lambda a: a.var(1), x, 1.0),
             "std": (lambda a: a.std(1), x, 1.0), "norm": (lambda a: a.norm(dim=1), x, 2.0),
             "logsumexp": (lambda a: a.logsumexp(1), x, 0.0), "amax": (lambda a: a.amax(1), x, 0.0),
             "amin": (lambda a: a.amin(1), x, 0.0)}
    for name, (peer, values, parameter) in peers.items():
        out = torch.empty(400)
        context.call("ea_reduce", AGGREGATE[name], values, dims, 1, ctypes.c_double(parameter), out)
        plain = (lambda a: a.prod(1)) if name == "prod" else peer
        result[f"`ea_reduce(EA_AGG_{name.upper()})`"] = pair(out, plain(values), plain(values.double()))
    positive = x.abs()
    for name, peer in (("sum", lambda a: a.sum(1)), ("mean", lambda a: a.mean(1))):
        out = torch.empty(400)
        context.call(f"ea_{name}", positive, dims, 1, out)
        result[f"`ea_{name}`"] = pair(out, peer(positive), peer(positive.double()))
    for name, values in (("cumsum", positive), ("cumprod", x * 0.02 + 1), ("softmax", x), ("log_softmax", x)):
        out = torch.empty_like(values)
        context.call(f"ea_{name}", values, 1, out)
        peer = getattr(torch, name)
        result[f"`ea_{name}`"] = pair(out, peer(values, 1), peer(values.double(), 1))
    return result


def binary(context):
    torch.manual_seed(3)
    a, b, result = torch.randn(COUNT), torch.randn(COUNT).abs() + 0.1, {}
    for name in ("add", "sub", "mul", "div"):
        out = torch.empty(COUNT)
        context.call(f"ea_{name}", a, b, out)
        result[f"`ea_{name}`"] = pair(out, getattr(torch, name)(a, b), getattr(torch, name)(a.double(), b.double()))
    for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu"):
        out = torch.empty(COUNT)
        context.call(f"ea_{name}", b, out)
        result[f"`ea_{name}`"] = pair(out, getattr(torch, name)(b), getattr(torch, name)(b.double()))
    return result


def products(context):
    torch.manual_seed(4)
    a, b = torch.rand(128, 768), torch.rand(768, 128)
    out = torch.empty(128, 128)
    context.call("ea_matmul", a, b, out)
    result = {"`ea_matmul`": pair(out, a @ b, a.double() @ b.double())}
    logits, target = torch.randn(2000, 50), torch.randint(0, 50, [2000])
    out = torch.empty(2000)
    context.call("ea_cross_entropy", logits, target, 2, out)
    result["`ea_cross_entropy`"] = pair(out, F.cross_entropy(logits, target, reduction="none"),
                                        F.cross_entropy(logits.double(), target, reduction="none"))
    return result


def measure():
    torch.set_num_threads(1)
    context = Context(0)
    return {**points(context), **rows_of(context), **binary(context), **products(context),
            **ops_error_layers.measure(context, pair, units)}
