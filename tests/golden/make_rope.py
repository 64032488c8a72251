"""Makes rope.txt with mpmath at 60 digits. Lines:
  frequency THETA DIM I FLOAT32                 theta^(-2i/dim)
  angle POSITION FREQUENCY COSINE SINE          of position times frequency
Floats as 8 hexadecimal digits of their bits."""
import pathlib
import random
import struct

import mpmath

mpmath.mp.dps = 60


def nearest(x):
    """The float32 nearest to an mpmath number: two neighbours are compared exactly."""
    guess = struct.unpack("<I", struct.pack("<f", float(x)))[0]
    value = lambda bits: mpmath.mpf(struct.unpack("<f", struct.pack("<I", bits))[0])
    return min((guess - 1, guess, guess + 1) if guess & 0x7fffffff else (guess,),
               key=lambda bits: abs(value(bits) - x))


def main():
    rng = random.Random(3)
    lines = []
    for theta, dim in ((10000.0, 128), (500000.0, 128), (1000000.0, 80), (10000.0, 6), (1e7, 256), (8.5, 64)):
        for i in range(0, dim // 2, max(1, dim // 24)):
            bits = nearest(mpmath.power(mpmath.mpf(theta), mpmath.mpf(-2 * i) / dim))
            lines.append(f"frequency {theta!r} {dim} {i} {bits:08x}")
    for _ in range(1500):
        frequency = rng.choice((1.0, rng.random(), 10 ** -rng.uniform(0, 7)))
        bits = struct.unpack("<I", struct.pack("<f", frequency))[0]
        exact = mpmath.mpf(struct.unpack("<f", struct.pack("<I", bits))[0])
        position = rng.choice((0, 1, rng.randrange(10), rng.randrange(5000), rng.randrange(1 << 20)))
        angle = position * exact
        lines.append(f"angle {position} {bits:08x} {nearest(mpmath.cos(angle)):08x} {nearest(mpmath.sin(angle)):08x}")
    pathlib.Path(__file__).with_name("rope.txt").write_text("\n".join(lines) + "\n")


main()
