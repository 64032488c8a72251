"""Makes precise.json: log, sine and cosine by mpmath at 400 bits, rounded once, of arguments as the generators
give them, as hexadecimal floats: double results ("d") and, for float arguments, float results ("f").

Run:  python tests/golden/make_precise.py > tests/golden/precise.json
"""
import json
import random

import mpmath
import numpy as np

mpmath.mp.prec = 400
random.seed(1)


def to_double(x):
    return float(x).hex()  # mpmath rounds to nearest even


def to_float(x):
    """One rounding to float32: the nearest of the neighbours of the double's float32."""
    near = np.float32(float(x))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    best = min(around, key=lambda y: abs(mpmath.mpf(float(y)) - x))
    return float(best).hex()


logs, angles = [], []
doubles = [2.0**-53, 3 * 2.0**-53, 1 - 2.0**-53, 1.0, 0.5, 0.5**0.5]
doubles += [1 - random.getrandbits(53) * 2.0**-53 for _ in range(250)]
floats = [(random.getrandbits(24) + 1) * 2.0**-24 for _ in range(250)] + [2.0**-24, 1.0]
for x in doubles + floats:
    y = mpmath.log(mpmath.mpf(x))
    logs.append([x.hex(), to_double(y), to_float(y)])
two_pi = float(np.float32(2 * np.pi))
turns = [k / 8 for k in range(8)] + [random.getrandbits(53) * 2.0**-53 for _ in range(250)]
xs = [2.0 * 3.14159265358979323846 * t for t in turns]
xs += [float(np.float32(two_pi) * np.float32(random.getrandbits(24) * 2.0**-24)) for _ in range(250)]
xs += [float(np.float32(two_pi) * np.float32(k / 8)) for k in range(8)]
for x in xs:
    s, c = mpmath.sin(mpmath.mpf(x)), mpmath.cos(mpmath.mpf(x))
    angles.append([x.hex(), to_double(s), to_float(s), to_double(c), to_float(c)])
print(json.dumps({"made_by": "tests/golden/make_precise.py", "mpmath": mpmath.__version__,
                  "log": logs, "sincos": angles}))
