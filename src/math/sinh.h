/* sinh.h: sinh x = (m + m/(m + 1))/2 with m = e^|x| − 1; cosh x = (e + 1/e)/2 with e = e^|x|. */
#ifndef MATH_SINH_H
#define MATH_SINH_H

#include "math/exp.h"
#include "math/expm1.h"
#include "math/sign.h"

static inline md md_sinh(md x)
{
    md m = md_expm1_inside(md_min(md_set(95), md_abs(x)));
    md twice = md_add(m, md_div(m, md_add(m, md_set(1))));
    return md_with_sign(md_mul(twice, md_set(0.5)), x);
}

static inline md md_cosh(md x)
{
    md e = md_exp_inside(md_min(md_set(95), md_abs(x)));
    return md_mul(md_add(e, md_div(md_set(1), e)), md_set(0.5));
}

#endif
