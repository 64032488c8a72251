"""Random numbers: the stream of PyTorch's CPU generator, whose own a + b·u rounds by its build."""

import torch

from eadem.torch.kernels.base import call, handles
from eadem.torch.kernels.function import function


def _draw(name, like, low, high, generator):
    generator = torch.default_generator if generator is None else generator
    state = generator.get_state()
    out = torch.empty(like.shape, dtype=like.dtype)
    call(name, (state, out), (), (float(low), float(high)))
    generator.set_state(state)
    return out


@handles("uniform")
def uniform(x, low=0.0, high=1.0, *, generator=None):
    return _draw("uniform", x, low, high, generator)


@handles("normal", "normal_functional")
def normal(x, mean=0.0, deviation=1.0, *, generator=None):
    return _draw("normal", x, mean, deviation, generator)


@handles("exponential")
def exponential(x, lambd=1.0, *, generator=None):
    return _draw("exponential", x, lambd, 0.0, generator)


@handles("log_normal")
def log_normal(x, mean=1.0, deviation=2.0, *, generator=None):
    return function("exp", normal(x, mean, deviation, generator=generator))


@handles("multinomial")
def multinomial(x, num_samples, replacement=False, *, generator=None):
    """x [k], or rows of it, drawn one after another."""
    generator = torch.default_generator if generator is None else generator
    state = generator.get_state()
    rows = [torch.empty(num_samples, dtype=torch.int64) for _ in (x if x.dim() > 1 else [x])]
    for weights, out in zip(x if x.dim() > 1 else [x], rows):
        call("multinomial", (state, weights, out), (int(replacement),))
    generator.set_state(state)
    return torch.stack(rows) if x.dim() > 1 else rows[0]


def _shaped(size, dtype):
    return torch.empty(size, dtype=dtype or torch.get_default_dtype())


@handles("rand")
def rand(size, *, generator=None, dtype=None, **_):
    return uniform(_shaped(size, dtype), generator=generator)


@handles("randn")
def randn(size, *, generator=None, dtype=None, **_):
    return normal(_shaped(size, dtype), generator=generator)


@handles("rand_like")
def rand_like(x, *, dtype=None, **_):
    return uniform(_shaped(x.shape, dtype or x.dtype))


@handles("randn_like")
def randn_like(x, *, dtype=None, **_):
    return normal(_shaped(x.shape, dtype or x.dtype))


@handles("bernoulli")
def bernoulli(x, p=None, *, generator=None):
    chance = x if p is None else p if isinstance(p, torch.Tensor) else float(p)
    return (uniform(_shaped(x.shape, torch.float32), generator=generator) < chance).to(x.dtype)


@handles("native_dropout")
def native_dropout(x, p, train):
    if not train or p == 0:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    keep = uniform(_shaped(x.shape, torch.float32)) < 1 - p
    return torch.where(keep, x * (1 / (1 - p)) if p < 1 else torch.zeros_like(x), 0), keep


@handles("native_dropout_backward")
def native_dropout_backward(grad, keep, scale):
    return torch.where(keep, grad * scale, 0)
