"""Optimisers with Eadem's bits; drop-in subclasses of PyTorch's."""

from typing import Any, Callable, Optional, Tuple

import torch

from eadem.torch import kernels
from eadem.torch.kernels.optim import positive

__all__ = ["Adam", "AdamW", "SGD"]


class Adam(torch.optim.Adam):
    """torch.optim.Adam's arguments and state; under contract "repdl" RepDL's formula."""

    decoupled = False

    @torch.no_grad()
    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """One step; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(group, param)
        return loss

    def _update(self, group, param):
        state = self.state[param]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(param, memory_format=torch.contiguous_format)
            state["exp_avg_sq"] = torch.zeros_like(state["exp_avg"])
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = torch.zeros_like(state["exp_avg"])
        state["step"] += 1
        beta1, beta2 = group["betas"]
        kernels.call("adam", (param.grad.contiguous(), param, state["exp_avg"], state["exp_avg_sq"],
                              state.get("max_exp_avg_sq")),
                     (int(state["step"]), int(group["amsgrad"]), int(self.decoupled), int(group["maximize"])),
                     (float(group["lr"]), positive(beta1), positive(beta2), positive(group["eps"]),
                      float(group["weight_decay"])))


class AdamW(Adam):
    """torch.optim.AdamW: the decay acts on the parameter."""

    decoupled = True

    def __init__(self, params: Any, lr: float = 1e-3, betas: Tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                         maximize=maximize)


class SGD(torch.optim.SGD):
    """torch.optim.SGD's arguments and state."""

    @torch.no_grad()
    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        """One step; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(group, param)
        return loss

    def _update(self, group, param):
        buffer, step = None, 1
        if group["momentum"]:
            state = self.state[param]
            step = 2 if state.get("momentum_buffer") is not None else 1
            if step == 1:
                state["momentum_buffer"] = torch.zeros_like(param, memory_format=torch.contiguous_format)
            buffer = state["momentum_buffer"]
        kernels.call("sgd", (param.grad.contiguous(), param, buffer),
                     (step, int(group["nesterov"]), int(group["maximize"])),
                     (float(group["lr"]), float(group["momentum"]), float(group["dampening"]),
                      float(group["weight_decay"])))
