/* hard.h: hardswish x·(x + 3)/6 and hardsigmoid (x + 3)/6 between −3 and 3, and the derivative of
 * the first. Where a quotient by 6 lies exactly halfway between two floats, so does the product
 * with the double next to 1/6: what it lacks, 2^−54 of it, is less than half a place. */
#ifndef MATH_HARD_H
#define MATH_HARD_H

#include "math/join.h"

#define HARD_SIXTH 0x1.5555555555555p-3

static inline md md_hardsigmoid(md x)
{
    x = md_max(md_set(-3), md_min(md_set(3), x));
    return md_mul(md_add(x, md_set(3)), md_set(HARD_SIXTH));
}

/* Near 0 the sum is a little more or less than 3: where x/2 lies halfway between subnormals, that
 * decides. */
static inline md md_hardswish(md x)
{
    md near = md_select(md_lt(x, md_set(0)), md_set(3 - 0x1p-38), md_set(3 + 0x1p-38));
    md above = md_max(md_set(-3), x), sum = md_add(md_min(md_set(3), above), md_set(3));
    sum = md_near_zero(x, 0x1p-60, near, sum);
    return md_mul(md_mul(above, sum), md_set(HARD_SIXTH));
}

static inline md md_hardswish_derivative(md x)
{
    md inside = md_mul(md_mad(x, md_set(2), md_set(3)), md_set(HARD_SIXTH));
    md below = md_select(md_le(x, md_set(-3)), md_set(0), inside);
    return md_select(md_le(md_set(3), x), md_set(1), below);
}

#endif
