"""eadem.torch.repdl against RepDL: the digests of its own example, step by step, recorded with RepDL itself."""

import importlib.util
import json
import pathlib

import pytest
import torch

import eadem.torch as et
import eadem.torch.repdl as repdl
from eadem import ops

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "repdl_lenet.json").read_text())


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("repdl_mnist", ROOT / "examples" / "repdl_mnist.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_examples_first_steps_have_repdls_digests(example):
    torch.manual_seed(0)
    model = repdl.from_torch_module(example.lenet())
    optimizer = repdl.optim.Adam(model.parameters(), lr=0.01)
    assert {f"net.{k}": et.digest(v) for k, v in model.state_dict().items()} == GOLDEN["init"]
    assert repdl.utils.get_hash(model) == GOLDEN["initial_model"]
    for expected, (images, labels) in zip(GOLDEN["first_steps"], example.batches("train", shuffle=True)):
        assert et.digest(images) == expected["images"]
        output, loss = example.train_step(model, optimizer, repdl.nn.functional.cross_entropy, images, labels)
        assert et.digest(output) == expected["logits"], expected["step"]
        assert loss.item() == expected["loss"]
        assert et.digest(model) == expected["model"], expected["step"]


def test_the_whole_program_gives_repdls_digests_too(example):
    """The same training inside reproducible("repdl"), with PyTorch's own layers and RepDL's optimiser."""
    torch.manual_seed(0)
    model = example.lenet()
    for layer in model:
        if hasattr(layer, "reset_parameters"):  # RepDL draws a second initialisation, which it overwrites
            type(layer)(*((layer.in_features, layer.out_features) if isinstance(layer, torch.nn.Linear) else
                          (layer.in_channels, layer.out_channels, layer.kernel_size)))
    optimizer = repdl.optim.Adam(model.parameters(), lr=0.01)
    with et.reproducible("repdl"):
        for expected, (images, labels) in zip(GOLDEN["first_steps"][:3], example.batches("train", shuffle=True)):
            output = model(images)
            assert et.digest(output) == expected["logits"]
            loss = repdl.nn.functional.cross_entropy(output, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert et.digest(model) == expected["model"]


def test_layers_and_operations_compute_under_repdl_whatever_the_caller_set():
    torch.manual_seed(1)
    x, layer = torch.randn(3, 2500), repdl.nn.Linear(2500, 4)
    with ops.use_contract("repdl"):
        expected = ops.linear(x, layer.weight.detach(), layer.bias.detach())
        total = ops.sum(x)
    assert torch.equal(layer(x), expected)
    assert not torch.equal(ops.linear(x, layer.weight.detach(), layer.bias.detach()), expected)  # contract chain
    assert torch.equal(repdl.ops.mm(x, layer.weight.detach(), transB=True) + layer.bias, expected)
    assert torch.equal(repdl.ops.sum1d(x.reshape(-1)), total)
