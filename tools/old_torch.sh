#!/usr/bin/env bash
# Runs the wheel's test also with the oldest PyTorch that is served, 2.2, which it installs into FOLDER (a new environment).
#   tools/old_torch.sh FOLDER
set -eu
folder=${1:?old_torch.sh: give a folder for the environment}
cd "$(dirname "$0")/.."
[ -x "$folder/bin/python" ] || {
    python3 -m venv "$folder"
    "$folder/bin/pip" install -q --disable-pip-version-check 'torch==2.2.*' 'numpy<2'
}
OLD_TORCH=$folder/bin/python bash tests/python/test_wheel.sh build
