"""Padding, patches and interpolation against PyTorch in binary64, over random shapes and options: values and gradients."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from test_pool import DIMS, each, random_input
from test_values import TRIALS, context, make, near, numbers, wide  # noqa: F401 (a fixture)


class PadOptions(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_int), ("before", ctypes.c_int64 * 3), ("after", ctypes.c_int64 * 3),
                ("value", ctypes.c_double)]


class UnfoldOptions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64 * 2) for name in ("kernel", "stride", "padding", "dilation")]


class InterpolateOptions(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_int), ("align_corners", ctypes.c_int), ("antialias", ctypes.c_int),
                ("scale", ctypes.c_double * 3)]


def check(context, name, x, function, *arguments, backward=None, exactly=False, scale=1.0):
    """Values and gradients; arguments are those before x (dims, if any) and those after it."""
    before, after = arguments
    exact = wide(x)
    expected = function(exact)
    out, grad, grad_x = make(list(expected.shape)), make(list(expected.shape)), make(list(x.shape))
    context.call(f"ea_{name}", *before, x, *after, out)
    if exactly:
        assert torch.equal(out.double(), expected)
    near(out, expected, 64)
    expected.backward(grad.double())
    context.call(f"ea_{backward or name + '_backward'}", *before, grad, *after, grad_x)
    near(grad_x, exact.grad, 64, scale=exact.grad.abs().max().item() * scale)


@DIMS
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(context, dims, mode):
    modes = ["constant", "reflect", "replicate", "circular"]
    for _ in range(TRIALS):
        x = random_input(dims)
        sizes = x.shape[-dims:]
        most = {"reflect": -1, "circular": 0}.get(mode, 3)
        low = -1 if mode == "constant" else 0
        before, after = [[random.randint(low, n + most) for n in sizes] for _ in range(2)]
        if any(n + b + a < 1 for n, b, a in zip(sizes, before, after)):
            continue
        flat = [p for d in reversed(range(dims)) for p in (before[d], after[d])]
        value = random.random() if mode == "constant" else 0.0
        check(context, "pad", x, lambda t: F.pad(t, flat, mode, value if mode == "constant" else None), (dims,),
              (PadOptions(modes.index(mode), numbers(before), numbers(after), value),), exactly=mode != "constant")


def test_unfold_and_fold(context):
    tried = 0
    while tried < TRIALS:
        x = random_input(2)
        kernel, stride, padding, dilation = each(2, 1, 4), each(2, 1, 3), each(2, 0, 3), each(2, 1, 2)
        options = UnfoldOptions(*(numbers(o, 2) for o in (kernel, stride, padding, dilation)))
        if any(n + 2 * p < d * (k - 1) + 1 for n, p, d, k in zip(x.shape[-2:], padding, dilation, kernel)):
            continue
        tried += 1
        check(context, "unfold", x, lambda t: F.unfold(t, kernel, dilation, padding, stride), (), (options,),
              backward="fold", exactly=True)
        columns = make(list(F.unfold(x, kernel, dilation, padding, stride).shape))
        check(context, "fold", columns, lambda t: F.fold(t, x.shape[-2:], kernel, dilation, padding, stride), (),
              (options,), backward="unfold")


def test_pixel_shuffle(context):
    for _ in range(TRIALS):
        r, lead = random.randint(1, 4), each(random.randint(0, 3), 1, 3)
        small = lead + [random.randint(1, 3) * r * r] + each(2, 1, 5)
        x, factor = make(small), ctypes.c_int64(r)
        check(context, "pixel_shuffle", x, lambda t: F.pixel_shuffle(t, r), (), (factor,), backward="pixel_unshuffle",
              exactly=True)
        large = make(list(F.pixel_shuffle(x, r).shape))
        check(context, "pixel_unshuffle", large, lambda t: F.pixel_unshuffle(t, r), (), (factor,),
              backward="pixel_shuffle", exactly=True)


INTERPOLATIONS = [("nearest", d) for d in (1, 2, 3)] + [("nearest-exact", d) for d in (1, 2, 3)] + [
    ("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2), ("area", 1), ("area", 2), ("area", 3)]
CODES = {"nearest": 0, "nearest-exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 3, "area": 4}


@pytest.mark.parametrize("mode, dims", INTERPOLATIONS)
def test_interpolate(context, mode, dims):
    for _ in range(TRIALS):
        x = random_input(dims)
        x = x if x.ndim == dims + 2 else x[None]
        smooth = "linear" in mode or mode == "bicubic"
        align = smooth and random.random() < 0.4
        antialias = smooth and dims == 2 and random.random() < 0.4
        scales = [random.choice([0.5, 1.5, 2.0, 2.7, 0.73]) for _ in range(dims)] if random.random() < 0.5 else None
        size = None if scales else each(dims, 1, 15 if dims < 3 else 8)
        width = size[-1] if size else int(x.shape[-1] * scales[-1])
        if antialias and 1 in (x.shape[-1], width):  # PyTorch 2.13 is wrong here: a column's result depends on others
            continue
        if scales and any(int(n * s) < 1 for n, s in zip(x.shape[2:], scales)):
            continue
        options = InterpolateOptions(CODES[mode], align, antialias, (ctypes.c_double * 3)(*(scales or [])))
        more = {"align_corners": align} if smooth else {}
        check(context, "interpolate", x,
              lambda t: F.interpolate(t, size, scales, mode, antialias=antialias, **more), (dims,), (options,))
