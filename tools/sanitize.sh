#!/usr/bin/env bash
# Builds the library, the programs and the C tests under each sanitizer and runs the tests: sanitize.sh [asan] [ubsan] [tsan].
set -eu -o pipefail
cd "$(dirname "$0")/.."
for preset in "${@:-asan ubsan tsan}"; do
    for name in $preset; do
        echo "== $name"
        cmake --preset "$name" >/dev/null
        cmake --build "build-$name" | tail -1
        # The package's tests load the library into a Python that no sanitizer has prepared; the fuzz targets have
        # a build of their own.
        EADEM_SANITIZER=$name ctest --test-dir "build-$name" --output-on-failure -j2 -E '^(python|house|fuzz)/' | tail -8
    done
done
