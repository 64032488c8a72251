"""examples/gpt.c: the same model under every instruction set and thread count; `transformers` loads the folder that it saves,
with the loss that it printed; the server continues text from it."""
import gzip
import os
import pathlib
import re
import subprocess
import sys

import pytest
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["EADEM_BUILD"])
TEXT = gzip.decompress((ROOT / "data/tinyshakespeare/input.txt.gz").read_bytes())
# Two steps of one piece each; docs/llm.md has the digest of the whole training.
DIGEST = "57521d269203ad0040444a758835f33508163b0c0b5ad50d488d724aeb5b9359"


def train(folder, steps=2, isa="avx2", threads=2):
    environment = dict(os.environ, EADEM_ISA=isa, EADEM_THREADS=str(threads))
    out = subprocess.run([BUILD / "examples/gpt", folder, str(steps), "1"], input=TEXT, env=environment, capture_output=True)
    assert out.returncode == 0, out.stderr.decode()
    return out.stdout.decode()


@pytest.fixture(scope="module")
def isa():
    return "avx2" if "avx2" in subprocess.run([BUILD / "eadem", "doctor"], capture_output=True, text=True).stdout else "generic"


def test_the_model_is_pinned(tmp_path, isa):
    for case in (isa, 1), (isa, 2), ("generic", 2):
        assert f"model {DIGEST}\n" in train(tmp_path, 2, *case)


def test_transformers_and_eadem_load_it(tmp_path, isa):
    train(tmp_path, 8, isa)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    piece = TEXT[-128:].decode()
    ids = tokenizer(piece).input_ids
    assert ids == list(piece.encode())
    assert tokenizer.decode(ids) == piece
    (tmp_path / "text").write_text(piece)
    lines = subprocess.run([BUILD / "eadem", "score", tmp_path, "--text", tmp_path / "text"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    got = torch.tensor([float(line.split("\t")[2]) for line in lines[1:-1]], dtype=torch.float64)
    with torch.no_grad():
        logs = torch.log_softmax(model(torch.tensor([ids])).logits[0, :-1], -1)
    want = logs.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    assert (got - want).abs().max() < 2e-5
    out = subprocess.run([BUILD / "eadem", "generate", tmp_path, "-p", "ROMEO:", "-n", "20"], capture_output=True, check=True)
    assert len(out.stdout) > 20  # 20 bytes after the prompt, and a line's end


def test_needs_text(tmp_path):
    out = subprocess.run([BUILD / "examples/gpt", tmp_path], input=b"short", capture_output=True)
    assert out.returncode == 2 and b"usage" in out.stderr
