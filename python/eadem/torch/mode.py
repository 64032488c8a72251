"""reproducible(): every ATen operation whose bits depend on the machine runs on Eadem instead.

The mode sits below autograd (a TorchDispatchMode), so it sees the operations of the forward, of the backward and of
the optimiser alike, and the model needs no change. ``rules.py`` says what happens to each operation.
"""

import contextlib
import functools
import os
import traceback
import warnings

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from eadem._context import use_contract
from eadem.torch import kernels, rules

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))


class NotReproducible(RuntimeError):
    """An operation has no reproducible version; the text names it, the line that called it and the remedy."""


def _user_line():
    """'file:line' of the innermost frame that is neither PyTorch's nor ours."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith((_PACKAGE, _TORCH)):
            return f"{frame.filename}:{frame.lineno}"
    return "the backward pass"


def _complaint(func, reason):
    return (f"{func} has no reproducible version ({reason}); called from {_user_line()}. Remedy: compute it from "
            "operations of docs/pytorch.md's table, move it outside reproducible(), or use "
            "reproducible(strict='warn') to let PyTorch compute it")


class _Mode(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls):
        return False  # PyTorch's guard costs more than the dispatch, and nothing here is compiled

    def __init__(self, contract, strict):
        super().__init__()
        self.contract = contract
        self.strict = strict

    def __enter__(self):
        self._others = contextlib.ExitStack()
        self._others.enter_context(use_contract(self.contract))
        # Attention in its mathematical form: contractions and a softmax, which Eadem has.
        self._others.enter_context(sdpa_kernel(SDPBackend.MATH))
        return super().__enter__()

    def __exit__(self, *exc):
        try:
            return super().__exit__(*exc)
        finally:
            self._others.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rule = rules.rule_of(func)
        if rule.kind is rules.REPLACED:
            try:
                if all(rules.on_host(x) for x in args):
                    return rule.run(func, args, dict(kwargs))
                reason = "it has a tensor outside host memory"
            except kernels.Refused as refusal:
                reason = str(refusal)
        elif rule.kind is rules.EXACT or rules.is_integer_only(args):
            return func(*args, **kwargs)
        else:
            reason = rule.reason
        if self.strict is True:
            raise NotReproducible(_complaint(func, reason))
        warnings.warn(_complaint(func, reason), stacklevel=2)
        return func(*args, **kwargs)


def _check(contract, strict):
    if contract not in ("chain", "repdl"):
        raise ValueError(f"contract {contract!r} is unknown: give 'chain' or 'repdl'")
    if strict not in (True, "warn"):
        raise ValueError(f"strict {strict!r} is unknown: give True or 'warn'")


class reproducible(contextlib.ContextDecorator):
    """Context manager and decorator: operations inside give the contract's bits.

    contract: "chain" (default) or "repdl". strict: True raises NotReproducible at an operation that has no
    reproducible version, "warn" warns and lets PyTorch compute it. Nests; the innermost options hold.
    """

    def __init__(self, contract="chain", strict=True):
        _check(contract, strict)
        self._options = contract, strict
        self._modes = []

    def __call__(self, function):
        # One mode a call, so that a decorated function may recurse and run in several threads.
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with _Mode(*self._options):
                return function(*args, **kwargs)
        return wrapped

    def __enter__(self):
        mode = _Mode(*self._options)
        mode.__enter__()
        self._modes.append(mode)
        return self

    def __exit__(self, *exc):
        return self._modes.pop().__exit__(*exc)


_enabled = None


def enable(contract="chain", strict=True):
    """Makes the whole program (this thread, from now on) reproducible; disable() ends it."""
    global _enabled
    disable()
    _enabled = reproducible(contract, strict)
    _enabled.__enter__()


def disable():
    """Ends what enable() began; does nothing otherwise."""
    global _enabled
    if _enabled is not None:
        _enabled.__exit__(None, None, None)
        _enabled = None
