"""convert(), from_torch_module(), digests, audit(), seeds."""

import json

import pytest
import torch

import eadem.torch as et


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
    with pytest.warns(UserWarning, match="extra.2: GELU"):
        ours = et.convert(model)
    assert type(model.first) is torch.nn.Linear
    assert ours.second.weight is ours.first.weight and ours.first.weight is not model.first.weight
    assert ours.extra[0] is ours.first and not ours.training
    assert list(ours.state_dict()) == list(model.state_dict())
    assert ours.eadem_unconverted == [("extra.2", "GELU")]
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
