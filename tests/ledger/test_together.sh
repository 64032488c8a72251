#!/usr/bin/env bash
# Many writers, collectors and readers at once on one store, made by whoever comes first.
set -eu
. "$(dirname "$0")/shell.sh"

mkdir shared && head -c 2000000 /dev/urandom >shared/common
for i in 1 2 3 4 5 6; do
    cp -r shared "set$i" && head -c 300000 /dev/urandom >"set$i/own"
done

add() {
    for round in 1 2 3 4; do
        echo "$round" >"set$1/round"
        "$eadem" data add "set$1" --name "set$1" >/dev/null || exit 1
        "$eadem" data add "set$1" --name everybody >/dev/null || exit 1
        "$eadem" data verify "set$1" >/dev/null || exit 1
    done
}

collect() {
    for round in $(seq 10); do
        "$eadem" gc --wait 60 >/dev/null || exit 1
    done
}

pids=
for i in 1 2 3 4 5 6; do
    add $i 2>"$log/$i" &
    pids="$pids $!"
done
collect 2>"$log/gc" &
pids="$pids $!"
for pid in $pids; do
    wait "$pid" || fail "$(cat "$log"/[1-6] "$log/gc")"
done

whole
for i in 1 2 3 4 5 6; do
    expect 0 "$eadem" data verify "set$i" "set$i"
    expect 0 "$eadem" data log "set$i" --json
    [ "$(grep -c '"version"' "$log/out")" = 4 ] || fail "set$i has not its four versions"
done
expect 0 "$eadem" data log everybody --json
python3 -c '
import json, sys
numbers = [v["version"] for v in json.load(sys.stdin)]
assert numbers == list(range(len(numbers), 0, -1)) and 4 <= len(numbers) <= 24, numbers
' <"$log/out"
expect 0 "$eadem" gc
whole
echo "six writers and a collector: every version is there and whole"
