"""convert(): a copy of a module whose layers compute with Eadem's bits."""

import copy
import warnings

import torch

from eadem._context import use_contract
from eadem.torch import layers

# Modules that only move, compare or round once: PyTorch's own are reproducible.
_EXACT = (torch.nn.ReLU, torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten, torch.nn.MaxPool2d,
          torch.nn.LeakyReLU, torch.nn.ReLU6, torch.nn.Hardtanh, torch.nn.Embedding, torch.nn.ZeroPad2d,
          torch.nn.PixelShuffle)
_CONTAINERS = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ModuleDict, torch.nn.ParameterList,
               torch.nn.ParameterDict)


_CLASSES = {getattr(torch.nn, name): getattr(layers, name) for name in layers.__all__}


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
