#!/usr/bin/env bash
# Peak memory of `eadem data add` and `checkout`: a file of many gigabytes, a folder of very many small files.
#   bench/ledger_memory.sh EADEM [GIGABYTES] [FILES]
# Each size is measured beside a tenth of it: bounded memory is the same for both.
set -eu
eadem=$(realpath "${1:-build/eadem}")
gigabytes=${2:-4}
files=${3:-1000000}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
mkdir .eadem

# measure WHAT COMMAND…: seconds and the largest resident set
measure() {
    python3 - "$@" <<'END'
import resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(f"{sys.argv[1]:52} {time.monotonic() - start:8.1f} s  {peak / 1e6:7.1f} MB")
END
}

for tenths in 1 10; do
    head -c "$(awk -v g="$gigabytes" -v t=$tenths 'BEGIN { printf "%d", g * t * 1e8 }')" /dev/urandom >file
    what="a file of $(awk -v g="$gigabytes" -v t=$tenths 'BEGIN { print g * t / 10 }') GB"
    measure "$what: add" "$eadem" data add file --name file
    rm file
    measure "$what: checkout" "$eadem" data checkout file file
    rm -rf file .eadem/* .eadem/.gitignore
done
for tenths in 1 10; do
    count=$((files * tenths / 10))
    # folders of 1000 files, each with its own content
    python3 - "$count" <<'END'
import os, sys
for i in range(int(sys.argv[1])):
    if i % 1000 == 0:
        os.makedirs(f"many/{i // 1000}")
    with open(f"many/{i // 1000}/{i}", "w") as file:
        file.write(f"{i}\n")
END
    measure "a folder of $count files: add" "$eadem" data add many --name many
    measure "a folder of $count files: add again" "$eadem" data add many --name many
    [ $tenths = 10 ] || measure "a folder of $count files: checkout" "$eadem" data checkout many out
    rm -rf many out .eadem/* .eadem/.gitignore
done
