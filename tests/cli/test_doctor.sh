#!/usr/bin/env bash
# `eadem doctor`: exit codes, and that a wrong golden digest is reported.
set -eu
eadem=$1/eadem
fail() { echo "test_doctor: $1" >&2; exit 1; }

"$eadem" doctor --help | grep -q '^usage: eadem doctor' || fail "no help"
"$eadem" doctor --list | grep -qx 'matmul/strides' || fail "--list lacks a case"
"$eadem" doctor | grep -q '^This machine computes the bits' || fail "no verdict"
cmp <("$eadem" doctor --isa ref --print | LC_ALL=C sort) \
    <(LC_ALL=C sort tests/golden/conformance.txt) || fail "the golden file is not what ref computes"

set +e
"$eadem" doctor --isa sse9 2>/dev/null; [ $? = 2 ] || fail "unknown instruction set: not 2"
"$eadem" doctor --contract x 2>/dev/null; [ $? = 2 ] || fail "unknown contract: not 2"
"$eadem" doctor --threads 0 2>/dev/null; [ $? = 2 ] || fail "0 threads: not 2"
