"""Eadem for PyTorch: wrap a model or a whole program and get the same bits everywhere.

    import eadem.torch as et
    et.seed_everything(42)
    with et.reproducible():
        loss = criterion(model(x), y); loss.backward(); optimizer.step()
    print(et.digest(model))

``docs/pytorch.md`` is the tutorial.
"""

import torch

from eadem import _context
from eadem.torch import optim
from eadem.torch.audit import audit
from eadem.torch.convert import convert, from_torch_module
from eadem.torch.environment import environment
from eadem.torch.mode import NotReproducible, disable, enable, reproducible
from eadem.torch.seeding import generator, loader_options, seed_everything, worker_init_fn
from eadem.torch.digests import digest, get_hash
from eadem.torch.tracing import trace

__all__ = ["NotReproducible", "audit", "convert", "digest", "disable", "enable", "environment",
           "from_torch_module", "generator", "get_hash", "loader_options", "optim", "reproducible",
           "seed_everything", "trace", "worker_init_fn"]

_context.join(torch.get_num_threads)
