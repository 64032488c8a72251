/* expm1.h: e^x − 1 = 2^k·(e^r − 1) + (2^k − 1): small results keep their relative precision. */
#ifndef MATH_EXPM1_H
#define MATH_EXPM1_H

#include "math/exp.h"
#include "math/join.h"
#include "math/sign.h"

static inline md md_expm1(md x)
{
    md inside = md_max(md_set(-50), md_min(md_set(90), x));
    exp_parts e = md_exp_parts(inside);
    md m = md_mad(e.scale, e.tail, md_sub(e.scale, md_set(1)));
    /* x + x²/2 can lie exactly between two floats while x³/6 is too small for a double to show. */
    md series = md_mad(x, md_mad(x, md_set(0x1.5555555555555p-5), md_set(0x1.5555555555555p-3)),
                       md_set(0.5));
    md near = md_join(x, md_mul(md_mul(x, x), series));
    return md_with_sign(md_abs(md_near_zero(x, 0x1p-13, near, m)), x);
}

#endif
