"""convert(): a copy of a module whose layers compute with Eadem's bits."""

import copy
import warnings

import torch

from eadem._context import use_contract
from eadem.torch import functional as F

# Modules that only move, compare or round once: PyTorch's own are reproducible.
_EXACT = (torch.nn.ReLU, torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten, torch.nn.MaxPool2d,
          torch.nn.LeakyReLU, torch.nn.ReLU6, torch.nn.Hardtanh, torch.nn.Embedding, torch.nn.ZeroPad2d,
          torch.nn.PixelShuffle)
_CONTAINERS = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.ParameterList,
               torch.nn.ParameterDict)


class _Converted:
    """Mixed in before the PyTorch class: its forward computes under the contract it was converted for."""

    def forward(self, *args):
        with use_contract(self.eadem_contract):
            return self.compute(*args)


class Linear(_Converted, torch.nn.Linear):
    def compute(self, x):
        return F.linear(x, self.weight, self.bias)


class Conv2d(_Converted, torch.nn.Conv2d):
    def compute(self, x):
        if self.padding_mode != "zeros":
            x = torch.nn.functional.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        padding = (0, 0) if self.padding_mode != "zeros" else self._numbers(x)
        batched = x if x.dim() == 4 else x.unsqueeze(0)
        out = F.conv2d(batched, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return out if x.dim() == 4 else out.squeeze(0)

    def _numbers(self, x):
        if self.padding == "valid":
            return (0, 0)
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            if any(t % 2 for t in total):
                raise ValueError("padding='same' with an even kernel pads unequally, which Conv2d here does not do: "
                                 "pad the input and use padding=0")
            return tuple(t // 2 for t in total)
        return self.padding


class _BatchNorm(_Converted):
    def compute(self, x):
        self._check_input_dim(x)
        momentum = self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        use_batch = self.training or self.running_mean is None
        tracked = not self.training or self.track_running_stats
        return F.batch_norm(x, self.running_mean if tracked else None, self.running_var if tracked else None,
                            self.weight, self.bias, use_batch, momentum or 0.0, self.eps)


class BatchNorm1d(_BatchNorm, torch.nn.BatchNorm1d):
    pass


class BatchNorm2d(_BatchNorm, torch.nn.BatchNorm2d):
    pass


class Tanh(_Converted, torch.nn.Tanh):
    def compute(self, x):
        return F.tanh(x)


class Sigmoid(_Converted, torch.nn.Sigmoid):
    def compute(self, x):
        return F.sigmoid(x)


class Softmax(_Converted, torch.nn.Softmax):
    def compute(self, x):
        return F.softmax(x, self.dim)


class LogSoftmax(_Converted, torch.nn.LogSoftmax):
    def compute(self, x):
        return F.log_softmax(x, self.dim)


class CrossEntropyLoss(_Converted, torch.nn.CrossEntropyLoss):
    def compute(self, x, target):
        return F.cross_entropy(x, target, self.reduction)


_CLASSES = {torch.nn.Linear: Linear, torch.nn.Conv2d: Conv2d, torch.nn.BatchNorm1d: BatchNorm1d,
            torch.nn.BatchNorm2d: BatchNorm2d, torch.nn.Tanh: Tanh, torch.nn.Sigmoid: Sigmoid,
            torch.nn.Softmax: Softmax, torch.nn.LogSoftmax: LogSoftmax,
            torch.nn.CrossEntropyLoss: CrossEntropyLoss}


def _convertible(module):
    if type(module) is torch.nn.CrossEntropyLoss:
        return module.weight is None and module.label_smoothing == 0 and module.ignore_index == -100
    return type(module) in _CLASSES


def convert(module, contract="chain"):
    """A deep copy of `module` in which every layer that Eadem has computes with the contract's bits, forward and
    backward. The original is untouched; parameters, shared and tied ones, buffers, hooks, train/eval state and
    state_dict keys are kept. What could not be converted is warned of and listed in the result's
    ``eadem_unconverted``: (name, class) pairs; such a part still computes in PyTorch, unless it runs inside
    reproducible().

    contract: "chain", or "repdl" for RepDL's bits. Raises TypeError when `module` is none.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"convert takes a torch.nn.Module, not {type(module).__name__}")
    with use_contract(contract):  # refuses an unknown name
        result = copy.deepcopy(module)
    unconverted = []
    for name, part in result.named_modules():
        if _convertible(part):
            # Changing the class in place keeps everything that hangs on the object: hooks, ties, buffers.
            part.__class__ = _CLASSES[type(part)]
            part.eadem_contract = contract
        elif not any(True for _ in part.children()) and not isinstance(part, _EXACT + _CONTAINERS):
            unconverted.append((name, type(part).__name__))
    result.eadem_unconverted = unconverted
    if unconverted:
        names = ", ".join(f"{name or '(the module itself)'}: {kind}" for name, kind in unconverted)
        warnings.warn(f"convert left these to PyTorch: {names}. Run them inside eadem.torch.reproducible()",
                      stacklevel=2)
    return result


def from_torch_module(module):
    """RepDL's call: convert(module, contract="repdl").

    RepDL builds new layers, whose initialisation draws from PyTorch's generator before it is overwritten; its
    published digests depend on that. So this draws the same numbers.
    """
    result = convert(module, contract="repdl")
    for part in module.modules():
        if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d)):
            copy.deepcopy(part).reset_parameters()
    return result
