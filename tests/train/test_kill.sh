#!/usr/bin/env bash
# Kills a training with SIGKILL at random moments, resumes it each time, and compares its four lines
# with those of a training that was never stopped. EADEM_KILLS sets how many kills at least.
set -u
eadem=$(cd "$1" && pwd)/eadem
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 "$here/make_data.py" "$dir"
cd "$dir"
wanted=${EADEM_KILLS:-6}
kills=0
rounds=0
for recipe in torch.yaml recipe.yaml; do
    "$eadem" train $recipe --epochs 40 --threads 1 >reference 2>/dev/null || exit 1
    done_kills=0
    while [ $done_kills -lt $((wanted / 2)) ]; do
        rm -rf run
        while :; do
            "$eadem" train $recipe --epochs 40 --threads 1 --out run --every 3 --resume >lines 2>errors &
            pid=$!
            sleep "0.$(printf %03d $((RANDOM % 400 + 10)))"
            kill -KILL $pid 2>/dev/null
            wait $pid 2>/dev/null
            code=$?
            [ $code = 0 ] && break
            if [ $code != 137 ]; then
                echo "FAIL: resuming gave exit code $code:"
                cat errors
                exit 1
            fi
            done_kills=$((done_kills + 1))
            # Once killed often enough, let it finish.
            [ $done_kills -ge $((wanted / 2)) ] && {
                "$eadem" train $recipe --epochs 40 --threads 1 --out run --every 3 --resume \
                    >lines 2>errors || { cat errors; exit 1; }
                break
            }
        done
        if ! cmp -s lines reference; then
            echo "FAIL: $recipe after $done_kills kills:"
            diff lines reference
            exit 1
        fi
        rounds=$((rounds + 1))
        leftovers=$(ls -A run | grep -Evc '^(checkpoint.json|(model|optimizer)-000001520.safetensors)$')
        [ "$leftovers" = 0 ] || { echo "FAIL: left behind:"; ls -A run; exit 1; }
    done
    kills=$((kills + done_kills))
done
echo "$kills kills, $rounds trainings finished, all with the digests of one that was never stopped"
