"""scaled_dot_product_attention under reproducible(): values and gradients near PyTorch's in float64; one result whatever the strides,
the threads, the instruction set, and whichever of its ways computes it."""

import math

import pytest
import torch
import torch.nn.functional as F

import eadem
import eadem.torch as et
from eadem import ops
from eadem.torch import attention, kernels

SEES = torch.rand(5, 7, generator=torch.Generator().manual_seed(1)) > 0.4
SEES[2] = False  # a row that sees no key
MASKS = {"none": None, "truth": SEES, "floats": torch.where(SEES, 0.3, -math.inf), "heads": torch.linspace(-1, 1, 4 * 35).view(4, 5, 7)}


def tensors(groups=4, lead=(2,), dtype=torch.float32):
    generator = torch.Generator().manual_seed(groups)
    shapes = (*lead, 4, 5, 8), (*lead, groups, 7, 8), (*lead, groups, 7, 6)
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def run(inputs, *args, function=F.scaled_dot_product_attention, **kwargs):
    out = function(*inputs, *args, **kwargs)
    grad = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return [out.detach(), *torch.autograd.grad(out, inputs, grad)]


def digests(results):
    return [et.digest(t) for t in results]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", [{}, {"scale": 0.3}, {"is_causal": True}])
def test_values_and_bits(mask, options):
    if options.get("is_causal"):
        if MASKS[mask] is not None:
            return  # they exclude each other
    inputs, results = tensors(), []
    for threads, isa in ((1, "ref"), (1, "generic"), (2, eadem.isas[-1])):
        ops.configure(threads=threads, isa=isa)
        with et.reproducible():
            results.append(run(inputs, MASKS[mask], **options))
    ops.configure(threads=0, isa="")
    assert digests(results[0]) == digests(results[1]) == digests(results[2])
    wide = [t.detach().double().requires_grad_() for t in inputs]
    exact = MASKS[mask].double() if mask in ("floats", "heads") else MASKS[mask]
    for ours, theirs in zip(results[0], run(wide, exact, **options)):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5)


def test_strides_do_not_matter():
    inputs = tensors()
    with et.reproducible():
        expected = digests(run(inputs))
        turned = [t.detach().mT.contiguous().mT.requires_grad_() for t in inputs]
        assert digests(run(turned)) == expected
        assert digests(run([t[0].detach().requires_grad_() for t in inputs]))[0] == et.digest(F.scaled_dot_product_attention(*inputs)[0])


@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mask", MASKS)
def test_the_parts_have_the_operations_bits(groups, dtype, mask):
    """The same in one operation and in parts: so dropout of 0, a mask's gradient and its absence agree."""
    inputs = tensors(groups, dtype=dtype)
    with et.reproducible():
        whole = run(inputs, MASKS[mask], enable_gqa=True)
        parts = run(inputs, MASKS[mask], 0.0, False, None, True, function=attention._parts)
        causal = run(inputs, is_causal=True, enable_gqa=True), run(inputs, None, 0.0, True, None, True, function=attention._parts)
    assert digests(whole) == digests(parts) and digests(causal[0]) == digests(causal[1])


def test_gradient_of_the_mask():
    q, k, v = tensors()
    mask = MASKS["heads"].clone().requires_grad_()
    with et.reproducible():
        out = F.scaled_dot_product_attention(q, k, v, mask)
        assert torch.equal(out, F.scaled_dot_product_attention(q, k, v, mask.detach()))
        out.square().sum().backward()
    exact = mask.detach().double().requires_grad_()
    F.scaled_dot_product_attention(q.double(), k.double(), v.double(), exact).square().sum().backward()
    torch.testing.assert_close(mask.grad.double(), exact.grad, rtol=1e-4, atol=1e-5)


def test_dropout():
    torch.manual_seed(3)
    q, k, _ = tensors()
    v = torch.eye(7).expand(2, 4, 7, 7)  # the result is the weights
    with et.reproducible():
        weights = F.scaled_dot_product_attention(q, k, v)
        dropped = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25)
    assert torch.equal(dropped[dropped != 0], (weights * (1 / 0.75))[dropped != 0])
    assert 0.1 < (dropped == 0).float().mean() < 0.4


