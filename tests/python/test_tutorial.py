"""docs/pytorch.md: its code blocks, one after another as one program, run and show what the text says."""

import pathlib
import re

import pytest
import torch

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "pytorch.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """What each block prints."""
    monkeypatch.chdir(tmp_path)
    threads, names, outputs = torch.get_num_threads(), {}, []
    for block in BLOCKS:
        exec(compile(block, "docs/pytorch.md", "exec"), names)  # noqa: S102, the document's own code
        outputs.append(capsys.readouterr().out)
    torch.set_num_threads(threads)
    return outputs


def of(printed, part):
    return next(output for block, output in zip(BLOCKS, printed) if part in block)


def test_the_tutorial_runs_and_shows_what_it_says(printed):
    one, two = (line.split()[1] for line in printed[0].splitlines())
    assert one != two  # plain PyTorch: the sum changes with the number of threads
    one, two = (line.split()[1:] for line in printed[1].splitlines())
    assert one == two and len(one) == 2  # with reproducible(): no difference between thread counts
    assert "covers all of it" in of(printed, "et.audit")
    assert re.fullmatch("[0-9a-f]{64}\n", of(printed, "seed_everything"))
    assert "fft" in of(printed, "NotReproducible") and "Remedy" in of(printed, "NotReproducible")
    assert of(printed, "et.convert").endswith("[]\n")
    assert pathlib.Path("run.trace").stat().st_size > 0
