"""One native context a thread and a contract; the options that all of them share."""

import contextlib
import os
import threading
from typing import Any, Callable, Dict, Iterator, Optional

from eadem import _native

_options: Dict[str, Any] = {"threads": 0, "isa": None, "openmp": False}
_host_threads: Optional[Callable[[], int]] = None
_host_count = 0
_local = threading.local()
_generation = 0


def configure(threads: Optional[int] = None, isa: Optional[str] = None) -> None:
    """Sets the thread count (0: EADEM_THREADS, PyTorch's or the machine's) and instruction set (None: EADEM_ISA or the
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


def join(threads: Callable[[], int]) -> None:
    """Works from now on on the process's OpenMP threads, as many as `threads()` says where neither configure() nor
    EADEM_THREADS does: a PyTorch program has them, and they spin where threads of ours would want to work."""
    global _host_threads
    _host_threads = threads
    _options["openmp"] = True
    follow()


def follow() -> None:
    """Takes notice of a changed number of the host's threads."""
    global _host_count, _generation
    if _host_threads is not None and _host_threads() != _host_count:
        _host_count = _host_threads()
        _generation += 1


def _new(contract: str) -> _native.Context:
    options = dict(_options)
    if _host_threads is not None and not options["threads"] and not os.environ.get("EADEM_THREADS"):
        options["threads"] = _host_count
    return _native.Context(contract=contract, **options)


def current(contract: Optional[str] = None) -> _native.Context:
    """The calling thread's context for a contract (None: the one that use_contract() set, else chain)."""
    if contract is None:
        contract = getattr(_local, "contract", "chain")
    if getattr(_local, "generation", None) != _generation:
        _local.contexts = {}
        _local.generation = _generation
    context: Optional[_native.Context] = _local.contexts.get(contract)
    if context is None:
        context = _local.contexts[contract] = _new(contract)
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
