"""Makes npy.json: .npy files as NumPy writes them (in hex) and the digests of their values.

Run:  python tests/golden/make_npy.py > tests/golden/npy.json
"""
import hashlib
import io
import json

import numpy as np
from numpy.lib import format as npy

cases = []


def case(name, array, version=None):
    out = io.BytesIO()
    npy.write_array(out, array, version=version)
    little = array.astype(array.dtype.newbyteorder("<"), order="C")
    cases.append({"name": name, "file": out.getvalue().hex(), "shape": list(array.shape),
                  "sha256": hashlib.sha256(np.ascontiguousarray(little).tobytes()).hexdigest()})


grid = np.arange(24).reshape(2, 3, 4)
for code in ["<f4", "<f2", "<f8", "<i4", "<i8", ">f4", ">f2", ">f8", ">i4", ">i8", "|u1", "|b1"]:
    case(code, (grid * 3 % 17).astype(code))
    case(code + " fortran", np.asfortranarray((grid * 5 % 17).astype(code)))
case("scalar", np.array(1.5, dtype="<f4"))
case("empty", np.zeros((3, 0), dtype="<f4"))
case("one dimension", np.arange(7, dtype="<i4"))
for version in [(1, 0), (2, 0), (3, 0)]:
    case(f"version {version[0]}", grid.astype("<f4"), version)
print(json.dumps({"made_by": "tests/golden/make_npy.py", "numpy": np.__version__, "cases": cases},
                 indent=1))
