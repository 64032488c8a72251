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
grep -q 'causes: none' ../same && grep -q 'effects: none: all 3 outputs, metrics' ../same && grep -q 'exit 0' ../same ||
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
# Inside outputs: the first tensor in the file's order, its first element, both values; also in a folder.
cat >../tensors.py <<'END'
import json, struct, sys
def save(path, tensors):
    header, data = {}, b""
    for name, kind, shape, values in tensors:
        code = {"F32": "f", "F64": "d", "I64": "q", "U16": "H"}[kind]
        kind = "BF16" if kind == "U16" else kind
        raw = struct.pack(f"<{len(values)}{code}", *values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)
which, out = int(sys.argv[1]), sys.argv[2]
w = [i / 10 for i in range(12)]
b = [0.1, float("nan")]
h = [0x3f80, 0x3f81]
if which == 1:
    w[7], w[9] = 0.7000001, 5.0
if which == 2:
    h[1] = 0x3f82
if which == 3:
    b[0] = 0.10000000000000002
tensors = [("z.weight", "F32", [3, 4], w), ("a.half", "U16", [2], h), ("b", "F64", [2], b)]
if which == 4:
    tensors = tensors[:2] + [("b", "F64", [1, 2], b)]
if which == 5:
    tensors = tensors[:1] + tensors[2:] + [("new", "I64", [1], [3])]
save(out, tensors)
END
tensor() { # tensor NUMBER: the difference of the files 0 and NUMBER, as JSON in ../d.json
    for number in 0 "$1"; do "$eadem" run --quiet --out m.safetensors -- python3 ../tensors.py "$number" m.safetensors; done
    difference last~1 last --json | sed '$d' >../d.json
}
look() { python3 -c "import json; (o,) = json.load(open('../d.json'))['effects']['outputs']; t = o.get('tensor'); assert $1, o"; }
tensor 1
look 'o["tensors"] == [1, 3] and t == {"name": "z.weight", "type": "float32", "shape": "[3, 4]", "index": [1, 3],
    "a": "0.7 (0x1.666666p-1)", "b": "0.7000001 (0x1.66666ap-1)", "elements": [2, 12], "float_ulps": 2}'
difference last~1 last >../text
for words in 'first difference in tensor z.weight (float32 \[3, 4\]) at \[1, 3\]' '0.7000001 (0x1.66666ap-1)' \
    'apart: 2 ulp of float32' '2 of its 12 elements differ; 1 of 3 tensors differ'; do
    grep -q "$words" ../text || fail "the text lacks '$words': $(cat ../text)"
done
tensor 2
look '(t["name"], t["index"], t["a"], t["b"]) == ("a.half", [1], "1.0078125 (0x1.02p+0)", "1.015625 (0x1.04p+0)")'
tensor 3
look '(t["name"], t["index"], t["ulps"], t["elements"]) == ("b", [0], 1, [1, 2])'
tensor 4
look 't == {"name": "b", "a": "float64 [2]", "b": "float64 [1, 2]"}'
tensor 5
look 'o["tensors"] == [2, 4] and t == {"name": "a.half", "a": "bfloat16 [2]", "b": None}'
for number in 0 1; do
    rm -rf out && mkdir -p out/deep && echo same >out/same && [ $number = 0 ] || echo more >out/more
    "$eadem" run --quiet --out out -- python3 ../tensors.py $number out/deep/w
done
difference last~1 last --json | sed '$d' >../d.json
look '([(f["kind"], f["path"]) for f in o["files"]], o["file"], t["index"]) == ([("~", "deep/w"), ("+", "more")], "deep/w", [1, 3])'
for text in abcdef abcXef; do "$eadem" run --quiet --out o.bin -- sh -c "printf $text >o.bin"; done
difference last~1 last --json | sed '$d' >../d.json
look 'o["byte"] == 3'

difference nothing last 2>../err >../text; grep -q "nothing" ../err || fail "unknown run"
echo "diff: all passed"
