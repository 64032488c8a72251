#!/usr/bin/env bash
# label: slow
# `pip install .` from the sources alone, as a user does it: into a new environment; imported there without PyTorch, and with
# PyTorch beside it: .venv's, and the oldest that is served when OLD_TORCH names a Python that has it (tools/old_torch.sh).
set -eu
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git archive HEAD | tar -x -C "$work" --one-top-level=sources # nothing that was built before
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "$work/sources"
site=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["platlib"])')
ls "$site"/eadem/_native.abi3.so >/dev/null # one build for every Python

cd "$work"
cat >alone.py <<'PROGRAM'
import numpy as np
from eadem import ops
a = np.arange(6, dtype=np.float32).reshape(2, 3)
assert (ops.matmul(a, a.T) == a @ a.T).all()
print(ops.digest(ops.softmax(a, 1)))
PROGRAM
"$work/venv/bin/python" alone.py

cat >beside.py <<'PROGRAM'
import sys
sys.path.append(sys.argv[1])  # only eadem is found there: NumPy and PyTorch are this Python's
import torch
import eadem.torch as et
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.GELU(), torch.nn.Flatten(),
                            torch.nn.Linear(4 * 36, 8), torch.nn.LayerNorm(8))
optimizer = torch.optim.AdamW(model.parameters())
with et.reproducible():
    loss = torch.nn.functional.cross_entropy(model(torch.rand(5, 3, 8, 8)), torch.arange(5))
    loss.backward()
    optimizer.step()
print(et.digest(model))
PROGRAM
mkdir only && ln -s "$site/eadem" only/eadem
new=$("$here/.venv/bin/python" beside.py only)
echo "with PyTorch of .venv: $new"
if [ -n "${OLD_TORCH:-}" ]; then
    old=$("$OLD_TORCH" beside.py only)
    echo "with the PyTorch of $OLD_TORCH: $old"
    [ "$old" = "$new" ]
fi
