/* tanh.h: tanh x = m/(m + 2) with m = e^2x − 1, and its derivative 1 − tanh² x = 4e/(1 + e)² with
 * e = e^−2|x|. */
#ifndef MATH_TANH_H
#define MATH_TANH_H

#include "math/exp.h"
#include "math/expm1.h"
#include "math/sign.h"

static inline md md_tanh(md x)
{
    /* From 9.02 on tanh rounds to 1. */
    md a = md_min(md_set(20), md_abs(x));
    md m = md_expm1_inside(md_add(a, a));
    return md_with_sign(md_div(m, md_add(m, md_set(2))), x);
}

static inline md md_tanh_derivative(md x)
{
    md a = md_abs(x);
    md e = md_exp(md_neg(md_add(a, a)));
    md one_e = md_add(e, md_set(1));
    return md_div(md_mul(e, md_set(4)), md_mul(one_e, one_e));
}

#endif
