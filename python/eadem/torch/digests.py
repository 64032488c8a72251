"""SHA-256 of tensors and modules, as RepDL's get_hash."""

from typing import Union

import torch

from eadem import ops


def digest(x: Union[torch.Tensor, torch.nn.Module]) -> str:
    """SHA-256, in hexadecimal, of a tensor's elements, or of a module's parameters one after another.

    Equal to RepDL's ``get_hash`` (NaNs are written as one canonical NaN). Tensors on other devices are
    copied to the host. Raises TypeError for anything else.
    """
    if isinstance(x, torch.Tensor):
        return ops.digest(x.detach().cpu())
    if isinstance(x, torch.nn.Module):
        return ops.digest(*(p.detach().cpu() for p in x.parameters()))
    raise TypeError(f"digest takes a tensor or a module, not {type(x).__name__}")


get_hash = digest
