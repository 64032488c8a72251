"""GGUF files as the `gguf` package writes them: models against the Hugging Face folder that they came from, byte-level
tokenizers against `tokenizers`, piece tokenizers against `sentencepiece`."""
import json
import pathlib
import sys

import gguf
import numpy as np
import pytest
import safetensors.numpy
import sentencepiece
import tokenizers
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import small_models  # noqa: E402
import test_models  # noqa: E402
import test_tokenizer  # noqa: E402

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    if not name.startswith("model.layers."):
        return {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
                "lm_head.weight": "output.weight"}[name]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def adjacent(weight, heads):
    """Rows of q and k as GGUF's architecture "llama" has them: the halves of a head interleaved."""
    return weight.reshape(heads, 2, -1, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_tokenizer(writer, description, pre):
    """A tokenizer.json's vocabulary and merges as metadata."""
    vocab = description["model"]["vocab"]
    added = {t["content"]: t for t in description["added_tokens"]}
    size = max([*vocab.values(), *(t["id"] for t in added.values())]) + 1
    texts = {i: t for t, i in vocab.items()} | {t["id"]: c for c, t in added.items()}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([texts[i] for i in range(size)])
    writer.add_token_types([3 if texts[i] in added else 1 for i in range(size)])
    writer.add_token_merges([" ".join(m) for m in description["model"]["merges"]])


def rope_divisors(model):
    """Llama 3's scaling, as GGUF files have it."""
    c, half = model.config.rope_parameters, model.config.head_dim // 2
    inverse = c["rope_theta"] ** (-np.arange(half) / half)
    length, old, low, high = 2 * np.pi / inverse, c["original_max_position_embeddings"], c["low_freq_factor"], c["high_freq_factor"]
    smooth = np.clip((old / length - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / c["factor"] + smooth)).astype(np.float32)


def write_model(path, model, architecture, kind, tokenizer):
    config = model.config
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    write_tokenizer(writer, tokenizer, "gpt-2")
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(model))
    with torch.no_grad():
        for name, p in model.named_parameters():
            data = p.numpy()
            if architecture == "llama" and ("q_proj" in name or "k_proj" in name):
                heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
                data = adjacent(data, heads)
            if data.ndim == 2 and data.shape[1] % 32 == 0:
                quantised = gguf.quants.quantize(data, kind)
                back = gguf.quants.dequantize(quantised, kind)
                if architecture != "llama":
                    p.copy_(torch.from_numpy(back))
                writer.add_tensor(gguf_name(name), quantised, raw_dtype=kind)
            else:
                writer.add_tensor(gguf_name(name), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make(tmp_path, family, architecture, kind):
    model = small_models.make(family, tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    write_model(tmp_path / "model.gguf", model, architecture, kind, tokenizer)
    return model


def score_gguf(tmp_path, ids):
    (tmp_path / "ids").write_text(" ".join(map(str, ids)))
    lines = test_models.eadem("score", tmp_path / "model.gguf", "--tokens", tmp_path / "ids").splitlines()
    return torch.tensor([float(line.split("\t")[2]) for line in lines[1:-1]], dtype=torch.float64)


@pytest.mark.parametrize("kind", ["F32", "BF16", "F16", "Q8_0", "Q4_0"])
def test_qwen3_has_the_bits_of_its_folder(kind, tmp_path):
    model = make(tmp_path, "qwen3", "qwen3", gguf.GGMLQuantizationType[kind])
    model.save_pretrained(tmp_path)  # the weights as the format rounded them
    ids = small_models.tokens(80)
    assert torch.equal(score_gguf(tmp_path, ids), test_models.score(tmp_path, ids))


def random_blocks(kind, shape):
    """Bytes of a matrix in Q4_K or Q6_K, which the package reads but does not write: random but for the scales."""
    size = {"Q4_K": 144, "Q6_K": 210}[kind.name]
    blocks = np.random.default_rng(sum(shape)).integers(0, 256, (shape[0], shape[1] // 256, size), dtype=np.uint8)
    scale = np.array([1e-4 if kind.name == "Q4_K" else 3e-5], np.float16).view(np.uint8)
    for at in (0, 2) if kind.name == "Q4_K" else (208,):
        blocks[:, :, at:at + 2] = scale
    return blocks.reshape(shape[0], -1)


@pytest.mark.parametrize("kind", ["Q4_K", "Q6_K"])
def test_formats_of_256_have_the_bits_of_their_values(kind, tmp_path, monkeypatch):
    monkeypatch.setitem(small_models.FAMILIES, "wide", lambda t: t.Qwen3Config(**{
        **small_models.COMMON, "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 2}, head_dim=64,
        rope_parameters=small_models.PLAIN))
    kind, packed = gguf.GGMLQuantizationType[kind], {}
    model = small_models.make("wide", tmp_path)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 2:
                blocks = random_blocks(kind, p.shape)
                p.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, kind)))
                packed[p.numpy().tobytes()] = blocks
    model.save_pretrained(tmp_path)
    # the writer packs what it has unpacked
    monkeypatch.setattr(gguf.quants, "quantize", lambda data, _: packed[data.tobytes()])
    write_model(tmp_path / "model.gguf", model, "qwen3", kind, json.loads((tmp_path / "tokenizer.json").read_text()))
    ids = small_models.tokens(40)
    scores = score_gguf(tmp_path, ids)
    assert scores.std() > 0.1 and torch.equal(scores, test_models.score(tmp_path, ids))


# Names of Hugging Face's GPT-2 and its kind in GGUF.
GPT2 = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
        "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


def as_gguf(tensors, experts):
    """A folder's tensors as GGUF has them: GPT-2's matrices [out, in], the experts of a layer in one tensor."""
    out = {}
    for name, data in tensors.items():
        if name.startswith("transformer."):
            *layer, rest = name.removeprefix("transformer.").removeprefix("h.").split(".", 1 if ".h." in name else 0)
            part, kind = rest.rsplit(".", 1)
            out[".".join(["blk", *layer, GPT2[part], kind] if layer else [GPT2[part], kind])] = \
                data.T if ".c_" in name and data.ndim == 2 else data
        elif ".experts." not in name:
            out[gguf_name(name) if ".mlp.gate." not in name
                else f"blk.{name.split('.')[2]}.ffn_gate_inp.weight"] = data
    for layer in range(3 if experts else 0):
        for part in ("gate", "up", "down"):
            out[f"blk.{layer}.ffn_{part}_exps.weight"] = np.stack(
                [tensors[f"model.layers.{layer}.mlp.experts.{e}.{part}_proj.weight"] for e in range(experts)])
    return out


@pytest.mark.parametrize("family, architecture", [("qwen2", "qwen2"), ("qwen3-moe", "qwen3moe"), ("gpt2", "gpt2")])
def test_other_families_have_the_bits_of_their_folders(family, architecture, tmp_path):
    c = small_models.make(family, tmp_path).config
    tensors = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    experts = getattr(c, "num_experts", 0)
    writer = gguf.GGUFWriter(str(tmp_path / "model.gguf"), architecture)
    writer.add_embedding_length(c.hidden_size)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_head_count(c.num_attention_heads)
    writer.add_context_length(c.max_position_embeddings)
    if family == "gpt2":
        writer.add_feed_forward_length(4 * c.hidden_size)
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
    else:
        writer.add_head_count_kv(c.num_key_value_heads)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_layer_norm_rms_eps(c.rms_norm_eps)
        writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    if experts:
        writer.add_key_length(c.head_dim)
        writer.add_expert_count(experts)
        writer.add_expert_used_count(c.num_experts_per_tok)
        writer.add_expert_feed_forward_length(c.moe_intermediate_size)
    write_tokenizer(writer, json.loads((tmp_path / "tokenizer.json").read_text()), "gpt-2")
    for name, data in as_gguf(tensors, experts).items():
        writer.add_tensor(name, np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ids = small_models.tokens(80)
    assert torch.equal(score_gguf(tmp_path, ids), test_models.score(tmp_path, ids))


@pytest.mark.parametrize("family", ["llama2", "llama3"])
def test_llama_with_adjacent_pairs(family, tmp_path):
    model = make(tmp_path, family, "llama", gguf.GGMLQuantizationType.F32)
    ids = small_models.tokens(80)
    test_models.exact_rotary(model)
    error = (score_gguf(tmp_path, ids) - test_models.expected(model.double(), ids)).abs().max()
    assert error < 2e-5


@pytest.mark.parametrize("kind, pre", [("gpt2", "gpt-2"), ("llama3", "llama-bpe"), ("qwen2", "qwen2")])
def test_byte_level_tokenizers(kind, pre, tmp_path):
    tokenizer, trainer = test_tokenizer.KINDS[kind]
    tokenizer = tokenizers.Tokenizer.from_str(tokenizer.to_str())  # trained twice it remembers words of the first time
    texts = [t for t in test_tokenizer.inputs()[:200]]
    tokenizer.train_from_iterator([t for t in test_tokenizer.SAMPLES if len(t) < 500], trainer)
    writer = gguf.GGUFWriter(str(tmp_path / "t.gguf"), "llama")
    write_tokenizer(writer, json.loads(tokenizer.to_str()), pre)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    expected = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    check(tmp_path, texts, expected, tokenizer.decode_batch(expected, skip_special_tokens=False))


def test_piece_tokenizers(tmp_path):
    texts = [t for t in test_tokenizer.SAMPLES if "\0" not in t and "▁" not in t and "<" not in t and t]
    (tmp_path / "text").write_text("\n".join(t.replace("\n", " ") for t in texts if len(t) < 500) * 5)
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "sp"), vocab_size=700, model_type="bpe",
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.98,
        minloglevel=2)
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "sp.model"))
    writer = gguf.GGUFWriter(str(tmp_path / "t.gguf"), "llama")
    writer.add_tokenizer_model("llama")
    ids = range(model.vocab_size())
    writer.add_token_list([model.id_to_piece(i) for i in ids])
    writer.add_token_scores([model.get_score(i) for i in ids])
    writer.add_token_types([2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
                            for i in ids])
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    check(tmp_path, texts, model.encode(texts), texts)


def check(tmp_path, texts, expected, decoded):
    (tmp_path / "lines").write_text("".join(json.dumps(t) + "\n" for t in texts))
    lines = test_tokenizer.run(tmp_path / "t.gguf", tmp_path / "lines", "--lines").split("\n")[:-1]
    assert len(lines) == len(texts)
    for text, line, ids in zip(texts, lines, expected):
        assert line == " ".join(map(str, ids)), text
    (tmp_path / "ids").write_text("\n".join(lines) + "\n")
    back = test_tokenizer.run(tmp_path / "t.gguf", tmp_path / "ids", "--decode").split("\n")[:-1]
    assert [json.loads(b) for b in back] == decoded
