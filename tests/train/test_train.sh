#!/usr/bin/env bash
# eadem train on a small data set: usage, errors, thread counts, checkpoints, interruption.
set -u
eadem=$(cd "$1" && pwd)/eadem
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$here/make_data.py" "$dir"
cd "$dir"
failures=0

# expect CODE PATTERN COMMAND...: the exit code and a pattern in standard error.
expect() {
    local code=$1 pattern=$2 got
    shift 2
    "$@" >stdout 2>stderr </dev/null
    got=$?
    if [ $got != "$code" ] || { [ -n "$pattern" ] && ! grep -Eq -- "$pattern" stderr; }; then
        echo "FAIL: $*: exit $got, wanted $code and /$pattern/; standard error:"
        head -5 stderr
        failures=$((failures + 1))
    fi
}

check() {
    if ! "$@"; then
        echo "FAIL: $*"
        failures=$((failures + 1))
    fi
}

# edited SED-SCRIPT: the recipe with an edit, as edited.yaml
edited() {
    sed "$1" recipe.yaml >edited.yaml
    cmp -s recipe.yaml edited.yaml && { echo "FAIL: no edit: $1"; failures=$((failures + 1)); }
}

# --- What it prints
expect 0 'step 152/152' "$eadem" train recipe.yaml --threads 1
cp stdout reference
check test "$(wc -l <reference)" = 4
check grep -Eq '^Hash of the initial model: [0-9a-f]{64}$' reference
check grep -Eq '^Hash of the trained model: [0-9a-f]{64}$' reference
check grep -Eq '^Test accuracy of the model on the 50 test images: (1\.0|0\.9[0-9]*)$' reference
check grep -Eq '^Hash of the logits: [0-9a-f]{64}$' reference

# --- The same bits for other threads, workers, instruction sets
for threads in 2 3 7; do
    expect 0 . "$eadem" train recipe.yaml --threads $threads
    check cmp -s stdout reference
done
edited 's/epochs: 4/epochs: 4\n  workers: 3/'
expect 0 . "$eadem" train edited.yaml
check cmp -s stdout reference
expect 0 . "$eadem" train recipe.yaml --isa generic
check cmp -s stdout reference
expect 0 . "$eadem" train recipe.yaml --isa ref --max-steps 9
cp stdout short
expect 0 . "$eadem" train recipe.yaml --max-steps 9
check cmp -s stdout short
expect 0 . "$eadem" train torch.yaml
check test "$(cat stdout)" != "$(cat reference)"

# --- Usage: exit code 2
expect 2 'give a recipe' "$eadem" train
expect 2 "unknown option '--thread': did you mean '--threads'" "$eadem" train recipe.yaml --thread 2
expect 2 '--epochs needs a whole number' "$eadem" train recipe.yaml --epochs many
expect 2 '--resume needs --out' "$eadem" train recipe.yaml --resume
expect 2 'the contracts are chain and repdl' "$eadem" train recipe.yaml --contract fast
expect 0 '' "$eadem" train --help
check grep -q -- --max-steps stdout

# --- Recipes that are wrong: exit code 1 and file:line
expect 1 'missing.yaml: ' "$eadem" train missing.yaml
edited 's/kernel: 2/kernle: 2/'
expect 1 "edited.yaml:15: .*kernle.*did you mean 'kernel'" "$eadem" train edited.yaml
edited 's/- flatten/- flaten/'
expect 1 "edited.yaml:16: .*flaten.*did you mean 'flatten'" "$eadem" train edited.yaml
edited 's/adam:/adma:/'
expect 1 "edited.yaml:23: .*adma.*did you mean 'adam'" "$eadem" train edited.yaml
edited 's/batch: 8/batch: eight/'
expect 1 "edited.yaml:21: .*batch.*eight.*whole number" "$eadem" train edited.yaml
edited 's/kind: philox/kind: phylox/'
expect 1 "edited.yaml:18: .*phylox.*did you mean 'philox'" "$eadem" train edited.yaml
edited 's/, out: 4}/}/'
expect 1 "edited.yaml:17: .*out" "$eadem" train edited.yaml
edited 's/- tanh/[/;s/tanh\]/tanh/'
expect 1 'edited.yaml:' "$eadem" train edited.yaml

