"""PyTorch's layers with Eadem's bits, forward and backward, under the contract in `eadem_contract`."""

import torch

from eadem._context import use_contract
from eadem.torch import functional as F

__all__ = ["BatchNorm1d", "BatchNorm2d", "Conv2d", "CrossEntropyLoss", "Linear", "LogSoftmax", "ReLU", "Sigmoid", "Softmax",
           "Tanh"]


class _Converted:
    """Mixed in before the PyTorch class: its forward computes under the contract it was converted for."""

    eadem_contract = "chain"

    def forward(self, *args):
        with use_contract(self.eadem_contract):
            return self.compute(*args)

    def compute(self, *args):
        """The forward, given by each class."""
        raise NotImplementedError


class Linear(_Converted, torch.nn.Linear):
    def compute(self, x):
        return F.linear(x, self.weight, self.bias)


class Conv2d(_Converted, torch.nn.Conv2d):
    def compute(self, x):
        if self.padding_mode != "zeros":
            x = torch.nn.functional.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        padding = (0, 0) if self.padding_mode != "zeros" else self._numbers(x)
        batched = x if x.dim() == 4 else x.unsqueeze(0)
        out = F.conv2d(batched, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return out if x.dim() == 4 else out.squeeze(0)

    def _numbers(self, x):
        if self.padding == "valid":
            return (0, 0)
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            if any(t % 2 for t in total):
                raise ValueError("padding='same' with an even kernel pads unequally, which Conv2d here does not do: "
                                 "pad the input and use padding=0")
            return tuple(t // 2 for t in total)
        return self.padding


class _BatchNorm(_Converted, torch.nn.modules.batchnorm._BatchNorm):
    def compute(self, x):
        self._check_input_dim(x)
        momentum = self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        use_batch = self.training or self.running_mean is None
        tracked = not self.training or self.track_running_stats
        return F.batch_norm(x, self.running_mean if tracked else None, self.running_var if tracked else None,
                            self.weight, self.bias, use_batch, momentum or 0.0, self.eps)


class BatchNorm1d(_BatchNorm, torch.nn.BatchNorm1d):
    pass


class BatchNorm2d(_BatchNorm, torch.nn.BatchNorm2d):
    pass


class ReLU(_Converted, torch.nn.ReLU):
    def compute(self, x):
        return F.relu(x)  # a new tensor also when asked to work in place: the values are the same


class Tanh(_Converted, torch.nn.Tanh):
    def compute(self, x):
        return F.tanh(x)


class Sigmoid(_Converted, torch.nn.Sigmoid):
    def compute(self, x):
        return F.sigmoid(x)


class Softmax(_Converted, torch.nn.Softmax):
    def compute(self, x):
        return F.softmax(x, self.dim)


class LogSoftmax(_Converted, torch.nn.LogSoftmax):
    def compute(self, x):
        return F.log_softmax(x, self.dim)


class CrossEntropyLoss(_Converted, torch.nn.CrossEntropyLoss):
    def compute(self, x, target):
        return F.cross_entropy(x, target, self.reduction)
