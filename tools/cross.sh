#!/usr/bin/env bash
# cross.sh [--bits] [MACHINE...]: builds Eadem for other machines (aarch64, ppc64le and s390x, which is
# big-endian), runs it there under qemu, and compares with this machine: the conformance set, the tests
# of the rooms that make bits or read files (not with --bits), and five steps of the demo's training.
# Needs a native build.
set -eu
cd "$(dirname "$0")/.."
target=all
if [ "${1:-}" = --bits ]; then target=eadem_cli; shift; fi
[ $# -gt 0 ] || set -- aarch64 ppc64le s390x
bash tools/setup.sh cross
rooms='^(core|math|random|cpu|op|grad|data|io|conform)/'
work=build-cross
bash tools/short_run.sh "$work"
# A recorded training starts itself anew, which the kernel cannot do with a program for another machine.
train() { "$@" train "$work/short.yaml" --no-record --max-steps 5 2>>"$work/train.log"; }
train build/eadem >"$work/native.txt"
failed=0
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
             "$(grep -o '^[a-z0-9]*' "$work/doctor.txt" | grep -Ex 'ref|generic|neon|avx2|avx512' | sort -u | tr '\n' ' ')"
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
done
cat "$work/native.txt"
exit $failed
