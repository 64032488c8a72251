"""Makes augment.json: augmented images as docs/contract.md, "Images", defines them, by a second implementation
in exact fractions.

Run:  python tests/golden/make_augment.py > tests/golden/augment.json
"""
import hashlib
import json
import math
import struct
from fractions import Fraction

import mpmath
import numpy as np

from make_philox import F, Stream, fl, fraction

N, C, H, W = 40, 3, 5, 6
IMAGES = [[(i * 37 + i * i // 7) % 256 for i in range(s * C * H * W, (s + 1) * C * H * W)] for s in range(N)]
MEAN, DEVIATION = [np.float32(x) for x in (0.5, 0.25, 0.0)], [np.float32(x) for x in (0.25, 0.5, 0.0)]


def fma(a, b, c):
    return fl(F(a) * F(b) + F(c))


def mul(a, b):
    return fl(F(a) * F(b))


def sub(a, b):
    return fl(F(a) - F(b))


def clamp(x):
    return min(max(x, np.float32(0)), np.float32(1))


def unit(word):
    return np.float32((word >> 8) * 2.0**-24)


def factor(word, amount):
    low = np.float32(1 - amount) if amount < 1 else np.float32(0)
    return fma(unit(word), sub(np.float32(1 + amount), low), low)


def grey(image, y, x):
    return fma(np.float32(0.114), image[2][y][x], fma(np.float32(0.587), image[1][y][x],
                                                   mul(np.float32(0.2989), image[0][y][x])))


def blend(f, x, centre):
    return clamp(fma(f, x, mul(sub(np.float32(1), f), centre)))


def rotate(image, word, most):
    most = np.float32(most)
    degrees = fma(unit(word), mul(np.float32(2), most), -most)
    if degrees < 0:
        degrees = fl(F(degrees) + 360)
    angle = mpmath.mpf(float(mul(degrees, np.float32(0.017453292))))
    sine, cosine = fl(mpmath.sin(angle)), fl(mpmath.cos(angle))
    cy, cx = np.float32((H - 1) / 2), np.float32((W - 1) / 2)

    def at(c, y, x):
        return image[c][y][x] if 0 <= y < H and 0 <= x < W else np.float32(0)

    out = [[[None] * W for _ in range(H)] for _ in range(C)]
    for y in range(H):
        for x in range(W):
            dy, dx = np.float32(y - cy), np.float32(x - cx)
            fx = fma(cosine, dx, fma(sine, dy, cx))
            fy = fma(cosine, dy, fma(-sine, dx, cy))
            ix, iy = math.floor(fx), math.floor(fy)
            px, py = fl(F(fx) - ix), fl(F(fy) - iy)
            for c in range(C):
                a, b, d, e = at(c, iy, ix), at(c, iy, ix + 1), at(c, iy + 1, ix), at(c, iy + 1, ix + 1)
                top, bottom = fma(px, sub(b, a), a), fma(px, sub(e, d), d)
                out[c][y][x] = fma(py, sub(bottom, top), top)
    return out


def image_of(stream, sample, o):
    w = [stream.word(sample * 16 + k) for k in range(16)]
    pad = o.get("crop_padding", 0)
    top, left = (w[0] * (2 * pad + 1) >> 32) - pad, (w[1] * (2 * pad + 1) >> 32) - pad
    flip = Fraction(w[2], 2**32) < Fraction(o.get("flip", 0))
    raw = IMAGES[sample]

    def pixel(c, y, x):
        y, x = y + top, (W - 1 - x if flip else x) + left
        return fl(Fraction(raw[(c * H + y) * W + x], 255)) if 0 <= y < H and 0 <= x < W else np.float32(0)

    image = [[[pixel(c, y, x) for x in range(W)] for y in range(H)] for c in range(C)]
    if o.get("rotation"):
        image = rotate(image, w[3], o["rotation"])
    each = [(c, y, x) for c in range(C) for y in range(H) for x in range(W)]
    if o.get("brightness"):
        f = factor(w[4], o["brightness"])
        for c, y, x in each:
            image[c][y][x] = clamp(mul(f, image[c][y][x]))
    if o.get("contrast"):
        f, total = factor(w[5], o["contrast"]), 0.0
        for y in range(H):
            for x in range(W):
                total += float(grey(image, y, x))
        mean = np.float32(total / (H * W))
        for c, y, x in each:
            image[c][y][x] = blend(f, image[c][y][x], mean)
    if o.get("saturation"):
        f = factor(w[6], o["saturation"])
        for y in range(H):
            for x in range(W):
                centre = grey(image, y, x)
                for c in range(C):
                    image[c][y][x] = blend(f, image[c][y][x], centre)
    for c, y, x in each:
        if DEVIATION[c]:
            image[c][y][x] = fl(F(sub(image[c][y][x], MEAN[c])) / F(DEVIATION[c]))
    return [image[c][y][x] for c, y, x in each], w[8] << 32 | w[9]


def beta(seed, epoch, sample, alpha):
    s = Stream(seed, f"mixup/{epoch}")
    s.position = sample << 20
    alpha = np.float32(alpha)

    def power(word):
        logarithm = fl(mpmath.log(mpmath.mpf((word >> 8) + 1) / 2**24))
        return fl(mpmath.exp(mpmath.mpf(float(fl(F(logarithm) / F(alpha))))))

    while True:
        x, y = power(s.next()), power(s.next())
        total = fl(F(x) + F(y))
        if 0 < total <= 1:
            return fl(F(x) / F(total))


def augmented(seed, epoch, sample, o):
    s = Stream(seed, f"augment/{epoch}")
    out, bits = image_of(s, sample, o)
    if not o.get("mixup"):
        return out, sample % 7, np.float32(1)
    partner = bits * N >> 64
    other, _ = image_of(s, partner, o)
    weight = beta(seed, epoch, sample, o["mixup"])
    rest = sub(np.float32(1), weight)
    return [fma(weight, a, mul(rest, b)) for a, b in zip(out, other)], partner % 7, weight


cases = []
for o in [{"crop_padding": 2}, {"flip": 0.5}, {"rotation": 30}, {"rotation": 180},
          {"brightness": 0.4, "contrast": 0.5, "saturation": 2.5}, {"mixup": 0.2}, {"mixup": 1},
          {"crop_padding": 1, "flip": 0.5, "rotation": 15, "brightness": 0.2, "contrast": 0.2,
           "saturation": 0.2, "mixup": 0.4}]:
    for seed, epoch in [(3, 0), (2**63 + 1, 12)]:
        images, partners, weights = [], [], []
        for sample in range(N):
            image, partner, weight = augmented(seed, epoch, sample, o)
            images += image
            partners.append(partner)
            weights.append(weight)
        sha = [hashlib.sha256(np.array(a, t).tobytes()).hexdigest()
               for a, t in [(images, np.float32), (partners, np.int64), (weights, np.float32)]]
        cases.append({"augment": o, "seed": str(seed), "epoch": epoch, "images": sha[0],
                      "mixed_labels": sha[1], "mix_weights": sha[2]})
print(json.dumps({"made_by": "tests/golden/make_augment.py", "cases": cases}, indent=1))
