"""Functions by number against PyTorch: values, gradients, special values, and the same bits from definitions and kernels."""
import ctypes
import random
import re
import pathlib

import pytest
import torch
import torch.nn.functional as F

from peer import LIBRARY, check, make, near, random_shape, var
from test_values import context  # noqa: F401: the fixture

TRIALS = 4
HEADER = (pathlib.Path(__file__).parents[2] / "include/eadem/op/point.h").read_text()
NUMBER = {name.lower(): i for i, name in enumerate(re.findall(r"^    EA_FN_(\w+)", HEADER, re.M))}

SPECIAL = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-42, -1e-42, 3.4e38, -3.4e38, 1.0, -1.0, 0.5,
                        -0.5, 1.5, 2.5, -1.5, -2.5, 3.0, -3.0, 6.0, 100.5, 8388609.0, 1e10, 0.99999994, 1.0000001])


def positive(shape):
    return make(shape).abs() + 0.1


def unit(shape):
    return make(shape).tanh() * 0.98


def above_one(shape):
    return make(shape).abs() + 1.05


def probability(shape):
    return make(shape).sigmoid() * 0.98 + 0.01


def signs(shape):
    return make(shape).sign()


# name: PyTorch's function, inputs' makers, parameters to choose from
ONE = {name: (getattr(torch, name), make, [None]) for name in
       "abs neg sign floor ceil round trunc frac reciprocal square exp2 expm1 sin cos tan atan sinh cosh asinh erf erfc".split()}
ONE.update({name: (getattr(torch, name), domain, [None]) for name, domain in
            [("rsqrt", positive), ("log2", positive), ("log10", positive), ("log1p", positive), ("asin", unit), ("acos", unit),
             ("acosh", above_one), ("atanh", unit), ("erfinv", unit)]})
ONE.update({
    "cbrt": (lambda x: x.sign() * x.abs()**(1 / 3), positive, [None]),
    "logsigmoid": (F.logsigmoid, make, [None]),
    "softplus": (F.softplus, make, [None, (2.0, 1.5), (0.5, 20.0)]),
    "silu": (F.silu, make, [None]), "gelu": (F.gelu, make, [None]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), make, [None]), "mish": (F.mish, make, [None]),
    "elu": (F.elu, make, [None, (0.3,)]), "selu": (F.selu, make, [None]), "celu": (F.celu, make, [None, (0.7,)]),
    "hardswish": (F.hardswish, lambda s: make(s) * 3, [None]),
    "hardsigmoid": (F.hardsigmoid, lambda s: make(s) * 3, [None]),
    "hardtanh": (F.hardtanh, make, [None, (-0.5, 0.25)]), "relu6": (F.relu6, lambda s: make(s) * 5, [None]),
    "leaky_relu": (F.leaky_relu, make, [None, (0.3,)]), "clamp": (torch.clamp, make, [(-0.5, 0.75), (0.1, float("inf"))]),
})
TWO = {name: (getattr(torch, name), make, make, [None]) for name in "maximum minimum fmod remainder".split()}
TWO.update({
    "div_floor": (lambda x, y: torch.div(x, y, rounding_mode="floor"), make, make, [None]),
    "div_trunc": (lambda x, y: torch.div(x, y, rounding_mode="trunc"), make, make, [None]),
    "pow": (torch.pow, positive, make, [None]), "atan2": (torch.atan2, make, make, [None]),
    "hypot": (torch.hypot, make, make, [None]),
    "mse_loss": (lambda x, y: (x - y)**2, make, make, [None]),
    "l1_loss": (lambda x, y: (x - y).abs(), make, make, [None]),
})
TRUTHS = "isnan isinf isfinite isposinf isneginf signbit logical_not".split()
COMPARISONS = "eq ne lt le gt ge logical_and logical_or logical_xor".split()
EXACT = "abs neg sign floor ceil round trunc frac reciprocal square hardtanh relu6 clamp".split()
EXACT_OF_TWO = "maximum minimum fmod remainder div_floor div_trunc".split()


