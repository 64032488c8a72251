"""RepDL's optimiser."""

from typing import Any, Callable, Optional

from eadem._context import use_contract
from eadem.torch import optim

__all__ = ["Adam"]


class Adam(optim.Adam):
    """torch.optim.Adam's arguments and state, RepDL's formula."""

    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """One step; returns the closure's loss."""
        with use_contract("repdl"):
            return super().step(closure)
