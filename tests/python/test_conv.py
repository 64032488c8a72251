"""Convolution and its transpose against PyTorch in binary64, over random shapes and options: values and gradients."""
import random

import pytest
import torch.nn.functional as F
from test_values import ConvOptions, TRIALS, context, make, near, numbers, wide  # noqa: F401 (a fixture)

DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def each(dims, low, high):
    return [random.randint(low, high) for _ in range(dims)]


def check(context, dims, name, x, weight, bias, expected_of, options):
    exact = wide(x), wide(weight)
    expected = expected_of(*exact, bias.double())
    out, grad = make(list(expected.shape)), make(list(expected.shape))
    context.call(f"ea_{name}", dims, x, weight, bias, options, out)
    near(out, expected, weight.numel(), scale=weight.numel()**0.5)
    expected.backward(grad.double())
    grad_x, grad_weight = make(list(x.shape)), make(list(weight.shape))
    context.call(f"ea_{name}_backward_input", dims, grad, weight, options, grad_x)
    context.call(f"ea_{name}_backward_weight", dims, grad, x, options, grad_weight)
    near(grad_x, exact[0].grad, weight.numel(), scale=weight.numel()**0.5)
    near(grad_weight, exact[1].grad, grad.numel(), scale=grad.numel()**0.5)


@DIMS
def test_conv(context, dims):
    tried = 0
    while tried < TRIALS:
        groups, size, kernel = random.choice([1, 1, 2, 3]), each(dims, 1, 15 if dims < 3 else 7), each(dims, 1, 4)
        stride, padding, dilation = each(dims, 1, 3), each(dims, 0, 3), each(dims, 1, 2)
        if any(n + 2 * p < d * (k - 1) + 1 for n, p, d, k in zip(size, padding, dilation, kernel)):
            continue
        tried += 1
        x = make([random.randint(1, 4), groups * random.randint(1, 4)] + size)
        weight = make([groups * random.randint(1, 4), x.shape[1] // groups] + kernel)
        x = x[0] if tried % 5 == 0 else x
        check(context, dims, "conv", x, weight, make([weight.shape[0]]),
              lambda t, w, b: getattr(F, f"conv{dims}d")(t, w, b, stride, padding, dilation, groups),
              ConvOptions(numbers(stride), numbers(padding), numbers(dilation), groups))


@DIMS
def test_conv_transpose(context, dims):
    tried = 0
    while tried < TRIALS:
        groups, size, kernel = random.choice([1, 1, 2, 3]), each(dims, 1, 9 if dims < 3 else 5), each(dims, 1, 4)
        stride, padding, dilation = each(dims, 1, 3), each(dims, 0, 3), each(dims, 1, 3)
        more = [random.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
        result = [(n - 1) * s - 2 * p + d * (k - 1) + o + 1
                  for n, s, p, d, k, o in zip(size, stride, padding, dilation, kernel, more)]
        if min(result) < 1:
            continue
        tried += 1
        x = make([random.randint(1, 4), groups * random.randint(1, 4)] + size)
        weight = make([x.shape[1], random.randint(1, 4)] + kernel)
        check(context, dims, "conv_transpose", x, weight, make([groups * weight.shape[1]]),
              lambda t, w, b: getattr(F, f"conv_transpose{dims}d")(t, w, b, stride, padding, more, groups, dilation),
              ConvOptions(numbers(stride), numbers(padding), numbers(dilation), groups))