def explicit(q, k, v, factors, mask=None, is_causal=False):
    """The formula in float64, its weights times the same factors."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask.double()
    return torch.nan_to_num(scores.softmax(-1)) * factors.double() @ v


@pytest.mark.parametrize("mask", ["none", "truth", "heads", "causal"])
@pytest.mark.parametrize("dropout", [0.2, 0.75, 1.0])
def test_dropout_forward_and_backward(mask, dropout):
    inputs, given, causal = tensors(), MASKS.get(mask), mask == "causal"
    results, after = [], []
    for threads, isa in ((1, "ref"), (1, "generic"), (2, eadem.isas[-1])):
        ops.configure(threads=threads, isa=isa)
        for function in (F.scaled_dot_product_attention, attention._parts):
            torch.manual_seed(9)
            with et.reproducible():
                more = (None, False) if function is attention._parts else ()
                results.append(digests(run(inputs, given, dropout, causal, *more, function=function)))
            after.append(torch.rand(1).item())
    ops.configure(threads=0, isa="")
    assert all(r == results[0] for r in results) and len(set(after)) == 1
    torch.manual_seed(9)
    with et.reproducible():
        ours = run(inputs, given, dropout, causal)
        torch.manual_seed(9)
        factors = kernels.dropout_factors(torch.empty(2, 4, 5, 7), dropout)
    wide = [t.detach().double().requires_grad_() for t in inputs]
    for got, exact in zip(ours, run(wide, factors, given, causal, function=explicit)):
        torch.testing.assert_close(got.double(), torch.nan_to_num(exact), rtol=1e-4, atol=1e-5)


def test_dropout_keeps_its_share_and_draws_anew():
    torch.manual_seed(5)
    q = torch.zeros(1, 1, 400, 8)
    v = torch.eye(200).expand(1, 1, 200, 200)
    with et.reproducible():
        one, two = (F.scaled_dot_product_attention(q, torch.zeros(1, 1, 200, 8), v, dropout_p=0.3) for _ in range(2))
    assert abs((one != 0).float().mean() - 0.7) < 0.01  # six deviations
    assert set(one.unique().tolist()) == {0.0, torch.tensor(1 / 200).mul(1 / 0.7).item()}
    assert 0.3 < (one != two).float().mean() < 0.54  # 2 · 0.7 · 0.3 = 0.42 of them


def test_autocast():
    q, k, v = tensors()
    with et.reproducible(), torch.autocast("cpu", torch.bfloat16):
        half = F.scaled_dot_product_attention(q, k, v)
    with et.reproducible():
        assert half.dtype == torch.bfloat16 and torch.equal(half, F.scaled_dot_product_attention(*(t.bfloat16() for t in (q, k, v))))


def test_checkpoints_compute_the_same_again():
    inputs = tensors()
    with et.reproducible():
        F.scaled_dot_product_attention(*inputs).square().sum().backward()
        expected = [t.grad.clone() for t in inputs]
        for t in inputs:
            t.grad = None
        torch.utils.checkpoint.checkpoint(F.scaled_dot_product_attention, *inputs, use_reentrant=False).square().sum().backward()
        assert all(torch.equal(t.grad, e) for t, e in zip(inputs, expected))


def test_the_inner_operation():
    """PyTorch's own choice for the CPU, where a program calls it by name, and as audit() sees it."""
    q, k, v = tensors()
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with et.reproducible():
        expected = run((q, k, v), is_causal=True)
        assert digests(run((q, k, v), function=lambda *t: fused(*t, 0.0, True)[0])) == digests(expected)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    report = et.audit(layer, torch.randn(2, 5, 8))
    assert report.unsupported == [] and "flash_attention" in str(report)


def test_what_the_operation_refuses():
    q, k, v = tensors()
    with et.reproducible():
        with pytest.raises(ValueError, match="exclude"):
            F.scaled_dot_product_attention(q, k, v, MASKS["floats"].clone().requires_grad_(), 0.1, True)
        with pytest.raises(eadem.Error, match="not both"):
            F.scaled_dot_product_attention(q, k, v, SEES, 0.1, True)
        with pytest.raises(eadem.Error, match="probability"):
            F.scaled_dot_product_attention(q, k, v, dropout_p=1.5)
        with pytest.raises(eadem.Error, match="float64"):
            F.scaled_dot_product_attention(q.double(), k.double(), v.double())
