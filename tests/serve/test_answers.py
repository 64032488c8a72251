"""eadem serve with the official openai client: answers are those of `generate`, log-probabilities those of `score`,
streams join to the whole answer, embeddings are the mean of the last hidden states."""
import concurrent.futures
import math
import pathlib
import subprocess
import sys

import openai
import pytest
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from serving import EADEM, Server, generate, make_folder  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("qwen3"))


@pytest.fixture(scope="module")
def server(folder):
    server = Server(folder, "--cache", "4", "--chunk", "64")
    yield server
    assert server.stop() == 0, server.process.stderr.read()


@pytest.fixture(scope="module")
def completions(server):
    client = server.client()
    return lambda **ask: client.completions.create(model="tiny", **{"temperature": 0, **ask})


def test_completion_is_what_generate_gives(folder, completions):
    answer = completions(prompt="the cat sat", max_tokens=30)
    assert answer.choices[0].text == generate(folder, "the cat sat", 30)[0]["text"]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 30 and answer.usage.total_tokens == answer.usage.prompt_tokens + 30
    sampled = dict(temperature=0.8, top_p=0.9, presence_penalty=0.5, frequency_penalty=0.25, seed=5,
                   logit_bias={"70": 2}, extra_body={"top_k": 50, "min_p": 0.001, "repetition_penalty": 1.125})
    options = ["--temperature", 0.8, "--top-p", 0.9, "--presence-penalty", 0.5, "--frequency-penalty", 0.25, "--seed", 5,
               "--logit-bias", "70=2", "--top-k", 50, "--min-p", 0.001, "--repetition-penalty", 1.125]
    answer = completions(prompt="the cat", max_tokens=30, n=3, **sampled)
    texts = [c.text for c in answer.choices]
    assert texts == [s["text"] for s in generate(folder, "the cat", 30, "--samples", 3, *options)]
    assert len(set(texts)) == 3


def test_log_probabilities_are_those_of_generate_and_score(folder, completions, tmp_path):
    answer = completions(prompt="the cat", max_tokens=12, temperature=0.7, seed=3, logprobs=4).choices[0]
    alone = generate(folder, "the cat", 12, "--temperature", 0.7, "--seed", 3, "--top", 4)[0]
    assert answer.text == alone["text"] and len(answer.logprobs.tokens) == 12
    assert answer.logprobs.token_logprobs == alone["log_probabilities"]
    for got, want in zip(answer.logprobs.top_logprobs, alone["top"]):  # tokens without a text share one name
        assert set(got.values()) <= {v for _, v in want} and max(got.values()) == want[0][1] and len(want) == 4
    assert all(t.startswith("bytes:\\x") or answer.text[o:].startswith(t)
               for o, t in zip(answer.logprobs.text_offset, answer.logprobs.tokens))
    text = "the dog sat on the log"
    whole = completions(prompt=text, max_tokens=0, echo=True, logprobs=0).choices[0]
    (tmp_path / "text").write_text(text)
    lines = subprocess.run([EADEM, "score", folder, "--text", tmp_path / "text"], capture_output=True, text=True,
                           check=True).stdout.splitlines()[:-1]
    scored = [float(line.split("\t")[2]) for line in lines]
    assert whole.text == text and whole.logprobs.token_logprobs[0] is None and math.isnan(scored[0])
    assert [f"{x:.9g}" for x in whole.logprobs.token_logprobs[1:]] == [f"{x:.9g}" for x in scored[1:]]


def test_echo_and_many_prompts(completions):
    prompts = ["the cat", "on the mat", [5, 6, 7]]
    alone = [[c.text for c in completions(prompt=p, max_tokens=9, n=2, temperature=1, seed=8).choices] for p in prompts]
    for i, p in enumerate(prompts[:2]):
        echoed = completions(prompt=p, max_tokens=9, n=2, temperature=1, seed=8, echo=True)
        assert [c.text for c in echoed.choices] == [p + t for t in alone[i]]
    many = completions(prompt=prompts[:2], max_tokens=9, n=2, temperature=1, seed=8)
    assert [c.text for c in many.choices] == alone[0] + alone[1]


def joined(pieces):
    return "".join(p.choices[0].text for p in pieces if p.choices)


def test_streams_join_to_the_whole_and_stop(completions):
    ask = dict(prompt="the dog", max_tokens=60, temperature=0.9, seed=3, logprobs=2, logit_bias={"1": -100})
    whole = completions(**ask).choices[0]
    pieces = list(completions(**ask, stream=True, stream_options={"include_usage": True}))
    assert joined(pieces) == whole.text
    assert sum((p.choices[0].logprobs.token_logprobs for p in pieces if p.choices), []) == whole.logprobs.token_logprobs
    assert sum((p.choices[0].logprobs.text_offset for p in pieces if p.choices), []) == whole.logprobs.text_offset
    assert pieces[-1].usage.completion_tokens == 60 and pieces[-2].choices[0].finish_reason == "length"
    assert len(pieces) == 60 + 2  # a token each, the end, and the usage
    text = whole.text
    for stop in (text[7:10], text[20:21], text[30:50]):
        expected = text[:text.index(stop)]
        for stream in (False, True):
            answer = completions(**ask, stop=[stop, "\x7f\x7f"], stream=stream)
            parts = list(answer) if stream else [answer]
            assert joined(parts) == expected
            assert parts[-1].choices[0].finish_reason == "stop"
            told = sum((p.choices[0].logprobs.token_logprobs for p in parts), [])
            assert told == whole.logprobs.token_logprobs[:len(told)] and told
            assert sum((p.choices[0].logprobs.text_offset for p in parts), [])[-1] <= len(expected)


