"""Pooling against PyTorch in binary64, over random shapes and options: values, indices and gradients."""
import random

import pytest
import torch
import torch.nn.functional as F
from test_values import PoolOptions, TRIALS, context, make, near, numbers, wide  # noqa: F401 (a fixture)

DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def random_input(dims, ties=False):
    """[n, c, spatial...], sometimes without n; rounded values make ties."""
    shape = [random.randint(1, 3) for _ in range(2)] + [random.randint(2, 20 if dims < 3 else 9) for _ in range(dims)]
    x = make(shape[random.random() < 0.2:])
    return x.round() if ties else x


def each(dims, low, high):
    return [random.randint(low, high) for _ in range(dims)]


def random_windows(x, dims, dilated):
    """Kernel, stride, padding, dilation that fit x; None when they do not."""
    kernel, stride, dilation = each(dims, 1, 4), each(dims, 1, 4), each(dims, 1, 2 if dilated else 1)
    padding = [random.randint(0, k // 2) for k in kernel]
    fits = all(size + 2 * p >= d * (k - 1) + 1
               for size, k, p, d in zip(x.shape[-dims:], kernel, padding, dilation))
    return (kernel, stride, padding, dilation) if fits else None


def check_gradient(context, dims, x, expected, exact, indices):
    grad, grad_x = make(list(expected.shape)), make(list(x.shape))
    expected.backward(grad.double())
    context.call("ea_max_pool_backward", dims, grad, indices, grad_x)
    near(grad_x, exact.grad, 16)


def torch_max(x, dims, *options):
    """Values and indices, also for inputs that the indices' own function refuses."""
    return getattr(F, f"max_pool{dims}d")(x, *options, return_indices=True)


@DIMS
def test_max_pool(context, dims):
    for trial in range(TRIALS):
        x = random_input(dims, trial % 2)
        windows, ceil = random_windows(x, dims, True), random.random() < 0.5
        if not windows:
            continue
        exact = wide(x)
        expected, positions = torch_max(exact, dims, *windows, ceil)
        out, indices = make(list(expected.shape)), torch.empty_like(positions)
        context.call("ea_max_pool", dims, x, PoolOptions(*map(numbers, windows), ceil), out, indices)
        assert torch.equal(out.double(), expected) and torch.equal(indices, positions)
        check_gradient(context, dims, x, expected, exact, indices)


@DIMS
def test_adaptive_max_pool(context, dims):
    for trial in range(TRIALS):
        x, size = random_input(dims, trial % 2), each(dims, 1, 9)
        exact = wide(x)
        expected, positions = getattr(F, f"adaptive_max_pool{dims}d")(exact, size, return_indices=True)
        out, indices = make(list(expected.shape)), torch.empty_like(positions)
        context.call("ea_adaptive_max_pool", dims, x, out, indices)
        assert torch.equal(out.double(), expected) and torch.equal(indices, positions)
        check_gradient(context, dims, x, expected, exact, indices)


@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_max_pool(context, dims):
    for trial in range(TRIALS):
        x = random_input(dims, trial % 2)
        kernel = [random.randint(1, min(3, n - 1)) for n in x.shape[-dims:]]
        size = [random.randint(1, n - k) for n, k in zip(x.shape[-dims:], kernel)]  # PyTorch's limit in 3d
        samples = torch.rand(x.shape[0] if x.ndim == dims + 2 else 1, x.shape[-dims - 1], dims)
        exact = x.clone().requires_grad_()  # in binary32: the places of the windows depend on it
        expected, positions = getattr(F, f"fractional_max_pool{dims}d")(
            exact, kernel, output_size=size, _random_samples=samples, return_indices=True)
        out, indices = make(list(expected.shape)), torch.empty_like(positions)
        context.call("ea_fractional_max_pool", dims, x, numbers(kernel), samples, out, indices)
        assert torch.equal(out, expected) and torch.equal(indices, positions)
        grad, grad_x = make(list(expected.shape)), make(list(x.shape))
        expected.backward(grad)
        context.call("ea_max_pool_backward", dims, grad, indices, grad_x)
        near(grad_x, exact.grad, 16)


@DIMS
def test_max_unpool(context, dims):
    for _ in range(TRIALS):
        windows = each(dims, 1, 3), each(dims, 3, 4), [0] * dims, [1] * dims  # apart: no two at one place
        x = make(each(2, 1, 3) + [random.randint(0, 4) * s + k for k, s in zip(*windows[:2])])
        pooled, indices = torch_max(x, dims, *windows)
        exact, size = wide(pooled), list(x.shape)
        expected = getattr(F, f"max_unpool{dims}d")(exact, indices, windows[0], windows[1], 0, size)
        out, grad, grad_x = make(size), make(size), make(list(pooled.shape))
        context.call("ea_max_unpool", dims, pooled, indices, out)
        assert torch.equal(out.double(), expected)
        expected.backward(grad.double())
        context.call("ea_max_unpool_backward", dims, grad, indices, grad_x)
        assert torch.equal(grad_x.double(), exact.grad)


def check_average(context, name, x, function, *arguments):
    exact = wide(x)
    expected = function(exact)
    out, grad, grad_x = make(list(expected.shape)), make(list(expected.shape)), make(list(x.shape))
    context.call(f"ea_{name}", arguments[0], x, *arguments[1:], out)
    near(out, expected, 64)
    expected.backward(grad.double())
    context.call(f"ea_{name}_backward", arguments[0], grad, *arguments[1:], grad_x)
    near(grad_x, exact.grad, 64)


@DIMS
def test_avg_pool(context, dims):
    for _ in range(TRIALS):
        x = random_input(dims)
        windows, ceil, count = random_windows(x, dims, False), random.random() < 0.5, random.random() < 0.5
        if not windows or any(n < k for n, k in zip(x.shape[-dims:], windows[0])):  # PyTorch's limit in 3d
            continue
        divisor = random.choice([None, None, 3]) if dims > 1 else None
        kernel, stride, padding, dilation = windows
        more = () if dims == 1 else (divisor,)
        check_average(context, "avg_pool", x,
                      lambda t: getattr(F, f"avg_pool{dims}d")(t, kernel, stride, padding, ceil, count, *more), dims,
                      PoolOptions(*map(numbers, windows), ceil, not count, divisor or 0))


@DIMS
def test_adaptive_avg_pool(context, dims):
    for _ in range(TRIALS):
        size = each(dims, 1, 9)
        check_average(context, "adaptive_avg_pool", random_input(dims),
                      lambda t: getattr(F, f"adaptive_avg_pool{dims}d")(t, size), dims)
