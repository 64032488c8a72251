#!/usr/bin/env bash
# eadem run and eadem log: what a record holds, and that the command does not notice.
set -eu
eadem=$(realpath "$1")/eadem
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
unset EADEM_DIR EADEM_RUN_DIR
fail() { echo "FAILED: $*"; exit 1; }
git_() { git -c user.name=t -c user.email=t@example.org "$@"; }
# record EXPRESSION: a Python expression over the last run's record r
record() { "$eadem" runs last --json | python3 -c "import json,sys; r=json.load(sys.stdin); print(($1))"; }
cd "$home"; git init -q p; cd p
printf 'one\n' >code.txt; printf 'ignored*\n.venv\n' >.gitignore; mkdir -p sub data
git_ add .; git_ commit -qm first

# Exit codes are the command's; its streams are its own.
"$eadem" run --quiet -- sh -c 'echo out; echo err >&2; exit 3' >o 2>e && fail "exit code 3 was lost" || [ $? = 3 ]
[ "$(cat o)" = out ] && [ "$(cat e)" = err ] || fail "streams"
[ "$(record 'r["exit"], r["status"]')" = "(3, 'failed')" ] || fail "exit in the record"
"$eadem" run --quiet -- no-such-command 2>/dev/null && fail "no-such-command" || [ $? = 127 ]
"$eadem" run --quiet -- sh -c 'kill -TERM $$' && fail "killed" || [ $? = 143 ]
[ "$(record 'r["signal"]')" = 15 ] || fail "signal"
rm o e

# Code: commit, patch with changes, untracked files and names of every kind; secrets and ignored files left out.
printf 'two\n' >>code.txt; printf 'b\0\1\2' >binary.bin; printf 'x' >ignored.txt
printf 'KEY=1\n' >.env; mkdir deep; printf 'k' >deep/id_rsa; printf 'n' >$'new\nline "q" ü.txt'
head -c 9000000 /dev/zero >large.bin; "$eadem" keygen mykey >/dev/null
"$eadem" run -- true 2>e; grep -q '4 changed files are not in its record' e || fail "left out in silence: $(cat e)"; rm e
[ "$(record 'r["code"]["commit"]')" = "$(git rev-parse HEAD)" ] || fail "commit"
record '"\n".join(sorted(e["path"]+": "+e["why"] for e in r["code"]["left_out"]))' >left
grep -q '^.env: its name' left && grep -q '^deep/id_rsa: its name' left && grep -q '^large.bin: 9000000' left &&
    grep -q '^mykey: it holds a private key' left ||
    fail "left out: $(cat left)"
[ "$(record 'r["code"]["ignored"]')" = "['ignored.txt']" ] || fail "ignored: $(record 'r["code"]')"
"$eadem" runs last | grep -q 'left out: ignored.txt (git ignores it)' || fail "what git ignores is not said"
rm large.bin left mykey mykey.pub
patch=$(record 'r["code"]["patch"]')
"$eadem" runs last --patch >"$home/patch"
[ "$(sha256sum <"$home/patch" | cut -d' ' -f1)" = "$patch" ] || fail "patch digest"
grep -q 'KEY=1\|PRIVATE' "$home/patch" && fail "a secret is in the patch"
grep -q ignored.txt "$home/patch" && fail "an ignored file is in the patch"
git_ clone -q . ../clone; git -C ../clone apply "$home/patch"
cmp code.txt ../clone/code.txt; cmp binary.bin ../clone/binary.bin
cmp $'new\nline "q" ü.txt' $'../clone/new\nline "q" ü.txt'
git diff --cached --quiet || fail "the user's index changed"

