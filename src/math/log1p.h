/* log1p.h: log(1 + x); softplus log(1 + e^x) and logsigmoid −log(1 + e^−x).
 *
 * u = 1 + x rounded and c what the rounding lost, exactly; log(1 + x) = log u + c/u.
 */
#ifndef MATH_LOG1P_H
#define MATH_LOG1P_H

#include "math/exp.h"
#include "math/log.h"
#include "math/sign.h"

/* c/u */
static inline md md_log1p_lost(md x, md u)
{
    md one = md_set(1);
    md lost = md_select(md_lt(x, one), md_sub(x, md_sub(u, one)), md_sub(one, md_sub(u, x)));
    return md_div(lost, u);
}

/* log(1 + x) for any double −1 < x < ∞, as a sum of two: k·ln 2 and the rest. */
typedef struct log1p_parts {
    md large, small;
} log1p_parts;

static inline log1p_parts md_log1p_parts(md x)
{
    md u = md_add(x, md_set(1));
    log_parts l = md_log_parts(u);
    md small = md_add(md_log1p_small(l.f), md_log1p_lost(x, u));
    small = md_mad(l.k, md_set(0x1.ef35793c7673p-45), small);
    return (log1p_parts){ md_mul(l.k, md_set(0x1.62e42fefa38p-1)), small };
}

static inline md md_log1p(md x)
{
    md u = md_add(x, md_set(1));
    log_parts l = md_log_parts(u);
    /* For a float x of common size k·ln 2 + f is exact. */
    md large = md_add(md_mul(l.k, md_set(0x1.62e42fefa38p-1)), l.f);
    md small = md_sub(md_log1p_lost(x, u), md_log1p_bend(l.f));
    small = md_mad(l.k, md_set(0x1.ef35793c7673p-45), small);
    md far = md_log_special_at(x, md_set(-1), md_join(large, small));
    /* x − x²/2 can lie exactly between two floats while x³/3 is too small for a double to show. */
    md series = md_mad(x, md_mad(x, md_set(-0.25), md_set(0x1.5555555555555p-2)), md_set(-0.5));
    md near = md_join(x, md_mul(md_mul(x, x), series));
    return md_with_sign(md_abs(md_near_zero(x, 0x1p-13, near, far)), x);
}

static inline md md_log1p_derivative(md x)
{
    md one = md_set(1), u = md_add(x, one), q = md_div(one, u);
    /* 1 − q·u, exact where q is halfway between two floats: u in parts of 26 and 27 bits. */
    md head = ml_double(ml_and(md_bits(u), ml_set(-0x8000000)));
    md rest = md_sub(md_sub(one, md_mul(q, head)), md_mul(q, md_sub(u, head)));
    return md_settle(q, md_mul(q, rest));
}

/* max(x, 0) + log(1 + e^−|x|), the greatest of the three parts added last. */
static inline md md_softplus(md x)
{
    log1p_parts l = md_log1p_parts(md_exp(md_neg(md_abs(x))));
    md above = md_max(x, md_set(0));
    mm split = md_eq(l.large, md_set(0));
    md rest = md_select(split, l.small, md_add(l.small, above));
    return md_join(md_select(split, above, l.large), rest);
}

static inline md md_logsigmoid(md x)
{
    return md_neg(md_softplus(md_neg(x)));
}

#endif
