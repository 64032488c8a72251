"""Trains LeNet-5 on MNIST as examples/lenet5-mnist.yaml does, in PyTorch, by one of three engines, and prints one line:
engine, threads, steps, seconds, milliseconds a step, peak resident memory, digest of the trained model.

    lenet_pytorch.py pytorch|repdl|eadem-torch [--threads 2] [--steps 1200]

Seconds are of the training alone: from the first batch to the last update, loading included, imports not. The
program, the data and the loader are examples/repdl_mnist.py's for every engine.
"""

import argparse
import importlib
import itertools
import os
import pathlib
import resource
import sys
import time
import types

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("engine", choices=["pytorch", "repdl", "eadem-torch"])
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=1200)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["EADEM_THREADS"] = str(options.threads)

import torch  # noqa: E402  (the thread count must be set before)

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "build" / "python")]

import repdl_mnist as example  # noqa: E402
from eadem.torch import digest  # noqa: E402


def engine(name):
    """The names that the program takes from RepDL, by PyTorch alone, RepDL or Eadem."""
    if name == "pytorch":
        return types.SimpleNamespace(from_torch_module=lambda module: module, nn=torch.nn, optim=torch.optim)
    return importlib.import_module({"repdl": "repdl", "eadem-torch": "eadem.torch.repdl"}[name])


def train(library, steps):
    torch.manual_seed(0)
    model = library.from_torch_module(example.lenet())
    optimizer = library.optim.Adam(model.parameters(), lr=0.01)
    loader = example.batches("train", shuffle=True)
    start = time.perf_counter()
    endless = itertools.chain.from_iterable(itertools.repeat(loader))
    for images, labels in itertools.islice(endless, steps):
        example.train_step(model, optimizer, library.nn.functional.cross_entropy, images, labels)
    return time.perf_counter() - start, digest(model)


torch.set_num_threads(options.threads)
seconds, trained = train(engine(options.engine), options.steps)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{options.engine:<12} {options.threads} threads {options.steps:>5} steps {seconds:8.2f} s "
      f"{1000 * seconds / options.steps:8.2f} ms/step {peak:6.0f} MiB  {trained[:16]}", flush=True)
