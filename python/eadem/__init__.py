"""Eadem: deep learning whose every bit is the same on every machine, thread count, batch and run.

``eadem.ops``    the operations, on any object that speaks DLPack (NumPy arrays included)
``eadem.torch``  wrap a PyTorch model or a whole program
"""

from eadem._native import Error, isas, version as __version__

__all__ = ["Error", "isas", "__version__"]
