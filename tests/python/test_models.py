"""Models of real architectures under reproducible(): one set of bits for every thread count and instruction set, and
values within tolerance of PyTorch's own."""

import pathlib
import sys

import pytest
import torch

import eadem
import eadem.torch as et
from eadem import ops

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import models  # noqa: E402


def train(name, optimizer_class):
    """The outputs before, and the parameters after three steps."""
    case = models.case(name)
    with torch.no_grad():
        before = case.outputs(case.model.eval()(**case.inputs)).clone()
    case.model.train()
    torch.manual_seed(3)
    optimizer = optimizer_class(case.model.parameters(), lr=0.001)
    for _ in range(3):
        loss = case.loss(case.model(**case.inputs), case.inputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return before, et.digest(case.model)


@pytest.mark.parametrize("name", models.NAMES)
def test_bits_do_not_depend_on_threads_or_instruction_set(name):
    plain = train(name, torch.optim.SGD)[0]
    for optimizer in (torch.optim.SGD, torch.optim.AdamW):
        seen = set()
        for isa, threads in ((eadem.isas[-1], 1), (eadem.isas[-1], 2), ("generic", 2)):
            ops.configure(threads=threads, isa=isa)
            torch.set_num_threads(threads)
            with et.reproducible():
                before, trained = train(name, optimizer)
            seen.add((et.digest(before), trained))
        ops.configure(threads=0, isa="")
        assert len(seen) == 1
    torch.testing.assert_close(before, plain, rtol=1e-3, atol=1e-4)
