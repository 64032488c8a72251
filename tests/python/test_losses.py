"""Losses against PyTorch: values and gradients, options and reductions, over random shapes."""
import ctypes
import math
import random

import pytest
import torch
import torch.nn.functional as F

from peer import LIBRARY, check, int64, make, pointer, random_shape, var
from test_point import LOSSES, NUMBER, probability
from test_values import context  # noqa: F401: the fixture

TRIALS = 6
REDUCTIONS = ["mean", "sum", "none"]
NONE = ctypes.c_void_p.in_dll(LIBRARY, "ea_no_bias")


class NllOptions(ctypes.Structure):
    _fields_ = [("reduction", ctypes.c_int), ("label_smoothing", ctypes.c_double), ("has_ignore_index", ctypes.c_int),
                ("ignore_index", ctypes.c_int64)]


class TripletOptions(ctypes.Structure):
    _fields_ = [("margin", ctypes.c_double), ("p", ctypes.c_double), ("eps", ctypes.c_double), ("swap", ctypes.c_int)]


def number(value):
    return ctypes.c_double(value)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_reductions_and_weights(context, name):
    for reduction, word in enumerate(REDUCTIONS):
        shape = random_shape(1, 3)
        inputs = (ctypes.c_void_p * 3)

        def build(x, y, w):
            return var("loss", NUMBER[name], inputs(x.value, y.value), None, w, reduction)

        def peer(x, y, w):
            losses = getattr(F, name)(x, y, reduction="none") * w
            return losses if word == "none" else getattr(losses, word)()

        check(context, build, peer, [make(shape), make(shape), make(shape).abs()], terms=3000)


@pytest.mark.parametrize("kind", ["rows", "line", "planes"])
def test_nll_and_cross_entropy(context, kind):
    for _ in range(TRIALS):
        n, classes = random.randint(1, 9), random.randint(2, 40)
        outer = {"rows": [n], "line": [], "planes": [n, random.randint(1, 5), random.randint(1, 4)]}[kind]
        shape = outer[:1] + [classes] + outer[1:]
        reduction = random.randrange(3)
        smoothing = random.choice([0.0, 0.0, 0.1])
        weight = random.choice([None, make([classes]).abs() + 0.1])
        target = torch.randint(0, classes, outer)
        ignore = random.choice([None, 1])
        if kind != "line" and ignore is not None:
            target.view(-1)[0] = 0
            target.view(-1)[1:3] = 1
        elif ignore is not None:
            target.fill_(0)
        options = NllOptions(reduction, smoothing, ignore is not None, ignore or 0)
        word = REDUCTIONS[reduction]
        index = -100 if ignore is None else ignore
        wide = None if weight is None else weight.double()
        logits = make(shape)
        check(context, lambda x: var("cross_entropy_of", x, target, pointer(weight), ctypes.byref(options)),
              lambda x: F.cross_entropy(x, target, wide, reduction=word, ignore_index=index, label_smoothing=smoothing),
              [logits], terms=64, scale=8.0 * (n if word == "sum" else 1))
        plain = NllOptions(reduction, 0.0, ignore is not None, ignore or 0)
        check(context, lambda x: var("nll_loss", x, target, pointer(weight), ctypes.byref(plain)),
              lambda x: F.nll_loss(x.contiguous(), target, wide, reduction=word, ignore_index=index), [logits], terms=64,
              scale=8.0 * (n if word == "sum" else 1))


def test_probabilities_as_targets(context):
    for _ in range(TRIALS):
        shape = [random.randint(1, 6), random.randint(2, 30)] + random.choice([[], [3]])
        smoothing, reduction = random.choice([0.0, 0.2]), random.randrange(3)
        weight = random.choice([None, make([shape[1]]).abs() + 0.1])
        options = NllOptions(reduction, smoothing, 0, 0)
        target = make(shape).softmax(1)
        check(context, lambda x, q: var("soft_cross_entropy", x, q, pointer(weight), ctypes.byref(options)),
              lambda x, q: F.cross_entropy(x, q, None if weight is None else weight.double(),
                                           reduction=REDUCTIONS[reduction], label_smoothing=smoothing),
              [make(shape), target], terms=256, scale=16.0)


