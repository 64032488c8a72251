/* kernels_quick_hard.h: hardswish, its derivative and hardsigmoid in float, where the machine fuses
 * multiply and add: quotients by 6 and 3, whose remainders floats hold exactly.
 *
 * z = x + c, rounded, loses `lost` = x − (z − c) exactly (Dekker) for the sums here: c = 3 with |x|
 * ≤ 3, c = 1.5 with |x| < 3. With the float i next to 1/d, d = 3 or 6, y = z·i is within a place of
 * z/d and z − d·y therefore exact. */

/* --- (z + lost)/d ------------------------------------------------------------------------------
 *
 * y + q with q = (z − d·y + lost)·i. Where the quotient lies halfway between two floats, q is a few
 * quarters of a place, so short that its sum is exact and its product rounds to it, i being off by
 * 2^−25: y + q is the tie itself. Elsewhere q has a relative error of 2^−22.6. That this rounds
 * correctly everywhere is no more than what the run over all floats shows
 * (docs/correct-rounding.md). */
static inline vf quick_quotient(vf z, vf lost, float d, float inverse)
{
    vf i = vf_set(inverse), y = vf_mul(z, i), rest = vf_fma(y, vf_set(-d), z);
    return vf_add(y, vf_mul(vf_add(rest, lost), i));
}

#define QUICK_THIRD 0x1.555556p-2f
#define QUICK_SIXTH 0x1.555556p-3f

static inline vf quick_hardsigmoid(vf x)
{
    vf three = vf_set(3), inside = vf_min(three, vf_max(vf_set(-3), x)), z = vf_add(inside, three);
    return quick_quotient(z, vf_sub(inside, vf_sub(z, three)), 6, QUICK_SIXTH);
}

/* (x + 3/2)/3 between −3 and 3 */
static inline vf quick_hardswish_derivative(vf x)
{
    vf c = vf_set(1.5f), z = vf_add(x, c);
    vf slope = quick_quotient(z, vf_sub(x, vf_sub(z, c)), 3, QUICK_THIRD);
    slope = vf_select(vf_le(vf_set(3), x), vf_set(1), slope);
    return vf_select(vf_le(x, vf_set(-3)), vf_zero(), slope);
}

static void kernel_hardsigmoid_quick(const float *x, float *y, int64_t n)
{
    map_float(quick_hardsigmoid, x, y, n);
}

static void kernel_hardswish_derivative_quick(const float *x, float *y, int64_t n)
{
    map_float(quick_hardswish_derivative, x, y, n);
}

/* --- hardswish: x·(x + 3)/6 --------------------------------------------------------------------
 *
 * With a = max(−3, x), z + lost = min(3, a) + 3, p = a·z rounded and y = p·i, the value is y −
 * over/6, over = (6·y − p) + (p − a·z − a·lost). The first bracket and p − a·z are exact; a·lost,
 * below 2^−22·|p|, costs one rounding, the sum of the brackets one, i 2^−25: 2^−47·|p| + 2^−23.4·
 * |over| together. Where over decides the rounding, y is a quarter of a place or more from the
 * middle of two floats, |over| ≥ 2^−26·|p|, and that is below 2^−20.8·|over|: `least` and `most`
 * are 2^−16 away on both sides. They differ where the value lies halfway between two floats.
 *
 * What underflows for |x| < 2^−60 is a·lost alone, where the value is x/2 and a hair above: x/2 is
 * a float, or lies halfway between two subnormal ones. Where the value is 0, over is +0, and taking
 * it from y leaves y's sign, which is that of x. */
static inline quick quick_hardswish(pf x)
{
    pf three = pf_set(3), a = pf_max(pf_set(-3), x), inside = pf_min(three, a);
    pf z = pf_add(inside, three), lost = pf_sub(inside, pf_sub(z, three));
    pf p = pf_mul(a, z), minus_a = pf_neg(a);
    pf p_over = pf_fma(minus_a, lost, pf_fma(minus_a, z, p));
    pf y = pf_mul(p, pf_set(QUICK_SIXTH)), over = pf_fma(y, pf_set(6), pf_neg(p));
    over = pf_add(over, p_over);
    pf least = pf_fma(over, pf_set(-QUICK_SIXTH * (1 - 0x1p-16f)), y);
    pf most = pf_fma(over, pf_set(-QUICK_SIXTH * (1 + 0x1p-16f)), y);
    return (quick){ most, pf_eq(least, most) };
}

static void kernel_hardswish_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_hardswish, kernel_hardswish, x, y, n);
}
