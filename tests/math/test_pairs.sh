#!/usr/bin/env bash
# pow, atan2 and hypot against MPFR on a few random pairs; eadem-pairs runs on as many as one likes.
set -u
program=$1/eadem-pairs
[ -x "$program" ] || { echo "skipped: built without MPFR"; exit 77; }
"$program" all 1000000 7 || exit 1
"$program" no_such_function 2>/dev/null && exit 1
echo "an unknown name is refused"
