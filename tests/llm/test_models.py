"""Log-probabilities of every family against transformers in float64: our error is no larger than that of
transformers in float32."""
import os
import pathlib
import subprocess
import sys

import pytest
import safetensors.torch
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import small_models  # noqa: E402

EADEM = pathlib.Path(os.environ["EADEM_BUILD"]) / "eadem"


def eadem(*arguments, code=0):
    done = subprocess.run([EADEM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def score(folder, ids, *options):
    (folder / "ids").write_text(" ".join(map(str, ids)))
    lines = eadem("score", folder, "--tokens", folder / "ids", *options).splitlines()
    return torch.tensor([float(line.split("\t")[2]) for line in lines[1:-1]], dtype=torch.float64)


def exact_rotary(model):
    """transformers computes angles in float32 even in a float64 model: here they are exact, of the same
    frequencies."""
    rotary = getattr(model.model, "rotary_emb", None) if hasattr(model, "model") else None
    if rotary is None:
        return
    config = model.config.rope_parameters
    half = torch.arange(0, rotary.inv_freq.numel(), dtype=torch.float64)
    inverse = config["rope_theta"] ** (-half / rotary.inv_freq.numel())
    if config["rope_type"] == "linear":
        inverse = inverse / config["factor"]
    if config["rope_type"] == "llama3":
        length, old = 2 * torch.pi / inverse, config["original_max_position_embeddings"]
        low, high = config["low_freq_factor"], config["high_freq_factor"]
        smooth = ((old / length - low) / (high - low)).clamp(0, 1)
        inverse = (1 - smooth) * inverse / config["factor"] + smooth * inverse
    inverse = inverse.float().double()

    def forward(x, position_ids, *_):
        angles = position_ids[..., None].double() * inverse
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)

    rotary.forward = forward


def expected(model, ids):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0].double()


def rms(x):
    return x.square().mean().sqrt()


@pytest.mark.parametrize("family", [*small_models.FAMILIES, *small_models.WIDE])
def test_agrees_with_transformers(family, tmp_path):
    model = small_models.make(family, tmp_path)
    ids = small_models.tokens(600)
    float32 = expected(model, ids)
    exact_rotary(model)
    float64 = expected(model.double(), ids)
    ours = score(tmp_path, ids)
    error, theirs = (ours - float64).abs(), (float32 - float64).abs()
    print(f"{family}: root mean square of errors {rms(error):.2e}, transformers in float32 {rms(theirs):.2e}; "
          f"largest {error.max():.2e}, {theirs.max():.2e}")
    assert len(ours) == 599 and float64.std() > 0.5
    assert error.max() < 5e-4
    assert rms(error) <= rms(theirs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_storage_types_are_widened_exactly(dtype, tmp_path):
    model = small_models.make("qwen3", tmp_path, dtype)
    ids = small_models.tokens(100)
    exact_rotary(model)
    assert (score(tmp_path, ids) - expected(model.double(), ids)).abs().max() < 2e-4


def test_shards_give_the_same_bits(tmp_path):
    ids = small_models.tokens(100)
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    small_models.make("llama2", tmp_path / "one")
    small_models.make("llama2", tmp_path / "many", shard="100KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 3
    assert torch.equal(score(tmp_path / "one", ids), score(tmp_path / "many", ids))


@pytest.mark.parametrize("family, name, changes", [
    ("llama2", "t5", {"model_type": "t5"}),
    ("llama2", "gelu", {"hidden_act": "gelu"}),
    ("llama2", "yarn", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0}}),
    ("llama2", "yarn", {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}),  # it counts before rope_parameters
    ("llama2", "mlp_bias", {"mlp_bias": True}),
    ("llama2", "quantization_config", {"quantization_config": {"bits": 4}}),
    ("llama2", "partial_rotary_factor", {"partial_rotary_factor": 0.5}),
    ("llama2", "hidden_size", {"hidden_size": 0}),
    ("llama2", "lm_head.weight", {"vocab_size": 100, "num_hidden_layers": 3, "model_type": "llama",
                                  "hidden_size": 32, "head_dim": 16}),
    ("qwen3", "layer_types", {"layer_types": ["full_attention", "chunked_attention", "full_attention"]}),
    ("gpt2", "scale_attn_by_inverse_layer_idx", {"scale_attn_by_inverse_layer_idx": True}),
    ("gpt2", "relu", {"activation_function": "relu"}),
])
def test_refuses_by_name(family, name, changes, tmp_path):
    small_models.make(family, tmp_path)
    small_models.edit_config(tmp_path, **changes)
    said = eadem("generate", tmp_path, "-p", "x", code=1)
    assert name in said or (name == "lm_head.weight" and "is not" in said), said


def test_weights_of_another_type_are_refused(tmp_path):
    """A bias too, which a model may lack: it is not taken for missing."""
    small_models.make("qwen2", tmp_path)
    tensors = safetensors.torch.load_file(tmp_path / "model.safetensors")
    name = "model.layers.1.self_attn.k_proj.bias"
    tensors[name] = tensors[name].double()
    safetensors.torch.save_file(tensors, tmp_path / "model.safetensors")
    said = eadem("generate", tmp_path, "-p", "x", code=1)
    assert name in said and "float32, float16 or bfloat16" in said, said
