/* join.h: the last addition of a function whose result may lie too near to a rounding boundary for
 * a double to show on which side. */
#ifndef MATH_JOIN_H
#define MATH_JOIN_H

/* A double that rounds to the same float as value + lost does exactly, given that `lost` is at most
 * a last place of `value` and the result a normal float. Only when `value` is exactly halfway
 * between two floats can `lost` matter; then it is moved that way. */
static inline md md_settle(md value, md lost)
{
    ml below_float = ml_and(md_bits(value), ml_set(0x1fffffff));
    mm halfway = ml_eq(below_float, ml_set(0x10000000));
    return md_select(halfway, md_mad(lost, md_set(0x1p20), value), value);
}

/* A double that rounds to the same float as large + small does exactly, given |large| ≥ |small| or
 * large = 0, and a result that is a normal float: Dekker's fast two-sum gives exactly what the
 * addition loses. */
static inline md md_join(md large, md small)
{
    md sum = md_add(large, small);
    return md_settle(sum, md_sub(small, md_sub(sum, large)));
}

/* `near` for |x| < limit, else `far`. */
static inline md md_near_zero(md x, double limit, md near, md far)
{
    return md_select(md_lt(md_abs(x), md_set(limit)), near, far);
}

#endif
