"""Small models of real architectures with random weights, one with its real weights, and the vision models in full size.

A Case holds a module, its inputs (tensors whose first dimension is the batch) and two functions of the module's output:
`outputs`, a tensor whose first dimension is the batch, and `loss`. The vision models are written from their papers.

As a program (models.py [NAME …]) it prints the digests of `results`, in Eadem and in plain PyTorch, as one JSON object.
"""

import dataclasses
import importlib.util
import json
import math
import pathlib
import sys
import typing

import torch
import torch.nn.functional as F
from torch import nn

import eadem.torch as et


@dataclasses.dataclass
class Case:
    model: nn.Module
    inputs: dict
    outputs: typing.Callable
    loss: typing.Callable  # loss(output, inputs)


# --- Vision ----------------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """He et al. 2015 (arXiv:1512.03385), figure 5 left."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or into != out:
            self.shortcut = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18(width=64, classes=1000):
    """ResNet-18; width 64 is the paper's."""
    layers = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
              nn.MaxPool2d(3, 2, 1)]
    into = width
    for stage in range(4):
        for block in range(2):
            out = width << stage
            layers.append(BasicBlock(into, out, 2 if stage and not block else 1))
            into = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, classes))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduced):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class Bottleneck(nn.Module):
    """Howard et al. 2019 (arXiv:1905.02244), figure 4: expand, depthwise, squeeze and excite, project."""

    def __init__(self, into, kernel, expanded, out, squeeze, activation, stride):
        super().__init__()
        layers = [nn.Conv2d(into, expanded, 1, bias=False), nn.BatchNorm2d(expanded), activation(),
                  nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False),
                  nn.BatchNorm2d(expanded), activation()]
        layers += [SqueezeExcite(expanded, max(8, expanded // 4 // 8 * 8))] if squeeze else []
        self.body = nn.Sequential(*layers, nn.Conv2d(expanded, out, 1, bias=False), nn.BatchNorm2d(out))
        self.residual = stride == 1 and into == out

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


# Table 2 of the paper: kernel, expanded, out, squeeze, activation, stride.
_MOBILENET_V3_SMALL = [(3, 16, 16, True, nn.ReLU, 2), (3, 72, 24, False, nn.ReLU, 2), (3, 88, 24, False, nn.ReLU, 1),
                       (5, 96, 40, True, nn.Hardswish, 2), (5, 240, 40, True, nn.Hardswish, 1),
                       (5, 240, 40, True, nn.Hardswish, 1), (5, 120, 48, True, nn.Hardswish, 1),
                       (5, 144, 48, True, nn.Hardswish, 1), (5, 288, 96, True, nn.Hardswish, 2),
                       (5, 576, 96, True, nn.Hardswish, 1), (5, 576, 96, True, nn.Hardswish, 1)]


def mobilenet_v3_small(classes=1000):
    layers = [nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()]
    into = 16
    for kernel, expanded, out, squeeze, activation, stride in _MOBILENET_V3_SMALL:
        layers.append(Bottleneck(into, kernel, expanded, out, squeeze, activation, stride))
        into = out
    return nn.Sequential(*layers, nn.Conv2d(96, 576, 1, bias=False), nn.BatchNorm2d(576), nn.Hardswish(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(576, 1024), nn.Hardswish(),
                         nn.Dropout(0.2), nn.Linear(1024, classes))


class VisionTransformer(nn.Module):
    """Dosovitskiy et al. 2020 (arXiv:2010.11929); ViT-B/16 is (768, 12, 12, 3072, 224, 16)."""

    def __init__(self, width=32, depth=2, heads=4, hidden=64, image=32, patch=8, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, 0.1, "gelu", 1e-6, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width, 1e-6), enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.encoder(x)[:, 0])


class UNet(nn.Module):
    """Ronneberger et al. 2015 (arXiv:1505.04597), with group norm, one learned and one bilinear up-sampling."""

    def __init__(self, width=8, classes=4):
        super().__init__()

        def double(into, out):
            return nn.Sequential(nn.Conv2d(into, out, 3, padding=1), nn.GroupNorm(4, out), nn.SiLU(),
                                 nn.Conv2d(out, out, 3, padding=1), nn.GroupNorm(4, out), nn.SiLU())

        self.first, self.second = double(3, width), double(width, 2 * width)
        self.bottom = double(2 * width, 4 * width)
        self.up = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.join = double(4 * width, 2 * width)
        self.last = double(3 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        a = self.first(x)
        b = self.second(F.max_pool2d(a, 2))
        c = self.bottom(F.avg_pool2d(b, 2))
        b = self.join(torch.cat([self.up(c), b], 1))
        b = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(self.last(torch.cat([b, a], 1)))


def _classifier(model, size, classes=10, batch=4):
    inputs = {"x" if isinstance(model, VisionTransformer) else "input": torch.randn(batch, 3, size, size)}
    target = torch.randint(classes, (batch,))
    return Case(model, inputs, lambda out: out, lambda out, _: F.cross_entropy(out, target))


def _unet():
    target = torch.randint(4, (4, 16, 16))
    return Case(UNet(), {"x": torch.randn(4, 3, 16, 16)}, lambda out: out,
                lambda out, _: F.cross_entropy(out, target))


# --- Sequences -------------------------------------------------------------------------------------------


class Tagger(nn.Module):
    """A bidirectional LSTM over features, trained with CTC (Graves et al. 2006)."""

    def __init__(self, features=12, hidden=16, symbols=8):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, symbols)

    def forward(self, x):
        return F.log_softmax(self.head(self.lstm(x)[0]), -1)


def _tagger():
    targets = torch.randint(1, 8, (4, 5))
    lengths, target_lengths = torch.tensor([20, 20, 18, 15]), torch.tensor([5, 4, 5, 3])
    return Case(Tagger(), {"x": torch.randn(4, 20, 12)}, lambda out: out,
                lambda out, _: F.ctc_loss(out.transpose(0, 1), targets, lengths, target_lengths))


class SileroVAD(nn.Module):
    """Silero's voice activity detector for 16 kHz (github.com/snakers4/silero-vad), one window of 64 samples of context and
    512 new ones: a Fourier transform as a convolution, four convolutions, an LSTM cell. Its weights are in its package."""

    def __init__(self):
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, 128, bias=False)
        self.conv1, self.conv2 = nn.Conv1d(129, 128, 3, 1, 1), nn.Conv1d(128, 64, 3, 2, 1)
        self.conv3, self.conv4 = nn.Conv1d(64, 64, 3, 2, 1), nn.Conv1d(64, 128, 3, 1, 1)
        self.lstm_cell, self.final_conv = nn.LSTMCell(128, 128), nn.Conv1d(128, 1, 1)

    def forward(self, x):
        x = self.stft_conv(F.pad(x, (0, 64), "reflect").unsqueeze(1))
        x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.relu(conv(x))
        h, _ = self.lstm_cell(x.squeeze(-1))
        return torch.sigmoid(self.final_conv(F.relu(h).unsqueeze(-1))).flatten()


def silero_program():
    """The package's own TorchScript; the package itself, which sets PyTorch's threads, is not imported."""
    folder = pathlib.Path(importlib.util.find_spec("silero_vad").submodule_search_locations[0])
    return torch.jit.load(folder / "data" / "silero_vad.jit").eval()


def voices(windows=8):
    """A vowel of 120 Hz with three formants, louder from window to window, over noise; the first has no context."""
    time = torch.arange(windows * 512) / 16000
    sound = sum(torch.sin(2 * math.pi * 120 * k * time) * sum(math.exp(-((120 * k - f) / 90) ** 2) for f in (700, 1220, 2600))
                for k in range(1, 30))
    sound = F.pad(0.1 * sound * (time / time[-1]) + 0.002 * torch.randn(len(time)), (64, 0))
    return sound.unfold(0, 576, 512).contiguous()


def _silero():
    model, names = SileroVAD(), {"stft.forward_basis_buffer": "stft_conv.weight"}
    names.update({f"encoder.{i}.reparam_conv.{part}": f"conv{i + 1}.{part}" for i in range(4) for part in ("weight", "bias")})
    names.update({f"decoder.rnn.{name}": f"lstm_cell.{name}" for name in model.lstm_cell.state_dict()})
    names.update({f"decoder.decoder.2.{part}": f"final_conv.{part}" for part in ("weight", "bias")})
    weights = silero_program().state_dict()
    model.load_state_dict({name: weights["_model." + theirs] for theirs, name in names.items()})
    target = torch.linspace(0, 1, 8)
    return Case(model, {"x": voices()}, lambda out: out, lambda out, _: F.binary_cross_entropy(out, target.to(out)))


class GruClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12, padding_idx=0)
        self.gru = nn.GRU(12, 16, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, ids):
        return self.head(self.gru(self.embedding(ids))[1][-1])


def _gru():
    target = torch.randint(5, (4,))
    return Case(GruClassifier(), {"ids": torch.randint(30, (4, 9))}, lambda out: out,
                lambda out, _: F.cross_entropy(out, target))


def _hugging_face(kind, config_name, head, options, decoder=False, features=None):
    """A transformers model with a language-modelling loss on its own inputs."""
    import transformers

    config = getattr(transformers, config_name)(attn_implementation="sdpa", **options)
    model = getattr(transformers, head)(config)
    ids = torch.randint(5, 60, (4, 12))
    inputs = {"input_ids": ids} if features is None else {"input_features": features}
    if decoder:
        inputs["decoder_input_ids"] = torch.randint(5, 60, (4, 7))
    labels = inputs.get("decoder_input_ids", ids)

    def loss(out, _):
        return F.cross_entropy(out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())

    return Case(model, inputs, lambda out: out.logits, loss)


_LLAMA = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=64)


