/* asinh.h: the inverse hyperbolic functions, by log(1 + t):
 * asinh a: t = a + a²/(1 + √(1 + a²)); acosh x: t = u + √(u·(u + 2)) with u = x − 1;
 * atanh a = ½·log(1 + t), t = 2·a/(1 − a). */
#ifndef MATH_ASINH_H
#define MATH_ASINH_H

#include "math/log1p.h"
#include "math/sign.h"

/* log(1 + t) for 0 ≤ t ≤ ∞ */
static inline md md_log1p_positive(md t)
{
    log1p_parts l = md_log1p_parts(t);
    return md_select(md_lt(t, md_set(HUGE_VAL)), md_join(l.large, l.small), t);
}

static inline md md_asinh(md x)
{
    md one = md_set(1), a = md_abs(x), a2 = md_mul(a, a);
    md correction = md_div(a2, md_add(one, md_sqrt(md_add(a2, one))));
    md t = md_select(md_lt(a, md_set(HUGE_VAL)), md_add(a, correction), a);
    return md_with_sign(md_log1p_positive(t), x);
}

static inline md md_acosh(md x)
{
    md u = md_sub(x, md_set(1));
    md t = md_add(u, md_sqrt(md_mul(u, md_add(u, md_set(2)))));
    return md_select(md_lt(u, md_set(0)), md_set(NAN), md_log1p_positive(t));
}

static inline md md_atanh(md x)
{
    md a = md_abs(x);
    md t = md_div(md_add(a, a), md_sub(md_set(1), a));
    md half = md_mul(md_log1p_positive(t), md_set(0.5));
    md inside = md_select(md_le(a, md_set(1)), half, md_set(NAN));
    return md_with_sign(inside, x);
}

#endif
