#!/usr/bin/env bash
# clang accepts the library without a warning (gcc builds it).
set -eu
command -v clang-16 >/dev/null || { echo "clang-16 is not installed: tools/setup.sh test installs it"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S . -B "$work" -G Ninja -DCMAKE_C_COMPILER=clang-16 -DCMAKE_BUILD_TYPE=Release -DEADEM_TESTS=OFF \
    -DEADEM_BENCH=OFF -DEADEM_PYTHON=OFF >"$work/log" || { cat "$work/log"; exit 1; }
cmake -DCMAKE_C_FLAGS=-fsyntax-only "$work" >"$work/log" # after the checks of the compiler, which must make files
cmake --build "$work" -j1 --target eadem_objects >"$work/log" || { grep -A5 -E 'error|FAILED' "$work/log"; exit 1; }
