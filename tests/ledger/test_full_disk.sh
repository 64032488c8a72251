#!/usr/bin/env bash
# label: slow
# A file system that refuses: each call that changes it fails once, or from then on, with ENOSPC or EIO. The
# command says so and exits with 1; what was finished is whole.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # faults are injected: the disk need not be a real one
. "$here/shell.sh"

if nm -D "$eadem" 2>/dev/null | grep -q '__asan_init\|__tsan_init'; then
    echo "skipped: a sanitizer's runtime does not go with LD_PRELOAD"
    exit 0
fi
"${CC:-cc}" -shared -fPIC -O1 -o "$log/shim.so" "$here/fail_io.c" -ldl

# with_fault NUMBER ERRNO ON COMMAND…: exit code in $code
with_fault() {
    local at=$1 error=$2 on=$3
    shift 3
    code=0
    env LD_PRELOAD="$log/shim.so" FAIL_AT="$at" FAIL_ERRNO="$error" ${on:+FAIL_ON=1} \
        FAIL_COUNT="$log/count" "$@" >"$log/out" 2>"$log/err" || code=$?
}

mkdir base data && head -c 400000 /dev/urandom >base/a && ln -s a base/b
expect 0 "$eadem" data add base --name base
expect 0 "$eadem" bundle data:base base.eadem
mv .eadem template

# every NAME COMMAND…: the command under each fault.
every() {
    local name=$1 calls at error on
    shift
    rm -rf .eadem out && cp -r template .eadem
    with_fault 0 5 "" "$@"
    [ $code = 0 ] || fail "$name without a fault: $(cat "$log/err")"
    calls=$(cat "$log/count")
    [ "$calls" -ge 5 ] || fail "$name: the shim saw only $calls calls"
    for at in $(seq "$calls"); do
        error=$((at % 2 ? 28 : 5)) # ENOSPC, EIO
        for on in "" 1; do
            rm -rf .eadem out && cp -r template .eadem
            with_fault "$at" $error "$on" "$@"
            [ $code -le 1 ] || fail "$name: exit code $code at call $at"
            [ $code = 0 ] || [ -s "$log/err" ] || fail "$name: no message at call $at"
            expect 0 "$eadem" fsck
            expect 0 "$eadem" data verify base base
            if [ $code = 0 ] && [ "$name" = add ]; then
                expect 0 "$eadem" data verify more data
            fi
        done
    done
    faults=$((${faults:-0} + 2 * calls))
}

head -c 700000 /dev/urandom >data/x && echo y >data/y
every add "$eadem" data add data --name more
every checkout "$eadem" data checkout base out
every bundle "$eadem" bundle data:base out
every import "$eadem" import base.eadem
every gc "$eadem" gc
echo "$faults faults: said, and nothing finished was lost"
