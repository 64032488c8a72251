"""Reports metrics and parameters to the run that this program is part of (``eadem run -- python …``).

    import eadem.run
    eadem.run.param({"lr": 0.01, "seed": 1})
    for step in range(100):
        ...
        eadem.run.log({"loss": loss}, step=step)

Outside a run the calls do nothing. A report is one line appended with one write to the file `report` in
the folder EADEM_RUN_DIR (docs/runs.md): it is with the operating system when the call returns, so a
crash loses nothing. Floats are kept exactly. Threads and forked workers may report too. Needs nothing
but the standard library.
"""
from __future__ import annotations  # "int | None" on Python 3.9

import os
import sys
import time
from typing import Any

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_file = -1  # the descriptor of process _pid
_pid = -1


def active() -> bool:
    """True inside ``eadem run``."""
    return bool(os.environ.get("EADEM_RUN_DIR"))


def log(metrics: dict[str, Any], step: int | None = None) -> None:
    """Reports numbers (int, float, bool, or anything with ``.item()``, such as a tensor of one element)."""
    _report("metric", metrics, "" if step is None else str(int(step)), _number)


def param(params: dict[str, Any]) -> None:
    """Reports parameters: numbers exactly, anything else as its text."""
    _report("param", params, "", _text)


def _number(value) -> str:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int):  # bool is one
        value = int(value)
        return str(value) if -(2**63) <= value < 2**63 else float(value).hex()
    if not isinstance(value, float):
        raise TypeError(f"a metric is a number, not {type(value).__name__}: {value!r}")
    return value.hex()


def _text(value) -> str:
    return repr(value) if isinstance(value, float) else str(value)  # repr round-trips


def _report(kind: str, values: dict[str, Any], step: str, form) -> None:
    if not active():
        return
    stamp = time.time_ns()
    lines = []
    for key, value in values.items():
        key = str(key)
        if not 1 <= len(key.encode()) <= 1023:
            raise ValueError(f"a key has 1 to 1023 bytes: {key[:40]!r}")
        lines.append(f"{kind}\t{step}\t{stamp}\t{key.translate(_ESCAPES)}\t"
                     f"{form(value).translate(_ESCAPES)}\n")
    data = "".join(lines).encode("utf-8", "surrogateescape")
    if os.write(_descriptor(), data) != len(data):
        raise OSError("the report could not be written whole: is the disk full?")


def _descriptor() -> int:
    """One descriptor a process: a forked child opens its own."""
    global _file, _pid
    if _pid != os.getpid():
        path = os.path.join(os.environ["EADEM_RUN_DIR"], "report")
        _file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        _pid = os.getpid()
        _leave_python()
    return _file


def _leave_python() -> None:
    """Tells the recorder which Python this is: a shell or make may have started it."""
    try:
        with open(os.path.join(os.environ["EADEM_RUN_DIR"], "python"), "x") as file:
            file.write(sys.executable)
    except OSError:  # there already, or no room: the reports matter more
        pass