def _bert():
    return _hugging_face("bert", "BertConfig", "BertForMaskedLM",
                         dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                              intermediate_size=64, max_position_embeddings=32))


def _gpt2():
    return _hugging_face("gpt2", "GPT2Config", "GPT2LMHeadModel",
                         dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1,
                              eos_token_id=2))


def _llama():
    return _hugging_face("llama", "LlamaConfig", "LlamaForCausalLM", _LLAMA)


def _qwen3():
    return _hugging_face("qwen3", "Qwen3Config", "Qwen3ForCausalLM", {**_LLAMA, "head_dim": 8})


def _qwen3_moe():
    return _hugging_face("qwen3_moe", "Qwen3MoeConfig", "Qwen3MoeForCausalLM",
                         {**_LLAMA, "head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2,
                          "moe_intermediate_size": 24})


def _t5():
    return _hugging_face("t5", "T5Config", "T5ForConditionalGeneration",
                         dict(vocab_size=64, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4), decoder=True)


def _whisper():
    options = dict(vocab_size=64, num_mel_bins=8, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
                   decoder_attention_heads=4, d_model=32, encoder_ffn_dim=48, decoder_ffn_dim=48,
                   max_source_positions=20, max_target_positions=16, pad_token_id=1, bos_token_id=1, eos_token_id=2,
                   decoder_start_token_id=3)
    return _hugging_face("whisper", "WhisperConfig", "WhisperForConditionalGeneration", options, decoder=True,
                         features=torch.randn(4, 8, 40))


