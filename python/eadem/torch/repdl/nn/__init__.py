"""RepDL's layers: PyTorch's classes and arguments, RepDL's bits forward and backward."""

from eadem.torch import layers
from eadem.torch.repdl.nn import functional

__all__ = ["BatchNorm1d", "BatchNorm2d", "Conv2d", "CrossEntropyLoss", "Linear", "functional"]


class BatchNorm1d(layers.BatchNorm1d):
    eadem_contract = "repdl"


class BatchNorm2d(layers.BatchNorm2d):
    eadem_contract = "repdl"


class Conv2d(layers.Conv2d):
    eadem_contract = "repdl"


class CrossEntropyLoss(layers.CrossEntropyLoss):
    eadem_contract = "repdl"


class Linear(layers.Linear):
    eadem_contract = "repdl"
