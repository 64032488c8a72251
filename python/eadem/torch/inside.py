"""Modules that compute with Eadem wherever they stand: forward, and backward, inside a mode of their own.

A module's own forward runs inside the mode on detached copies of its parameters and inputs; what autograd records there is
kept, and the module's backward runs it inside the mode again.
"""

import contextlib
import dataclasses
import functools
import threading
from typing import Any

import torch
from torch.utils import _pytree as pytree

from eadem.torch import mode

_local = threading.local()


def _keeps_graph():
    """Whether the backward that runs now will be asked again; PyTorch 2.2 does not say, so yes."""
    asked = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return asked is None or asked()


class _Inside(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, *tensors):
        leaves = [t.detach().requires_grad_(t.requires_grad) for t in tensors]
        with torch.enable_grad():
            outputs = run(leaves)
        ctx.set_materialize_grads(False)
        ctx.leaves, ctx.outputs, ctx.options = leaves, outputs, run.options
        plain = tuple(t.detach() for t in outputs)
        ctx.mark_non_differentiable(*[p for p, t in zip(plain, outputs) if not t.requires_grad])
        return plain

    @staticmethod
    def backward(ctx, *grads):
        if torch.is_grad_enabled():
            raise RuntimeError("a converted module has no gradients of gradients: leave it as it was and use reproducible()")
        pairs = [(t, g) for t, g in zip(ctx.outputs, grads) if t.requires_grad and g is not None]
        with mode.Mode(*ctx.options):
            torch.autograd.Variable._execution_engine.run_backward(
                tuple(t for t, _ in pairs), tuple(g for _, g in pairs), _keeps_graph(), False, (), allow_unreachable=True,
                accumulate_grad=True)
        found = [leaf.grad for leaf in ctx.leaves]
        for leaf in ctx.leaves:
            leaf.grad = None
        return (None, *found)


@contextlib.contextmanager
def _parameters_as(module, tensors):
    """The module's parameters are these tensors meanwhile; each place of a tied one gets the same."""
    replaced = dict(zip(map(id, module.parameters()), tensors))
    places = [(part, name, p) for part in module.modules() for name, p in part._parameters.items() if p is not None]
    try:
        for part, name, p in places:
            _set(part, name, replaced[id(p)])
        yield
    finally:
        for part, name, p in places:
            _set(part, name, p)


def _set(part, name, tensor):
    part._parameters[name] = tensor
    names = getattr(part, "_flat_weights_names", ())  # recurrent layers keep a list of their own
    if name in names:
        part._flat_weights[names.index(name)] = tensor


class _Run:
    """A forward as a function of tensors: the module's parameters, then the tensors among its arguments that want gradients."""

    def __init__(self, module, forward, args, kwargs):
        self.module, self.forward, self.options = module, forward, (module.eadem_contract, module.eadem_strict)
        self.values, self.spec = pytree.tree_flatten((args, kwargs))
        self.places = [i for i, value in enumerate(self.values) if isinstance(value, torch.Tensor) and value.requires_grad]
        self.parameters = list(module.parameters())

    def tensors(self):
        return [*self.parameters, *(self.values[i] for i in self.places)]

    def __call__(self, leaves):
        values = list(self.values)
        for i, leaf in zip(self.places, leaves[len(self.parameters):]):
            # What works in place may not do so on a leaf.
            values[i] = leaf.clone() if getattr(self.module, "inplace", False) else leaf
        args, kwargs = pytree.tree_unflatten(values, self.spec)
        with _entered(self.options), _parameters_as(self.module, leaves[:len(self.parameters)]):
            result = self.forward(*args, **kwargs)
        self.results, self.result_spec = pytree.tree_flatten(result)
        for leaf in self.results:
            if dataclasses.is_dataclass(leaf):
                raise TypeError(f"{type(self.module).__name__} returns a {type(leaf).__name__}, whose tensors convert() cannot see: "
                                "return a tuple or a dictionary, or register it with torch.utils._pytree")
        return [t for t in self.results if isinstance(t, torch.Tensor)]

    def result(self, outputs):
        """What the forward returned, with these tensors in the place of its own."""
        outputs = iter(outputs)
        whole = [next(outputs) if isinstance(t, torch.Tensor) else t for t in self.results]
        return pytree.tree_unflatten(whole, self.result_spec)


@contextlib.contextmanager
def _entered(options):
    before, _local.options = getattr(_local, "options", None), options
    try:
        with mode.Mode(*options):
            yield
    finally:
        _local.options = before


def _compute(module, forward, args, kwargs):
    options = module.eadem_contract, module.eadem_strict
    if getattr(_local, "options", None) == options:
        return forward(*args, **kwargs)  # a part of a module that is inside already, and whose backward will be
    if not torch.is_grad_enabled():
        with _entered(options):
            return forward(*args, **kwargs)
    run = _Run(module, forward, args, kwargs)
    return run.result(_Inside.apply(run, *run.tensors()))


def _reduce(self, protocol):
    """The class is made while the program runs: copies and pickles make it again."""
    return _again, (type(self).eadem_base,), self.__dict__.copy()


def _again(base):
    made = inside(base)
    return made.__new__(made)


@functools.lru_cache(maxsize=None)
def inside(base: Any) -> Any:
    """The class of `base`'s modules that compute inside a mode; one for each class."""
    @functools.wraps(base.forward)
    def forward(self, *args, **kwargs):
        return _compute(self, functools.partial(base.forward, self), args, kwargs)

    return type(base.__name__, (base,), {
        "__module__": base.__module__, "__doc__": base.__doc__, "__reduce_ex__": _reduce, "forward": forward, "eadem_base": base,
        "eadem_contract": "chain", "eadem_strict": True})