# The command sees inputs as they were recorded, and may change them afterwards.
printf 'input' >data/x; printf 'lr: 0.1\nopt: {name: adam, betas: [0.9, 0.99]}\n' >p.yaml
printf '{"seed": 7, "lr": 0.20, "none": []}' >p.json; printf 'a: 1\nb: {c: 2}\nb.c: 3\n' >twice.yaml
(cd sub && "$eadem" run --quiet --data ../data --out ../made --params ../p.yaml --params ../p.json \
    --param note='a=b c' --name first --tag t1 --tag 'zwei ü' -- sh -c 'echo changed >../data/x; cp ../data/x ../made')
[ "$(record 'r["inputs"][0]["path"], r["inputs"][0]["type"], r["inputs"][0]["size"]')" = "('data', 'folder', 5)" ] ||
    fail "input"
[ "$(record 'r["outputs"][0]["digest"]')" = "$(sha256sum <made | cut -d' ' -f1)" ] || fail "output digest"
[ "$(record 'r["folder"], r["name"], r["tags"]')" = "('sub', 'first', ['t1', 'zwei ü'])" ] || fail "folder, name, tags"
[ "$(record 'sorted(r["params"].items())')" = "[('lr', '0.20'), ('none', '[]'), ('note', 'a=b c'), ('opt.betas.0', '0.9'), \
('opt.betas.1', '0.99'), ('opt.name', 'adam'), ('seed', '7')]" ] || fail "params: $(record 'r["params"]')"
"$eadem" run --params twice.yaml -- touch ran 2>e && fail "a name twice" || [ $? = 2 ]
[ ! -e ran ] && grep -q "twice.yaml, line 3: 'b.c' is there twice" e || fail "a name twice: $(cat e)"
"$eadem" run --quiet --out never -- true 2>e; grep -q 'did not make its output never' e || fail "missing output"
"$eadem" run --quiet --data no-such -- touch ran 2>/dev/null && fail "missing input" || [ $? = 125 ]
[ ! -e ran ] || fail "ran without its input"
[ -z "$(ls .eadem/runs)" ] || fail "run folders are left: $(ls .eadem/runs)"

