#!/usr/bin/env bash
# A standard output that cannot be written is an error of every command.
set -eu
eadem=$1/eadem
[ -e /dev/full ] || exit 77
commands=$("$eadem" --help | awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
[ "$(echo "$commands" | wc -w)" -gt 15 ] || { echo "FAIL: few commands: $commands" >&2; exit 1; }
for command in "" --version $commands; do
    [ "$command" = --version ] && help= || help=--help
    code=0
    error=$("$eadem" $command $help 2>&1 >/dev/full) || code=$?
    [ "$code" = 1 ] && [[ $error == *"standard output"* ]] ||
        { echo "FAIL: eadem $command $help: exit code $code, '$error'" >&2; exit 1; }
done

# --help also stands behind other arguments, but `run` hands them to its command.
for command in digest generate score serve tokenize train verify; do
    [[ $("$eadem" $command x --help) == usage:* ]] || { echo "FAIL: eadem $command x --help" >&2; exit 1; }
done

# A misspelt command is told its nearest name.
code=0
error=$("$eadem" trian 2>&1) || code=$?
[ "$code" = 2 ] && [[ $error == *"did you mean 'train'"* ]] ||
    { echo "FAIL: eadem trian: exit code $code, '$error'" >&2; exit 1; }
echo "output: all as expected"
