#!/usr/bin/env bash
# The programs of examples/ run: LeNet reaches RepDL's model, the others learn, and the number of
# threads changes no line that they print.
set -eu
examples=$(cd "$1" && pwd)/examples
mnist=data/mnist

wanted=$(python3 -c 'import json
print(json.load(open("tests/golden/repdl_lenet.json"))["first_steps"][19]["model"])')
"$examples/lenet" $mnist 20 | grep -qx "model $wanted" || { echo "FAIL: lenet is not RepDL's"; exit 1; }

# threads COMMAND...: the output for one thread and for three must agree
threads() {
    one=$(EADEM_THREADS=1 "$@")
    [ "$one" = "$(EADEM_THREADS=3 "$@")" ] || { echo "FAIL: threads change: $*"; exit 1; }
}
threads "$examples/mlp" 1000
grep -Eq 'correct (39[0-9]|400) of 400' <<<"$one" || { echo "FAIL: mlp did not learn: $one"; exit 1; }
threads "$examples/resnet" $mnist 6
grep -Eq '^model [0-9a-f]{64}$' <<<"$one"
! "$examples/lenet" nowhere 2>/dev/null || { echo "FAIL: lenet without data"; exit 1; }
echo "examples: as expected"
