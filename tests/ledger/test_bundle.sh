#!/usr/bin/env bash
# Bundles: what goes out comes in elsewhere, names do not hide each other, a cut file leaves nothing.
set -eu
. "$(dirname "$0")/shell.sh"

mkdir -p data/deep
head -c 3000000 /dev/urandom >data/deep/big
printf 'x' >"data/new
line \"quoted\""
ln -s deep/big data/link
expect 0 "$eadem" data add data --name set
expect 0 "$eadem" run --data data --out model.bin -- sh -c 'cat data/deep/big >model.bin; echo done'
expect 0 "$eadem" model register last model.bin --name net --note 'the first'
expect 0 "$eadem" model promote net production
expect 0 "$eadem" bundle net data:set out.eadem
says out objects

mkdir other && mkdir other/.eadem && cd other
expect 0 "$eadem" import ../out.eadem
says out 'model net@1'
says out 'data set@1'
whole
expect 0 "$eadem" data checkout set data
diff -r --no-dereference ../data data || fail "the data differs"
expect 0 "$eadem" model get net model.bin
cmp ../model.bin model.bin || fail "the model differs"
expect 1 "$eadem" model get net@production x
expect 0 "$eadem" lineage net
says out 'set@1'
(cd .. && "$eadem" runs --json) >a.json
"$eadem" runs --json >b.json
cmp a.json b.json || fail "the run's record differs"

# Again: nothing new. A name with other content here keeps its meaning.
expect 0 "$eadem" import ../out.eadem
says out '0 new objects'
says out 'was here already'
cd .. && mkdir -p third/.eadem && cd third
echo mine >mine && expect 0 "$eadem" data add mine --name set
expect 0 "$eadem" import ../out.eadem
says out 'set-imported@1'
expect 0 "$eadem" data verify set mine
whole

# A join's result brings its events and its feature tables; a table of that name here keeps its meaning.
cd .. && mkdir -p fourth/.eadem fifth/.eadem && cd third
printf 'user,t,age\na,1,30\n' >u1.csv; printf 'user,t,age\na,3,31\n' >u2.csv; printf 'user,time\na,2\na,4\n' >events.csv
expect 0 "$eadem" feature define user --key user --time t --columns age
expect 0 "$eadem" feature ingest user u1.csv
expect 0 "$eadem" feature ingest user u2.csv
expect 0 "$eadem" feature join events.csv --features user@1,user@2 --name joined
expect 0 "$eadem" data checkout joined joined.csv
expect 0 "$eadem" run --quiet --data joined.csv --out o -- sh -c 'cat joined.csv joined.csv >o'
expect 0 "$eadem" bundle last ../joined.eadem
expect 0 "$eadem" lineage last
sed 's/joined@1/object ID/; s/object [0-9a-f]\{12\}/object ID/' "$log/out" >"$log/lineage"
cd ../fourth
expect 0 "$eadem" import ../joined.eadem
says out 'feature table user@2'
expect 0 "$eadem" feature get user a --at 2
says out age=30
expect 0 "$eadem" feature get user a
says out age=31
expect 0 "$eadem" lineage last
sed 's/object [0-9a-f]\{12\}/object ID/' "$log/out" | diff "$log/lineage" - || fail "the lineage differs"
says out 'user@1'
expect 0 "$eadem" import ../joined.eadem
says out 'feature table user@2  was here already'
expect 0 "$eadem" gc
whole
cd ../fifth
printf 'user,t,age\na,1,99\n' >own.csv
expect 0 "$eadem" feature define user --key user --time t --columns age
expect 0 "$eadem" feature ingest user own.csv
expect 0 "$eadem" import ../joined.eadem
says out 'feature table user-imported@2'
expect 0 "$eadem" feature get user a
says out age=99
expect 0 "$eadem" lineage last
says out 'user-imported@2'
whole
cd ..; rm -rf fourth fifth; mkdir x; cd x

# Cut anywhere, or with one byte changed anywhere: refused, and nothing of it is left after gc.
cd .. && mkdir -p fourth/.eadem && cd fourth
size=$(stat -c %s ../out.eadem)
python3 - "$size" <<'P'
import random, sys
random.seed(9)
data = open("../out.eadem", "rb").read()
size = len(data)
for i, n in enumerate([0, 7, 8, 71, 72, size - 1] + [random.randrange(size) for _ in range(6)]):
    open(f"cut{i}", "wb").write(data[:n])
places = [0, 9, 20, 40, size - 1] + [random.randrange(size) for _ in range(15)]
for i, n in enumerate(places):
    open(f"bad{i}", "wb").write(data[:n] + bytes([data[n] ^ (1 << random.randrange(8))]) + data[n + 1:])
open("more0", "wb").write(data + b"x")
P
for f in cut* bad* more*; do
    expect 1 "$eadem" import "$f"
    says err "$f"
done
expect 0 "$eadem" gc
expect 0 "$eadem" fsck
says out '0 objects in 0 packs'
expect 0 "$eadem" runs --json
expect 1 "$eadem" bundle nothing x
says err "no run, data version or model"
[ ! -e x ] || fail "a failed bundle left a file"
echo "bundles: round trip, names, cut and changed files"
