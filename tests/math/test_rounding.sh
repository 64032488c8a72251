#!/usr/bin/env bash
# A sample of what eadem-exhaustive checks, that its filters agree with MPFR, and that it can fail.
# Argument: the build folder.
set -u
program=$1/eadem-exhaustive
[ -x "$program" ] || { echo "skipped: built without MPFR"; exit 77; }

# refuses BITS ARGUMENT…: a wrong result at the input BITS is found.
refuses() {
    "$program" --threads 2 --isa scalar --wrong "$@"
    [ $? -eq 1 ] || { echo "a wrong result passed: $*"; exit 1; }
}

"$program" --threads 2 --sample 16384 all || exit 1

# The filters against MPFR alone: the addition theorem's everywhere, and where it has the least to go by,
# the floats nearest to an odd and an even multiple of π/2, and the largest.
turning="sin cos tan tan_derivative"
"$program" --threads 2 --isa mpfr --sample 131071 exp $turning || exit 1
for bits in 6f79be45 d0a3e87f 7f7fffff; do
    "$program" --threads 2 --isa mpfr --block $bits $turning || exit 1
done
for bits in 00000000 00ffffff 80000001 81000000; do # gates, whose values lie a hair above x/2
    "$program" --threads 2 --isa mpfr --block $bits silu gelu gelu_tanh || exit 1
done

refuses 3f800001 --sample 8192 exp
refuses 80000001 --sample 8192 gelu
for name in $turning; do
    refuses 6f79be45 --block 6f79be45 $name
done
"$program" --threads 2 no_such_function 2>/dev/null && exit 1
"$program" --help | grep -q '^usage: eadem-exhaustive' || { echo "no help"; exit 1; }
echo "wrong results and an unknown name are refused"
