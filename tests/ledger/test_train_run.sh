#!/usr/bin/env bash
# label: slow
# eadem train in the ledger: it traces, it records itself, it is repeated, and what changed is named.
set -eu
root=$(pwd)
eadem=$(realpath "$1")/eadem
. "$(dirname "$0")/shell.sh"
rmdir .eadem
mkdir ../plain.$$ && cp -r "$root/data/mnist" ../plain.$$/data && sed 's|\.\./data/mnist|data|' "$root/examples/lenet5-mnist.yaml" >../plain.$$/r.yaml
(cd ../plain.$$ && expect 0 "$eadem" train r.yaml --max-steps 1 && [ ! -e .eadem ]) || fail "recorded outside of git"
rm -rf ../plain.$$
git init -q . && git config user.name t && git config user.email t@example.org
mkdir data && cp "$root"/data/mnist/* data/ && printf 'ck*/\n*.trace\n' >.gitignore
sed 's|\.\./data/mnist|data|' "$root/examples/lenet5-mnist.yaml" >recipe.yaml
git add . && git commit -qm first
same() { expect "$1" "$eadem" diff "$2" "$3"; }

# A trace is one of values: threads and instruction sets do not show, also not in its bytes.
expect 0 "$eadem" train recipe.yaml --no-record --max-steps 3 --trace a.trace
expect 0 "$eadem" train recipe.yaml --no-record --max-steps 3 --trace b.trace --threads 1 --isa generic
cmp a.trace b.trace || fail "the traces differ"
same 0 a.trace b.trace
[ ! -e .eadem ] || fail "--no-record"
# Another seed shows in the generator before anything else, another rate first in what the update makes.
sed 's/seed: 0/seed: 1/' recipe.yaml >seed.yaml
sed 's/lr: 0.01/lr: 0.02/' recipe.yaml >rate.yaml
! cmp -s recipe.yaml seed.yaml && ! cmp -s recipe.yaml rate.yaml || fail "the recipe has other values"
expect 0 "$eadem" train seed.yaml --no-record --max-steps 3 --trace seed.trace
expect 0 "$eadem" train rate.yaml --no-record --max-steps 3 --trace rate.trace
same 1 a.trace seed.trace; says out 'first difference at step 1, generator state generator'
same 1 a.trace rate.trace; says out 'first difference at step 1, parameter net.0.weight'
rm seed.yaml rate.yaml

# It records itself, and the record is enough to repeat it. Inside a run it reports to that.
expect 0 "$eadem" train recipe.yaml --max-steps 3 --out ck
says err 'finished'
expect 0 "$eadem" verify --quiet last; says out 'verdict  identical'; says out '3 outputs, metrics and traces'
expect 0 "$eadem" run --quiet --trace --param seed=0 -- "$eadem" train recipe.yaml --max-steps 3
"$eadem" runs last --trace | cmp - a.trace || fail "the trace of the run"
expect 0 "$eadem" verify --quiet last
sed -i 's/lr: 0.01/lr: 0.02/' recipe.yaml
expect 0 "$eadem" run --quiet --trace --param seed=0 -- "$eadem" train recipe.yaml --max-steps 3
expect 1 "$eadem" diff last~2 last
says out 'recipe.yaml  +1 −1'; says out 'first difference at step 1, parameter net.0.weight'
says out 'loss at step 2'; says out 'ulp of float32'; says out 'correct'
whole
echo "train: recorded, repeated, explained"
