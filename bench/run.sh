#!/usr/bin/env bash
# Every benchmark, one after another; peers that are not installed are left out of a table and named there.
set -eu
cd "$(dirname "$0")/.."
cmake --preset release >/dev/null # finds the peers that the set-up has just installed
cmake --build build | tail -1
echo "== training LeNet-5 (the demo) beside PyTorch and RepDL"
bench/lenet.sh 2 1200 60
echo "== matrix product, 1 thread"
build/bench_matmul 1 5
echo "== elementary functions"
build/bench_math
echo "== a LeNet step outside contractions"
build/bench_ops
echo "== the ledger: runs, reports, traces"
build/bench_runs build/eadem
echo "== the ledger: data beside sha256sum and DVC, metrics beside MLflow"
bench/ledger.sh build/eadem 1
echo "== the ledger: memory"
bench/ledger_memory.sh build/eadem 4 1000000
