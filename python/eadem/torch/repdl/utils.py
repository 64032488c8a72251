"""RepDL's digests."""

from typing import Union

import torch

from eadem.torch.digests import get_hash

__all__ = ["get_hash", "print_hash"]


def print_hash(x: Union[torch.Tensor, torch.nn.Module]) -> None:
    """Prints get_hash(x)."""
    print(get_hash(x))
