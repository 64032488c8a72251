#!/usr/bin/env bash
# Installs what a build needs: the packages below are for Debian 12 and newer.
#   setup.sh          what building and `make demo` need
#   setup.sh test     also what the tests need
#   setup.sh bench    also the peers that the benchmarks measure against
# As root it installs what is missing; otherwise it prints the command that would.
set -eu

packages="gcc libc6-dev cmake ninja-build pkg-config python3 git libssl-dev zlib1g-dev libyaml-dev
          libjansson-dev libdlpack-dev libxxhash-dev libsqlite3-dev libzstd-dev libpcre2-dev
          libmicrohttpd-dev libcmocka-dev"
case "${1:-build}" in
build) ;;
test) packages="$packages clang-16 libclang-rt-16-dev libsimde-dev" ;;
bench) packages="$packages libopenblas-dev libsleef-dev libmpfr-dev" ;;
*) echo "setup.sh: unknown part '$1': build, test or bench" >&2; exit 2 ;;
esac

missing=
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Missing packages. Run:  sudo apt-get install -y$missing" >&2
    exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
