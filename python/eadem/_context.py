"""One native context a thread and a contract; the options that all of them share."""

import contextlib
import threading
from typing import Any, Dict, Iterator, Optional

from eadem import _native

_options: Dict[str, Any] = {"threads": 0, "isa": None}
_local = threading.local()
_generation = 0


def configure(threads: Optional[int] = None, isa: Optional[str] = None) -> None:
    """Sets the thread count (0: EADEM_THREADS or the machine's) and instruction set (None: EADEM_ISA or the
    best) of every context from now on. Results do not depend on either.

    Raises eadem.Error for a thread count or an instruction set that there is not.
    """
    global _generation
    wanted = dict(_options)
    if threads is not None:
        wanted["threads"] = threads
    if isa is not None:
        wanted["isa"] = isa or None
    _native.Context(**wanted)  # refuses bad values before anything changes
    _options.update(wanted)
    _generation += 1


def current(contract: Optional[str] = None) -> _native.Context:
    """The calling thread's context for a contract (None: the one that use_contract() set, else chain)."""
    if contract is None:
        contract = getattr(_local, "contract", "chain")
    if getattr(_local, "generation", None) != _generation:
        _local.contexts = {}
        _local.generation = _generation
    context: Optional[_native.Context] = _local.contexts.get(contract)
    if context is None:
        context = _local.contexts[contract] = _native.Context(contract=contract, **_options)
    return context


@contextlib.contextmanager
def use_contract(contract: str) -> Iterator[None]:
    """Within it, operations of the calling thread compute under `contract`: "chain" or "repdl"."""
    current(contract)  # refuses an unknown name
    before = getattr(_local, "contract", "chain")
    _local.contract = contract
    try:
        yield
    finally:
        _local.contract = before
