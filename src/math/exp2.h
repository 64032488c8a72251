/* exp2.h: 2^x = 2^k·2^r with k the nearest integer and r = x − k, exact. 2^r = 1 + r·p(r), p of
 * degree 10 through Chebyshev points, relative error 2^−54. */
#ifndef MATH_EXP2_H
#define MATH_EXP2_H

#include "math/exp.h"
#include "math/join.h"
#include "math/poly.h"

/* 2^x − 2^k, and 2^k */
static inline md md_exp2_tail(md x, md *scale)
{
    static const double p[] = { 0x1.62e42fefa39efp-1,  0x1.ebfbdff82c598p-3,  0x1.c6b08d704a0c2p-5,
                                0x1.3b2ab6fba1ddap-7,  0x1.5d87fe78a5276p-10, 0x1.430913096fd9fp-13,
                                0x1.ffcbfc670dcd4p-17, 0x1.62bfd47773353p-20, 0x1.b524fae627834p-24,
                                0x1.e6063f7217bc6p-28, 0x1.e9d3fe3952179p-32 };
    x = md_max(md_set(-160), md_min(md_set(130), x));
    md shifted = md_add(x, md_set(EXP_SHIFT));
    md r = md_sub(x, md_sub(shifted, md_set(EXP_SHIFT)));
    *scale = ml_double(ml_shl(md_bits(shifted), 52));
    return md_mul(md_mul(*scale, r), MD_POLY(r, p));
}

static inline md md_exp2(md x)
{
    md scale, tail = md_exp2_tail(x, &scale);
    return md_join(scale, tail);
}

/* ln 2·2^x */
static inline md md_exp2_derivative(md x)
{
    return md_mul(md_exp2(x), md_set(0x1.62e42fefa39efp-1));
}

#endif
