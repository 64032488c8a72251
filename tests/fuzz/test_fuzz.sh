#!/usr/bin/env bash
# label: slow
# A short run of every fuzz target. The long runs are recorded in docs/fuzzing.md.
exec bash "$(dirname "$0")/run.sh" runs 20000
