"""BERT: its tokenizer against `tokenizers`, its embeddings against `transformers` in float64, alone and among others."""
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys

import openai
import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, normalizers, pre_tokenizers, processors

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from serving import EADEM, Server  # noqa: E402
import test_tokenizer as byte_pairs  # noqa: E402

TEXTS = ["The cat sat on the mat.", "Größe, FAÇADE naïve; Ångström İstanbul!", "中文字符串 mixed 漢字 text", "don't you've I'm: (a-b)_c",
         "unaffable tokenization un##able [MASK] x", "\u200b tab\tline\n \u00a0 end", "x" * 101, "e\u0301 A\u030a", "", "?!..."]


def save_tokenizer(folder, lowercase=True, processor="template"):
    t = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(TEXTS * 3 + byte_pairs.SAMPLES, tokenizers.trainers.WordPieceTrainer(
        vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    cls, sep = ("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))
    t.post_processor = processors.BertProcessing(sep, cls) if processor == "bert" else processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[cls, sep])
    t.save(str(folder / "tokenizer.json"))
    return t


def make(folder, headed):
    torch.manual_seed(3)
    tokenizer = save_tokenizer(folder)
    config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=64, num_hidden_layers=3,
                                     num_attention_heads=4, intermediate_size=112, max_position_embeddings=300)
    model = (transformers.BertForMaskedLM if headed else transformers.BertModel)(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 1.2 / p.shape[-1] ** 0.5)
            elif "LayerNorm.weight" in name:
                p.uniform_(0.5, 1.5)
            else:
                p.normal_(0, 0.2)
    model.eval().save_pretrained(folder)
    return (model.bert if headed else model), tokenizer


@pytest.fixture(scope="module", params=[False, True], ids=["bare", "headed"])
def served(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    model, tokenizer = make(folder, request.param)
    server = Server(folder, "--threads", "2")
    yield server, model, tokenizer
    assert server.stop() == 0, server.process.stderr.read()


def tokenize(*arguments):
    return subprocess.run([EADEM, "tokenize", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("lowercase, processor", [(True, "template"), (False, "bert")])
def test_tokenizer(lowercase, processor, tmp_path):
    t = save_tokenizer(tmp_path, lowercase, processor)
    texts = [text for text in TEXTS + byte_pairs.inputs() if "\u0000" not in text]
    (tmp_path / "texts").write_text("".join(json.dumps(text) + "\n" for text in texts))
    ids = [t.encode(text).ids for text in texts]
    lines = tokenize(tmp_path, tmp_path / "texts", "--lines", "--special").splitlines()
    for text, got, want in zip(texts, lines, ids, strict=True):
        assert [int(i) for i in got.split()] == want, ascii(text)
    (tmp_path / "ids").write_text("".join(line + "\n" for line in lines))
    back = tokenize(tmp_path, tmp_path / "ids", "--decode").splitlines()
    for got, want in zip(back, ids, strict=True):
        assert json.loads(got) == t.decode(want, skip_special_tokens=False)


def states(model, ids, dtype):
    with torch.no_grad():
        return model.to(dtype)(torch.tensor([ids])).last_hidden_state[0].double().mean(0)


def test_embeddings(served):
    server, model, tokenizer = served
    texts = [t for t in TEXTS if t] + ["cat " * 280]
    answer = server.client().embeddings.create(model="tiny", input=texts)
    assert answer.usage.prompt_tokens == sum(len(tokenizer.encode(t).ids) for t in texts)
    error = theirs = 0
    for text, got in zip(texts, answer.data):
        ids = tokenizer.encode(text).ids
        want = states(model, ids, torch.float64)
        error = max(error, (torch.tensor(got.embedding, dtype=torch.float64) - want).abs().max())
        theirs = max(theirs, (states(model, ids, torch.float32) - want).abs().max())
    model.double()
    print("largest error", error, "of transformers in float32", theirs)
    assert error < 4e-6


def test_bits_do_not_depend_on_others(served):
    server = served[0]
    rng = random.Random(4)
    texts = [" ".join(rng.choice(["cat", "sat", "mat", "un", "able", "."]) for _ in range(rng.randrange(1, 120)))
             for _ in range(40)]
    ask = lambda t: [e.embedding for e in server.client().embeddings.create(model="tiny", input=t).data]  # noqa: E731
    alone = [ask([t])[0] for t in texts]
    assert ask(texts) == alone
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert [a[0] for a in pool.map(lambda t: ask([t]), texts)] == alone


def test_it_only_embeds(served):
    with pytest.raises(openai.BadRequestError, match="encoder"):
        served[0].client().completions.create(model="tiny", prompt="a")
    with pytest.raises(openai.BadRequestError, match="tokens"):
        served[0].client().embeddings.create(model="tiny", input="cat " * 400)
