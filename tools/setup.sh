#!/usr/bin/env bash
# Installs what a build needs: the packages below are for Debian 12 and newer.
#   setup.sh          what building and `make demo` need
#   setup.sh test     also what the tests need
#   setup.sh prove    also what `make prove` needs
#   setup.sh bench    also the peers that the benchmarks measure against
#   setup.sh cross    also the cross compilers and qemu for tools/cross.sh
#   setup.sh list     print the packages of a build, install nothing
# As root it installs what is missing; otherwise it prints the command that would.
set -eu
cd "$(dirname "$0")/.."

packages="gcc libc6-dev cmake ninja-build pkg-config python3 git libssl-dev zlib1g-dev libyaml-dev
          libjansson-dev libdlpack-dev libxxhash-dev libsqlite3-dev libzstd-dev libpcre2-dev
          libmicrohttpd-dev libutf8proc-dev libcmocka-dev"
case "${1:-build}" in
build) ;;
test) packages="$packages clang-16 libclang-rt-16-dev libsimde-dev libmpfr-dev python3-venv python3-dev" ;;
prove) packages="$packages libmpfr-dev" ;;
bench) packages="$packages libopenblas-dev libsleef-dev libmpfr-dev" ;;
cross) packages="$packages qemu-user-static gcc-aarch64-linux-gnu gcc-powerpc64le-linux-gnu
                 gcc-s390x-linux-gnu" ;;
list) echo $packages; exit 0 ;;
*) echo "setup.sh: unknown part '$1': build, test, prove, bench, cross or list" >&2; exit 2 ;;
esac

missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
if [ -n "$missing" ] && [ "$(id -u)" != 0 ]; then
    echo "Missing packages. Run:  sudo apt-get install -y$missing" >&2
    exit 1
fi
if [ -n "$missing" ]; then
    echo "Installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# .venv holds what the Python tests need; it is made again when their list changes.
if [ "${1:-build}" = test ] && ! cmp -s tests/python/requirements.txt .venv/requirements.txt; then
    echo "Making .venv"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install -q --disable-pip-version-check -r tests/python/requirements.txt
    # Of this package only the weights are used, not what it depends on.
    .venv/bin/pip install -q --disable-pip-version-check --no-deps "$(sed -n 's/^# weights: //p' tests/python/requirements.txt)"
    cp tests/python/requirements.txt .venv/requirements.txt
fi
