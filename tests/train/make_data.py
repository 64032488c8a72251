#!/usr/bin/env python3
"""Writes a small data set of IDX files and a recipe for it: make_data.py FOLDER.

A class is a bright square in one of four corners of a 12 x 12 image, on noise.
"""
import pathlib
import struct
import sys

RECIPE = """contract: {contract}
data:
  train: {{images: train-images, labels: train-labels}}
  test: {{images: test-images, labels: test-labels}}
  classes: 4
  normalize: {{mean: [0.25], std: [0.5]}}
model:
  name: net
  layers:
    - conv2d: {{in: 1, out: 3, kernel: 3, bias: false}}
    - batch_norm: {{features: 3}}
    - relu
    - residual:
        body: [conv2d: {{in: 3, out: 3, kernel: 3, padding: 1}}, tanh]
    - max_pool2d: {{kernel: 2}}
    - flatten
    - linear: {{in: 75, out: 4}}
generator: {{kind: {generator}, seed: 5}}
training:
  epochs: 4
  batch: 8
  optimizer:
    adam: {{lr: 0.01}}
checkpoint: {{every: 7}}
"""


def write_set(folder, name, count, state):
    images, labels = bytearray(), bytearray()
    for _ in range(count):
        pixels = []
        for _ in range(145):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            pixels.append(state >> 57)
        label = pixels.pop() % 4
        top, left = (label // 2) * 7, (label % 2) * 7
        for row in range(top, top + 4):
            for column in range(left, left + 4):
                pixels[12 * row + column] += 100
        images += bytes(pixels)
        labels.append(label)
    (folder / f"{name}-images").write_bytes(struct.pack(">4B3i", 0, 0, 8, 3, count, 12, 12) + images)
    (folder / f"{name}-labels").write_bytes(struct.pack(">4Bi", 0, 0, 8, 1, count) + labels)


folder = pathlib.Path(sys.argv[1])
write_set(folder, "train", 300, 1)
write_set(folder, "test", 50, 2)
(folder / "recipe.yaml").write_text(RECIPE.format(contract="chain", generator="philox"))
(folder / "torch.yaml").write_text(RECIPE.format(contract="repdl", generator="mt19937"))
