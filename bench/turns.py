"""Eadem and PyTorch in turns in one process, with the same number of threads: what the benchmarks of operations share."""
import ctypes
import math
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "python"))
from peer import LIBRARY, var  # noqa: E402
from test_values import Context, ContextOptions, dl  # noqa: E402


class Threads(Context):
    def __init__(self, threads):
        self.handle, self.contract = ctypes.c_void_p(), 0
        options = ContextOptions(threads, None, 0)
        assert LIBRARY.ea_context_create(ctypes.byref(options), ctypes.byref(self.handle)) == 0


def eadem_step(context, build, leaves, backward):
    tape = ctypes.c_void_p()
    assert LIBRARY.ea_tape_create(context.handle, ctypes.byref(tape)) == 0
    LIBRARY.ea_var_leaf.restype = ctypes.c_void_p
    kept = [dl(leaf) for leaf in leaves]

    def step():
        LIBRARY.ea_tape_begin(tape)
        out = build(*[ctypes.c_void_p(LIBRARY.ea_var_leaf(tape, ctypes.byref(k))) for k in kept])
        assert out, LIBRARY.ea_error_text(context.handle).decode()
        if backward:
            status = LIBRARY.ea_backward(tape, ctypes.c_void_p(var("sum", ctypes.c_void_p(out), None, 0, 0)))
            assert status == 0, LIBRARY.ea_error_text(context.handle).decode()

    return step


def torch_step(function, leaves, backward):
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]

    def step():
        out = function(*leaves)
        if backward:
            for leaf in leaves:
                leaf.grad = None
            out.sum().backward()

    return step


def seconds_of(step, least):
    """Of one call: their mean over at least so many seconds."""
    begin, calls = time.perf_counter(), 0
    while True:
        step()
        calls += 1
        passed = time.perf_counter() - begin
        if passed > least:
            return passed / calls


def compare(ours, theirs, rounds=5, least=0.1):
    """The best of alternating rounds of each, in seconds a call."""
    best = [math.inf, math.inf]
    ours(), theirs()
    for _ in range(rounds):
        best = [min(best[0], seconds_of(ours, least)), min(best[1], seconds_of(theirs, least))]
    return best


def line(name, label, best):
    """Prints one and gives the ratio."""
    print(f"{name:58s} {label:9s} {best[0] * 1e3:9.3f} ms {best[1] * 1e3:9.3f} ms {best[1] / best[0]:6.2f}", flush=True)
    return best[1] / best[0]