def point(name, parameters, *values):
    array = (ctypes.c_void_p * 3)(*(v.value for v in values))
    numbers = (ctypes.c_double * 3)(*parameters) if parameters else None
    return var("point", NUMBER[name], array, numbers)


@pytest.mark.parametrize("name", ONE)
def test_one(context, name):
    function, domain, choices = ONE[name]
    for _ in range(TRIALS):
        parameters = random.choice(choices)
        check(context, lambda x: point(name, parameters, x), lambda x: function(x, *(parameters or ())),
              [domain(random_shape())], terms=4)


def broadcast_pair(first, second):
    shape = random_shape()
    a = [random.choice([1, n, n]) for n in shape]
    b = [n if m == 1 else random.choice([1, n, n]) for m, n in zip(a, shape)]
    return [first(a), second(b[random.randint(0, len(b)):] if a == shape else b)]


@pytest.mark.parametrize("name", TWO)
def test_two(context, name):
    function, first, second, _ = TWO[name]
    for _ in range(TRIALS):
        check(context, lambda x, y: point(name, None, x, y), function, broadcast_pair(first, second), terms=1000, grad_scale=30.0)


def test_prelu_lerp_and_products(context):
    for _ in range(TRIALS):
        shape = random_shape(2, 4)
        check(context, lambda x, w: point("prelu", None, x, w),
              lambda x, w: torch.where(x > 0, x, w * x), [make(shape), make([])], terms=1000, grad_scale=30.0)
        three = [make([random.choice([1, n]) for n in shape]) for _ in range(3)]
        check(context, lambda *v: point("lerp", None, *v), torch.lerp, three, terms=1000,
              grad_scale=30.0)
        value = random.choice([1.0, -0.3])
        check(context, lambda *v: point("addcmul", (value,), *v), lambda x, a, b: torch.addcmul(x, a, b, value=value), three,
              terms=1000, grad_scale=30.0)
        three[2] = three[2].abs() + 0.5
        check(context, lambda *v: point("addcdiv", (value,), *v), lambda x, a, b: torch.addcdiv(x, a, b, value=value), three,
              terms=1000, grad_scale=30.0)


