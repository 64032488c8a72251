"""ATen operations on Eadem's. A handler has the ATen signature and returns new tensors; importing its file registers it.

What Eadem has as one operation is called; the rest is spelled out in element-wise PyTorch arithmetic that rounds
once an operation, so that its bits follow from the order written here (docs/contract.md states it too).
"""

from eadem.torch.kernels import (arithmetic, create, function, index, loss, norm, optim, order, pool,  # noqa: F401
                                  random, resample)
from eadem.torch.kernels.attention import attention, attention_backward, dropout_factors
from eadem.torch.kernels.base import HANDLERS, IN_PLACE, Refused, call, same
from eadem.torch.kernels.contraction import convolution, convolution_backward, mm
from eadem.torch.kernels.foreach import foreach
from eadem.torch.kernels.loss import softmax
from eadem.torch.kernels.norm import native_batch_norm, native_batch_norm_backward
from eadem.torch.kernels.reduce import mean, sum_, sum_dims

__all__ = ["HANDLERS", "IN_PLACE", "Refused", "attention", "attention_backward", "call", "convolution", "convolution_backward", "dropout_factors", "foreach", "mean", "mm",
           "native_batch_norm", "native_batch_norm_backward", "same", "softmax", "sum_", "sum_dims"]
