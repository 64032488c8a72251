"""RepDL's functions, of torch.nn.functional's arguments."""

import functools
from typing import Any, Callable, TypeVar

from eadem._context import use_contract
from eadem.torch import functional

__all__ = ["batch_norm", "conv2d", "cross_entropy", "linear"]


Called = TypeVar("Called", bound=Callable[..., Any])


def _under_repdl(function: Called) -> Called:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with use_contract("repdl"):
            return function(*args, **kwargs)
    return wrapped  # type: ignore[return-value]


batch_norm = _under_repdl(functional.batch_norm)
conv2d = _under_repdl(functional.conv2d)
cross_entropy = _under_repdl(functional.cross_entropy)
linear = _under_repdl(functional.linear)
