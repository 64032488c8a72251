#!/usr/bin/env bash
# docs/ops.md has a row for every door of the public headers, and nothing else.
set -u
python3 tools/ops_table.py --check
