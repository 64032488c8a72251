"""trace(): `eadem diff` finds the first step and tensor that differ."""

import os
import subprocess

import pytest
import torch

import eadem
import eadem.torch as et

PROGRAM = os.path.join(os.environ["EADEM_BUILD"], "eadem")


def run(path, disturb_at=None, reproducible=False, draw_at=None):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = torch.rand(6, 4)
    mode = et.reproducible() if reproducible else torch.enable_grad()
    with mode, et.trace(model, optimizer, path) as log:
        for step in range(1, 6):
            if step == draw_at:
                torch.rand(1)
            if step == disturb_at:
                with torch.no_grad():
                    model[2].bias[1] += 1e-6
            log.batch(x)
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()


def diff(a, b):
    return subprocess.run([PROGRAM, "diff", str(a), str(b)], capture_output=True, text=True)


@pytest.mark.parametrize("reproducible", [False, True])
def test_equal_runs_write_equal_files(tmp_path, reproducible):
    for name in ("a", "b"):
        run(tmp_path / name, reproducible=reproducible)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert diff(tmp_path / "a", tmp_path / "b").returncode == 0


def test_the_first_difference_is_named(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", disturb_at=3)
    done = diff(tmp_path / "a", tmp_path / "b")
    assert done.returncode == 1
    assert "step 3, activation 2 " in done.stdout  # the last layer's output


def test_another_batch_and_another_generator_are_named(tmp_path):
    run(tmp_path / "a")
    run(tmp_path / "b", draw_at=2)
    assert "step 2, generator state torch " in diff(tmp_path / "a", tmp_path / "b").stdout
    model = torch.nn.Linear(3, 1)
    for name, value in (("c", 1.0), ("d", 2.0)):
        with et.trace(model, None, tmp_path / name) as log:
            model(torch.full((2, 3), value))
            log.step()
    assert "step 1, batch input.0 " in diff(tmp_path / "c", tmp_path / "d").stdout


def test_eadem_run_asks_for_a_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("EADEM_TRACE", str(tmp_path / "asked"))
    run(None)
    monkeypatch.delenv("EADEM_TRACE")
    run(None)  # traces nothing
    run(tmp_path / "named")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked", "named"]
    assert (tmp_path / "asked").read_bytes() == (tmp_path / "named").read_bytes()


def test_a_file_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "full").write_text("mine")
    with pytest.raises(eadem.Error, match="full"):
        et.trace(torch.nn.Linear(2, 2), None, tmp_path / "full")
    assert (tmp_path / "full").read_text() == "mine"
