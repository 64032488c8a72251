#!/usr/bin/env bash
# Builds the libFuzzer targets (preset fuzz, clang) and runs each from its seeds. Inputs that were found
# worth keeping go to build-fuzz/corpus/NAME and are the start of the next run.
#   run.sh seconds N [NAME...]   each target for N seconds
#   run.sh runs N [NAME...]      each target for N inputs, from fixed seed 1
set -eu
cd "$(dirname "$0")/../.."
case "${1:-}" in
seconds) limit=-max_total_time=$2 ;;
runs) limit="-runs=$2 -seed=1" ;;
*) echo "usage: run.sh seconds|runs N [NAME...]" >&2; exit 2 ;;
esac
shift 2
cmake --preset fuzz >/dev/null
cmake --build build-fuzz >build-fuzz/build.log || { tail -30 build-fuzz/build.log >&2; exit 1; }
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
for name; do
    kept=build-fuzz/corpus/$name
    mkdir -p "$kept"
    dictionary=
    [ ! -f "tests/fuzz/$name.dict" ] || dictionary=-dict=tests/fuzz/$name.dict
    seeds=
    [ ! -d "tests/fuzz/corpus/$name" ] || seeds=tests/fuzz/corpus/$name
    # shellcheck disable=SC2086
    build-fuzz/fuzz_"$name" $limit $dictionary -max_len=4096 -timeout="${FUZZ_TIMEOUT:-10}" -rss_limit_mb=2048 \
        -verbosity=0 -print_final_stats=1 -artifact_prefix=build-fuzz/"$name"- "$kept" $seeds \
        >build-fuzz/"$name".log 2>&1 || { tail -40 build-fuzz/"$name".log; echo "fuzz_$name FAILED"; exit 1; }
    echo "fuzz_$name: $(grep -o 'executed_units: *[0-9]*' build-fuzz/"$name".log | grep -o '[0-9]*') inputs," \
         "$(ls "$kept" | wc -l) kept, no finding"
done
