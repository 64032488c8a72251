"""Do all models of tests/python/models.py have the same bits under reproducible() for every combination of thread count,
PyTorch's vector capability and Eadem's instruction set?

    PYTHONPATH=build/python python tools/models_matrix.py [MODEL ...]

Every model's outputs, the same by batch slices, and its state after three steps of SGD, Adam and AdamW; one process a combination.
Capabilities and instruction sets that this processor has not are left out and named. Plain PyTorch is run beside, to show that the
comparison can fail. Exit status 1 when a digest differs.
"""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

import eadem

MODELS = pathlib.Path(__file__).parents[1] / "tests" / "python" / "models.py"
FLAGS = {"default": None, "avx2": "avx2", "avx512": "avx512f"}


def capabilities():
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    return [name for name, flag in FLAGS.items() if flag is None or flag in flags]


def combinations():
    """The definitions (ref) are slow and use one thread: they run once."""
    fast = [isa for isa in reversed(eadem.isas) if isa != "ref"]
    return [*itertools.product((2, 1), reversed(capabilities()), fast), (1, "default", "ref")]


def run(threads, capability, isa, names):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "EADEM_THREADS": str(threads), "EADEM_ISA": isa,
                   "ATEN_CPU_CAPABILITY": capability, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run([sys.executable, "-W", "ignore", MODELS, *names], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{threads} threads, {capability}, {isa}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    names = sys.argv[1:]
    import torch

    print(f"PyTorch {torch.__version__}, Eadem {eadem.__version__}; without capabilities {sorted(set(FLAGS) - set(capabilities()))}")
    first, wrong, plain_parts = None, 0, set()
    for threads, capability, isa in combinations():
        start = time.monotonic()
        found = run(threads, capability, isa, names)
        first = first or found
        same = [n for n in found if found[n]["ours"] == first[n]["ours"] and found[n]["ours"]["slices"] == found[n]["ours"]["outputs"]]
        plain_parts |= {n for n in found if found[n]["plain"] != first[n]["plain"] or found[n]["plain"]["slices"] != found[n]["plain"]["outputs"]}
        wrong += len(found) - len(same)
        differing = "" if len(same) == len(found) else f": {sorted(set(found) - set(same))} differ"
        print(f"threads {threads}  ATEN_CPU_CAPABILITY {capability:<8} EADEM_ISA {isa:<8} {len(same)} of {len(found)} models equal"
              f"{differing}  ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"plain PyTorch differs somewhere in {len(plain_parts)} of {len(first)}: {' '.join(sorted(plain_parts))}")
    for name, digests in first.items():
        print(name, *(f"{part} {digest[:12]}" for part, digest in digests["ours"].items()))
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