def test_margins(context):
    for _ in range(TRIALS):
        n, width, reduction = random.randint(1, 9), random.randint(1, 30), random.randrange(3)
        word = REDUCTIONS[reduction]
        a, b, c = make([n, width]), make([n, width]), make([n, width])
        signs = make([n]).sign()
        margin = random.choice([0.0, 0.3])
        check(context, lambda x, y: var("cosine_embedding_loss", x, y, target_of(signs, x), number(margin), reduction),
              lambda x, y: F.cosine_embedding_loss(x, y, signs.double(), margin=margin, reduction=word), [a, b], terms=256,
              scale=4.0)
        options = TripletOptions(random.choice([1.0, 0.2]), random.choice([1.0, 2.0, 3.0]), 1e-6, random.randint(0, 1))
        check(context, lambda x, y, z: var("triplet_margin_loss", x, y, z, ctypes.byref(options), reduction),
              lambda x, y, z: F.triplet_margin_loss(x, y, z, options.margin, options.p, options.eps, bool(options.swap),
                                                    reduction=word), [a, b, c], terms=256, scale=16.0)
        classes = torch.randint(0, width, [n])
        p, weight = random.choice([1, 2]), random.choice([None, make([width]).abs()])

        def margin_loss(x):
            w = NONE if weight is None else constant(weight, x)
            return var("multi_margin_loss", x, classes, p, number(0.7), w, reduction)

        check(context, margin_loss, lambda x: F.multi_margin_loss(
            x, classes, p=p, margin=0.7, weight=None if weight is None else weight.double(), reduction=word), [a], terms=256,
            scale=16.0)


def constant(tensor, beside):
    """A tensor as a value without gradient on the tape of another value, which its structure begins with."""
    tape = ctypes.cast(beside, ctypes.POINTER(ctypes.c_void_p))[0]
    constant.kept = pointer(tensor)
    return ctypes.c_void_p(LIBRARY.ea_var_input(ctypes.c_void_p(tape), constant.kept))


target_of = constant


def test_ctc(context):
    for _ in range(TRIALS):
        time, n, classes = random.randint(2, 14), random.randint(1, 4), random.randint(2, 8)
        blank = random.randrange(classes)
        longest = random.randint(1, 6)
        labels = [k for k in range(classes) if k != blank]
        targets = torch.tensor([[random.choice(labels) for _ in range(longest)] for _ in range(n)])
        lengths = torch.tensor([random.randint(0, longest) for _ in range(n)])
        times = torch.tensor([random.randint(1, time) for _ in range(n)])
        if random.random() < 0.5:
            targets = torch.cat([row[:length] for row, length in zip(targets, lengths)])
        reduction, zero = random.randrange(3), random.randint(0, 1)
        x = make([time, n, classes]).log_softmax(2)
        expected = F.ctc_loss(x.double(), targets, times, lengths, blank, REDUCTIONS[2])
        if not zero and not bool(expected.isfinite().all()):
            zero = 1
        check(context, lambda v: var("ctc_loss", v, targets, times, lengths, int64(blank), zero, reduction),
              lambda v: F.ctc_loss(v, targets, times, lengths, blank, REDUCTIONS[reduction], bool(zero)), [x], terms=1000,
              scale=4.0)


def test_ctc_without_alignment(context):
    x = make([2, 1, 4]).log_softmax(2)
    losses = torch.empty(1)
    arguments = (torch.tensor([[1, 1, 2]]), torch.tensor([2]), torch.tensor([3]))
    context.call("ea_ctc_loss", x, *arguments, int64(0), 0, losses)
    assert math.isinf(losses[0])
    context.call("ea_ctc_loss", x, *arguments, int64(0), 1, losses)
    assert losses[0] == 0


def test_refusals(context):
    x, out = make([3, 4]), torch.empty([])
    with pytest.raises(AssertionError, match="element 1 of target is 4"):
        context.call("ea_nll_loss", x, torch.tensor([0, 4, 1]), None, None, out)
    with pytest.raises(AssertionError, match="label_smoothing 2"):
        context.call("ea_nll_loss", x, torch.tensor([0, 3, 1]), None, NllOptions(0, 2.0, 0, 0), out)
    with pytest.raises(AssertionError, match="target_lengths"):
        context.call("ea_ctc_loss", make([5, 1, 3]), torch.tensor([[1, 2]]), torch.tensor([5]), torch.tensor([3]), int64(0), 0,
                     torch.empty(1))
