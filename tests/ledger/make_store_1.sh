#!/usr/bin/env bash
# Makes store-1.tar.xz: a store and a bundle as the first schema writes them. Run once, with the Eadem that had it;
# test_old_store.sh reads what it made with every later one.
#   tests/ledger/make_store_1.sh FOLDER_OF_EADEM OUT.tar.xz
set -eu
eadem=$(realpath "$1")/eadem
out=$(realpath "$2")
rm -rf /tmp/project && mkdir /tmp/project && cd /tmp/project
git init -q . && git config user.name t && git config user.email t@example.org
mkdir data && printf 'one\n' >data/a && head -c 3000000 /dev/zero >data/large && printf 'x' >$'data/new\nline ü'
printf 'data\n*.csv\nmodel.bin\n' >.gitignore && echo 'cat data/a' >go.sh
git add . && git commit -qm first && echo '# changed' >>go.sh
"$eadem" data add data --name set --note 'the first'
echo two >>data/a && "$eadem" data add data --name set
"$eadem" run --data data --out model.bin --param lr=0.1 --param seed=3 --tag tag --name name -- \
    sh -c "sh go.sh >model.bin; '$eadem' log loss=0.25 --step 1; '$eadem' log loss=0.1 --step 2; echo out; echo err >&2"
"$eadem" model register last model.bin --name net --note hi && "$eadem" model promote net production
printf 'k,t,v\na,1,5\na,3,6\n' >f.csv && printf 'k,time\na,2\na,4\n' >e.csv
"$eadem" feature define f --key k --time t --columns v && "$eadem" feature ingest f f.csv
"$eadem" feature join e.csv --features f --name joined
"$eadem" bundle net data:joined bundle.eadem
tar --sort=name --owner=0 --group=0 --numeric-owner -cf - .eadem bundle.eadem | xz -9 >"$out"
cd / && rm -rf /tmp/project
