"""Makes philox.json: the streams of docs/contract.md, "Random numbers", by a second implementation that was
written from that document: Python's integers and fractions, mpmath for log, sine and cosine.

Run:  python tests/golden/make_philox.py > tests/golden/philox.json
"""
import hashlib
import json
import struct
from fractions import Fraction

import mpmath
import numpy as np

mpmath.mp.prec = 300
M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
MASK = 2**32 - 1


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


class Stream:
    def __init__(self, seed, name):
        self.seed, self.stream, self.position = seed, fnv1a(name), 0

    def word(self, index):
        block = index // 4
        k = [self.seed & MASK, self.seed >> 32]
        x = [block & MASK, block >> 32, self.stream & MASK, self.stream >> 32]
        for _ in range(10):
            p0, p1 = M0 * x[0], M1 * x[2]
            x = [(p1 >> 32) ^ x[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ x[3] ^ k[1], p0 & MASK]
            k = [(k[0] + W0) & MASK, (k[1] + W1) & MASK]
        return x[index % 4]

    def next(self):
        self.position += 1
        return self.word(self.position - 1)

    def next64(self):
        even = self.position + self.position % 2
        self.position = even + 2
        return self.word(even) << 32 | self.word(even + 1)


def fraction(x):
    if isinstance(x, mpmath.mpf):
        sign, man, exp, _ = x._mpf_
        return Fraction(-man if sign else man) * Fraction(2) ** exp
    return Fraction(float(x))


def fl(x):
    """Rounds a fraction (or an mpf) to float32, ties to even."""
    x = x if isinstance(x, Fraction) else fraction(x)
    if x == 0:
        return np.float32(0)
    e = max(abs(x).numerator.bit_length() - abs(x).denominator.bit_length() - 1, -126)
    if abs(x) >= Fraction(2) ** (e + 1):
        e += 1
    unit = Fraction(2) ** (e - 23)
    return np.float32(float(round(x / unit) * unit))  # round() of a Fraction: half to even


def F(x):
    return Fraction(float(x))


def uniform(s, n, low, high):
    low, high = np.float32(low), np.float32(high)
    width = fl(F(high) - F(low))
    out = []
    for _ in range(n):
        x = fl(Fraction(s.next() >> 8, 2**24) * F(width) + F(low))
        out.append(low if x == high else x)
    return np.array(out, np.float32)


def normal(s, n, mean, deviation):
    out = []
    for _ in range(n):
        index = s.position
        s.position += 1
        even = index - index % 2
        u = Fraction((s.word(even) >> 8) + 1, 2**24)
        v = Fraction(s.word(even + 1) >> 8, 2**24)
        logarithm = fl(mpmath.log(mpmath.mpf(float(u))))
        radius = fl(mpmath.sqrt(mpmath.mpf(float(fl(-2 * F(logarithm))))))
        angle = mpmath.mpf(float(fl(F(np.float32(6.2831855)) * v)))
        wave = fl(mpmath.cos(angle) if index % 2 == 0 else mpmath.sin(angle))
        product = fl(F(radius) * F(wave))
        out.append(fl(F(product) * F(np.float32(deviation)) + F(np.float32(mean))))
    return np.array(out, np.float32)


def bernoulli(s, n, p):
    return np.array([Fraction(s.next(), 2**32) < Fraction(p) for _ in range(n)], np.float32)


def exponential(s, n, rate):
    logs = [fl(mpmath.log(mpmath.mpf((s.next() >> 8) + 1) / 2**24)) for _ in range(n)]
    return np.array([fl(-F(x) / F(np.float32(rate))) for x in logs], np.float32)


def integers(s, n, low, high):
    return np.array([low + (s.next64() * (high - low) >> 64) for _ in range(n)], np.int64)


def permutation(s, n):
    out = list(range(n))
    for i in range(n - 1):
        z = i + (s.next64() * (n - i) >> 64)
        out[i], out[z] = out[z], out[i]
    return np.array(out, np.int64)


def main():
    cases = []
    for seed, name, start in [(0, "", 0), (7, "weights", 0), (2**64 - 1, "dropout/3", 5)]:
        for kind, make, arguments in [
                ("uniform", uniform, {"low": -0.2, "high": 0.2}),
                ("normal", normal, {"mean": 0.5, "deviation": 2.0}),
                ("bernoulli", bernoulli, {"p": 0.3}), ("exponential", exponential, {"rate": 1.5}),
                ("integers", integers, {"low": -5, "high": 2**40}), ("permutation", permutation, {})]:
            s = Stream(seed, name)
            s.position = start
            n = 301
            array = make(s, n, **arguments)
            arguments = {k: str(v) if kind == "integers" else v for k, v in arguments.items()}
            cases.append({"kind": kind, "seed": str(seed), "stream": name, "start": start, "n": n,
                          **arguments, "sha256": hashlib.sha256(array.tobytes()).hexdigest()})
    print(json.dumps({"made_by": "tests/golden/make_philox.py", "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
