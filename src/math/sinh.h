/* sinh.h: sinh x = (m + m/(m + 1))/2 with m = e^|x| − 1; cosh x = (e + 1/e)/2 with e = e^|x|. */
#ifndef MATH_SINH_H
#define MATH_SINH_H

#include "math/exp.h"
#include "math/expm1.h"
#include "math/join.h"
#include "math/sign.h"

static inline md md_sinh(md x)
{
    md m = md_expm1_inside(md_min(md_set(95), md_abs(x)));
    md twice = md_add(m, md_div(m, md_add(m, md_set(1))));
    /* x + x³/6 + x⁵/120 + x⁷/5040 */
    md x2 = md_mul(x, x);
    md bend = md_mad(x2, md_mad(x2, md_set(1.0 / 5040), md_set(1.0 / 120)), md_set(1.0 / 6));
    md near = md_join(x, md_mul(md_mul(x, x2), bend));
    return md_with_sign(md_abs(md_near_zero(x, 0x1p-6, near, md_mul(twice, md_set(0.5)))), x);
}

static inline md md_cosh(md x)
{
    md e = md_exp_inside(md_min(md_set(95), md_abs(x)));
    md far = md_mul(md_add(e, md_div(md_set(1), e)), md_set(0.5));
    /* 1 + x²/2! + … + x¹⁰/10! */
    md x2 = md_mul(x, x);
    md bend = md_mad(x2, md_set(1.0 / 3628800), md_set(1.0 / 40320));
    bend = md_mad(x2, md_mad(x2, bend, md_set(1.0 / 720)), md_set(1.0 / 24));
    bend = md_mul(x2, md_mad(x2, bend, md_set(0.5)));
    return md_near_zero(x, 0x1p-3, md_join(md_set(1), bend), far);
}

#endif