LOSSES = {
    "smooth_l1_loss": (lambda p: lambda x, y: F.smooth_l1_loss(x, y, reduction="none", beta=p[0]), [make] * 2, [(1.0,), (0.3,)]),
    "huber_loss": (lambda p: lambda x, y: F.huber_loss(x, y, reduction="none", delta=p[0]), [make] * 2, [(1.0,), (0.3,)]),
    "kl_div": (lambda p: lambda x, y: F.kl_div(x, y, reduction="none", log_target=bool(p[0])), [make, probability],
               [(0.0,), (1.0,)]),
    "poisson_nll_loss": (lambda p: lambda x, y: F.poisson_nll_loss(x, y, log_input=bool(p[0]), full=bool(p[1]), eps=p[2],
                                                                  reduction="none"),
                         [positive, lambda s: positive(s) * 3], [(1.0, 0.0, 1e-8), (0.0, 1.0, 1e-3), (1.0, 1.0, 0.0)]),
    "bce": (lambda p: lambda x, y: F.binary_cross_entropy(x, y, reduction="none"), [probability] * 2, [None]),
    "bce_with_logits": (lambda p: lambda x, y, w: ((1 - y) * x + ((w - 1) * y + 1) * F.softplus(-x)),
                        [make, probability, positive], [None]),
    "gaussian_nll_loss": (lambda p: lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=bool(p[0]), eps=p[1], reduction="none"),
                          [make, make, positive], [(0.0, 1e-6), (1.0, 0.3)]),
    "margin_ranking_loss": (lambda p: lambda a, b, y: F.margin_ranking_loss(a, b, y, margin=p[0], reduction="none"),
                            [make, make, signs], [(0.0,), (0.5,)]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(context, name):
    function, makers, choices = LOSSES[name]
    for _ in range(TRIALS):
        shape, parameters = random_shape(), random.choice(choices)
        check(context, lambda *v: point(name, parameters, *v), function(parameters), [m(shape) for m in makers], terms=16,
              scale=8.0)


def test_hinge_embedding(context):
    for _ in range(TRIALS):
        shape, margin = random_shape(), random.choice([1.0, 0.2])
        y = signs(shape)
        x = make(shape)
        exact = x.double().requires_grad_()
        expected = F.hinge_embedding_loss(exact, y.double(), margin=margin, reduction="none")
        check(context, lambda x, y: point("hinge_embedding_loss", (margin,), x, y),
              lambda x, y: F.hinge_embedding_loss(x, y.detach(), margin=margin, reduction="none"), [x, y])
        assert expected.requires_grad


def test_bce_with_logits_is_pytorchs(context):
    x, y, w = make([50, 7]), probability([50, 7]), positive([7])
    got = call(context, "bce_with_logits", [x, y, w], torch.empty(50, 7))
    near(got, F.binary_cross_entropy_with_logits(x.double(), y.double(), reduction="none", pos_weight=w.double()), 16)


def call(context, name, inputs, out, parameters=None):
    from peer import pointers
    numbers = (ctypes.c_double * 3)(*parameters) if parameters else None
    context.call("ea_point", NUMBER[name], pointers(inputs), numbers, out)
    return out


def test_truths(context):
    x, y = SPECIAL.repeat_interleave(len(SPECIAL)), SPECIAL.repeat(len(SPECIAL))
    for name in TRUTHS:
        assert torch.equal(call(context, name, [x], torch.zeros(x.shape, dtype=torch.bool)), getattr(torch, name)(x)), name
    for name in COMPARISONS:
        assert torch.equal(call(context, name, [x, y], torch.zeros(x.shape, dtype=torch.bool)), getattr(torch, name)(x, y)), name
    a, b = x > 0, y.isnan()
    assert torch.equal(call(context, "logical_xor", [a, b], torch.zeros(x.shape, dtype=torch.bool)), a ^ b)


def same(got, expected):
    return bool(((got == expected) | (got.isnan() & expected.isnan())).all())


def test_special_values(context):
    """Where no function is approximated PyTorch's float32 results are ours, but for the sign of a zero."""
    x, y = SPECIAL.repeat_interleave(len(SPECIAL)), SPECIAL.repeat(len(SPECIAL))
    for name in EXACT:
        parameters = random.choice(ONE[name][2])
        got = call(context, name, [x], torch.empty_like(x), parameters)
        assert same(got, ONE[name][0](x, *(parameters or ()))), name
    for name in EXACT_OF_TWO:
        got = call(context, name, [x, y], torch.empty_like(x))
        small = ~(x / y).isinf() | (y == 0)  # PyTorch's vectors give NaN where the quotient overflows
        assert same(got[small], TWO[name][0](x, y)[small]), name
    for name in ("hardswish", "hardsigmoid", "leaky_relu", "elu", "selu", "celu"):
        got = call(context, name, [x], torch.empty_like(x))
        finite = x.abs() < 1e30  # x·(x + 3) may overflow before it is divided
        near(got[finite], ONE[name][0](x.double())[finite], 4)


def test_pow_special_values(context):
    values = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5])
    x, y = values.repeat_interleave(len(values)), values.repeat(len(values))
    for name, peer in (("pow", torch.pow), ("atan2", torch.atan2), ("hypot", torch.hypot)):
        got, expected = call(context, name, [x, y], torch.empty_like(x)), peer(x.double(), y.double()).float()
        assert same(got, expected), name
        zero = (got == 0) & (x != 0)
        assert torch.equal(got.signbit()[zero], expected.signbit()[zero]), name


def test_types_and_names(context):
    LIBRARY.ea_point_name.restype = ctypes.c_char_p
    for name, number in NUMBER.items():
        if name != "count":
            assert LIBRARY.ea_point_name(number).decode() == name
    x = make([40, 9], torch.bfloat16)
    out = call(context, "gelu", [x], torch.empty([40, 9], dtype=torch.float16))
    near(out, F.gelu(x.double()))
