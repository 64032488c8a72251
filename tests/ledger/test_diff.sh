#!/usr/bin/env bash
# eadem diff: every cause is named, and the first step, tensor and metric at which two runs part.
set -eu
eadem=$(realpath "$1")/eadem
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
unset EADEM_DIR EADEM_RUN_DIR
fail() { echo "FAILED: $*"; exit 1; }
git_() { git -c user.name=t -c user.email=t@example.org "$@"; }
cd "$home"; git init -q p; cd p
mkdir data; printf 'one\n' >data/a; printf 'two\n' >data/b
cat >train.sh <<'END'
lr=$(cat lr)
for step in 0 1 2; do "$EADEM" log loss=0.$step$lr acc=1 --step $step; done
cat data/* >model
END
printf '5' >lr
export EADEM=$eadem
git_ add train.sh lr; git_ commit -qm first
run() { "$eadem" run --quiet --data data --out model "$@" -- sh train.sh; rm -f model; }
difference() { "$eadem" diff "$@" && echo "exit 0" || echo "exit $?"; }

run --param seed=1 --param lr=0.5; run --param seed=1 --param lr=0.5
difference last~1 last >../same
grep -q 'causes: none' ../same && grep -q 'effects: none: 3 outputs, metrics' ../same && grep -q 'exit 0' ../same ||
    fail "equal runs: $(cat ../same)"

# Uncommitted code, data, parameter, seed, variable: each is named, and what came of it.
printf '6' >lr; printf 'zwei\n' >data/b; printf 'three\n' >data/c
OMP_NUM_THREADS=7 run --param seed=2 --param lr=0.6 --param new=x
difference last~1 last --json >../d.json
python3 - <<'END'
import json
text = open("../d.json").read(); d = json.loads(text[:text.rindex("exit 1")])
c, e = d["causes"], d["effects"]
assert [f["path"] for f in c["code"]["files"]] == ["lr"], c["code"]
assert "-5" in c["code"]["diff"] and "+6" in c["code"]["diff"]
assert [(f["kind"], f["path"]) for f in c["data"][0]["files"]] == [("~", "b"), ("+", "c")], c["data"]
assert c["seeds"] == [{"key": "seed", "a": "1", "b": "2"}]
assert sorted((p["key"], p["a"], p["b"]) for p in c["parameters"]) == [("lr", "0.5", "0.6"), ("new", None, "x")]
assert {"key": "variables.OMP_NUM_THREADS", "a": None, "b": "7"} in c["environment"]
assert not e["identical"] and [o["path"] for o in e["outputs"]] == ["model"]
(m,) = e["metrics"]
assert (m["key"], m["step"], m["a"], m["b"]) == ("loss", 0, "0.05 (0x1.999999999999ap-5)", "0.06 (0x1.eb851eb851eb8p-5)")
assert m["ulps"] == 0x1eb851eb851eb8 - 0x1999999999999a, m
END
difference last~1 last >../text
for word in code data seeds parameters environment 'loss at step 0' model 'ulp of float64'; do
    grep -q "$word" ../text || fail "the text lacks '$word': $(cat ../text)"
done

# A commit instead of a patch: same code, no difference.
git_ commit -qam second; OMP_NUM_THREADS=7 run --param seed=2 --param lr=0.6 --param new=x
difference last~1 last >../text; grep -q 'causes: none' ../text || fail "committed or not is no difference: $(cat ../text)"

# The first point that differs, also when one run stopped early.
"$eadem" run --quiet -- sh -c '"$EADEM" log a=1 b=1 --step 0; "$EADEM" log a=1 b=2 --step 1; "$EADEM" log a=1 --step 2'
"$eadem" run --quiet -- sh -c '"$EADEM" log a=1 b=1 --step 0; "$EADEM" log a=1 b=3 --step 1' || true
difference last~1 last --json >../d.json
python3 - <<'END'
import json
text = open("../d.json").read(); m = json.loads(text[:text.rindex("exit 1")])["effects"]["metrics"]
assert [(x["key"], x["step"], x["counts"]) for x in m] == [("b", 1, [2, 2]), ("a", 2, [3, 2])], m
END
difference nothing last 2>../err >../text; grep -q "nothing" ../err || fail "unknown run"
echo "diff: all passed"
