"""Eadem's operations on DLPack objects in host memory: NumPy arrays, PyTorch tensors and others.

Inputs may have any strides and are not copied. A result is a PyTorch tensor when the first input is one,
else a NumPy array; ``out=`` gives the result's place instead. Float inputs are float32, float16 or (PyTorch)
bfloat16; the result has the first input's type. Shapes and meaning are PyTorch's operations of the same name;
``docs/contract.md`` states the bits, ``docs/ops.md`` lists the operations and their errors. A call that cannot be done
raises eadem.Error with a sentence that names the argument, TypeError for what does not speak DLPack, MemoryError.

The files: ``elementwise``, ``contraction``, ``reduction``, ``order``, ``indexing``, ``spatial``, ``learning``.
"""

from typing import List

from eadem._context import configure, use_contract
from eadem.ops import contraction, elementwise, indexing, learning, order, reduction, spatial
from eadem.ops.base import Array
from eadem.ops.contraction import *  # noqa: F403
from eadem.ops.elementwise import *  # noqa: F403
from eadem.ops.indexing import *  # noqa: F403
from eadem.ops.learning import *  # noqa: F403
from eadem.ops.learning import digest
from eadem.ops.order import *  # noqa: F403
from eadem.ops.reduction import *  # noqa: F403
from eadem.ops.spatial import *  # noqa: F403

__all__: List[str] = ["Array", "configure", "digest", "use_contract", *contraction.__all__, *elementwise.__all__,
                      *indexing.__all__, *learning.__all__, *order.__all__, *reduction.__all__, *spatial.__all__]
