/* sign.h: odd functions are computed for |x| and given x's sign, which also keeps −0. */
#ifndef MATH_SIGN_H
#define MATH_SIGN_H

/* `magnitude` ≥ 0 with the sign of x. */
static inline md md_with_sign(md magnitude, md x)
{
    return ml_double(ml_or(md_bits(magnitude), ml_and(md_bits(x), ml_set(INT64_MIN))));
}

#endif
