#!/usr/bin/env bash
# cross.sh [--bits] [MACHINE...]: builds Eadem for other machines (aarch64, ppc64le and s390x, which is
# big-endian), runs it there under qemu, and compares with this machine: the conformance set, the tests
# of the rooms that make bits or read files (not with --bits), five steps of the demo's training, and
# what small language models answer. Needs a native build, and .venv to make the models.
set -eu
cd "$(dirname "$0")/.."
target=all
if [ "${1:-}" = --bits ]; then target=eadem_cli; shift; fi
[ $# -gt 0 ] || set -- aarch64 ppc64le s390x
bash tools/setup.sh cross
rooms='^(core|math|random|cpu|op|grad|data|io|llm|conform)/'
work=build-cross
bash tools/short_run.sh "$work"
# A recorded training starts itself anew, which the kernel cannot do with a program for another machine.
train() { "$@" train "$work/short.yaml" --no-record --max-steps 5 2>>"$work/train.log"; }
train build/eadem >"$work/native.txt"
failed=0

isas() { grep -o '^[a-z0-9]*' "$1" | grep -Ex 'ref|generic|neon|avx2|avx512' | sort -u | tr '\n' ' '; }
answer() { # MODEL ISA EADEM...: a sampled completion with log-probabilities, and those of a text
    local model=$1 isa=$2
    shift 2
    "$@" generate "$model" -p "the cat sat on" -n 32 --temperature 0.9 --top-p 0.95 --seed 7 --json --top 3 \
        --isa "$isa" && "$@" score "$model" --text "$work/text" --isa "$isa"
}
# A line for each model, or more where the instruction sets differ.
answers() { # ISAS EADEM...
    local isas=$1 model isa
    shift
    for model in "$work"/models/*; do
        for isa in $isas; do
            (set -o pipefail; answer "$model" "$isa" "$@" | sha256sum) || echo "failed for $isa"
        done | sort -u | sed "s|-\$|$(basename "$model")|"
    done
}
rm -rf "$work/models"
.venv/bin/python tools/cross_models.py "$work/models" >"$work/models.log" 2>&1 || { tail "$work/models.log" >&2; exit 1; }
{ for _ in $(seq 20); do printf 'the cat sat on the mat and the dog sat on the log\n'; done
  printf 'Être: \303\251\360\237\230\200  42.'; } >"$work/text"
build/eadem doctor >"$work/doctor.txt"
native=$(isas "$work/doctor.txt")
answers "$native" build/eadem >"$work/answers-native.txt"
if grep -q failed "$work/answers-native.txt" ||
    [ "$(wc -l <"$work/answers-native.txt")" != "$(ls "$work/models" | wc -l)" ]; then
    echo "models: this machine's instruction sets DIFFER"; cat "$work/answers-native.txt"; failed=1
fi
for machine; do
    sysroot=.cross/$machine build=build-$machine
    bash tools/sysroot.sh "$machine" "$sysroot" 2>"$work/$machine.log"
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEADEM_BENCH=OFF -DEADEM_PYTHON=OFF \
        -DCMAKE_TOOLCHAIN_FILE=cmake/Cross.cmake -DEADEM_ARCH="$machine" \
        -DEADEM_SYSROOT="$PWD/$sysroot" >>"$work/$machine.log"
    cmake --build "$build" --target "$target" >>"$work/$machine.log" || { tail -30 "$work/$machine.log" >&2; exit 1; }
    eadem="qemu-$machine-static -L $sysroot $build/eadem"
    if $eadem doctor >"$work/doctor.txt"; then
        echo "$machine: conformance: $(grep -c 'cases equal' "$work/doctor.txt") sets equal:" \
             "$(isas "$work/doctor.txt")"
    else
        echo "$machine: conformance DIFFERS"; cat "$work/doctor.txt"; failed=1
    fi
    if [ "$target" != all ]; then
        :
    elif ctest --test-dir "$build" -R "$rooms" -LE slow --timeout 1200 >"$work/ctest.txt" 2>&1; then
        echo "$machine: tests: $(grep 'tests passed' "$work/ctest.txt")"
    else
        echo "$machine: tests FAIL"; grep -E 'Failed|Timeout' "$work/ctest.txt"; failed=1
    fi
    # shellcheck disable=SC2086
    if train $eadem >"$work/$machine.txt" && cmp -s "$work/native.txt" "$work/$machine.txt"; then
        echo "$machine: training: the native digests"
    else
        echo "$machine: training DIFFERS"; diff "$work/native.txt" "$work/$machine.txt" || true; failed=1
    fi
    # shellcheck disable=SC2086
    answers "$(isas "$work/doctor.txt")" $eadem >"$work/answers-$machine.txt"
    if cmp -s "$work/answers-native.txt" "$work/answers-$machine.txt"; then
        echo "$machine: answers of $(ls "$work/models" | wc -l) language models: those of $native"
    else
        echo "$machine: answers of language models DIFFER"
        diff "$work/answers-native.txt" "$work/answers-$machine.txt" || true
        failed=1
    fi
done
cat "$work/native.txt"
exit $failed
