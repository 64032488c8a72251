#!/usr/bin/env bash
# eadem verify: a run is repeated from its record alone; identical, different, or not repeatable.
set -eu
eadem=$(realpath "$1")/eadem
home=$(mktemp -d); trap 'chmod -R u+w "$home"; rm -rf "$home"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null TMPDIR=$home/tmp
mkdir "$TMPDIR"
unset EADEM_DIR EADEM_RUN_DIR
fail() { echo "FAILED: $*"; exit 1; }
git_() { git -c user.name=t -c user.email=t@example.org "$@"; }
expect() { # CODE COMMAND…
    local want=$1 got=0; shift
    "$@" >"$home/out" 2>"$home/err" || got=$?
    [ "$got" = "$want" ] || fail "exit code $got, not $want: $*: $(cat "$home/out" "$home/err")"
}
has() { grep -q -- "$1" "$home/out" || fail "no '$1' in: $(cat "$home/out")"; }
cd "$home"; git init -q p; cd p
cat >train.sh <<'END'
pwd; echo "$MARK"
for step in 0 1; do "$EADEM" log loss=$(cat code)$(cat data/x).$step --step $step; done
mkdir -p out; cat code data/x extra >out/model; env | grep -c OMP_ >>out/model || true
END
sed -i "s|\"\$EADEM\"|'$eadem'|" train.sh # only listed variables reach a repetition
printf 'ignored/\nout/\n' >.gitignore
printf 1 >code; git_ add .; git_ commit -qm first
mkdir -p data ignored; printf 2 >data/x; printf 3 >code; printf 4 >extra # changed and untracked
cp /bin/cp ignored/tool

OMP_NUM_THREADS=5 MARK=secret "$eadem" run --quiet --data data --out out --param seed=1 -- sh train.sh >/dev/null
run=$("$eadem" runs last --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
# Everything changes afterwards; the record does not.
printf 9 >code; printf 9 >data/x; rm extra; rm -r out; git_ commit -qam later
expect 0 "$eadem" verify "$run"
has 'verdict  identical'; has 'none: all 2 outputs, metrics and traces'
grep -q "^$home/tmp/eadem-" "$home/err" || fail "it did not run in a fresh folder: $(cat "$home/err")"
grep -q secret "$home/err" && fail "a variable that is not recorded reached the repetition"
[ "$(cat code data/x)" = 99 ] && [ ! -e out ] || fail "the project was touched"
[ -z "$(ls "$TMPDIR")" ] || fail "left behind: $(ls "$TMPDIR")"
[ "$(git worktree list | wc -l)" = 1 ] || fail "git's list of work trees"
"$eadem" runs --tag verify --json | grep -q '"status": "finished"' || fail "the repetition is a run"
expect 0 "$eadem" diff "$run" last

# It differs: the first difference is named.
cat >random.sh <<'END'
n=$(cat "$TORCH_STATE"); echo $((n + 1)) >"$TORCH_STATE"
"$EADEM" log loss=1 --step 0; "$EADEM" log loss=1.$n --step 1; echo $n >model
END
export TORCH_STATE=$home/state; echo 1 >"$home/state"
sed -i "s|\$EADEM|$eadem|g" random.sh
"$eadem" run --quiet --out model -- sh random.sh
expect 1 "$eadem" verify last
has 'verdict  differs'; has 'loss at step 1'; has '1.1 (0x1.199999999999ap+0)'; has 'model'

# It cannot be repeated: what is missing is named, and nothing runs.
"$eadem" run --quiet -- touch ran; rm ran
expect 2 "$eadem" verify last; has 'no outputs, metrics or trace'
"$eadem" run --quiet --out r -- sh -c 'echo 1 >r; kill -9 $PPID' 2>/dev/null || true
expect 2 "$eadem" verify last; has 'the run is interrupted'
mkdir ../data2; printf a >../data2/x
"$eadem" run --quiet --data ../data2 --out r -- cp ../data2/x r
expect 0 "$eadem" verify last; has 'read where it is'
"$eadem" run --quiet --data "$home/data2" --out r -- cp "$home/data2/x" r
expect 0 "$eadem" verify last; has 'read where it is'
printf b >../data2/x
expect 2 "$eadem" verify last~1; has 'data2: it lies outside the project and has changed'
# A program that git ignores is taken from the project, and that is said.
"$eadem" run --quiet --out r -- sh -c 'ignored/tool code r'; rm r
expect 1 "$eadem" verify last
"$eadem" run --quiet --out r --data code -- ignored/tool code r
expect 0 "$eadem" verify last; has 'no part of the record.s code'
# Another program under the same name is a cause.
printf '#!/bin/sh\necho 1 >r\n' >ignored/program; chmod +x ignored/program
"$eadem" run --quiet --out r -- ignored/program
printf '#!/bin/sh\necho 2 >r\n' >ignored/program
expect 1 "$eadem" verify last; has 'program_digest'

# Inputs cannot be written.
"$eadem" run --quiet --data data --out r -- sh -c 'touch data/y 2>/dev/null; test -w data && echo w >r || echo r >r'
if [ "$(id -u)" != 0 ]; then expect 1 "$eadem" verify last; fi; rm -f data/y

# Reports and signatures, with openssl as the second opinion.
expect 0 "$eadem" keygen "$home/key"; expect 1 "$eadem" keygen "$home/key"
[ "$(stat -c %a "$home/key")" = 600 ] || fail "the key's mode"
expect 0 "$eadem" verify --quiet --report "$home/report" --sign "$home/key" "$run"
grep -q 'verdict  identical' "$home/report.txt" || fail "text report"
openssl pkeyutl -verify -pubin -inkey "$home/key.pub" -rawin -in "$home/report.json" -sigfile "$home/report.json.sig" |
    grep -q Success || fail "openssl does not accept the signature"
expect 0 "$eadem" verify --check "$home/report.json" --key "$home/key.pub"; has 'signature  good'; has 'is the one of the report'
(cd "$home"; expect 0 "$eadem" verify --check report.json --key key.pub)
openssl genpkey -algorithm ed25519 -out "$home/other"; openssl pkey -in "$home/other" -pubout -out "$home/other.pub"
expect 1 "$eadem" verify --check "$home/report.json" --key "$home/other.pub"
sed -i 's/identical/identicaL/' "$home/report.json"
expect 1 "$eadem" verify --check "$home/report.json" --key "$home/key.pub"; has 'NOT that of this key'
expect 3 "$eadem" verify --check "$home/report.json" --key "$home/report.txt"
expect 3 "$eadem" verify no-such-run
echo "verify: all passed"
