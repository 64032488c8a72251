"""lp_pool and local_response_norm on the tape against PyTorch in binary64: values and gradients."""
import random

import pytest
import torch
import torch.nn.functional as F
from peer import check, double, int64, var
from test_values import TRIALS, context, make, numbers  # noqa: F401 (a fixture)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_lp_pool(context, dims):
    for _ in range(TRIALS // 2):
        x = make([random.randint(1, 3) for _ in range(2)] + [random.randint(4, 9) for _ in range(dims)]).abs() + 0.1
        p, kernel, stride = random.choice([1.0, 2.0, 3.0, 1.5]), *([random.randint(1, 4) for _ in range(dims)] for _ in "ab")
        ceil = random.random() < 0.5
        check(context, lambda v: var("lp_pool", v, dims, double(p), numbers(kernel), numbers(stride), ceil),
              lambda t: getattr(F, f"lp_pool{dims}d")(t, p, kernel if dims > 1 else kernel[0], stride if dims > 1 else stride[0], ceil),
              [x], 400)


@pytest.mark.parametrize("shape", [[2, 7, 5], [2, 7, 4, 3], [1, 5, 2, 3, 4]])
def test_local_response_norm(context, shape):
    for _ in range(4):
        size, alpha, beta, k = random.randint(1, 5), random.choice([1e-4, 0.5]), random.choice([0.75, 1.3]), random.choice([1.0, 2.0])
        check(context, lambda v: var("local_response_norm", v, int64(size), double(alpha), double(beta), double(k)),
              lambda t: F.local_response_norm(t.contiguous(), size, alpha, beta, k), [make(shape)], 100)
