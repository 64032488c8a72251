#!/usr/bin/env bash
# The training of examples/lenet5-mnist.yaml by Eadem, by Eadem's PyTorch package, by PyTorch, and by RepDL where the
# Python has it (REPDL=FOLDER names one that is built but not installed), one after another with the same threads.
#   bench/lenet.sh [THREADS] [STEPS] [REPDL_STEPS]
# Seconds a step are compared, because RepDL is given fewer steps. Eadem's line is the whole process: it also starts,
# reads MNIST and tests the model; the others' are the training alone.
set -eu
cd "$(dirname "$0")/.."
threads=${1:-2} steps=${2:-1200} repdl_steps=${3:-60}
python=.venv/bin/python
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

eadem() { # in lenet_pytorch.py's columns
    local start end
    start=$(date +%s%N)
    $python - build/eadem train examples/lenet5-mnist.yaml --no-record --threads "$threads" \
        --max-steps "$steps" >"$out/eadem" 2>/dev/null <<'PEAK'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PEAK
    end=$(date +%s%N)
    awk -v threads="$threads" -v steps="$steps" -v ns=$((end - start)) '
        /trained model/ { digest = substr($NF, 1, 16) }
        { peak = $NF }
        END { printf "%-12s %d threads %5d steps %8.2f s %8.2f ms/step %6d MiB  %s\n", "eadem", threads,
              steps, ns / 1e9, ns / 1e6 / steps, peak, digest }' "$out/eadem"
}

peer() { $python bench/lenet_pytorch.py "$1" --threads "$threads" --steps "$2"; }

export PYTHONPATH=${REPDL:-}
{
    eadem
    peer eadem-torch "$steps"
    peer pytorch "$steps"
    if $python -c 'import repdl.backend.cpu' 2>/dev/null; then
        peer repdl "$repdl_steps"
    else
        echo "repdl is not installed" >&2
    fi
} | tee "$out/lines"
awk '{ ms[$1] = $8 }
     END { for (engine in ms) if (engine != "eadem") {
               printf "eadem is %.1f times as fast as %s", ms[engine] / ms["eadem"], engine
               if (engine != "eadem-torch") printf "; eadem-torch %.1f times", ms[engine] / ms["eadem-torch"]
               print "" } }' "$out/lines"
