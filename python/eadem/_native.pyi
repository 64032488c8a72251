"""The C extension: python/native/."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

class Error(ValueError): ...

class Context:
    threads: int
    isa: str
    contract: str
    def __init__(self, threads: int = 0, isa: Optional[str] = None, contract: str = "chain",
                 openmp: bool = False) -> None: ...
    def call(self, op: int, tensors: Tuple[Any, ...], integers: Sequence[int] = (), floats: Sequence[float] = (), /) -> None: ...
    def digest(self, tensors: Tuple[Any, ...], /) -> str: ...

class Trace:
    def __init__(self, context: Context, path: str, producer: str, contract: Optional[str] = None) -> None: ...
    def tensor(self, step: int, role: int, name: str, capsule: Any, /) -> None: ...
    def close(self) -> None: ...

ops: Dict[str, int]
functions: Dict[str, int]
points: Dict[str, int]
recurrences: Dict[str, Tuple[int, int, int]]
isas: List[str]
version: str
