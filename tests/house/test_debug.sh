#!/usr/bin/env bash
# The preset debug builds: without optimisation gcc warns of loops that it cannot annotate, and the kernels have them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S . -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DEADEM_TESTS=OFF -DEADEM_BENCH=OFF -DEADEM_PYTHON=OFF \
    >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work" --target CMakeFiles/eadem_objects.dir/src/cpu/isa/generic.c.o >"$work/log" ||
    { grep -A5 -E 'error|FAILED' "$work/log"; exit 1; }
