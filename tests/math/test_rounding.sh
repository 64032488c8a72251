#!/usr/bin/env bash
# A sample of what eadem-exhaustive checks, and that it can fail. Argument: the build folder.
set -u
program=$1/eadem-exhaustive
[ -x "$program" ] || { echo "skipped: built without MPFR"; exit 77; }
"$program" --threads 2 --sample 16384 all || exit 1
if "$program" --threads 2 --sample 8192 --isa scalar --wrong 3f800001 exp; then
    echo "a wrong result passed"
    exit 1
fi
"$program" --threads 2 no_such_function 2>/dev/null && exit 1
echo "a wrong result and an unknown name are refused"
