#!/usr/bin/env bash
# label: slow
# A file system that refuses, and a process that is killed: at each call that changes the file system it fails once,
# or from then on, with ENOSPC or EIO, or the command is killed there. What was finished is whole, a failure is said,
# and after a kill the same command does its work.
set -eu
. "$(dirname "$0")/shim.sh"

mkdir base data && head -c 400000 /dev/urandom >base/a && ln -s a base/b
expect 0 "$eadem" data add base --name base
expect 0 "$eadem" data add base/a --name single
expect 0 "$eadem" bundle data:base base.eadem
mv .eadem template

# every NAME COMMAND…: the command under each fault.
every() {
    local name=$1 count at how
    shift
    rm -rf .eadem out && cp -r template .eadem
    with_fault 0 once "$@"
    [ $code = 0 ] || fail "$name without a fault: $(cat "$log/err")"
    count=$calls
    [ "$count" -ge 5 ] || fail "$name: the shim saw only $count calls"
    for at in $(seq "$count"); do
        for how in once on kill; do
            rm -rf .eadem out && cp -r template .eadem
            with_fault "$at" $how "$@"
            [ $code -le 1 ] || { [ $how = kill ] && [ $code = 137 ]; } || fail "$name: exit code $code at call $at"
            [ $code != 1 ] || [ -s "$log/err" ] || fail "$name: no message at call $at"
            whole
            expect 0 "$eadem" data verify base base
            [ $code != 1 ] || [ ! -e out ] || fail "$name: it failed at call $at and left a file"
            [ -z "$(ls -d out.* 2>/dev/null)" ] || [ "$name" = checkout ] || fail "$name: left at call $at: $(ls -d out.*)"
            [ $how != kill ] || [ $code = 0 ] || expect 0 "$@"
            if [ "$name" = add ] && { [ $code = 0 ] || [ $how = kill ]; }; then
                expect 0 "$eadem" data verify more data
            fi
        done
    done
    faults=$((${faults:-0} + 3 * count))
}

head -c 700000 /dev/urandom >data/x && echo y >data/y
every add "$eadem" data add data --name more
every checkout "$eadem" data checkout base out
every file "$eadem" data checkout single out
every bundle "$eadem" bundle data:base out
every import "$eadem" import base.eadem
every gc "$eadem" gc
echo "$faults faults: said, and nothing finished was lost"
