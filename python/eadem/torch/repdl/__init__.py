"""RepDL's package (https://github.com/microsoft/RepDL) with RepDL's bits: ``import eadem.torch.repdl as repdl``.

Names, arguments and results are RepDL's on the CPU; everything computes under contract "repdl", whatever the
calling thread's contract is. docs/contract.md states the bits.
"""

from eadem.torch.convert import from_torch_module
from eadem.torch.repdl import nn, ops, optim, utils

__all__ = ["from_torch_module", "nn", "ops", "optim", "utils"]
