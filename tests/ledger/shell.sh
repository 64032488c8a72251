# Sourced by the ledger's script tests: a project in a new folder, checks, and removal at the end.
eadem=$1/eadem
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" && mkdir .eadem
unset EADEM_DIR

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect CODE COMMAND…: the command's output goes to $work/out and $work/err.
expect() {
    local wanted=$1 got=0
    shift
    "$@" >"$work/out" 2>"$work/err" || got=$?
    [ "$got" = "$wanted" ] || fail "exit code $got, not $wanted: $*: $(cat "$work/err")"
}

says() { # says FILE TEXT
    grep -qF -- "$2" "$work/$1" || fail "'$2' is not in: $(cat "$work/$1")"
}

whole() {
    expect 0 "$eadem" fsck
}
