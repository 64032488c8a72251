/* atan.h: the inverse trigonometric functions.
 *
 * For a ≥ 0, atan a = b + atan t with b = 0, π/4, π/2 and t = a, (a − 1)/(a + 1), −1/a, so that
 * |t| ≤ √2 − 1; atan t = t + t³·p(t²), p of degree 12 through Chebyshev points, relative error
 * 2^−53. asin x = atan(x/√(1 − x²)); acos x = 2·atan √((1 − x)/(1 + x)).
 */
#ifndef MATH_ATAN_H
#define MATH_ATAN_H

#include "math/join.h"
#include "math/poly.h"
#include "math/sign.h"

/* atan a = large + small; 0 ≤ a ≤ ∞. Where `middle` holds, `small` has an error of its own. */
typedef struct atan_parts {
    md large, small;
    mm middle;
} atan_parts;

static inline atan_parts md_atan_parts(md a)
{
    static const double p[] = { -0x1.5555555555555p-2, 0x1.9999999999997p-3,  -0x1.24924924920acp-3,
                                0x1.c71c71c6ddb13p-4,  -0x1.745d173561ae0p-4, 0x1.3b13aea970e58p-4,
                                -0x1.1110ceddb22d6p-4, 0x1.e1d8e89291b2fp-5,  -0x1.aebd143c55a36p-5,
                                0x1.829c9a46152b5p-5,  -0x1.503b1df32251dp-5, 0x1.f5ea203927f08p-6,
                                -0x1.c807c7fd8901cp-7 };
    md one = md_set(1);
    mm far = md_lt(md_set(0x1.3504f333f9de6p1), a), middle = md_lt(md_set(0x1.a827999fcef32p-2), a);
    md over = md_select(far, md_set(-1), md_select(middle, md_sub(a, one), a));
    md under = md_select(far, a, md_select(middle, md_add(a, one), one));
    md base = md_select(middle, md_set(0x1.921fb54442d18p-1), md_set(0));
    md lost = md_select(middle, md_set(0x1.1a62633145c07p-55), md_set(0)); /* π/4 beyond double */
    base = md_select(far, md_set(0x1.921fb54442d18p0), base);
    lost = md_select(far, md_set(0x1.1a62633145c07p-54), lost);
    md t = md_div(over, under), z = md_mul(t, t);
    md rest = md_mad(md_mul(t, z), MD_POLY(z, p), lost);
    return (atan_parts){ md_select(middle, base, t), md_select(middle, md_add(t, rest), rest),
                         middle };
}

static inline md md_atan_positive(md a)
{
    atan_parts p = md_atan_parts(a);
    return md_select(p.middle, md_add(p.large, p.small), md_join(p.large, p.small));
}

static inline md md_atan(md x)
{
    return md_with_sign(md_atan_positive(md_abs(x)), x);
}

/* |x| > 1 gives NaN, by the root. */
static inline md md_asin(md x)
{
    md a = md_abs(x), one = md_set(1);
    md root = md_sqrt(md_mul(md_sub(one, a), md_add(one, a)));
    return md_with_sign(md_atan_positive(md_div(a, root)), x);
}

static inline md md_acos(md x)
{
    md one = md_set(1);
    md half = md_atan_positive(md_sqrt(md_div(md_sub(one, x), md_add(one, x))));
    /* π/2 − (x + x³/6 + 3·x⁵/40) */
    md x2 = md_mul(x, x);
    md bend = md_mul(md_mul(x, x2), md_mad(x2, md_set(0.075), md_set(0x1.5555555555555p-3)));
    md fall = md_sub(md_sub(md_set(0x1.1a62633145c07p-54), bend), x);
    return md_near_zero(x, 0x1p-10, md_join(md_set(0x1.921fb54442d18p0), fall), md_add(half, half));
}

/* 1/(1 + x²) */
static inline md md_atan_derivative(md x)
{
    return md_div(md_set(1), md_mad(x, x, md_set(1)));
}

/* 1/√(1 − x²); acos' is its negative. */
static inline md md_asin_derivative(md x)
{
    md one = md_set(1);
    return md_div(one, md_sqrt(md_mul(md_sub(one, x), md_add(one, x))));
}

#endif
