#!/usr/bin/env bash
# A bundle in a folder that knows nothing else: the run is repeated, its code compared, its bundle made again; and a
# signed report is checked with nothing but the public key and the bundle.
set -eu
. "$(dirname "$0")/shell.sh"
git init -q . && git config user.name t && git config user.email t@example.org
printf '.eadem\n' >.gitignore && printf 'cp in out\n' >code.sh && git add . && git commit -qm first
printf "cp in out; '%s' log a=0.5\n" "$eadem" >code.sh # not committed
echo in >in
expect 0 "$eadem" run --quiet --name one --data in --out out -- sh code.sh
expect 0 "$eadem" keygen "$log/key"
expect 3 "$eadem" verify --quiet --sign "$log/no-key" last
[ "$("$eadem" runs --json | grep -c '"id"')" = 1 ] || fail "it repeated the run before it looked at the key"
expect 0 "$eadem" verify --quiet --sign "$log/key" last
expect 0 "$eadem" bundle last~1 "$log/one.eadem"
printf "cp in out; '%s' log a=0.75\n" "$eadem" >code.sh && git commit -qam second
expect 0 "$eadem" run --quiet --name two --data in --out out -- sh code.sh
expect 0 "$eadem" bundle last "$log/two.eadem"

# A reviewer: no ledger, no repository.
mkdir "$log/reviewer" && cd "$log/reviewer"
expect 0 "$eadem" verify --check ../one.eadem --key ../key.pub
says out 'signature  good'; says out 'the run here is the one of the report'; says out 'verdict  identical'
[ -z "$(ls -A)" ] || fail "checking left something: $(ls -A)"
expect 1 "$eadem" verify --check ../two.eadem --key ../key.pub
expect 0 "$eadem" keygen ../other
expect 1 "$eadem" verify --check ../one.eadem --key ../other.pub
says out '1 reports signed by others'
python3 -c '
data = bytearray(open("../one.eadem", "rb").read())
data[len(data) // 2] ^= 1
open("../changed.eadem", "wb").write(data)'
expect 3 "$eadem" verify --check ../changed.eadem --key ../key.pub

# Somebody else's ledger, outside of git. The signed report is in it from now on.
mkdir .eadem
expect 0 "$eadem" import ../one.eadem
expect 0 "$eadem" import ../two.eadem
expect 1 "$eadem" diff last~1 last
says out 'code.sh  +1 −1'; says out "+cp in out; '$eadem' log a=0.75"
expect 0 "$eadem" verify --quiet last~1
says out 'verdict  identical'
expect 0 "$eadem" diff last~2 last
says out 'causes: none'
expect 0 "$eadem" bundle last~2 ../again.eadem
expect 0 "$eadem" verify --check ../again.eadem --key ../key.pub
# A repetition is a run like others: it can be repeated, and bundled on.
expect 0 "$eadem" verify --quiet last
expect 0 "$eadem" bundle last ../repetition.eadem
expect 0 "$eadem" gc
whole
mkdir -p ../third/.eadem && cd ../third
expect 0 "$eadem" import ../repetition.eadem
expect 0 "$eadem" verify --quiet last
says out 'verdict  identical'
echo "elsewhere: repeated, explained, and signed"
