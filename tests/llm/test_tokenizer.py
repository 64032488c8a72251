"""eadem tokenize against Hugging Face's `tokenizers`: same ids and same text, whatever the input.

Small tokenizers of every kind that the supported families use are trained here; the inputs hold
every
character of the first planes, every script, emoji, long runs of spaces, added tokens in awkward places,
random characters and random bytes.
"""
import json
import os
import pathlib
import random
import subprocess
import unicodedata

import pytest
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

EADEM = pathlib.Path(os.environ["EADEM_BUILD"]) / "eadem"
ROOT = pathlib.Path(__file__).resolve().parents[2]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
          r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
SAMPLES = ["The quick brown fox doesn't jump; she'll've SHE'S 'S 'ſ I'M 12345 3.14\n\n\n  indented\t\ttab",
           "Größe, façade, naïve, Ångström A\u030angstro\u0308m, Dvořák, İstanbul ıI ßẞ ﬁ ﬆ",
           "Съешь ещё этих мягких французских булок", "ἐν ἀρχῇ ἦν ὁ λόγος",
           "הִנֵּה מַה טוֹב", "السَّلامُ عَلَيْكُم ١٢٣", "हिन्दी में लिखा हुआ १२३", "ภาษาไทย", "தமிழ் மொழி",
           "日本語のテキスト、漢字とカナ。", "한국어 텍스트 \u1112\u1161\u11ab", "中文字符串測試", "ქართული", "Հայերեն",
           "አማርኛ", "မြန်မာ", "ភាសាខ្មែរ", "ᠮᠣᠩᠭᠣᠯ a\u180eb \u180e\u180e", "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽 ☕️ 1️⃣", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𒀀",
           "a\u00a0b\u2003c\u3000d\u0085e\u2028f\u200bg\u200dh\ufeffi", "\x00\x01\x1f\x7f\x80\x9f", " " * 700,
           "x" + " " * 1000 + "y", "\n" * 300, "\t \n \r\n \r\r\n", "", " ", "  ", "a", "▁", "▁▁ ▁a ▁ b▁",
           "<0x41><0xE2>", "word<s>word </s> <s> x</s>", "a<|end|>b  <|end|>  c <|left|> d <|right|>  e",
           "aword word wordb word-word _word word", "Ünï Ｎｏｒｍ Norm norm", "e\u0301 \u1e9b\u0323 \u2126 \uac00"]


def inputs():
    rng = random.Random(7)
    characters = [chr(c) for c in range(0x110000)
                if unicodedata.category(chr(c)) not in ("Cs", "Co") and (c < 0x20000 or c % 16 == 0)]
    texts = list(SAMPLES)
    for i in range(0, len(characters), 64):
        texts.append("".join(characters[i:i + 64]))
        texts.append(" ".join(characters[i:i + 64]))
    pieces = [" ", "  ", "\n", "'s", "<s>", "<|end|>", "word", "▁", "0", "é", "e\u0301", "A", "b", "😀"]
    for _ in range(1500):
        pool = pieces + [rng.choice(characters) for _ in range(4)]
        texts.append("".join(rng.choice(pool) for _ in range(rng.randrange(1, 60))))
    for name in ("README.md", "docs/contract.md", "src/core/pool.c"):
        texts.append((ROOT / name).read_text())
    return texts


def random_bytes():
    rng = random.Random(9)
    parts = [bytes(rng.randrange(256) for _ in range(5000)),
             b"\xff\xfe ok \xc3 \xe2\x82 \xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xe2\x28\xa1"]
    parts += ["añ日😀".encode()[:k] for k in range(10)]
    return b" ".join(parts)


def byte_level(pre, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(vocab_size=1200, initial_alphabet=BYTES, show_progress=False,
                                          special_tokens=["<s>", "</s>"])


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def sentence_piece(pre, normalizer, decoder, byte_fallback=True, fuse=True):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=byte_fallback, fuse_unk=fuse))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoder
    pieces = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if byte_fallback else [])
    return tokenizer, trainers.BpeTrainer(vocab_size=1500, special_tokens=pieces, show_progress=False,
                                          limit_alphabet=300)


def llama2_decoder(strip=True):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))


def kinds():
    prepend = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    metaspace = pre_tokenizers.Metaspace
    yield "gpt2", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    yield "prefix-space", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    yield "llama3", byte_level(split(LLAMA3), ignore_merges=True)
    yield "qwen2", byte_level(split(QWEN2), normalizers.NFC())
    yield "tekken", byte_level(split(TEKKEN), normalizers.NFKC())
    yield "nfd", byte_level(pre_tokenizers.ByteLevel(False), normalizers.NFD())
    yield "nfkd-removed", byte_level(pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.ByteLevel(False)]), normalizers.NFKD())
    yield "llama2", sentence_piece(None, prepend, llama2_decoder())
    yield "mistral", sentence_piece(metaspace("▁", "first", False), None, llama2_decoder(False))
    yield "words", sentence_piece(metaspace("▁", "always", True), None, decoders.Metaspace("▁", "always"))
    yield "never", sentence_piece(metaspace("▁", "never", True), None, decoders.Metaspace("▁", "never"),
                                  byte_fallback=False)
    yield "loose-unknown", sentence_piece(metaspace("▁", "first", True), None, llama2_decoder(),
                                          byte_fallback=False, fuse=False)


