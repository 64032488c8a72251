#!/usr/bin/env bash
# An installed Eadem serves a C program through pkg-config, through CMake and as a static library, and
# both libraries export ea_ names only.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/usr" >"$work/install.log" || fail "$(cat "$work/install.log")"
lib=$(dirname "$(find "$work/usr" -name libeadem.a)")

foreign=$(nm -D --defined-only "$lib/libeadem.so" | awk '{print $3}' | grep -v '^ea_' || true)
[ -z "$foreign" ] || fail "libeadem.so exports $foreign"
foreign=$(nm -g --defined-only "$lib/libeadem.a" | awk 'NF == 3 {print $3}' | grep -v '^ea_' || true)
[ -z "$foreign" ] || fail "libeadem.a exports $foreign"

for header in $(cd "$work/usr/include" && find eadem -name '*.h'); do
    echo "#include \"$header\"" | cc -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$work/usr/include" -x c - ||
        fail "$header does not stand alone"
done

cat >"$work/user.c" <<'C'
#include <eadem/eadem.h>
#include <stdio.h>

int main(void)
{
    ea_context *ctx;
    if (ea_context_create(NULL, &ctx) != EA_OK)
        return 1;
    float a[] = {1, 2, 3, 4}, out[4];
    int64_t shape[] = {2, 2};
    DLTensor ta = {a, {kDLCPU, 0}, 2, EA_FLOAT32, shape, NULL, 0}, to = ta;
    to.data = out;
    ea_status status = ea_matmul(ctx, &ta, &ta, &to);
    printf("%s %g %g %g %g\n", ea_version(), out[0], out[1], out[2], out[3]);
    ea_context_destroy(ctx);
    return status != EA_OK;
}
C
expected="$("$build/eadem" --version | cut -d' ' -f2) 7 10 15 22"
check() { [ "$("$@")" = "$expected" ] || fail "$* printed $("$@")"; }

export PKG_CONFIG_PATH="$lib/pkgconfig"
# shellcheck disable=SC2046
cc "$work/user.c" -o "$work/shared" $(pkg-config --cflags --libs eadem)
LD_LIBRARY_PATH=$lib check "$work/shared"
# shellcheck disable=SC2046
cc "$work/user.c" -o "$work/static" $(pkg-config --cflags eadem) "$lib/libeadem.a" \
    $(pkg-config --static --libs-only-l eadem | sed 's/-leadem//')
check "$work/static"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C)
find_package(eadem REQUIRED)
add_executable(user ../user.c)
target_link_libraries(user PRIVATE eadem::eadem)
C
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/usr" >"$work/cmake.log" 2>&1 &&
    cmake --build "$work/project/build" >>"$work/cmake.log" 2>&1 || fail "$(tail -20 "$work/cmake.log")"
check "$work/project/build/user"
echo "installed headers, libraries, pkg-config and CMake package: all work"
