#!/usr/bin/env python3
"""Makes torch_grad.json: values and gradients of every tape operation, computed by PyTorch in float64.

Each case has inputs, the weights w of the loss sum(out * w), the output and the inputs' gradients.
tests/grad/test_tape.c computes the same on the tape.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(1)
cases = []


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.detach().double().flatten().tolist()]


def case(name, function, *shapes, positive=False):
    inputs = [torch.randn(s).float() for s in shapes]
    if positive:
        inputs = [x.abs() + 0.25 for x in inputs]
    leaves = [x.double().requires_grad_() for x in inputs]
    out = function(*leaves)
    weights = torch.randn(out.shape).float()
    (out * weights.double()).sum().backward()
    cases.append({
        "name": name,
        "inputs": [{"shape": list(x.shape), "data": numbers(x), "grad": numbers(leaf.grad)}
                   for x, leaf in zip(inputs, leaves)],
        "weights": numbers(weights),
        "out": {"shape": list(out.shape), "data": numbers(out)},
    })


case("add", lambda a, b: a + b, [3, 4], [3, 4])
case("add broadcast", lambda a, b: a + b, [3, 1, 4], [2, 4])
case("sub broadcast", lambda a, b: a - b, [4], [3, 4])
case("mul", lambda a, b: a * b, [5], [5])
case("mul broadcast", lambda a, b: a * b, [2, 3], [3])
case("div broadcast", lambda a, b: a / b, [2, 3], [2, 1], positive=True)
case("div scalar", lambda a, b: a / b, [], [3], positive=True)
case("exp", torch.exp, [7])
case("log", torch.log, [7], positive=True)
case("sqrt", torch.sqrt, [7], positive=True)
case("tanh", torch.tanh, [2, 4])
case("sigmoid", torch.sigmoid, [2, 4])
case("relu", torch.relu, [3, 5])
case("sum all", lambda x: x.sum(), [2, 3, 4])
case("sum middle", lambda x: x.sum(1), [2, 3, 4])
case("mean ends keep", lambda x: x.mean((0, -1), keepdim=True), [2, 3, 4])
case("softmax", lambda x: F.softmax(x, 1), [2, 5, 3])
case("log_softmax", lambda x: F.log_softmax(x, -1), [4, 6])
case("matmul", torch.matmul, [3, 4], [4, 5])
case("matmul batches", torch.matmul, [2, 1, 3, 4], [3, 4, 2])
case("matmul row", torch.matmul, [4], [2, 4, 3])
case("matmul column", torch.matmul, [2, 3, 4], [4])
case("matmul dot", torch.matmul, [6], [6])
case("linear", F.linear, [3, 4], [5, 4], [5])
case("linear deep", F.linear, [2, 3, 4], [5, 4], [5])
case("linear no bias", F.linear, [3, 4], [2, 4])
case("conv2d", F.conv2d, [2, 3, 6, 5], [4, 3, 3, 2], [4])
case("conv2d options", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2),
                                                dilation=(1, 2), groups=2),
     [2, 4, 7, 6], [6, 2, 3, 2], [6])
case("conv2d no bias", F.conv2d, [1, 2, 4, 4], [3, 2, 2, 2])
case("conv1d", lambda x, w, b: F.conv1d(x, w, b, stride=2), [2, 3, 8], [4, 3, 3], [4])
case("conv3d", lambda x, w, b: F.conv3d(x, w, b, padding=(1, 0, 1)), [2, 4, 3, 5], [4, 2, 2, 3, 2], [4])
case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), output_padding=(1, 0), groups=2),
     [2, 4, 3, 2], [4, 3, 2, 3], [6])
case("max_pool2d", lambda x: F.max_pool2d(x, 2), [2, 3, 4, 6])
case("max_pool2d overlapping", lambda x: F.max_pool2d(x, 3, stride=2, padding=1), [1, 2, 7, 6])
case("max_pool2d ceil", lambda x: F.max_pool2d(x, 2, ceil_mode=True), [1, 2, 5, 7])
case("max_pool3d", lambda x: F.max_pool3d(x, (2, 2, 3)), [1, 2, 4, 4, 6])
case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2), [2, 2, 8])
case("avg_pool2d", lambda x: F.avg_pool2d(x, (3, 2), padding=1, ceil_mode=True), [1, 2, 6, 5])
case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 3)), [2, 2, 5, 7])
case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), [2, 5, 7])
case("fractional_max_pool2d", lambda x: F.fractional_max_pool2d(
    x, 2, (3, 3), _random_samples=torch.tensor([[[0.25, 0.75]]], dtype=x.dtype)), [1, 1, 6, 7])
case("max_unpool1d", lambda x: F.max_unpool1d(x, torch.tensor([[[5, 0, 3]]]), 2), [1, 1, 3])
case("pad reflect", lambda x: F.pad(x, (1, 3, 2, 0), "reflect"), [1, 2, 3, 4])
case("unfold", lambda x: F.unfold(x, (2, 3), padding=(1, 0)), [2, 2, 3, 5])
case("fold", lambda x: F.fold(x, (3, 4), 2), [2, 8, 6])
case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), [2, 8, 2, 3])
case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), [2, 4, 6])
case("interpolate bicubic", lambda x: F.interpolate(x, (7, 3), mode="bicubic"), [1, 2, 4, 5])
case("interpolate linear", lambda x: F.interpolate(x, scale_factor=2.5, mode="linear"), [2, 2, 5])
case("batch_norm 2d", lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5),
     [3, 2, 4, 3], [2], [2])
case("batch_norm 1d", lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5),
     [6, 3], [3], [3])
TARGET = torch.tensor([2, 0, 4])
case("cross_entropy mean", lambda x: F.cross_entropy(x, TARGET), [3, 5])
case("cross_entropy sum", lambda x: F.cross_entropy(x, TARGET, reduction="sum"), [3, 5])
case("cross_entropy none", lambda x: F.cross_entropy(x, TARGET, reduction="none"), [3, 5])
case("reshape", lambda x: x.reshape(2, -1), [3, 2, 4])
case("flatten", lambda x: x.flatten(1), [2, 3, 4])
case("reuse", lambda x: x * x + torch.tanh(x) - x, [4])
case("reuse broadcast", lambda x: (x + x.sum(0)) * x, [3, 2])

out = pathlib.Path(__file__).with_name("torch_grad.json")
out.write_text(json.dumps({"source": f"PyTorch {torch.__version__}, float64", "cases": cases}) + "\n")
