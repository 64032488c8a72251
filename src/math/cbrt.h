/* cbrt.h: the cube root: e^(log|x|/3), then one step of Newton's method; the square root's
 * reciprocal; derivatives of roots and of the reciprocal. */
#ifndef MATH_CBRT_H
#define MATH_CBRT_H

#include "math/exp.h"
#include "math/log.h"
#include "math/sign.h"

static inline md md_cbrt(md x)
{
    md a = md_abs(x);
    log_parts l = md_log_parts(a);
    md log_a = md_mad(l.k, md_set(0x1.62e42fefa39efp-1), md_log1p_small(l.f));
    md y = md_exp_inside(md_mul(log_a, md_set(0x1.5555555555555p-2)));
    md excess = md_sub(md_mul(md_mul(y, y), y), a);
    md root = md_sub(y, md_div(excess, md_mul(md_mul(y, y), md_set(3))));
    mm inside = mm_and(md_lt(md_set(0), a), md_lt(a, md_set(HUGE_VAL)));
    return md_with_sign(md_select(inside, root, a), x);
}

/* 1/(3·∛x²) */
static inline md md_cbrt_derivative(md x)
{
    md root = md_cbrt(x);
    return md_div(md_set(1), md_mul(md_mul(root, root), md_set(3)));
}

/* −1/x² */
static inline md md_reciprocal_derivative(md x)
{
    return md_div(md_set(-1), md_mul(x, x));
}

/* 1/√x */
static inline md md_rsqrt(md x)
{
    return md_div(md_set(1), md_sqrt(x));
}

/* −½·x^−3/2 */
static inline md md_rsqrt_derivative(md x)
{
    return md_div(md_set(-0.5), md_mul(x, md_sqrt(x)));
}

#endif
