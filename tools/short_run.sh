#!/usr/bin/env bash
# short_run.sh FOLDER: writes FOLDER/short.yaml: the demo's recipe with its training images and only the
# first 500 test images, for machines on which the whole test would take long.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
first() { # COUNT FILE HEADER-BYTES VALUE-BYTES: an IDX file of the first COUNT items
    local count=$1 file=data/mnist/$2.gz
    { printf '\0\0\010'
      zcat "$file" | head -c 4 | tail -c 1
      printf "\\0\\0\\x$(printf %02x $((count / 256)))\\x$(printf %02x $((count % 256)))"
      zcat "$file" | head -c "$3" | tail -c +9
      zcat "$file" | tail -c +$(($3 + 1)) | head -c $((count * $4)); } 2>/dev/null >"$folder/$2"
}
first 500 t10k-images-idx3-ubyte 16 784
first 500 t10k-labels-idx1-ubyte 8 1
sed -e "s|\.\./data/mnist/t10k-\(.*\)\.gz|$folder/t10k-\1|" -e "s|\.\./data|$PWD/data|" \
    examples/lenet5-mnist.yaml >"$folder/short.yaml"
