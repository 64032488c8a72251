"""What every file of operations builds on: DLPack capsules, room for results, the call."""

import inspect
import sys
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import numpy as np

from eadem import _native
from eadem._context import current

#: A NumPy array, a PyTorch tensor in host memory, or any other object that speaks DLPack.
Array = Any
Number = Union[int, float]


def is_torch(x: Array) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def capsule(x: Optional[Array]) -> Any:
    if x is None:
        return None
    if is_torch(x):
        return sys.modules["torch"]._C._to_dlpack(x.detach())
    if isinstance(x, np.ndarray) and not x.flags.writeable:
        x = x.copy()  # NumPy exports no read-only array through DLPack
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"{type(x).__name__} does not speak DLPack: give a NumPy array or a PyTorch tensor")
    return x.__dlpack__()


def call(name: str, tensors: Sequence[Optional[Array]], integers: Tuple[int, ...] = (),
         floats: Tuple[float, ...] = ()) -> None:
    """One operation of the extension on `tensors`, in the order of the C function; None: absent."""
    current().call(_native.ops[name], tuple([capsule(t) for t in tensors]), integers, floats)


def empty(like: Array, shape: Sequence[int], dtype: Optional[str] = None) -> Array:
    """Room for a result: a PyTorch tensor when `like` is one, else a NumPy array, of like's type or the named one."""
    if is_torch(like):
        torch = sys.modules["torch"]
        return torch.empty(tuple(shape), dtype=getattr(torch, dtype) if dtype else like.dtype)
    if dtype is None:
        dtype = like.dtype if isinstance(like, np.ndarray) else "float32"
    return np.empty(tuple(shape), dtype=dtype)


def zeros(like: Array, shape: Sequence[int], dtype: Optional[str] = None) -> Array:
    room = empty(like, shape, dtype)
    room[...] = 0
    return room


def shape(x: Array) -> Tuple[int, ...]:
    return tuple(x.shape)


def is_float(x: Array) -> bool:
    if is_torch(x):
        return bool(x.is_floating_point())
    return not isinstance(x, np.ndarray) or x.dtype.kind == "f"


def array(x: Array) -> Array:
    """A Python number as an array without dimensions."""
    return np.array(x, dtype=np.float32) if isinstance(x, (bool, int, float)) else x


def contiguous(x: Optional[Array]) -> Optional[Array]:
    return x if x is None else x.contiguous() if is_torch(x) else np.ascontiguousarray(x)


def dims_of(dim: Union[None, int, Sequence[int]]) -> Tuple[int, ...]:
    return () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)


def named(function: Callable[..., Array], name: str, doc: str, parameters: str) -> Callable[..., Array]:
    """`function` under a name, with a docstring and the signature that help() shows: "a b beta=1"."""
    shown = []
    for word in parameters.split():
        label, given, default = word.partition("=")
        kind = inspect.Parameter.KEYWORD_ONLY if label == "out" else inspect.Parameter.POSITIONAL_OR_KEYWORD
        value = None if default == "None" else float(default) if given else inspect.Parameter.empty
        shown.append(inspect.Parameter(label, kind, default=value))
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    setattr(function, "__signature__", inspect.Signature(shown))
    return function


def broadcast(*arrays: Array) -> Tuple[int, ...]:
    return tuple(np.broadcast_shapes(*[shape(x) for x in arrays]))


def like_first(arrays: List[Array]) -> Array:
    """Whose kind and type a result has: the first float, or else the first."""
    return next((x for x in arrays if is_float(x) and shape(x)), next((x for x in arrays if is_float(x)), arrays[0]))