# Environment: an allowlist, no secrets.
TF_VAR_db_password=s OMP_NUM_THREADS=3 MY_SECRET=s CUDA_API_KEY=s PYTHONHASHSEED=0 TORCH_HOME=http://u:pw@h "$eadem" run --quiet -- true
[ "$(record '"OMP_NUM_THREADS" in r["variables"], "PYTHONHASHSEED" in r["variables"], "MY_SECRET" in r["variables"],
"CUDA_API_KEY" in r["variables"], "TORCH_HOME" in r["variables"], "TF_VAR_db_password" in r["variables"]')" = \
"(True, True, False, False, False, False)" ] || fail "variables"
[ "$(record 'r["environment"]["kernel"]')" = "$(uname -r)" ] || fail "kernel"
"$eadem" run --quiet -- python3 -c pass
[ "Python $(record 'r["environment"]["python"]["version"]')" = "$(python3 --version)" ] || fail "python"
# A launcher under Python's name, such as pyenv's: what it starts is recorded.
mkdir ../shims; printf '#!/bin/sh\nexec %s "$@"\n' "$(python3 -c 'import sys; print(sys.executable)')" >../shims/python3
chmod +x ../shims/python3; PATH=$home/shims:$PATH "$eadem" run --quiet -- python3 -c pass
[ "$(record 'r["environment"]["python"]["path"]')" = "$(python3 -c 'import sys; print(sys.executable)')" ] || fail "launcher"
[ "$(record 'r["program"]')" = "$home/shims/python3" ] || fail "program"

# What cannot be run: the codes of a shell.
code() { local got=0; "$@" 2>../e || got=$?; echo $got; }
[ "$(code "$eadem" run -- no-such-program)" = 127 ] && [ "$(code "$eadem" run -- ./code.txt)" = 126 ] || fail "127, 126"
grep -q 'not executable' ../e || fail "126: $(cat ../e)"
[ "$(code "$eadem" runs --where 'lr>>3')" = 1 ] || fail "an operator that is none"
[ "$(code "$eadem" runs --status done)" = 2 ] && [ "$(code "$eadem" runs --limit many)" = 2 ] || fail "wrong options"
[ "$(code "$eadem" runs --sort no-such-key)" = 1 ] && grep -q no-such-key ../e || fail "a key that no run has"

# Reports: floats are exact, names may hold anything, a crash loses nothing.
"$eadem" run --quiet -- sh -c "\"$eadem\" log loss=0.1 n=12345678901234567 --step 1; \"$eadem\" log \$'a\tb=1' -- loss=nan
    \"$eadem\" log --param opt=sgd; kill -9 \$\$" || [ $? = 137 ]
[ "$(record 'r["metrics"]["loss"]["count"], r["metrics"]["loss"]["last"], r["metrics"]["n"]["last"]')" = \
    "(2, 'nan', 12345678901234567)" ] || fail "metrics: $(record 'r["metrics"]')"
[ "$(record 'r["metrics"]["loss"]["min"]')" = 0x1.999999999999ap-4 ] || fail "exact float"
[ "$(record 'r["params"]["opt"]')" = sgd ] || fail "reported parameter"
"$eadem" log a=1 2>/dev/null && fail "log outside a run" || [ $? = 1 ]

# Long output keeps its beginning and end; order within a stream stays.
"$eadem" run --quiet -- seq 1 4000000 | cmp - <(seq 1 4000000) || fail "output passed on"
"$eadem" runs last --stdout >kept
[ "$(head -1 kept)" = 1 ] && [ "$(tail -1 kept)" = 4000000 ] && grep -q 'bytes left out' kept || fail "kept output"
[ "$(stat -c %s kept)" -lt 17000000 ] || fail "kept too much"
# Exact around the limit: nothing may be lost between the two parts.
"$eadem" run --quiet -- seq 1 1500000 >/dev/null; "$eadem" runs last --stdout | cmp - <(seq 1 1500000) || fail "two parts"
rm kept

# No reader: the command gets SIGPIPE as it would without us.
set +o pipefail; "$eadem" run --quiet -- yes | head -1 >/dev/null
[ "$(record 'r["signal"]')" = 13 ] || fail "SIGPIPE"
# A terminal is a terminal, a pipe a pipe.
[ "$("$eadem" run --quiet -- sh -c 'test -t 1 && echo tty || echo pipe')" = pipe ] || fail "pipe"
script -qec "'$eadem' run --quiet -- sh -c 'test -t 1 && test -t 2 && echo tty'" /dev/null | grep -q tty || fail "terminal"
# SIGTERM goes to the command, and the run is recorded.
"$eadem" run --quiet -- sh -c 'trap "echo got; exit 5" TERM; touch ready; while :; do sleep 0.01; done' >got & pid=$!
while [ ! -e ready ]; do sleep 0.02; done
kill -TERM $pid; wait $pid && fail "SIGTERM" || [ $? = 5 ]
grep -q got got || fail "SIGTERM was not passed on"
# A recorder that is killed leaves an interrupted run with its reports, once the command has ended.
"$eadem" run --quiet -- sh -c "\"$eadem\" log x=1; touch started; while [ ! -e go ]; do sleep 0.02; done
    \"$eadem\" log x=2" & pid=$!
while [ ! -e started ]; do sleep 0.02; done
kill -9 $pid; wait $pid || true
[ "$(record 'r["status"]')" = running ] || fail "the command still runs"
touch go
while [ "$(record 'r["status"]')" = running ]; do sleep 0.02; done
[ "$(record 'r["status"], r["metrics"]["x"]["count"]')" = "('interrupted', 2)" ] || fail "interrupted: $(record r)"
# Outside git too.
mkdir ../plain; cd ../plain; "$eadem" run --quiet -- true; [ -d .eadem ] || fail "plain folder"
[ "$(record 'r["code"]["system"]')" = None ] || fail "no git"
echo "run: all passed"
