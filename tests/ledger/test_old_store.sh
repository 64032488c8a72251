#!/usr/bin/env bash
# A store and a bundle written by the first schema (make_store_1.sh) stay readable: everything in them is found, and
# can be added to. A store that lacks later tables gets them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/shell.sh"
rmdir .eadem && tar -xf "$here/store-1.tar.xz"
whole
expect 0 "$eadem" runs last --json
python3 - "$log/out" <<'END'
import json, sys
r = json.load(open(sys.argv[1]))
assert (r["format"], r["status"], r["name"], r["tags"], r["exit"]) == ("eadem-run-1", "finished", "name", ["tag"], 0), r
assert r["params"] == {"lr": "0.1", "seed": "3"} and r["metrics"]["loss"]["last"] == "0x1.999999999999ap-4", r
assert r["outputs"][0]["size"] == 8 and r["inputs"][0]["path"] == "data", r
END
[ "$("$eadem" runs last --stdout)" = out ] && [ "$("$eadem" runs last --stderr)" = err ] || fail "streams"
expect 0 "$eadem" runs last --patch
says out '+# changed'
expect 0 "$eadem" runs --where 'lr=0.1' --where 'loss<0.2' --tag tag --name name
says out 'sh -c'
expect 0 "$eadem" data checkout set@1 one
[ "$(cat one/a)" = one ] && [ "$(cat one/$'new\nline ü')" = x ] && [ "$(stat -c %s one/large)" = 3000000 ] || fail "set@1"
expect 0 "$eadem" data checkout set@2 two
[ "$(sed -n 2p two/a)" = two ] || fail "set@2"
expect 0 "$eadem" model get net@production model.bin
printf 'one\ntwo\n' | cmp - model.bin || fail "the model"
expect 0 "$eadem" feature get f a --at 2
says out v=5
expect 0 "$eadem" lineage net
says out 'set@2'
expect 0 "$eadem" lineage joined
says out 'f@1'

# It is written on: a new version, a new run, gc.
echo three >>two/a
expect 0 "$eadem" data add two --name set
says out 'set@3'
expect 0 "$eadem" run --quiet --out made -- sh -c 'echo x >made'
expect 0 "$eadem" gc
whole
expect 0 "$eadem" data verify set@1 one

# Tables of subjects that are younger than the store are made when it is opened.
python3 - <<'END'
import sqlite3
db = sqlite3.connect(".eadem/ledger.db")
for table in ("feature", "feature_version", "feature_row", "run_source"):
    db.execute(f"DROP TABLE {table}")
db.execute("DELETE FROM schema WHERE subject IN ('feature', 'source')")
db.commit()
END
expect 0 "$eadem" feature define g --key k --time t --columns v
expect 0 "$eadem" runs
says out name

mkdir -p other/.eadem && cp bundle.eadem other && cd other
expect 0 "$eadem" import bundle.eadem
says out 'model net@1'
says out 'data joined@1'
expect 0 "$eadem" lineage joined
says out 'f@1'
whole
echo "a store and a bundle of the first schema: read, written on, migrated"
