"""Seeds, generators and loader options that make a program's random numbers repeat."""

import os
import random
from typing import Any, Dict

import numpy as np
import torch


def seed_everything(seed: int) -> int:
    """Seeds Python, NumPy and PyTorch (all devices), and PYTHONHASHSEED for child processes.

    seed: 0 to 2**32 − 1 (NumPy's range). Returns it. Raises ValueError outside the range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed}: give 0 to 2**32 - 1")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # also every CUDA, MPS and XPU device
    os.environ["PYTHONHASHSEED"] = str(seed)
    return seed


def generator(seed: int) -> torch.Generator:
    """A CPU generator of its own, seeded: for a DataLoader or a sampler, so that nothing else shifts it."""
    return torch.Generator().manual_seed(seed)


def worker_init_fn(worker_id: int) -> None:
    """For DataLoader(worker_init_fn=…): every worker starts Python, NumPy and PyTorch from the loader's base
    seed of the epoch, the same in all of them.

    PyTorch's own seeds are base_seed + worker_id, so what a sample's transform draws changes with
    num_workers. To be independent of it a transform must draw from the sample's index; this makes the workers
    equal, so that nothing but the draw order inside a worker is left. Use ``seeded`` for that.
    """
    base_seed = torch.utils.data.get_worker_info().seed - worker_id
    random.seed(base_seed)
    np.random.seed(base_seed % 2**32)
    torch.manual_seed(base_seed)


class _Seeded(torch.utils.data.Dataset):
    def __init__(self, dataset, seed):
        self.dataset, self.seed, self.epoch = dataset, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Says which pass this is, so that its random transforms differ from the last one's."""
        self.epoch = epoch

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        key = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(1)[0]
        random.seed(int(key))
        np.random.seed(int(key))
        torch.random.default_generator.manual_seed(int(key))
        try:
            return self.dataset[index]
        finally:
            random.setstate(state[0])
            np.random.set_state(state[1])
            torch.set_rng_state(state[2])


def loader_options(dataset: Any, seed: int) -> Dict[str, Any]:
    """Keyword arguments for a shuffling DataLoader whose batches do not depend on num_workers:
    ``DataLoader(**loader_options(dataset, 42), batch_size=…, num_workers=…)``.

    Random transforms inside the dataset draw from (seed, epoch, index) alone; call
    ``loader.dataset.set_epoch(n)`` between passes.
    """
    return {"dataset": _Seeded(dataset, seed), "shuffle": True, "generator": generator(seed),
            "worker_init_fn": worker_init_fn}
