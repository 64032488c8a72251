/* pair.h: pow, atan2, hypot and fmod, correctly rounded to nearest for all floats.
 *
 * Each is first evaluated in double with a bound ε of its relative error; where r·(1 − ε) and
 * r·(1 + ε) round to one float, that is it. Elsewhere (one input in 2^17 for pow, in 2^24 for
 * atan2) it is evaluated again with 128 bits (wide.h), its relative error below 2^−110.
 *
 * pow: t = y·log2 x has an error of 2^−51 + 2^−53, so at |t| ≤ 160 one of 2^−43.6 in 2^t. A result
 * that lies within 2^−105 of halfway is taken to be halfway. x^y is halfway where x is an odd
 * integer to a small power (or a root of one) of 25 bits, or at 2^−150. If it is not, it is
 * irrational or a fraction with a power of an odd integer below it, and lies within 2^−105 of one
 * of the 25-bit numbers with a chance of 2^−79: over all 2^64 inputs one such is expected with a
 * chance of 2^−15. This part is an estimate and no proof.
 *
 * atan2: q = y/x has an error of 2^−53, the arctangent of 2^−51. It is transcendental, so never
 * halfway; the same estimate holds. Beyond q = 2^31, and for x < 0 below 2^−31, the angle is too
 * near to π/2 or π, which are 0.13 places away from halfway, for any doubt. For x > 0 and q <
 * 2^−30, atan q lies within q·(1 − 2^−61) … q: if q is not halfway between two floats it is 2^−49·q
 * away from there (y − x·h is a multiple of the last place of x·h, which has 49 bits), and if it
 * is, the result lies below.
 *
 * hypot and fmod: exact, see md_hypot(), md_fmod().
 */
#ifndef MATH_PAIR_H
#define MATH_PAIR_H

#include "math/atan.h"
#include "math/exp2.h"
#include "math/log2.h"

#define POW_ERROR 0x1p-42
#define ATAN2_ERROR 0x1p-49

/* x^y for 0 < x < ∞. Nothing is moved off halfway (md_join()): here that must be seen. */
static inline md md_pow(md x, md y)
{
    log_parts l = md_log_parts(x);
    md log = md_add(l.k, md_mul(md_log1p_small(l.f), md_set(0x1.71547652b82fep0)));
    md scale, tail = md_exp2_tail(md_mul(y, log), &scale);
    return md_add(scale, tail);
}

/* The angle of (x, y) in 0 … π; y ≥ 0, neither zero nor infinite. */
static inline md md_atan2(md y, md x)
{
    atan_parts p = md_atan_parts(md_div(y, md_abs(x)));
    md a = md_add(p.large, p.small);
    md left = md_sub(md_set(0x1.921fb54442d18p1), md_sub(a, md_set(0x1.1a62633145c07p-53)));
    return md_select(md_lt(x, md_set(0)), left, a);
}

/* √(x² + y²). The squares are exact in double, s is their rounded sum and `lost` the rest. Rounding
 * keeps order: if the exact sum S is at least h², h halfway between two floats (25 bits, so h² is a
 * double), then so are s and its root; likewise at most. So the root shows on which side of h it
 * is, except when it is h itself: then S − h² = (s − h²) + lost decides, in which s − h² is exact
 * (Sterbenz). Below the normal floats S is a multiple of 2^−298 and h² is none: there the root
 * never is h. */
static inline md md_hypot(md x, md y)
{
    md x2 = md_mul(x, x), y2 = md_mul(y, y);
    md large = md_max(x2, y2), small = md_min(x2, y2);
    md s = md_add(large, small), lost = md_sub(small, md_sub(s, large));
    md root = md_sqrt(s);
    md beyond = md_add(md_sub(s, md_mul(root, root)), lost);
    ml below_float = ml_and(md_bits(root), ml_set(0x1fffffff));
    mm halfway = ml_eq(below_float, ml_set(0x10000000));
    md away = md_mul(root, md_set(0x1p-50));
    md moved = md_select(md_lt(md_set(0), beyond), md_add(root, away),
                         md_select(md_lt(beyond, md_set(0)), md_sub(root, away), root));
    return md_select(halfway, moved, root);
}

/* fmod(x, y) for |x| < 2^28·|y| < ∞. q = x/y has 53 bits. Unless it is whole, it lies at least
 * 2^−24 below the next whole number (x and that number times y differ by a last place of y or
 * more), so its rounding error, less than 2^−25, does not reach that, and ⌊q⌋ is right. ⌊q⌋·y has
 * 52 bits; the remainder is a multiple of a last place of y below y, or x itself: both steps are
 * exact. */
static inline md md_fmod(md x, md y)
{
    md a = md_abs(x), b = md_abs(y), q = md_div(a, b);
    md whole = md_sub(md_add(q, md_set(0x1p52)), md_set(0x1p52));
    whole = md_select(md_lt(q, whole), md_sub(whole, md_set(1)), whole);
    return md_with_sign(md_sub(a, md_mul(whole, b)), x);
}

#endif
