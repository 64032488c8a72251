"""convert(), from_torch_module(), digests, audit(), seeds."""

import contextlib
import copy
import inspect
import json
import pathlib
import pickle
import sys

import pytest
import torch

import eadem.torch as et

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import models  # noqa: E402


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(6, 6)
        self.second = torch.nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.extra = torch.nn.ModuleList([self.first, torch.nn.BatchNorm1d(6), torch.nn.GELU()])

    def forward(self, x):
        for layer in self.extra:
            x = layer(x)
        return self.second(x)


def test_convert_keeps_structure_and_leaves_the_original():
    model = Tied().eval()
    calls = []
    model.first.register_forward_hook(lambda *_: calls.append(1))
    ours = et.convert(model)
    assert type(model.first) is torch.nn.Linear
    assert ours.second.weight is ours.first.weight and ours.first.weight is not model.first.weight
    assert ours.extra[0] is ours.first and not ours.training
    assert list(ours.state_dict()) == list(model.state_dict())
    assert ours.eadem_unconverted == [] and isinstance(ours.extra[2], torch.nn.GELU) and isinstance(ours, Tied)
    x = torch.randn(5, 6)
    torch.testing.assert_close(ours(x), model(x))
    assert len(calls) == 2  # once each


def test_gradients_agree_with_pytorch():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding="same"), torch.nn.BatchNorm2d(4), torch.nn.Tanh(), torch.nn.Flatten(),
        torch.nn.Linear(4 * 25, 10), torch.nn.Sigmoid(), torch.nn.LogSoftmax(1))
    ours = et.convert(model)
    x = torch.randn(6, 2, 5, 5)
    for m in (model, ours):
        m(x).square().sum().backward()
    for p, q in zip(model.parameters(), ours.parameters()):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(model[1].running_var, ours[1].running_var)


def outside_and_inside(model, *inputs, seed=5):
    """Results and gradients: of the converted model outside of any mode, and of the model itself inside one."""
    converted, found = et.convert(model), []
    for one, where in ((converted, contextlib.nullcontext()), (model, et.reproducible())):
        leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
        torch.manual_seed(seed)
        with where:
            out = one(*[x * 1 if x.is_floating_point() else x for x in leaves])
            out = out[0] if isinstance(out, tuple) else out.logits if hasattr(out, "logits") else out
            (out * (torch.arange(out.numel()) % 7 - 3.0).view(out.shape)).sum().backward()
        grads = [t.grad for t in (*leaves, *one.parameters()) if t.is_floating_point()]
        found.append([et.digest(t) if t is not None else None for t in (out, *grads)])
    return found


LAYERS = [(torch.nn.Conv1d(4, 6, 3), (2, 4, 9)), (torch.nn.ConvTranspose2d(4, 3, 2, 2), (2, 4, 5, 5)),
          (torch.nn.LayerNorm(9), (2, 4, 9)), (torch.nn.GroupNorm(2, 4), (2, 4, 9)), (torch.nn.InstanceNorm2d(4, affine=True), (2, 4, 5, 5)),
          (torch.nn.GELU(), (2, 9)), (torch.nn.SiLU(inplace=True), (2, 9)), (torch.nn.Hardswish(), (2, 9)), (torch.nn.Softplus(), (2, 9)),
          (torch.nn.PReLU(4), (2, 4, 9)), (torch.nn.AdaptiveAvgPool2d(2), (2, 4, 5, 5)), (torch.nn.MaxPool2d(3, 1), (2, 4, 5, 5)),
          (torch.nn.Upsample(scale_factor=2, mode="bilinear"), (2, 4, 5, 5)), (torch.nn.Dropout(0.3), (4, 9)),
          (torch.nn.LSTM(9, 5, 2, bidirectional=True), (4, 2, 9)), (torch.nn.GRU(9, 5), (4, 2, 9)),
          (torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
          (torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.MaxPool2d(2)), (2, 4, 8, 8)),
          (torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(9, 3)), (2, 9))]


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=[type(layer).__name__ for layer, _ in LAYERS])
def test_converted_layers_have_the_modes_bits(number):
    torch.manual_seed(1)
    layer, shape = LAYERS[number]
    ours, theirs = outside_and_inside(copy.deepcopy(layer), torch.randn(shape))
    assert ours == theirs and all(g is not None for g in theirs)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3", "lstm_ctc", "gpt2", "qwen3_moe", "t5"])