_CASES = {
    "resnet18": lambda: _classifier(resnet18(8, 10), 32),
    "mobilenet_v3": lambda: _classifier(mobilenet_v3_small(10), 32),
    "vit": lambda: _classifier(VisionTransformer(), 32),
    "unet": _unet, "lstm_ctc": _tagger, "silero_vad": _silero, "gru": _gru, "bert": _bert, "gpt2": _gpt2, "llama": _llama, "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe, "t5": _t5, "whisper": _whisper,
}
_FULL = {  # seconds each: tools/models_matrix.py and nobody else runs them
    "resnet18_full": lambda: _classifier(resnet18(), 224, 1000),
    "mobilenet_v3_full": lambda: _classifier(mobilenet_v3_small(), 224, 1000),
    "vit_b_full": lambda: _classifier(VisionTransformer(768, 12, 12, 3072, 224, 16, 1000), 224, 1000, batch=2),
}
NAMES, FULL = list(_CASES), list(_FULL)


def case(name):
    """The named case, always with the same weights and inputs."""
    torch.manual_seed(11)
    return {**_CASES, **_FULL}[name]()


OPTIMIZERS = {"SGD": {"lr": 0.001, "momentum": 0.9}, "Adam": {"lr": 0.001}, "AdamW": {"lr": 0.001}}


def outputs(case):
    """In evaluation."""
    with torch.no_grad():
        return case.outputs(case.model.eval()(**case.inputs)).clone()


def slices(case):
    """The same computed one element of the batch at a time."""
    case.model.eval()
    size = len(next(iter(case.inputs.values())))
    with torch.no_grad():
        return torch.cat([case.outputs(case.model(**{k: v[i:i + 1] for k, v in case.inputs.items()}))
                          for i in range(size)])


def train(case, optimizer):
    """Three steps."""
    case.model.train()
    torch.manual_seed(3)
    optimizer = getattr(torch.optim, optimizer)(case.model.parameters(), **OPTIMIZERS[optimizer])
    for _ in range(3):
        loss = case.loss(case.model(**case.inputs), case.inputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return case.model


def results(name):
    """Digests: the outputs, the same by slices, the model after training with each optimiser."""
    found = {"outputs": et.digest(outputs(case(name))), "slices": et.digest(slices(case(name)))}
    for optimizer in OPTIMIZERS:
        found[optimizer] = et.digest(train(case(name), optimizer))
    return found


def reproducible_results(name):
    with et.reproducible():
        return results(name)


if __name__ == "__main__":
    print(json.dumps({name: {"ours": reproducible_results(name), "plain": results(name)}
                      for name in sys.argv[1:] or NAMES}))