def test_stream_shows_a_long_prompt_with_its_log_probabilities(completions):
    ask = dict(prompt="the cat sat on the mat. " * 20, max_tokens=3, logprobs=1, echo=True, logit_bias={"1": -100})
    whole = completions(**ask).choices[0].logprobs
    pieces = [p.choices[0] for p in completions(**ask, stream=True)]
    assert [len(p.logprobs.tokens) for p in pieces] == [len(whole.tokens) - 3, 1, 1, 1, 0]
    assert sum((p.logprobs.token_logprobs for p in pieces), []) == whole.token_logprobs
    assert sum((p.logprobs.top_logprobs for p in pieces), []) == whole.top_logprobs


def test_stop_strings_of_generate(folder):
    text = generate(folder, "the dog", 40)[0]["text"]
    stopped = generate(folder, "the dog", 40, "--stop", text[12:16])[0]
    assert stopped["text"] == text[:text.index(text[12:16])] and stopped["finish"] == "stop"


@pytest.mark.parametrize("command", [["generate", "-p", "the dog", "-n", "3"], ["score", "--text"], ["tokenize"]])
def test_a_full_disk_is_an_error(folder, tmp_path, command):
    (tmp_path / "text").write_text("the dog")
    name, *rest = command if "-p" in command else [*command, tmp_path / "text"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([EADEM, name, folder, *rest], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr


@pytest.mark.parametrize("said, command", [
    ("--temperature cannot be '-1'", ["generate", "MODEL", "-p", "x", "--temperature", "-1"]),
    ("--stop cannot be ''", ["generate", "MODEL", "-p", "x", "--stop", ""]),
    ("--bogus is no option", ["generate", "MODEL", "-p", "x", "--bogus"]),
    ("-n is no option, or its value is missing", ["generate", "MODEL", "-p", "x", "-n"]),
    ("'more' is one argument too many", ["score", "MODEL", "more"]),
    ("--port cannot be '99999'", ["serve", "MODEL", "--port", "99999"]),
])
def test_a_wrong_argument_is_named(folder, said, command):
    done = subprocess.run([EADEM, *(folder if word == "MODEL" else word for word in command)], capture_output=True,
                          text=True)
    assert done.returncode == 2 and said in done.stderr and "--help" in done.stderr, done.stderr


@pytest.mark.parametrize("said, command", [
    ("nowhere: No such file", ["generate", "nowhere", "-p", "x"]),
    ("a bias for token 5000: the vocabulary has", ["generate", "MODEL", "-p", "x", "--logit-bias", "5000=1"]),
    ("99999999999 is no token id", ["tokenize", "MODEL", "IDS", "--decode"]),
    ("Invalid argument", ["serve", "MODEL", "--address", "::1"]),
])
def test_what_cannot_be_done_is_said(folder, tmp_path, said, command):
    (tmp_path / "ids").write_text("5 99999999999")
    places = {"MODEL": folder, "IDS": tmp_path / "ids"}
    done = subprocess.run([EADEM, *(places.get(word, word) for word in command)], capture_output=True, text=True)
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_chat(server, completions):
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]
    chat = server.client().chat.completions
    text = "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    plain = completions(prompt=text, max_tokens=20, logprobs=3)
    ask = dict(model="tiny", messages=messages, max_completion_tokens=20, temperature=0, logprobs=True, top_logprobs=3)
    answer = chat.create(**ask)
    assert answer.choices[0].message.content == plain.choices[0].text
    assert answer.usage == plain.usage
    content = answer.choices[0].logprobs.content
    assert [t.logprob for t in content] == plain.choices[0].logprobs.token_logprobs
    assert b"".join(bytes(t.bytes) for t in content).decode(errors="replace") == plain.choices[0].text
    assert all(t.top_logprobs[0].logprob == t.logprob for t in content)
    parts = list(chat.create(**ask, stream=True))
    assert "".join(p.choices[0].delta.content for p in parts) == plain.choices[0].text
    assert [p.choices[0].delta.role for p in parts].count("assistant") == 1
    assert [t.logprob for p in parts for t in p.choices[0].logprobs.content] == [t.logprob for t in content]


def test_models(server):
    assert [m.id for m in server.client().models.list()] == ["tiny"]
    assert server.client().models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-9'"):
        server.client().completions.create(model="gpt-9", prompt="x")


def test_bias_rules(completions):
    biased = completions(prompt=[5, 6], max_tokens=4, logit_bias={"70": 100})
    assert len(set(biased.choices[0].text)) == 1


def test_embeddings_are_mean_states(folder, server):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    prompts = [list(range(3, 3 + n)) for n in (1, 2, 17, 300)]
    answer = server.client().embeddings.create(model="tiny", input=prompts)
    floats = server.client().embeddings.create(model="tiny", input=prompts, encoding_format="float")
    assert [e.embedding for e in answer.data] == [e.embedding for e in floats.data]
    for prompt, got in zip(prompts, answer.data):
        with torch.no_grad():
            states = model.model(torch.tensor([prompt])).last_hidden_state[0]
        assert torch.allclose(states.mean(0), torch.tensor(got.embedding, dtype=torch.float64), rtol=0, atol=4e-6)
    alone = server.client().embeddings.create(model="tiny", input=prompts[3]).data[0].embedding
    assert alone == answer.data[3].embedding


def test_many_at_once_get_the_same_answers(completions):
    prompts = [f"the {'cat ' * (i % 7)}sat" for i in range(7)]
    ask = lambda i: completions(prompt=prompts[i % 7], max_tokens=20, temperature=0.7, seed=i % 7).choices[0].text  # noqa: E731
    alone = [ask(i) for i in range(7)]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for i, text in enumerate(pool.map(ask, range(140))):
            assert text == alone[i % 7]
