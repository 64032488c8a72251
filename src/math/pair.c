/* pair.c: the scalar functions of two variables (pair.h has the argument that they are correctly
 * rounded). */
#include "math/math.h"

#include "math/scalar.h"

#include "math/pair.h"
#include "math/wide.h"

/* True, with the float, where r's error leaves no doubt. */
static bool settled(double r, double error, float *result)
{
    float low = (float)(r - r * error), high = (float)(r + r * error);
    *result = high;
    return low == high;
}

/* x = m·2^e, 2^23 ≤ m < 2^24; 0 < x < ∞ */
static uint64_t take_apart(float x, int *e)
{
    float m = frexpf(x, e);
    *e -= 24;
    return (uint64_t)ldexpf(m, 24);
}

/* --- pow -------------------------------------------------------------------------------------- */

/* |log2 x|, and whether x < 1: x = 2^k·m with m in [√½, √2), log m = ±2·atanh s, s = |m − 1|/(m +
 * 1) < 0.172. */
static wide wide_log2(float x, bool *negative)
{
    int k;
    uint64_t m = take_apart(x, &k), one = m < 11863283 ? 1 << 23 : 1 << 24; /* 2^23·√2 */
    k += one == 1 << 23 ? 23 : 24;
    bool below = m < one;
    wide log = { 0, 0 };
    if (m != one) {
        wide s = wide_ratio(below ? one - m : m - one, m + one);
        wide power = s, square = wide_mul(s, s);
        for (uint32_t n = 1; n < 55; n += 2) { /* s^55 < 2^−139 */
            log = wide_add(log, wide_over(power, n));
            power = wide_mul(power, square);
        }
    }
    log = wide_mul(log, wide_scaled(wide_over_ln2(), 1));
    *negative = k ? k < 0 : below;
    wide whole = wide_integer((uint64_t)(k < 0 ? -k : k));
    if (k == 0)
        return log;
    return (k < 0) == below ? wide_add(whole, log) : wide_sub(whole, log);
}

/* 2^t or 2^−t: e^z = Σ zⁱ/i! of the fraction. */
static float wide_exp2(wide t, bool negative)
{
    wide fraction, sum = wide_integer(1), term = sum;
    int power = wide_floor(t, &fraction);
    if (negative)
        power = -power;
    if (negative && fraction.m != 0) {
        power--;
        fraction = wide_sub(wide_integer(1), fraction);
    }
    wide z = wide_mul(fraction, wide_ln2());
    for (uint32_t i = 1; i < 36; i++) { /* 0.7^36/36! < 2^−155 */
        term = wide_over(wide_mul(term, z), i);
        sum = wide_add(sum, term);
    }
    return wide_round(wide_scaled(sum, power));
}

static float pow_positive(float x, float y)
{
    float result;
    if (settled(md_pow((double)x, (double)y), POW_ERROR, &result))
        return result;
    bool below_one;
    int e;
    wide log = wide_log2(x, &below_one);
    uint64_t m = take_apart(fabsf(y), &e);
    return wide_exp2(wide_scaled(wide_mul(log, wide_integer(m)), e), below_one != (y < 0));
}

float math_pow(float x, float y)
{
    if (y == 0 || x == 1)
        return 1;
    if (x != x || y != y)
        return NAN;
    bool whole = truncf(y) == y, odd = whole && fabsf(y) < 0x1p24f && fmodf(y, 2) != 0;
    float a = fabsf(x), sign = signbit(x) && odd ? -1.0f : 1.0f;
    if (a == 0 || isinf(a))
        return (a == 0) == (y < 0) ? sign * INFINITY : sign * 0.0f;
    if (isinf(y))
        return a == 1 ? 1 : (a > 1) == (y > 0) ? INFINITY : 0;
    return x < 0 && !whole ? NAN : sign * pow_positive(a, y);
}

/* --- atan2 ------------------------------------------------------------------------------------ */

/* atan t = t − t³/3 + t⁵/5 − … for t ≤ √2 − 1 */
static wide wide_atan(wide t)
{
    wide plus = { 0, 0 }, minus = { 0, 0 }, power = t, square = wide_mul(t, t);
    for (uint32_t n = 1; n < 105; n += 4) { /* 0.4143^105 < 2^−133 */
        plus = wide_add(plus, wide_over(power, n));
        power = wide_mul(power, square);
        minus = wide_add(minus, wide_over(power, n + 2));
        power = wide_mul(power, square);
    }
    return wide_sub(plus, minus);
}

/* The angle of (x, y) in 0 … π/2; 2^−31 < y/x < 2^31 */
static wide wide_angle(float y, float x)
{
    int ey, ex;
    uint64_t my = take_apart(y, &ey), mx = take_apart(x, &ex);
    my <<= ey > ex ? ey - ex : 0;
    mx <<= ex > ey ? ex - ey : 0;
    double q = (double)y / (double)x;
    if (q < 0.41)
        return wide_atan(wide_ratio(my, mx));
    if (q > 2.42)
        return wide_sub(wide_scaled(wide_pi(), -1), wide_atan(wide_ratio(mx, my)));
    wide quarter = wide_scaled(wide_pi(), -2);
    if (my == mx)
        return quarter;
    wide turn = wide_atan(wide_ratio(my > mx ? my - mx : mx - my, my + mx));
    return my > mx ? wide_add(quarter, turn) : wide_sub(quarter, turn);
}

/* Of the two doubles around the number that q > 0 is the nearest to, the one whose last bit is set;
 * `lost` has the sign of what q lacks. Rounded to float it gives what the number itself would
 * (Boldo and Melquiond: rounding to odd). */
static double to_odd(double q, double lost)
{
    ml bits = md_bits(q);
    return ml_double(bits & 1 ? bits : lost > 0 ? bits + 1 : bits - 1);
}

/* y > 0, x ≠ 0, both finite */
static float atan2_upper(float y, float x)
{
    float result;
    double q = (double)y / fabs((double)x);
    if (x > 0 && q < 0x1p-30) {
        double lost = fma(-q, (double)x, (double)y);
        return (float)to_odd(q, lost != 0 ? lost : -1);
    }
    if (settled(md_atan2((double)y, (double)x), ATAN2_ERROR, &result))
        return result;
    wide angle = wide_angle(y, fabsf(x));
    return wide_round(x < 0 ? wide_sub(wide_pi(), angle) : angle);
}

float math_atan2(float y, float x)
{
    if (x != x || y != y)
        return NAN;
    float up = fabsf(y), pi = 0x1.921fb6p1f, half = 0x1.921fb6p0f;
    if (up == 0)
        return copysignf(signbit(x) ? pi : 0, y);
    if (x == 0)
        return copysignf(half, y);
    if (isinf(up))
        return copysignf(!isinf(x) ? half : x > 0 ? half / 2 : 0x1.2d97c8p1f, y);
    if (isinf(x))
        return copysignf(x < 0 ? pi : 0, y);
    return copysignf(atan2_upper(up, x), y);
}

/* --- hypot ------------------------------------------------------------------------------------ */

float math_hypot(float x, float y)
{
    if (isinf(x) || isinf(y))
        return INFINITY;
    if (x != x || y != y)
        return NAN;
    return (float)md_hypot((double)x, (double)y);
}

/* libm's is exact, as C demands. */
float math_fmod(float x, float y)
{
    return fmodf(x, y);
}

float (*math_scalar_pair(math_pair pair))(float, float)
{
    switch (pair) {
    case MATH_POW:
        return math_pow;
    case MATH_ATAN2:
        return math_atan2;
    case MATH_HYPOT:
        return math_hypot;
    default:
        return math_fmod;
    }
}
