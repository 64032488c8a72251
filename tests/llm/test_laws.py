"""One answer per prompt: the bits of a completion and of its log-probabilities do not depend on chunks, pages,
threads, instruction sets, samples beside it, or the cache's size; scoring gives what sampling reported."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import small_models  # noqa: E402

EADEM = pathlib.Path(os.environ["EADEM_BUILD"]) / "eadem"
PROMPT = "the cat sat on the mat and " * 40
SAMPLED = ["--temperature", "0.9", "--top-p", "0.95", "--min-p", "0.01", "--repetition-penalty", "1.1", "--seed", "42"]


def eadem(*arguments):
    done = subprocess.run([EADEM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def generate(folder, *options, prompt=PROMPT, tokens=60):
    out = eadem("generate", folder, "-p", prompt, "-n", tokens, "--json", *options)
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module", params=["mistral", "qwen3", "qwen3-moe", "gpt2"])
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    small_models.make(request.param, path)
    return path


@pytest.mark.parametrize("sampling", [[], SAMPLED], ids=["greedy", "sampled"])
def test_one_answer(folder, sampling):
    first = generate(folder, *sampling)
    assert len(first[0]["tokens"]) > 20 and (not sampling or len(set(first[0]["tokens"])) > 10)
    for options in (["--chunk", 1], ["--chunk", 7], ["--page", 8], ["--page", 256], ["--threads", 1], ["--threads", 3],
                    ["--isa", "generic"], ["--cache", 1], ["--samples", 1]):
        assert generate(folder, *sampling, *options) == first, options


def test_the_definition_gives_the_same_bits(folder):
    short = "the dog sat"
    assert generate(folder, *SAMPLED, "--isa", "ref", prompt=short, tokens=12) == \
        generate(folder, *SAMPLED, prompt=short, tokens=12)


def test_samples_differ_from_each_other_and_repeat(folder):
    many = generate(folder, *SAMPLED, "--samples", 9, "--cache", 3, tokens=30)
    assert len({tuple(s["tokens"]) for s in many}) == 9
    assert many[0] == generate(folder, *SAMPLED, tokens=30)[0]
    assert many == generate(folder, *SAMPLED, "--samples", 9, "--chunk", 3, tokens=30)


def test_scoring_gives_what_sampling_reported(folder, tmp_path):
    prompt = "the cat"
    ids = list(map(int, eadem("tokenize", folder, write(tmp_path / "p", prompt)).split()))
    sample = generate(folder, *SAMPLED, prompt=prompt)[0]
    write(tmp_path / "ids", " ".join(map(str, ids + sample["tokens"])))
    for options in ([], ["--chunk", 5, "--page", 8]):
        lines = eadem("score", folder, "--tokens", tmp_path / "ids", *options).splitlines()[:-1]
        scored = [float(line.split("\t")[2]) for line in lines][len(ids):]
        assert [f"{x:.9g}" for x in sample["log_probabilities"]] == [f"{x:.9g}" for x in scored]


def write(path, text):
    path.write_text(text)
    return path
