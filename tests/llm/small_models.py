"""Small random models of every family, and a tokenizer, as Hugging Face folders."""
import json

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB, CONTEXT = 384, 1024
COMMON = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=0, eos_token_id=1)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
LINEAR = dict(rope_type="linear", rope_theta=10000.0, factor=4.0)
PLAIN = dict(rope_type="default", rope_theta=10000.0)
FAMILIES = {
    "llama2": lambda t: t.LlamaConfig(**COMMON, rope_parameters=PLAIN),
    "llama3": lambda t: t.LlamaConfig(**COMMON, rope_parameters=LLAMA3, attention_bias=True, head_dim=24),
    "llama-linear": lambda t: t.LlamaConfig(**COMMON, rope_parameters=LINEAR, tie_word_embeddings=True),
    "mistral": lambda t: t.MistralConfig(**COMMON, sliding_window=100, rope_parameters=PLAIN),
    "qwen2": lambda t: t.Qwen2Config(**COMMON, rope_parameters=PLAIN),
    "qwen2-window": lambda t: t.Qwen2Config(**COMMON, rope_parameters=PLAIN, use_sliding_window=True,
                                            sliding_window=50, max_window_layers=1),
    "qwen3": lambda t: t.Qwen3Config(**COMMON, head_dim=32, rope_parameters=dict(PLAIN, rope_theta=1e6)),
    "qwen3-moe": lambda t: t.Qwen3MoeConfig(**COMMON, head_dim=16, moe_intermediate_size=40, num_experts=8,
                                            num_experts_per_tok=3, norm_topk_prob=True, rope_parameters=PLAIN),
    "gpt2": lambda t: t.GPT2Config(vocab_size=VOCAB, n_embd=64, n_layer=3, n_head=4, n_positions=CONTEXT,
                                   bos_token_id=0, eos_token_id=1),
}

# Rows as long as those of GPT-2 and Qwen3-0.6B: rounding errors grow with them.
WIDE = {
    "gpt2-wide": lambda t: t.GPT2Config(vocab_size=VOCAB, n_embd=768, n_layer=2, n_head=12, n_positions=CONTEXT,
                                        bos_token_id=0, eos_token_id=1),
    "qwen3-wide": lambda t: t.Qwen3Config(**dict(COMMON, hidden_size=1024, intermediate_size=3072, num_hidden_layers=2,
                                                 num_attention_heads=16, num_key_value_heads=8), head_dim=128,
                                          rope_parameters=dict(PLAIN, rope_theta=1e6)),
}


def save_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(["the cat sat on the mat and the dog sat on the log " * 9], trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.save(str(folder / "tokenizer.json"))


def make(family, folder, dtype=torch.float32, shard=None):
    """Saves a model and returns it. Weights are larger than usual, so that logits differ clearly."""
    torch.manual_seed(5)
    config = (FAMILIES | WIDE)[family](transformers)
    if family == "qwen3-moe":  # the default has no float64
        config._experts_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 1.2 / p.shape[-1] ** 0.5)
            elif "norm" in name or "ln_" in name:
                p.uniform_(0.5, 1.5)
            else:
                p.normal_(0, 0.2)
    model = model.to(dtype).eval()
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    save_tokenizer(folder)
    return model


def tokens(count, seed=1):
    return torch.randint(2, VOCAB, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
