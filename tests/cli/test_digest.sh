#!/usr/bin/env bash
# eadem digest: digests against sha256sum, JSON, errors, exit codes.
set -eu
eadem=$1/eadem
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { echo "FAIL: $*" >&2; exit 1; }
expect_code() { # CODE COMMAND…
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || fail "exit code $got, expected $want: $* ($(cat err))"
}

# Two tensors of uint8: "abc" and "de"; the whole is the digest of "abcde".
header='{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"y":{"dtype":"U8","shape":[1,2],"data_offsets":[3,5]}}'
{ printf "\\x$(printf %02x ${#header})\0\0\0\0\0\0\0%sabcde" "$header"; } >m.safetensors
sum() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
expect_code 0 "$eadem" digest m.safetensors
diff out - <<END
$(sum abc)  x  uint8 [3]
$(sum de)  y  uint8 [1, 2]
$(sum abcde)  m.safetensors
END

expect_code 0 "$eadem" digest --json m.safetensors
python3 - "$(sum abcde)" "$(sum de)" <<'END'
import json, sys
(entry,) = json.load(open("out"))
assert entry["file"] == "m.safetensors" and entry["sha256"] == sys.argv[1], entry
assert entry["tensors"][1] == {"name": "y", "dtype": "uint8", "shape": [1, 2], "sha256": sys.argv[2]}
END

# JSON has no way to write a name that is not UTF-8.
cp m.safetensors $'\xff.safetensors'
expect_code 0 "$eadem" digest $'\xff.safetensors'
expect_code 1 "$eadem" digest --json m.safetensors $'\xff.safetensors'
grep -q "needs a name in UTF-8" err || fail "no error for a name that is not UTF-8"

# A bad file does not keep the good ones from being printed.
head -c 20 m.safetensors >short.safetensors
expect_code 1 "$eadem" digest short.safetensors missing.npy m.safetensors
grep -q "$(sum abcde)" out || fail "the good file is missing"
grep -q "short.safetensors" err || fail "no error for the truncated file"
grep -q "missing.npy" err || fail "no error for the missing file"

expect_code 2 "$eadem" digest
expect_code 2 "$eadem" digest --jsn m.safetensors
grep -q -- "--jsn" err || fail "the unknown option is not named"
expect_code 0 "$eadem" digest --help
grep -q "usage: eadem digest" out || fail "no help"
if [ -e /dev/full ]; then
    code=0
    "$eadem" digest m.safetensors >/dev/full 2>err || code=$?
    [ "$code" = 1 ] || fail "a full disk gives exit code $code"
fi
echo "digest: all as expected"