def train(tokenizer, trainer):
    tokenizer.train_from_iterator([t for t in SAMPLES if len(t) < 500 and "\0" not in t] * 3 +
                                  [(ROOT / "docs/contract.md").read_text()], trainer)
    tokenizer.add_special_tokens([AddedToken("<|left|>", lstrip=True), AddedToken("<|right|>", rstrip=True),
                                  AddedToken("<|end|>"), AddedToken("<|end|><|end|>")])
    tokenizer.add_tokens([AddedToken("word", single_word=True, normalized=False),
                          AddedToken("Norm", normalized=True), AddedToken("Ünï", normalized=True),
                          AddedToken("plain ", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", tokenizer.token_to_id("<s>")),
                                              ("</s>", tokenizer.token_to_id("</s>"))])
    return tokenizer


def run(*arguments):
    done = subprocess.run([EADEM, "tokenize", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def report(kind, what, given, ours, theirs):
    raise AssertionError(f"{kind}: {what} of {given!r}\n  eadem      {ours!r}\n  tokenizers {theirs!r}")


def check(kind, tokenizer, folder, texts):
    path = folder / f"{kind}.json"
    tokenizer.save(str(path))
    lines = folder / "lines"
    lines.write_text("".join(json.dumps(t) + "\n" for t in texts))
    for special in (False, True):
        theirs = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=special)]
        ours = run(path, lines, "--lines", *(["--special"] if special else [])).split("\n")[:-1]
        assert len(ours) == len(texts)
        for text, line, ids in zip(texts, ours, theirs):
            if line != " ".join(map(str, ids)):
                at = next((i for i, (a, b) in enumerate(zip(line.split(), ids)) if int(a) != b), 0)
                report(kind, f"token {at}", text, line.split()[at:at + 9], ids[at:at + 9])
    check_decoding(kind, tokenizer, folder, path, theirs)
    raw = random_bytes()
    (folder / "raw").write_bytes(raw)
    theirs = tokenizer.encode(raw.decode("utf-8", "replace"), add_special_tokens=False).ids
    ours = [int(i) for i in run(path, folder / "raw").split()]
    if ours != theirs:
        report(kind, "tokens", raw, ours, theirs)


def check_decoding(kind, tokenizer, folder, path, encoded):
    rng = random.Random(11)
    size = tokenizer.get_vocab_size()
    lists = encoded + [[rng.randrange(size) for _ in range(rng.randrange(20))] for _ in range(1000)]
    (folder / "ids").write_text("".join(" ".join(map(str, ids)) + "\n" for ids in lists))
    for skip in (False, True):
        theirs = tokenizer.decode_batch(lists, skip_special_tokens=skip)
        ours = run(path, folder / "ids", "--decode", *(["--skip-special"] if skip else [])).split("\n")[:-1]
        assert len(ours) == len(lists)
        for ids, line, text in zip(lists, ours, theirs):
            if json.loads(line) != text:
                report(kind, "text", ids, json.loads(line), text)


FULL = ("gpt2", "llama3", "qwen2", "llama2", "mistral")
KINDS = dict(kinds())


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_tokenizers(kind, tmp_path):
    texts = inputs()
    check(kind, train(*KINDS[kind]), tmp_path, texts if kind in FULL else texts[:60] + texts[-600:])


@pytest.mark.parametrize("name, change", [
    ("Unigram", lambda d: d["model"].update(type="Unigram")),
    ("Bert", lambda d: d.update(normalizer={"type": "Bert"})),
    ("Whitespace", lambda d: d.update(pre_tokenizer={"type": "Whitespace"})),
    ("CTC", lambda d: d.update(decoder={"type": "CTC"})),
    ("MergedWithNext", lambda d: d.update(pre_tokenizer={
        "type": "Split", "pattern": {"Regex": "a"}, "behavior": "MergedWithNext", "invert": False})),
    ("Han", lambda d: d.update(pre_tokenizer={
        "type": "Split", "pattern": {"Regex": r"\p{Han}"}, "behavior": "Isolated", "invert": False})),
    ("##", lambda d: d["model"].update(continuing_subword_prefix="##")),
    ("dropout", lambda d: d["model"].update(dropout=0.5)),
    ("has no decoder", lambda d: d.update(decoder=None)),
])
def test_refuses_by_name(name, change, tmp_path):
    description = json.loads(train(*KINDS["gpt2"]).to_str())
    change(description)
    (tmp_path / "tokenizer.json").write_text(json.dumps(description))
    (tmp_path / "text").write_text("text")
    done = subprocess.run([EADEM, "tokenize", tmp_path, tmp_path / "text"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and name in done.stderr and done.stdout == ""
