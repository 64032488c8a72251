#!/usr/bin/env bash
# label: slow
# A file system that refuses while a run is recorded, and a recorder that is killed: at each call that changes the file
# system it fails once, or from then on, with ENOSPC or EIO, or is the recorder's last. The command runs at most once and
# the recorder says which it was; finished runs stay whole.
set -eu
. "$(dirname "$0")/shim.sh"
git init -q . && git config user.name t && git config user.email t@example.org
echo 1 >code && git add code && git commit -qm first && echo 2 >>code
head -c 200000 /dev/urandom >input
"$eadem" run --quiet --name first --data input --out made -- cp input made
cp -r .eadem "$log/template"

# The command itself must not meet the faults: it drops the shim.
cat >"$log/program" <<END
#!/bin/sh
unset LD_PRELOAD FAIL_AT FAIL_HOW FAIL_COUNT
echo ran >>"$log/ran"
'$eadem' log a=1 --step 0
echo printed
cp input made
END
chmod +x "$log/program"
attempt() { # NUMBER HOW: exit code in $code
    rm -rf .eadem made "$log/ran" && cp -r "$log/template" .eadem
    with_fault "$1" "$2" "$eadem" run --quiet --name second --data input --out made -- "$log/program"
    until "$eadem" runs --status running --json >"$log/running" && ! grep -q '"id"' "$log/running"; do
        sleep 0.02 # the command outlives a recorder that was killed
    done
}
attempt 0 once
[ $code = 0 ] || fail "without a fault: $(cat "$log/err")"
count=$calls
[ "$count" -ge 10 ] || fail "the shim saw only $count calls"
for at in $(seq "$count"); do
    for how in once on kill; do
        attempt "$at" $how
        [ $code = 0 ] || [ $code = 125 ] || { [ $how = kill ] && [ $code = 137 ]; } ||
            fail "exit code $code at call $at: $(cat "$log/err")"
        [ $code != 125 ] || [ -s "$log/err" ] || fail "no message at call $at"
        ran=$(cat "$log/ran" 2>/dev/null | wc -l)
        [ "$ran" -le 1 ] && { [ $code != 0 ] || [ "$ran" = 1 ]; } || fail "the command ran $ran times at call $at"
        whole
        "$eadem" runs --json >"$log/runs" || fail "the list of runs after call $at"
        { echo "call $at, $how: $(head -1 "$log/err")"; echo "$code $ran"; tr '\n' ' ' <"$log/runs"; echo; } >>"$log/all"
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
echo "$((3 * count)) faults: said, and no run was lost"
