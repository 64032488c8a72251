#!/usr/bin/env bash
# label: slow
# A file system that refuses while a run is recorded: each call that changes it fails once, or from then on, with
# ENOSPC or EIO. The command runs at most once and says which it was; finished runs stay whole.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # faults are injected: the disk need not be a real one
. "$here/shell.sh"
if nm -D "$eadem" 2>/dev/null | grep -q '__asan_init\|__tsan_init'; then
    echo "skipped: a sanitizer's runtime does not go with LD_PRELOAD"
    exit 0
fi
"${CC:-cc}" -shared -fPIC -O1 -o "$log/shim.so" "$here/fail_io.c" -ldl
git init -q . && git config user.name t && git config user.email t@example.org
echo 1 >code && git add code && git commit -qm first && echo 2 >>code
head -c 200000 /dev/urandom >input
"$eadem" run --quiet --name first --data input --out made -- cp input made
cp -r .eadem "$log/template"

# The command itself must not meet the faults: it drops the shim.
cat >"$log/program" <<END
#!/bin/sh
unset LD_PRELOAD FAIL_AT FAIL_ON FAIL_COUNT
echo ran >>"$log/ran"
'$eadem' log a=1 --step 0
echo printed
cp input made
END
chmod +x "$log/program"
attempt() { # NUMBER ERRNO ON: exit code in $code
    rm -rf .eadem made "$log/ran" && cp -r "$log/template" .eadem
    code=0
    env LD_PRELOAD="$log/shim.so" FAIL_AT="$1" FAIL_ERRNO="$2" ${3:+FAIL_ON=1} FAIL_COUNT="$log/count" \
        "$eadem" run --quiet --name second --data input --out made -- "$log/program" >"$log/out" 2>"$log/err" || code=$?
}
attempt 0 5 ""
[ $code = 0 ] || fail "without a fault: $(cat "$log/err")"
calls=$(cat "$log/count")
[ "$calls" -ge 10 ] || fail "the shim saw only $calls calls"
for at in $(seq "$calls"); do
    for on in "" 1; do
        attempt "$at" $((at % 2 ? 28 : 5)) "$on"
        [ $code = 0 ] || [ $code = 125 ] || fail "exit code $code at call $at: $(cat "$log/err")"
        [ $code = 0 ] || [ -s "$log/err" ] || fail "no message at call $at"
        ran=$(cat "$log/ran" 2>/dev/null | wc -l)
        [ "$ran" -le 1 ] && { [ $code = 125 ] || [ "$ran" = 1 ]; } || fail "the command ran $ran times at call $at"
        whole
        "$eadem" runs --json >"$log/runs" || fail "the list of runs after call $at"
        { echo "call $at${on:+ and all after it}: $(head -1 "$log/err")"; echo "$code $ran"; tr '\n' ' ' <"$log/runs"; echo; } >>"$log/all"
    done
done
python3 - "$log/all" <<'END' || fail "a run was lost"
import json, sys
lines = open(sys.argv[1], errors="replace").read().splitlines()
assert lines and len(lines) % 3 == 0
for where, numbers, text in zip(lines[::3], lines[1::3], lines[2::3]):
    code, ran = map(int, numbers.split())
    runs = {r["name"]: r["status"] for r in json.loads(text)}
    assert runs.pop("first") == "finished", (where, runs)
    second = runs.pop("second", None)
    assert not runs, (where, runs)
    if code == 0:
        assert second == "finished", (where, second)
    elif ran:  # it ran and could not be recorded to its end: it may not be forgotten
        assert second in ("interrupted", "finished"), (where, second)
    else:
        assert second in (None, "failed", "interrupted"), (where, second)
END
echo "$((2 * calls)) faults: said, and no run was lost"
