"""grid_sample on the tape against PyTorch in binary64, over random shapes and every option: values and gradients."""
import ctypes
import random

import pytest
import torch
import torch.nn.functional as F
from peer import check, var
from test_values import context  # noqa: F401 (a fixture)

MODES, PADDINGS = ["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"]


class Options(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_int), ("padding", ctypes.c_int), ("align_corners", ctypes.c_int)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("dims", [2, 3])
def test_grid_sample(context, mode, padding, align, dims):
    if dims == 3 and mode == "bicubic":
        return
    for _ in range(3):
        n, c = random.randint(1, 3), random.randint(1, 4)
        x = torch.randn([n, c] + [random.randint(2, 7) for _ in range(dims)])
        grid = torch.randn([n] + [random.randint(1, 5) for _ in range(dims)] + [dims])
        options = Options(MODES.index(mode), PADDINGS.index(padding), align)
        check(context, lambda x, g: var("grid_sample", x, g, ctypes.byref(options)),
              lambda x, g: F.grid_sample(x, g, mode, padding, bool(align)), [x, grid], 4000, scale=8.0, grad_scale=64.0)
