"""torch.compile under reproducible(): what was compiled runs as it was written, with the mode's bits."""

import pytest
import torch
import torch.nn.functional as F

import eadem.torch as et

if not hasattr(torch.compiler, "set_stance"):
    pytest.skip("this PyTorch cannot run compiled code uncompiled", allow_module_level=True)

traced = []


def backend(graph, inputs):
    traced.append(graph)
    return graph.forward


def function(x):
    return F.gelu(x @ x.t()).softmax(1) + F.elu(x, 0.7)


@pytest.fixture
def compiled():
    torch._dynamo.reset()
    traced.clear()
    return torch.compile(function, fullgraph=False, backend=backend)


def test_compiled_functions_have_the_modes_bits(compiled):
    x, y = (torch.randn(40, 40, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2))
    with et.reproducible():
        expected = function(x)
        expected.square().sum().backward()
    compiled(y.detach())
    assert traced  # compiled outside of the mode, where it stays compiled
    count = len(traced)
    with et.reproducible():
        result = compiled(y)
        result.square().sum().backward()
    assert torch.equal(result, expected) and torch.equal(x.grad, y.grad) and len(traced) == count


def test_a_mode_inside_of_a_compiled_function():
    torch._dynamo.reset()

    @torch.compile(backend=backend)
    def inner(x):
        x = x * 2
        with et.reproducible():
            return function(x)

    x = torch.randn(8, 8)
    with et.reproducible():
        expected = function(x * 2)
    assert torch.equal(inner(x), expected)