# --- Shapes and data that do not fit: the layer and the shapes are named
edited 's/in: 75/in: 76/'
expect 1 'layer net.6, linear: .*75.*76' "$eadem" train edited.yaml
edited 's/{in: 3, out: 3, kernel: 3, padding: 1}/{in: 3, out: 3, kernel: 3}/'
expect 1 'layer net.3, residual: .*\[8, 3, 8, 8\].*\[8, 3, 10, 10\]' "$eadem" train edited.yaml
edited 's/out: 4}/out: 5}/'
expect 1 'last layer must give .*4' "$eadem" train edited.yaml
edited 's/classes: 4/classes: 3/'
expect 1 'train-labels.*label|label.*train-labels|label' "$eadem" train edited.yaml
edited 's/train-images/cut-images/'
head -c 5000 train-images >cut-images
expect 1 'cut-images' "$eadem" train edited.yaml
edited 's/{lr: 0.01}/{lr: 1000, weight_decay: 1000000}/;s/adam:/sgd:/;s/every: 7/every: 0/'
expect 1 'loss is (NaN|infinite) at step [0-9]+ .*epoch' "$eadem" train edited.yaml --out diverged
check test -z "$(ls -A diverged)"

# --- Output folders that cannot be written
touch plain-file
expect 1 'plain-file' "$eadem" train recipe.yaml --out plain-file
expect 1 'plain-file' "$eadem" train recipe.yaml --out plain-file/below
for blocks in 1 8; do # of 1024 bytes: too few for the model, then for checkpoint.json
    (
        ulimit -f $blocks
        expect 1 'limited/.*File too large' "$eadem" train torch.yaml --out limited
        exit $failures
    ) || failures=$((failures + 1))
    check test -z "$(ls -A limited)"
done
# A full disk: with room for one checkpoint, that one stays whole; with room for none, nothing stays.
if unshare -rm true 2>/dev/null; then
    mkdir full
    for size in 8k 16k; do
        expect 1 'full/.*No space left on device' unshare -rm sh -c \
            "mount -t tmpfs -o size=$size none full && '$eadem' train recipe.yaml --out full; \
             code=\$?; ls -A full | tr '\n' ' ' >full-$size; exit \$code"
    done
    check test -z "$(cat full-8k)"
    check test "$(cat full-16k)" = \
        'checkpoint.json model-000000007.safetensors optimizer-000000007.safetensors '
fi
"$eadem" train recipe.yaml --max-steps 1 >/dev/full 2>stderr
check test $? = 1
check grep -q 'standard output' stderr

# --- Checkpoints
expect 0 . "$eadem" train recipe.yaml --out run
check cmp -s stdout reference
check test "$(ls run | tr '\n' ' ')" = \
    'checkpoint.json model-000000152.safetensors optimizer-000000152.safetensors '
expect 1 'run holds a checkpoint of step 152: give --resume' "$eadem" train recipe.yaml --out run
expect 0 '' "$eadem" train recipe.yaml --out run --resume
check cmp -s stdout reference
expect 1 'contract chain .*under repdl' "$eadem" train recipe.yaml --out run --resume --contract repdl
edited 's/seed: 5/seed: 6/'
expect 1 'another recipe' "$eadem" train edited.yaml --out run --resume

# A training stopped at step 50 and resumed with other threads ends with the same bits, and one more
# epoch is the same whether it was asked for at once or later. So with an optimizer that keeps a product
# over the steps, a schedule and clipping.
edited 's/adam: {lr: 0.01}/nadam: {lr: 0.01}\n  schedule:\n    cosine: {steps: 170, warmup: 10}\n  clip_norm: 1/'
mv edited.yaml nadam.yaml
edited 's/adam: {lr: 0.01}/sgd: {lr: 0.1}\n  schedule:\n    multistep: {milestones: [20, 60, 160], gamma: 0.5}/'
mv edited.yaml multistep.yaml
edited 's/adam: {lr: 0.01}/sgd: {lr: 0.1}\n  schedule:\n    plateau: {factor: 0.5, patience: 0, threshold: 0.6, warmup: 5}/'
mv edited.yaml plateau.yaml
edited 's/adam: {lr: 0.01}/sgd: {lr: 0.1}/'
mv edited.yaml constant.yaml
for recipe in recipe.yaml torch.yaml nadam.yaml multistep.yaml plateau.yaml; do
    rm -rf part
    expect 0 . "$eadem" train $recipe --epochs 5
    cp stdout longer
    expect 0 . "$eadem" train $recipe --out part --max-steps 50
    expect 1 'part holds a checkpoint of step 50, and .* ends at step 49' \
        "$eadem" train $recipe --out part --resume --max-steps 49
    expect 0 . "$eadem" train $recipe --out part --resume --threads 3
    expect 0 . "$eadem" train $recipe --out part --resume --epochs 5
    check cmp -s stdout longer
