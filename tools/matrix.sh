#!/usr/bin/env bash
# matrix.sh [--short | COMPILER:LEVEL…]: one program, many builds: gcc and clang × -O0, -O2, -O3 × every instruction set of
# this machine × 1, 2, 3, 7 threads. Every build must compute the conformance set's bits, and every
# combination the same five steps of the demo's training. --short: gcc -O0 and clang -O2, 1 and 3 threads.
set -eu
cd "$(dirname "$0")/.."
compilers="gcc clang-16" levels="0 2 3" threads="1 2 3 7" pairs="$*"
if [ "$pairs" = --short ]; then pairs="gcc:0 clang-16:2" threads="1 3"; fi
if [ -z "$pairs" ]; then
    for compiler in $compilers; do for level in $levels; do pairs="$pairs $compiler:$level"; done; done
fi
work=build-matrix
mkdir -p "$work"
bash tools/short_run.sh "$work"
rm -f "$work/expected.txt"
failed=0 runs=0
for pair in $pairs; do
    compiler=${pair%:*} level=${pair#*:} build=$work/${pair%:*}-O${pair#*:}
    cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_C_FLAGS="-O$level" -DEADEM_TESTS=OFF -DEADEM_BENCH=OFF -DEADEM_PYTHON=OFF >"$work/log"
    cmake --build "$build" --target eadem_cli >"$work/log" || { tail -30 "$work/log" >&2; exit 1; }
    if "$build/eadem" doctor >"$work/doctor.txt"; then
        echo "$compiler -O$level: conformance: $(grep -c 'cases equal' "$work/doctor.txt") sets equal"
    else
        echo "$compiler -O$level: conformance DIFFERS"; cat "$work/doctor.txt"; failed=1
    fi
    for isa in $(grep -o '^[a-z0-9]*' "$work/doctor.txt" | grep -Ex 'generic|neon|avx2|avx512' | sort -u); do
        for count in $threads; do
            "$build/eadem" train "$work/short.yaml" --max-steps 5 --isa "$isa" --threads "$count" \
                >"$work/got.txt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
            [ -e "$work/expected.txt" ] || cp "$work/got.txt" "$work/expected.txt"
            runs=$((runs + 1))
            if ! cmp -s "$work/expected.txt" "$work/got.txt"; then
                echo "$compiler -O$level $isa, $count threads: training DIFFERS"; failed=1
                diff "$work/expected.txt" "$work/got.txt" || true
            fi
        done
    done
done
echo "$runs trainings, $([ $failed = 0 ] && echo all equal || echo SOME DIFFER)"
cat "$work/expected.txt"
exit $failed
