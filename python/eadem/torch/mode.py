"""reproducible(): every ATen operation whose bits depend on the machine runs on Eadem instead.

The mode sits below autograd (a TorchDispatchMode), so it sees the operations of the forward, of the backward and of
the optimiser alike, and the model needs no change. ``rules.py`` says what happens to each operation.
"""

import contextlib
import functools
import os
import sys
import traceback
import warnings
from typing import Any, Callable, List, Optional, TypeVar, Union

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from eadem import _context
from eadem._context import use_contract
from eadem.torch import kernels, rules
from eadem.torch.attention import AttentionMode

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


# Switches of PyTorch's fused layers, each of which would reach the dispatcher as one operation: attention, the
# encoder layer, recurrent layers. Without them they arrive as contractions, a softmax and so on.
_FUSED = ((torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
          (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled)
          if hasattr(torch.backends, "mha") else (bool, bool),  # bool: nothing to ask or set
          (torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled))


@contextlib.contextmanager
def _unfused():
    before = [enabled() for enabled, _ in _FUSED]
    try:
        for _, enable_ in _FUSED:
            enable_(False)
        yield
    finally:
        for (_, enable_), value in zip(_FUSED, before):
            enable_(value)


def _uncompiled():
    """What torch.compile made runs as it was written: compiled, it would hide operations or compile what replaces them. Asked only
    where the compiler is loaded, which takes seconds; PyTorch 2.2 has no such switch."""
    if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance") and not torch.compiler.is_compiling():
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


class Mode(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls):
        return False  # PyTorch's guard costs more than the dispatch, and nothing here is compiled

    def __init__(self, contract, strict):
        super().__init__()
        self.contract = contract
        self.strict = strict

    def __enter__(self):
        _context.follow()  # the program may have called torch.set_num_threads
        self._others = contextlib.ExitStack()
        self._others.enter_context(use_contract(self.contract))
        self._others.enter_context(_unfused())
        self._others.enter_context(_uncompiled())
        self._others.enter_context(AttentionMode())
        return super().__enter__()

    def __exit__(self, *exc):
        try:
            return super().__exit__(*exc)
        finally:
            self._others.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rule = rules.rule_of(func)
        if rule.kind is rules.EXACT and rule.run is None:
            return func(*args, **kwargs)
        try:
            return self._run(rule, func, args, kwargs)
        except kernels.Refused as refusal:
            reason = str(refusal)
        if self.strict is True:
            raise NotReproducible(_complaint(func, reason))
        warnings.warn(_complaint(func, reason), stacklevel=2)
        return func(*args, **kwargs)


    @staticmethod
    def _run(rule, func, args, kwargs):
        if rule.kind is rules.EXACT:
            return rule.run(func, args, kwargs)
        if rule.kind is rules.REPLACED:
            if not rules.on_host(args):
                raise kernels.Refused("it has a tensor outside host memory")
            return rule.run(func, args, dict(kwargs))
        if rules.is_integer_only((*args, *kwargs.values())):
            result = func(*args, **kwargs)
            if rules.gives_integers_only(result):
                return result
        raise kernels.Refused(rule.reason)


def _check(contract, strict):
    if contract not in ("chain", "repdl"):
        raise ValueError(f"contract {contract!r} is unknown: give 'chain' or 'repdl'")
    if strict not in (True, "warn"):
        raise ValueError(f"strict {strict!r} is unknown: give True or 'warn'")


Called = TypeVar("Called", bound=Callable[..., Any])


class reproducible(contextlib.ContextDecorator):
    """Context manager and decorator: operations inside give the contract's bits.

    contract: "chain" (default) or "repdl". strict: True raises NotReproducible at an operation that has no
    reproducible version, "warn" warns and lets PyTorch compute it. Nests; the innermost options hold.
    """

    def __init__(self, contract: str = "chain", strict: Union[bool, str] = True) -> None:
        _check(contract, strict)
        self._options = contract, strict
        self._modes: List[Mode] = []

    def __call__(self, function: Called) -> Called:
        # One mode a call, so that a decorated function may recurse and run in several threads.
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with Mode(*self._options):
                return function(*args, **kwargs)
        return wrapped  # type: ignore[return-value]

    def __enter__(self) -> "reproducible":
        mode = Mode(*self._options)
        mode.__enter__()
        self._modes.append(mode)
        return self

    def __exit__(self, *exc: Any) -> Optional[bool]:
        return self._modes.pop().__exit__(*exc)


_enabled: Optional[reproducible] = None


def enable(contract: str = "chain", strict: Union[bool, str] = True) -> None:
    """Makes the whole program (this thread, from now on) reproducible; disable() ends it."""
    global _enabled
    disable()
    _enabled = reproducible(contract, strict)
    _enabled.__enter__()


def disable() -> None:
    """Ends what enable() began; does nothing otherwise."""
    global _enabled
    if _enabled is not None:
        _enabled.__exit__(None, None, None)
        _enabled = None
