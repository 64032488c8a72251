# Sourced in place of shell.sh by the tests that let calls into the file system fail (fail_io.c).
here=$(cd "$(dirname "$0")" && pwd)
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # faults are injected: the disk need not be a real one
. "$here/shell.sh"
if nm -D "$eadem" 2>/dev/null | grep -q '__asan_init\|__tsan_init'; then
    echo "skipped: a sanitizer's runtime does not go with LD_PRELOAD"
    exit 0
fi
"${CC:-cc}" -shared -fPIC -O1 -o "$log/shim.so" "$here/fail_io.c" -ldl

# with_fault NUMBER HOW COMMAND…: the NUMBER-th call (0: none) fails with ENOSPC or EIO, `once` or it and all after
# it (`on`), or the command is killed there (`kill`). Its exit code is in $code, how many calls it made in $calls.
with_fault() {
    local at=$1 how=$2
    shift 2
    code=0
    { env LD_PRELOAD="$log/shim.so" FAIL_AT="$at" FAIL_HOW="$how" FAIL_ERRNO=$((at % 2 ? 28 : 5)) \
        FAIL_COUNT="$log/count" "$@" >"$log/out" 2>"$log/err" || code=$?; } 2>/dev/null # no "Killed" of bash
    calls=$(cat "$log/count")
}
