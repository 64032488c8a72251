"""convert(): a copy of a module whose layers compute with Eadem's bits."""

import copy
import warnings
from typing import TypeVar, Union

import torch
from torch.nn.parameter import is_lazy

from eadem._context import use_contract
from eadem.torch import layers
from eadem.torch.inside import inside

# Layers that only move elements, backwards too, and what has no forward of its own.
_LEFT_ALONE = (torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten, torch.nn.ZeroPad2d, torch.nn.PixelShuffle,
               torch.nn.PixelUnshuffle, torch.nn.ChannelShuffle)
_NO_FORWARD = (torch.nn.Module.forward, torch.nn.Sequential.forward)

Module = TypeVar("Module", bound=torch.nn.Module)

_CLASSES = {getattr(torch.nn, name): getattr(layers, name) for name in layers.__all__}


def _class_for(module):
    if type(module) is torch.nn.CrossEntropyLoss and (
            module.weight is not None or module.label_smoothing != 0 or module.ignore_index != -100):
        return inside(module.__class__)
    return _CLASSES.get(type(module)) or inside(module.__class__)


def _obstacle(module):
    """Why a module cannot be converted, or None."""
    if isinstance(module, torch.jit.ScriptModule):
        return "a script"
    for parameter in module.parameters(recurse=False):
        if is_lazy(parameter):
            return "a lazy module, whose parameters are not there yet"
        if parameter.device.type != "cpu":
            return f"parameters on {parameter.device}"
        if parameter.is_floating_point() and parameter.dtype is torch.float64 or parameter.is_complex():
            return f"parameters of {str(parameter.dtype)[6:]}"
    return None


def convert(module: Module, contract: str = "chain", strict: Union[bool, str] = True) -> Module:
    """A deep copy of `module` that computes with the contract's bits, forward and backward, in training and inference.

    The original is untouched; parameters, shared and tied ones, buffers, hooks, train/eval state and state_dict keys are kept.
    Every layer and every module with a forward of its own becomes one that computes with Eadem. What could not be converted
    (scripts, lazy modules, parameters on other devices or of float64) is warned of and listed in the result's
    ``eadem_unconverted``: (name, class, reason); such a part still computes in PyTorch where nothing around it is converted.

    contract: "chain", or "repdl" for RepDL's bits. strict: as reproducible()'s, for operations that a converted forward runs.
    Gradients of gradients are not there. Raises TypeError when `module` is none, ValueError for an unknown contract.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"convert takes a torch.nn.Module, not {type(module).__name__}")
    with use_contract(contract):  # refuses an unknown name
        result = copy.deepcopy(module)
    unconverted = []
    for name, part in result.named_modules():
        reason = _obstacle(part)
        if reason is None and (isinstance(part, _LEFT_ALONE) or type(part).forward in _NO_FORWARD or hasattr(part, "eadem_contract")):
            continue
        if reason is not None:
            unconverted.append((name, type(part).__name__, reason))
            continue
        # Changing the class in place keeps everything that hangs on the object: hooks, ties, buffers.
        part.__class__ = _class_for(part)
        part.eadem_contract, part.eadem_strict = contract, strict
    setattr(result, "eadem_unconverted", unconverted)
    if unconverted:
        names = ", ".join(f"{name or '(the module itself)'}: {kind} ({reason})" for name, kind, reason in unconverted)
        warnings.warn(f"convert left these to PyTorch: {names}. Run them inside eadem.torch.reproducible()",
                      stacklevel=2)
    return result


def from_torch_module(module: Module) -> Module:
    """RepDL's call: convert(module, contract="repdl").

    RepDL builds new layers, whose initialisation draws from PyTorch's generator before it is overwritten; its
    published digests depend on that. So this draws the same numbers.
    """
    result = convert(module, contract="repdl")
    for part in module.modules():
        if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d)):
            copy.deepcopy(part).reset_parameters()
    return result
