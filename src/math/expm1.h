/* expm1.h: e^x − 1 = 2^k·(e^r − 1) + (2^k − 1), with a polynomial (degree 11, Sollya's fpminimax)
 * whose error, 2^−55, is relative to e^r − 1, so that small results keep their precision. */
#ifndef MATH_EXPM1_H
#define MATH_EXPM1_H

#include "math/exp.h"
#include "math/join.h"
#include "math/sign.h"

/* e^r − 1 for |r| ≤ ln 2 / 2. */
static inline md md_expm1_tail(md r)
{
    md r2 = md_mul(r, r), r4 = md_mul(r2, r2);
    md q0 = md_mad(r, md_set(0x1.555555555553bp-3), md_set(0x1.0000000000005p-1));
    md q2 = md_mad(r, md_set(0x1.1111111118831p-7), md_set(0x1.555555555210cp-5));
    md q4 = md_mad(r, md_set(0x1.a01a0177f21bdp-13), md_set(0x1.6c16c17f2f171p-10));
    md q6 = md_mad(r, md_set(0x1.71de8109f77b3p-19), md_set(0x1.a019a6a16bc17p-16));
    md q8 = md_mad(r, md_set(0x1.ae77778c85662p-26), md_set(0x1.28a28f51fccdfp-22));
    q0 = md_mad(r2, q2, q0);
    q4 = md_mad(r4, q8, md_mad(r2, q6, q4));
    return md_mad(r2, md_mad(r4, q4, q0), r);
}

/* e^x − 1 for |x| < 700. */
static inline md md_expm1_inside(md x)
{
    exp_parts e = md_exp_parts(x);
    return md_mad(e.scale, md_expm1_tail(e.r), md_sub(e.scale, md_set(1)));
}

static inline md md_expm1(md x)
{
    md inside = md_max(md_set(-50), md_min(md_set(90), x));
    md m = md_expm1_inside(inside);
    /* x + x²/2 can lie exactly between two floats while x³/6 is too small for a double to show. */
    md series = md_mad(x, md_mad(x, md_set(0x1.5555555555555p-5), md_set(0x1.5555555555555p-3)),
                       md_set(0.5));
    md near = md_join(x, md_mul(md_mul(x, x), series));
    return md_with_sign(md_abs(md_near_zero(x, 0x1p-13, near, m)), x);
}

#endif
