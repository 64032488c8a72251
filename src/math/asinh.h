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

/* 1/√(1 + x²) */
static inline md md_asinh_derivative(md x)
{
    return md_div(md_set(1), md_sqrt(md_mad(x, x, md_set(1))));
}

/* 1/√(x² − 1) for x ≥ 1 */
static inline md md_acosh_derivative(md x)
{
    md one = md_set(1);
    md value = md_div(one, md_sqrt(md_mul(md_sub(x, one), md_add(x, one))));
    return md_select(md_lt(x, one), md_set(NAN), value);
}

/* 1/(1 − x²), beyond ±1 too, as PyTorch has it */
static inline md md_atanh_derivative(md x)
{
    md one = md_set(1), divisor = md_mul(md_sub(one, x), md_add(one, x));
    /* Where double no longer tells x² − 1 from x², the value is still the greater for it: at 2^75
     * that decides between 0 and the least subnormal. */
    md above = md_select(md_lt(md_set(0x1p60), md_abs(x)), md_set(0x1.0000000000001p0), one);
    return md_div(above, divisor);
}

#endif
