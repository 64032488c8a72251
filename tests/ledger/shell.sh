# Sourced by the ledger's script tests: a project in a new folder, checks, and removal at the end.
eadem=$(realpath "$1")/eadem
work=$(mktemp -d)
log=$(mktemp -d) # standard output and error of the last command, as files out and err
trap 'chmod -R u+w "$work"; rm -rf "$work" "$log"' EXIT
cd "$work" && mkdir .eadem
unset EADEM_DIR

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect CODE COMMAND…
expect() {
    local wanted=$1 got=0
    shift
    "$@" >"$log/out" 2>"$log/err" || got=$?
    [ "$got" = "$wanted" ] || fail "exit code $got, not $wanted: $*: $(cat "$log/err")"
}

says() { # says out|err TEXT
    grep -qF -- "$2" "$log/$1" || fail "'$2' is not in: $(cat "$log/$1")"
}

whole() {
    expect 0 "$eadem" fsck
}
