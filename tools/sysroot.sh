#!/usr/bin/env bash
# sysroot.sh ARCH FOLDER: unpacks the libraries that Eadem needs, for another machine (aarch64, ppc64le,
# s390x), from this system's Debian sources into FOLDER. Needs no root and changes nothing outside FOLDER.
set -eu
arch=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
case $arch in
aarch64) debian=arm64 ;;
ppc64le) debian=ppc64el ;;
s390x) debian=s390x ;;
*) echo "sysroot.sh: unknown machine '$arch': aarch64, ppc64le or s390x" >&2; exit 2 ;;
esac
packages="$(bash "$(dirname "$0")/setup.sh" list | tr ' ' '\n' | grep -e '-dev$' | tr '\n' ' ')"
[ "$(cat "$folder/.packages" 2>/dev/null)" != "$packages" ] || exit 0

apt=$folder/.apt
rm -rf "$folder"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
cat >"$apt/conf" <<END
APT::Architecture "$debian";
APT::Architectures { "$debian"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
END
export APT_CONFIG=$apt/conf
apt-get update -qq || echo "sysroot.sh: some package lists are missing; trying without them" >&2
# shellcheck disable=SC2086
apt-get install -y -qq --download-only $packages >/dev/null
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
rm -rf "$apt"
# Absolute links would lead out of the sysroot.
find "$folder" -type l | while read -r link; do
    target=$(readlink "$link")
    case $target in /*) ln -sfn "$folder$target" "$link" ;; esac
done
echo "$packages" >"$folder/.packages"