done

# These schedules change the result, and a plateau's rate was halved some times, exactly.
for recipe in multistep.yaml plateau.yaml; do
    expect 0 . "$eadem" train constant.yaml --epochs 3
    cp stdout constant
    expect 0 . "$eadem" train $recipe --epochs 3
    check test "$(tail -1 stdout)" != "$(tail -1 constant)"
done
check python3 -c "
import json, struct
lr, = struct.unpack('>d', bytes.fromhex(json.load(open('part/checkpoint.json'))['plateau']['lr']))
assert lr in [0.1 * 0.5**k for k in range(1, 5)], lr"
check grep -q '"plateau"' part/checkpoint.json
sed -i 's/"loss_count": [0-9]*/"loss_count": -3/' part/checkpoint.json
expect 1 'checkpoint.json.*plateau' "$eadem" train plateau.yaml --out part --resume

# Schedules that are wrong: the line and what to give
wrong() {
    edited "s/adam: {lr: 0.01}/sgd: {lr: 0.1}\\n  schedule:\\n    $1/"
    expect 1 "edited.yaml:2[0-9]: .*$2" "$eadem" train edited.yaml
}
wrong 'multistep: {gamma: 0.5}' "'milestones' is missing"
wrong 'multistep: {milestones: 20}' 'milestones.*list'
wrong 'multistep: {milestones: [20, 20]}' 'milestones: 20 does not come after 20'
wrong 'multistep: {milestones: [0]}' 'milestones.*0'
wrong 'multistep: {milestones: [5], steps: 3}' 'steps'
wrong 'plateau: {factor: 1}' 'factor.*1'
wrong 'plateau: {patience: -1}' 'patience.*-1'
wrong 'plateau: {pacience: 1}' "did you mean 'patience'"
wrong 'plateau: {milestones: [5]}' 'milestones'
wrong 'plataeu: {patience: 1}' "did you mean 'plateau'"

# A damaged checkpoint is refused.
cp -r run damaged
printf '\001' | dd of=damaged/model-000000152.safetensors bs=1 seek=2000 conv=notrunc status=none
expect 1 'damaged/model-000000152.safetensors: ' "$eadem" train recipe.yaml --out damaged --resume
echo '{"format": 1' >damaged/checkpoint.json
expect 1 'damaged/checkpoint.json:' "$eadem" train recipe.yaml --out damaged --resume
echo '{"format": 1}' >damaged/checkpoint.json
expect 1 "damaged/checkpoint.json: 'contract'" "$eadem" train recipe.yaml --out damaged --resume

# --- Ctrl-C: a checkpoint, a sentence, exit code 130. (A background job ignores SIGINT in this
# script; SIGTERM takes the same way.)
"$eadem" train recipe.yaml --out stopped --epochs 100000 >stdout 2>stderr &
for _ in $(seq 200); do [ -e stopped/checkpoint.json ] && break; sleep 0.05; done
kill -TERM $!
wait $!
check test $? = 130
check grep -Eq 'interrupted after step [0-9]+; the checkpoint is in stopped: go on with --resume' stderr
check test ! -s stdout
step=$(sed -n 's/.*after step \([0-9]*\).*/\1/p' stderr)
check test -e "stopped/model-$(printf %09d "$step").safetensors"

[ $failures = 0 ] && echo "eadem train: all as expected"
exit $((failures > 0))
