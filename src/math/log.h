/* log.h: the natural logarithm.
 *
 * x = 2^k·m with m in [√½, √2); log x = k·ln 2 + log m. With f = m − 1 (exact) and s = f/(2 + f),
 * log m = 2·atanh(s) = s·(2 + s²·p(s²)) (the argument of Gal and Bachelis, as in fdlibm); p of
 * degree 7 by Sollya's fpminimax. An input that is a subnormal float is a normal double, so no
 * input needs scaling.
 */
#ifndef MATH_LOG_H
#define MATH_LOG_H

#include "math/join.h"

#include <math.h>

/* For 0 < x < ∞: k as double and m − 1. */
typedef struct log_parts {
    md k;
    md f;
} log_parts;

static inline log_parts md_log_parts(md x)
{
    const int64_t root_half = 0x3fe6a09e667f3bcd; /* bits of √½ */
    const int64_t two_52 = 0x4330000000000000;    /* bits of 2^52, whose last place is 1 */
    ml above = ml_sub(md_bits(x), ml_set(root_half));
    /* The exponent field of `above` is k, biased here by 1024 to be positive. */
    ml biased = ml_shr(ml_add(above, ml_set((int64_t)1024 << 52)), 52);
    md k = md_sub(ml_double(ml_or(biased, ml_set(two_52))), md_set(0x1p52 + 1024));
    ml mantissa = ml_and(above, ml_set(0x000fffffffffffff));
    md m = ml_double(ml_add(mantissa, ml_set(root_half)));
    return (log_parts){ k, md_sub(m, md_set(1)) };
}

/* f − log(1 + f) for √½ − 1 ≤ f ≤ √2 − 1: below f²/2 + f³/3. */
static inline md md_log1p_bend(md f)
{
    md s = md_div(f, md_add(f, md_set(2)));
    md z = md_mul(s, s), z2 = md_mul(z, z), z4 = md_mul(z2, z2);
    md p0 = md_mad(z, md_set(0x1.9999999999d0cp-2), md_set(0x1.5555555555555p-1));
    md p2 = md_mad(z, md_set(0x1.c71c724ac5849p-3), md_set(0x1.249249243a015p-2));
    md p4 = md_mad(z, md_set(0x1.3b201c34de198p-3), md_set(0x1.745ce1fae276ap-3));
    md p6 = md_mad(z, md_set(0x1.0f07bc316152dp-3), md_set(0x1.0f67f7aac6da3p-3));
    p0 = md_mad(z2, p2, p0);
    p4 = md_mad(z2, p6, p4);
    md p = md_mul(z, md_mad(z4, p4, p0));
    return md_mul(s, md_sub(f, p)); /* s·(2 + p) = f − s·(f − p) */
}

/* log(1 + f): f is exact, so that only the small second term is rounded twice. */
static inline md md_log1p_small(md f)
{
    return md_sub(f, md_log1p_bend(f));
}

/* `finite` where pole < x < ∞; else what a logarithm gives: −∞ at the pole, NaN below, x itself at
 * +∞ and NaN. */
static inline md md_log_special_at(md x, md pole, md finite)
{
    mm inside = mm_and(md_lt(pole, x), md_lt(x, md_set(HUGE_VAL)));
    md outside = md_select(md_lt(x, pole), md_set(NAN), x);
    outside = md_select(md_eq(x, pole), md_set(-HUGE_VAL), outside);
    return md_select(inside, finite, outside);
}

static inline md md_log_special(md x, md finite)
{
    return md_log_special_at(x, md_set(0), finite);
}

static inline md md_log(md x)
{
    log_parts l = md_log_parts(x);
    /* ln 2 in two parts, the first so short that k times it is exact. */
    md tail = md_mad(l.k, md_set(0x1.ef35793c7673p-45), md_log1p_small(l.f));
    return md_log_special(x, md_join(md_mul(l.k, md_set(0x1.62e42fefa38p-1)), tail));
}

#endif
