#!/usr/bin/env bash
# The model registry and lineage, from data through a run to a model and back.
set -eu
. "$(dirname "$0")/shell.sh"

mkdir data && printf 'one\n' >data/a && printf 'two\n' >"data/b
c"
expect 0 "$eadem" data add data --name 'mnist "big"'
train() {
    expect 0 "$eadem" run --data data --out 'out/model 1.bin' -- sh -c 'mkdir -p out; cat data/* >"out/model 1.bin"; echo '"$1"' >>"out/model 1.bin"'
}
train first
expect 0 "$eadem" model register last 'out/model 1.bin' --name lenet --note 'says "hi"'
says out lenet@1
cp 'out/model 1.bin' first.bin
echo changed >'out/model 1.bin'
expect 0 "$eadem" model get lenet@1 got.bin
cmp first.bin got.bin || fail "the registry gave the file and not what the run made"
expect 1 "$eadem" model register last nothing --name lenet
says err "out/model 1.bin"
expect 1 "$eadem" model register 0000 x --name lenet
says err "no run begins"

train second
(cd out && expect 0 "$eadem" model register last 'model 1.bin' --name lenet)
expect 0 "$eadem" model promote lenet@1 production
expect 0 "$eadem" model promote lenet production
expect 0 "$eadem" model get lenet@production second.bin
grep -q second second.bin || fail "production is not the second"
expect 1 "$eadem" model get lenet@staging x
says err "no alias"
expect 1 "$eadem" model rm lenet@production
expect 1 "$eadem" model promote lenet 3rd
expect 0 "$eadem" model note lenet@1 better
expect 0 "$eadem" model list
says out better
expect 0 "$eadem" model log lenet --json
python3 -c '
import json, sys
log = json.load(sys.stdin)
assert [v["version"] for v in log["versions"]] == [2, 1], log
assert [(p["alias"], p["version"]) for p in log["promotions"]] == [("production", 1), ("production", 2)]
assert log["versions"][0]["aliases"] == "production" and len(log["versions"][1]["run"]) == 16
' <"$log/out"

# Both ways, in all three forms.
expect 0 "$eadem" lineage lenet@1
says out 'mnist "big"@1'
says out '<- run'
expect 0 "$eadem" lineage 'data:mnist "big"'
says out '-> lenet@1'
says out '-> lenet@2'
expect 0 "$eadem" lineage lenet@2
! grep -q lenet@1 "$log/out" || fail "a sibling is no ancestor"
expect 0 "$eadem" lineage lenet --dot
says out 'digraph'
if command -v dot >/dev/null; then dot -Tsvg "$log/out" >/dev/null || fail "Graphviz refuses it"; fi
expect 0 "$eadem" lineage lenet@1 --openlineage
python3 -c '
import json, sys, uuid
events = [json.loads(line) for line in sys.stdin]
assert len(events) == 1, events
e = events[0]
assert e["eventType"] == "COMPLETE" and uuid.UUID(e["run"]["runId"])
assert [d["name"] for d in e["inputs"]] == ["mnist \"big\"@1"], e
assert [d["name"] for d in e["outputs"]] == ["lenet@1"], e
' <"$log/out"
expect 0 "$eadem" run --quiet --out strange -- sh -c 'echo "$1" >strange' sh $'line\n "\xfe"'
expect 0 "$eadem" lineage last --dot
python3 -c 'import sys; text = sys.stdin.buffer.read().decode(); assert "line\\\\n \\\"\\\\xfe" in text, text' <"$log/out"
expect 1 "$eadem" lineage nothing
expect 1 "$eadem" data rm 'mnist "big"'
says err "--force"
whole

# What the registry holds survives gc; the rest goes.
expect 0 "$eadem" gc
whole
expect 0 "$eadem" model get lenet@1 again.bin
cmp first.bin again.bin
echo "models: register, promote, get; lineage: text, DOT, OpenLineage"
