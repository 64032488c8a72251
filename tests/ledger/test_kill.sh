#!/usr/bin/env bash
# label: slow
# Killed at random moments, in any operation: what was finished stays whole, and the next call goes on.
# (test_full_disk.sh kills at each call into the file system.)
set -eu
. "$(dirname "$0")/shell.sh"

mkdir data
for i in $(seq 300); do
    head -c $((i * 37)) /dev/urandom >"data/$i"
done
head -c 30000000 /dev/urandom >data/big
expect 0 "$eadem" data add data --name kept
cp -r data work
RANDOM=6

# cut MILLISECONDS COMMAND…: kills the command after a random part of that time.
killed=0
cut() {
    local most=$1 code=0
    shift
    "$@" >/dev/null 2>&1 &
    local pid=$!
    sleep "0.$(printf %03d $((RANDOM % most)))"
    kill -9 $pid 2>/dev/null || true
    { wait $pid || code=$?; } 2>/dev/null
    if [ $code = 137 ]; then killed=$((killed + 1)); fi
}

# How many die depends on the machine's speed: on until enough have.
round=0
until [ $killed -ge 12 ]; do
    round=$((round + 1))
    [ $round -le 100 ] || fail "only $killed commands were killed: the test tests nothing"
    head -c $((RANDOM * 300)) /dev/urandom >>work/big
    head -c 5000 /dev/urandom >"work/new$round"
    cut 250 "$eadem" data add work --name changing
    cut 100 "$eadem" gc
    cut 250 "$eadem" data checkout kept out
    cut 250 "$eadem" bundle data:kept kept.eadem
    whole
    expect 0 "$eadem" data verify kept data
done

# Everything goes on from here.
rm -rf out
expect 0 "$eadem" data checkout kept out
diff -r data out || fail "the resumed checkout differs"
expect 0 "$eadem" data add work --name changing
expect 0 "$eadem" data verify changing work
expect 0 "$eadem" gc
whole
[ -z "$(find .eadem/tmp -type f)" ] || fail "gc left temporary files"
mkdir -p other/.eadem && "$eadem" bundle data:kept whole.eadem >/dev/null && cd other
for round in 1 2 3 4 5 6; do
    cut 200 "$eadem" import ../whole.eadem
    whole
done
expect 0 "$eadem" import ../whole.eadem
expect 0 "$eadem" data verify kept ../data
echo "killed $killed commands: nothing finished was lost"
