#!/usr/bin/env bash
# Recorders killed at random moments, several at once: what was finished stays, what was reported stays, the
# store is whole, and nothing is left behind.
set -eu
. "$(dirname "$0")/shell.sh"
git init -q . && git config user.name t && git config user.email t@example.org
echo 1 >code && git add code && git commit -qm first && echo 2 >>code
head -c 300000 /dev/urandom >input
RANDOM=7
finished="$log/finished"
: >"$finished"

# Each run reports ten times and says, outside of the ledger, how far it came.
cat >program.sh <<END
for i in 1 2 3 4 5 6 7 8 9 10; do '$eadem' log i=\$i --step \$i && echo \$i >"\$1"; done; cp input made
END
one() {
    "$eadem" run --data input --out made.$1 --name "n$1" -- sh program.sh "$log/came.$1" >/dev/null 2>"$log/err.$1" &
    local pid=$! code=0 wait=$((RANDOM % most))
    sleep "$(printf %d.%03d $((wait / 1000)) $((wait % 1000)))"
    kill -9 $pid 2>/dev/null || true
    { wait $pid || code=$?; } 2>/dev/null
    if [ $code = 0 ]; then echo "n$1" >>"$finished"; else echo "n$1" >>"$log/killed"; fi
}
# The time to live doubles until runs finish, so that on any machine some are killed and some are not.
round=0 most=50
: >"$log/killed"
until [ "$(wc -l <"$log/killed")" -ge 15 ] && [ "$(wc -l <"$finished")" -ge 5 ]; do
    round=$((round + 1))
    [ $round -le 60 ] || fail "$(wc -l <"$log/killed") killed, $(wc -l <"$finished") finished: the test tests nothing"
    for k in 1 2 3; do one $round.$k & done
    wait
    "$eadem" runs >/dev/null || fail "the list of runs"
    [ "$(wc -l <"$finished")" -ge 5 ] || [ $most -gt 15000 ] || most=$((most * 2))
done
one_more="n0"; "$eadem" run --quiet --name n0 -- true; echo $one_more >>"$finished"
while "$eadem" runs --status running --json | grep -q '"id"'; do # programs whose recorder died go on for a moment
    sleep 0.1
done
"$eadem" runs --limit 0 --json >"$log/runs.json"
python3 - "$log" <<'END'
import json, os, sys
log = sys.argv[1]
runs = {r["name"]: r for r in json.load(open(f"{log}/runs.json"))}
for name in open(f"{log}/finished").read().split():
    assert runs[name]["status"] in ("finished", "failed"), runs[name]
statuses = [r["status"] for r in runs.values()]
assert set(statuses) <= {"finished", "failed", "interrupted"}, statuses
for name, run in runs.items():
    came = f"{log}/came.{name[1:]}"
    if os.path.exists(came) and open(came).read().strip():  # a report that returned is in the record
        assert float(run["metrics"]["i"]) >= int(open(came).read()), (run, open(came).read())
print(len(runs), "runs:", {s: statuses.count(s) for s in sorted(set(statuses))})
END
whole
find .eadem/runs -mindepth 1 -maxdepth 1 -exec touch -d '2 minutes ago' {} +
"$eadem" runs >/dev/null
[ -z "$(ls .eadem/runs)" ] || fail "left behind: $(ls .eadem/runs)"
expect 0 "$eadem" gc
whole
