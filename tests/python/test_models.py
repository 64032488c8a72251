"""Models of real architectures under reproducible(): outputs and three training steps with the same bits for another
thread count, instruction set of Eadem's and of PyTorch's; batch slices equal the whole; values within tolerance of
PyTorch in float64. Plain PyTorch does not give the same bits in at least one of these, so that the test can fail.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch

import eadem
import eadem.torch as et
from eadem import ops

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import models  # noqa: E402


@pytest.fixture(scope="module")
def elsewhere():
    """The results of all models in another process: one thread, portable kernels, PyTorch's lowest capability."""
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default", "EADEM_ISA": "generic", "EADEM_THREADS": "1",
                   "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-W", "ignore", HERE / "models.py"], env=environment, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", models.NAMES)
def test_bits(name, elsewhere):
    torch.set_num_threads(2)
    ops.configure(threads=2, isa=eadem.isas[-1])
    try:
        here, plain = models.reproducible_results(name), models.results(name)
    finally:
        ops.configure(threads=0, isa="")
    assert here == elsewhere[name]["ours"]
    assert here["slices"] == here["outputs"]
    assert plain != elsewhere[name]["plain"] or plain["slices"] != plain["outputs"]


def in_float64(name):
    case = models.case(name)
    case.model.double()
    if hasattr(case.model, "set_experts_implementation"):
        case.model.set_experts_implementation("eager")  # PyTorch's product by groups takes no float64
    case.inputs = {k: v.double() if v.is_floating_point() else v for k, v in case.inputs.items()}
    return models.outputs(case), models.train(case, "SGD")


@pytest.mark.parametrize("name", models.NAMES)
def test_values(name):
    outputs, trained = in_float64(name)
    with et.reproducible():
        ours = models.outputs(models.case(name))
        after = models.train(models.case(name), "SGD")
    torch.testing.assert_close(ours.double(), outputs, rtol=1e-4, atol=1e-5)
    if any(isinstance(part, torch.nn.Dropout) and part.p for part in after.modules()):
        return  # the streams of float32 and float64 differ
    for (parameter, expected) in zip(after.parameters(), trained.parameters()):
        torch.testing.assert_close(parameter.double(), expected, rtol=1e-3, atol=2e-5)


def test_real_weights():
    """The detector's own program, in plain PyTorch, gives what ours does for windows without context."""
    case = models.case("silero_vad")
    x = case.inputs["x"]
    x[:, :64] = 0
    with et.reproducible():
        ours = models.outputs(case)
    theirs = models.silero_program()
    expected = []
    for window in x:
        theirs.reset_states()
        expected.append(theirs(window[None, 64:], 16000).flatten())
    torch.testing.assert_close(ours, torch.cat(expected).detach(), rtol=1e-4, atol=1e-5)
