"""Models of real architectures with random weights.

A Case holds a module, its inputs (tensors whose first dimension is the batch) and two functions of the module's output:
`outputs`, a tensor whose first dimension is the batch, and `loss`. The models are written from their papers.
"""

import dataclasses
import typing

import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass
class Case:
    model: nn.Module
    inputs: dict
    outputs: typing.Callable
    loss: typing.Callable  # loss(output, inputs)


# --- Vision ----------------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """He et al. 2015 (arXiv:1512.03385), figure 5 left."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or into != out:
            self.shortcut = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18(width=64, classes=1000):
    """ResNet-18; width 64 is the paper's."""
    layers = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
              nn.MaxPool2d(3, 2, 1)]
    into = width
    for stage in range(4):
        for block in range(2):
            out = width << stage
            layers.append(BasicBlock(into, out, 2 if stage and not block else 1))
            into = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, classes))


def _classifier(model, size, classes=10):
    inputs = {"input": torch.randn(4, 3, size, size)}
    target = torch.randint(classes, (4,))
    return Case(model, inputs, lambda out: out, lambda out, _: F.cross_entropy(out, target))


_CASES = {"resnet18": lambda: _classifier(resnet18(16, 10), 48)}
NAMES = list(_CASES)


def case(name):
    """The named case, always with the same weights and inputs."""
    torch.manual_seed(11)
    return _CASES[name]()
