"""trace(): a digest of every tensor of every step, for ``eadem diff``."""

import os
from typing import Any, List, Optional, Union

import torch

import eadem
from eadem import _native
from eadem._context import current

# The roles of docs/trace.md.
_BATCH, _ACTIVATION, _GRADIENT, _PARAMETER, _OPTIMISER, _GENERATOR = 1, 2, 3, 4, 5, 6


def _tensors(value, name):
    """(name, tensor) for every tensor in nested tuples, lists and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _tensors(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _tensors(part, f"{name}.{number}")


def _generators():
    """(name, state) of PyTorch's default generators."""
    yield "torch", torch.get_rng_state()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        for number, state in enumerate(torch.cuda.get_rng_state_all()):
            yield f"torch.cuda.{number}", state


class trace:
    """Writes the digests of a training run to `path`, step by step, until close() or the end of the with block.

    path: None for the file that ``eadem run --trace`` asks for; outside of it nothing is traced then.
    model: at a step's first use PyTorch's generators, then what the model is given, every module's outputs and their
    gradients, every parameter's gradient and, after the step, every parameter and buffer. optimizer: its step()
    ends a step, and its state is traced; None: call step() yourself. The file is docs/trace.md's format; ``eadem diff A B``
    names the first step and tensor that differ. Works with and without reproducible(). Raises eadem.Error when
    the file cannot be written or holds something.
    """

    def __init__(self, model: torch.nn.Module, optimizer: Optional[torch.optim.Optimizer],
                 path: Union[None, str, "os.PathLike[str]"] = None, contract: Optional[str] = None) -> None:
        self._model, self._optimizer = model, optimizer
        self._step, self._begun = 1, 0
        self._hooks: List[Any] = []
        path = path or os.environ.get("EADEM_TRACE")
        self._file = _native.Trace(current(), str(path), f"eadem {eadem.__version__}", contract) if path else None
        if self._file is None:
            return
        self._hooks.append(model.register_forward_pre_hook(lambda _, args: self._inputs(args)))
        self._hooks += [module.register_forward_hook(self._forward_hook(name or "model"))
                        for name, module in model.named_modules()]
        if optimizer is not None:
            self._hooks.append(optimizer.register_step_pre_hook(lambda *_: self._gradients()))
            self._hooks.append(optimizer.register_step_post_hook(lambda *_: self.step()))

    def __enter__(self) -> "trace":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def _record(self, role, name, tensor):
        tensor = tensor.detach()
        if tensor.device.type != "cpu":
            tensor = tensor.cpu()
        assert self._file is not None  # the hooks stand only where there is one
        self._file.tensor(self._step, role, name, torch._C._to_dlpack(tensor))

    def _begin(self):
        """The generators' states stand before all else of a step."""
        if self._begun != self._step:
            self._begun = self._step
            for name, state in _generators():
                self._record(_GENERATOR, name, state)

    def _inputs(self, args):
        self._begin()
        for name, tensor in _tensors(args, "input"):
            self._record(_BATCH, name, tensor)

    def _forward_hook(self, name):
        def hook(module, args, output):
            for full, tensor in _tensors(output, name):
                self._record(_ACTIVATION, full, tensor)
                if tensor.requires_grad and torch.is_grad_enabled():
                    tensor.register_hook(lambda grad, full=full: self._record(_GRADIENT, f"{full}:output", grad))
        return hook

    def _gradients(self):
        for name, parameter in self._model.named_parameters():
            if parameter.grad is not None:
                self._record(_GRADIENT, name, parameter.grad)

    def batch(self, *tensors: Any) -> None:
        """Traces what the step is given beside the model's inputs: labels, weights."""
        if self._file is None:
            return
        self._begin()
        for name, tensor in _tensors(tensors, "batch"):
            self._record(_BATCH, name, tensor)

    def step(self) -> None:
        """Ends a step: traces parameters, buffers and optimiser state."""
        if self._file is None:
            return
        for name, tensor in self._model.state_dict().items():
            self._record(_PARAMETER, name, tensor)
        if self._optimizer is not None:
            names = {id(p): name for name, p in self._model.named_parameters()}
            for parameter, state in self._optimizer.state.items():
                for full, tensor in _tensors(state, names.get(id(parameter), "parameter")):
                    self._record(_OPTIMISER, full, tensor)
        self._step += 1

    def close(self) -> None:
        """Takes the hooks off and ends the file; further calls do nothing."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if self._file is not None:
            self._file.close()
