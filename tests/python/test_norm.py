"""Layer, RMS and group norm on the tape against PyTorch in binary64, over random shapes and options: values and gradients."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from peer import check, double, int64, library_constant, var
from test_values import BatchNormOptions, TRIALS, context, make, near, random_shape  # noqa: F401 (a fixture)


def affine(shape, count=2):
    """Weight and bias, or a part of them; absent ones are None."""
    return [make(shape) if random.random() < 0.7 else None for _ in range(count)]


def compare(context, name, x, split, optional, eps, expected):
    """ea_var_NAME(x, split, weight[, bias], eps) against expected(x, *weight and bias, None where absent)."""
    places = [t is not None for t in optional]

    def spread(tensors, absent):
        given = iter(tensors)
        return [next(given) if here else absent for here in places]

    def build(x, *given):
        return var(name, x, split, *spread(given, library_constant("ea_no_bias")), double(eps))

    check(context, build, lambda x, *given: expected(x, *spread(given, None)),
          [x] + [t for t in optional if t is not None], terms=x.numel(), scale=16.0, grad_scale=16.0 * x.numel()**0.5)


def test_layer_norm(context):
    for _ in range(TRIALS):
        x = make(random_shape(1, 4, 14) if random.random() < 0.9 else [3, 2100])
        dims = random.randint(1, x.ndim)
        shape = list(x.shape[x.ndim - dims:])
        compare(context, "layer_norm", x, dims, affine(shape), 1e-3,
                lambda x, w, b: F.layer_norm(x, shape, w, b, 1e-3))


def test_rms_norm(context):
    for _ in range(TRIALS):
        x = make(random_shape(1, 4, 14) if random.random() < 0.9 else [3, 2100])
        dims = random.randint(1, x.ndim)
        shape = list(x.shape[x.ndim - dims:])
        compare(context, "rms_norm", x, dims, affine(shape, 1), 1e-3, lambda x, w: F.rms_norm(x, shape, w, 1e-3))


def test_group_norm(context):
    for _ in range(TRIALS):
        groups = random.randint(1, 4)
        channels = groups * random.randint(1, 4)
        x = make([random.randint(1, 4), channels, random.randint(2, 9)] + random_shape(0, 2, 9))
        one, zero = torch.ones(channels).double(), torch.zeros(channels).double()  # PyTorch fails with one of them absent
        compare(context, "group_norm", x, int64(groups), affine([channels]), 1e-3,
                lambda x, w, b: F.group_norm(x, groups, one if w is None else w, zero if b is None else b, 1e-3))


def test_instance_norm(context):
    for trial in range(12):
        shape = [random.randint(1, 4), random.randint(1, 5)] + [random.randint(2, 6) for _ in range(random.randint(1, 3))]
        channels, training, tracked = shape[1], trial % 3 != 0, trial % 2 == 0 or trial % 3 == 0
        start = [torch.randn(channels), torch.rand(channels) + 0.5] if tracked else [None, None]
        options = BatchNormOptions(int(training), 0.2, 1e-3)
        ours = []

        def build(x, w, b):
            ours[:] = [None if t is None else t.clone() for t in start]
            return var("instance_norm", x, w, b, *ours, ctypes.byref(options))

        theirs = [None if t is None else t.double() for t in start]
        check(context, build, lambda x, w, b: F.instance_norm(x, *theirs, w, b, training, 0.2, 1e-3),
              [make(shape), make([channels]), make([channels])], 400, scale=16.0, grad_scale=160.0)
        if tracked and training and context.contract == 0:
            near(ours[0], theirs[0], 64)
            near(ours[1], theirs[1], 64)


def test_group_norm_by_channels_is_instance_norm(context):
    x = make([3, 5, 6, 7])
    compare(context, "group_norm", x, int64(5), affine([5]), 1e-5, lambda x, w, b: F.instance_norm(x, None, None, w, b))


@pytest.mark.parametrize("dims", [0, 3])
def test_refuses_dims(context, dims):
    with pytest.raises(AssertionError, match="dims is"):
        context.call("ea_layer_norm", make([2, 3]), dims, None, None, double(0), make([2, 3]), None, None)