def test_converted_models_have_the_modes_bits(name):
    case, found = models.case(name), []
    for model, where in ((et.convert(case.model), contextlib.nullcontext()), (case.model, et.reproducible())):
        assert getattr(model, "eadem_unconverted", []) == []
        with where:
            out = case.outputs(model.eval()(**case.inputs))
            (out * (torch.arange(out.numel()) % 7 - 3.0).view(out.shape)).sum().backward()
        found.append([et.digest(t) for t in (out, *(p.grad for p in model.parameters() if p.grad is not None))])
    assert found[0] == found[1] and len(found[0]) > 5


def test_embedding_sums_its_gradients_in_order():
    embedding = torch.nn.Embedding(3, 4)
    converted = et.convert(embedding)
    index = torch.randint(3, (5000,))
    weights = torch.rand(5000, 4)
    converted(index).mul(weights).sum().backward()
    with et.reproducible():
        embedding(index).mul(weights).sum().backward()
    assert torch.equal(converted.weight.grad, embedding.weight.grad)


class Pair(torch.nn.Module):
    """Arguments and results in dictionaries, a result that is no tensor, a tensor that wants no gradient."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x, *, more):
        return {"sum": self.layer(x) + more["y"], "where": (x > 0), "name": "pair", "other": x.exp()}


def test_structures_hooks_copies_pickles_and_repeated_backward():
    torch.manual_seed(2)
    seen = []
    model = et.convert(Pair())
    model.layer.register_full_backward_hook(lambda *_: seen.append("layer"))
    model.layer.weight.register_hook(lambda g: seen.append("weight"))
    x, y = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    for one in (model, copy.deepcopy(model)):
        out = one(x, more={"y": y})
        assert out["name"] == "pair" and out["where"].dtype == torch.bool and not out["where"].requires_grad
        first = torch.autograd.grad(out["sum"].sum(), [x, y, one.layer.weight], retain_graph=True)
        second = torch.autograd.grad(out["sum"].sum(), [x, y, one.layer.weight])
        assert all(torch.equal(a, b) for a, b in zip(first, second)) and torch.equal(first[1], torch.ones(2, 3))
        with pytest.raises(RuntimeError, match="gradients of gradients"):
            torch.autograd.grad(one(x, more={"y": y})["other"].sum(), x, create_graph=True)
    assert seen.count("weight") == 2 and "layer" in seen  # once a backward; a copy takes no hook of a tensor along
    plain = et.convert(Pair())
    again = pickle.loads(pickle.dumps(plain))
    assert type(again) is type(plain) and et.digest(again) == et.digest(plain)
    assert list(inspect.signature(plain.forward).parameters) == ["x", "more"]


def test_what_cannot_be_converted_is_listed():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2).double(), torch.nn.LazyLinear(3), torch.jit.script(torch.nn.ReLU()), torch.nn.Tanh())
    with pytest.warns(UserWarning, match="0: Linear .parameters of float64.*1: LazyLinear"):
        ours = et.convert(model)
    assert [(name, kind) for name, kind, _ in ours.eadem_unconverted] == [("0", "Linear"), ("1", "LazyLinear"), ("2", "RecursiveScriptModule")]


def test_unknown_contract_and_type():
    with pytest.raises(TypeError):
        et.convert(3)
    with pytest.raises(ValueError, match="contract"):
        et.convert(torch.nn.ReLU(), contract="fast")


class Spectrum(torch.nn.Module):
    def forward(self, x):
        return torch.fft.rfft(x).abs()


def test_audit_lists_both_passes():
    report = et.audit(torch.nn.Sequential(torch.nn.Linear(4, 4), Spectrum()), torch.randn(2, 4))
    status = {(row["pass"], row["operation"]): row["status"] for row in report.rows}
    assert status["forward", "aten.addmm.default"] == "replaced by Eadem"
    assert status["backward", "aten.mm.default"] == "replaced by Eadem"
    assert status["forward", "aten._fft_r2c.default"] == "unsupported"
    assert "aten._fft_r2c" not in report.unsupported and "aten._fft_r2c.default" in report.unsupported
    assert json.loads(report.to_json()) == report.rows and "addmm" in str(report)


def batches(workers):
    class Noisy(torch.utils.data.Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, index):
            return torch.rand(2) + index

    options = et.loader_options(Noisy(), 7)
    return torch.cat(list(torch.utils.data.DataLoader(**options, batch_size=4, num_workers=workers)))


def test_batches_do_not_depend_on_workers():
    assert torch.equal(batches(0), batches(1)) and torch.equal(batches(1), batches(3))


def test_seed_everything_and_environment():
    et.seed_everything(5)
    first = torch.rand(3)
    et.seed_everything(5)
    assert torch.equal(first, torch.rand(3))
    with pytest.raises(ValueError, match="seed"):
        et.seed_everything(-1)
    environment = et.environment()
    json.dumps(environment)
    assert environment["torch"]["version"] == torch.__version__
