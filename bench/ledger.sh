#!/usr/bin/env bash
# The ledger against sha256sum, and against DVC and MLflow where they are installed (DVC=PATH names another dvc,
# PYTHON=PATH a Python that has mlflow).
#   bench/ledger.sh EADEM [GIGABYTES]
# Every figure is the median of three, the peers take turns, and files are in the page cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
eadem=$(realpath "${1:-build/eadem}")
size=${2:-1}
dvc=${DVC:-$(command -v dvc || true)}
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

# seconds COMMAND…
seconds() {
    local start end
    start=$(date +%s%N)
    "$@" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; exit 1; }
    end=$(date +%s%N)
    echo $(((end - start) / 1000)) | awk '{ printf "%.3f", $1 / 1e6 }'
}

median() { echo "$*" | tr ' ' '\n' | grep . | sort -n | sed -n 2p; }

line() { # line WHAT PEER EADEM
    awk -v what="$1" -v peer="$2" -v own="$3" \
        'BEGIN { printf "%-44s %9.3f s %9.3f s   %.2f times as fast\n", what, peer, own, peer / own }'
}

fresh() { rm -rf .eadem && mkdir .eadem; }

bytes=$(awk -v g="$size" 'BEGIN { printf "%d", g * 1e9 }')
head -c "$bytes" /dev/urandom >random
# random numbers as text, which compresses to less than half
head -c $((bytes / 4 + 16)) /dev/urandom | od -An -tu1 -w16 -v | head -c "$bytes" >text

printf '%-44s %11s %11s\n' "$size GB, one file" peer eadem
for kind in random text; do
    sums= adds= again= reads=
    for i in 1 2 3; do
        fresh
        sums="$sums $(seconds sha256sum $kind)"
        adds="$adds $(seconds "$eadem" data add $kind --name x)"
        reads="$reads $(seconds cat $kind)"
        again="$again $(seconds "$eadem" data add $kind --name x)"
    done
    line "add, $kind, against sha256sum" "$(median $sums)" "$(median $adds)"
    line "add again unchanged, against cat" "$(median $reads)" "$(median $again)"
done
rm -f text
printf '\n'
"$python" "$here/mlflow_log.py"
printf '\n'
[ -n "$dvc" ] || { echo "DVC: not installed, left out"; exit 0; }

mkdir small
for d in $(seq 100); do
    mkdir "small/$d"
    for f in $(seq 100); do echo "$d $f" >"small/$d/$f"; done
done
export DVC_NO_ANALYTICS=1
git init -q .
"$dvc" init -q
printf '\n%-44s %11s %11s\n' "against DVC $("$dvc" --version)" dvc eadem
for data in random small; do
    d_add= e_add= d_out= e_out= d_status= e_status=
    for i in 1 2 3; do
        fresh
        rm -rf .dvc/cache .dvc/tmp $data.dvc out
        e_add="$e_add $(seconds "$eadem" data add $data --name x)"
        e_status="$e_status $(seconds "$eadem" data diff x $data)"
        e_out="$e_out $(seconds "$eadem" data checkout x out)"
        rm -rf out
        cp -r $data kept
        d_add="$d_add $(seconds "$dvc" add -q $data)"
        d_status="$d_status $(seconds "$dvc" status -q $data.dvc)"
        rm -rf $data
        d_out="$d_out $(seconds "$dvc" checkout -q $data.dvc)"
        chmod -R u+w $data && rm -rf $data && mv kept $data
    done
    what=$([ $data = small ] && echo "10 000 small files" || echo "$size GB random")
    line "$what: add" "$(median $d_add)" "$(median $e_add)"
    line "$what: status" "$(median $d_status)" "$(median $e_status)"
    line "$what: checkout" "$(median $d_out)" "$(median $e_out)"
done
