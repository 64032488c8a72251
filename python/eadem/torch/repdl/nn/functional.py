"""RepDL's functions, of torch.nn.functional's arguments."""

import functools

from eadem._context import use_contract
from eadem.torch import functional

__all__ = ["batch_norm", "conv2d", "cross_entropy", "linear"]


def _under_repdl(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with use_contract("repdl"):
            return function(*args, **kwargs)
    return wrapped


batch_norm = _under_repdl(functional.batch_norm)
conv2d = _under_repdl(functional.conv2d)
cross_entropy = _under_repdl(functional.cross_entropy)
linear = _under_repdl(functional.linear)
