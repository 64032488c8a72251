/* rope.c: rotary position embedding. Powers, sines and cosines are computed as unevaluated sums of
 * two doubles with an error below 2^−90, so that rounding them is correct rounding in all but ≈
 * 2^−60 of cases: far fewer than there are positions. */
#include "ref/rope.h"

#include <math.h>

typedef struct twofold {
    double high, low;
} twofold;

/* --- Sums of two doubles (Dekker 1971; Knuth) --------------------------------------------------
 */

static twofold exact_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (twofold){ s, (a - (s - t)) + (b - t) };
}

static twofold exact_product(double a, double b)
{
    double p = a * b;
    return (twofold){ p, fma(a, b, -p) };
}

static twofold add(twofold a, twofold b)
{
    twofold s = exact_sum(a.high, b.high), t = exact_sum(a.low, b.low);
    twofold r = exact_sum(s.high, s.low + t.high);
    return exact_sum(r.high, r.low + t.low);
}

static twofold multiply(twofold a, twofold b)
{
    twofold p = exact_product(a.high, b.high);
    return exact_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

static twofold divide_small(twofold a, double b)
{
    double q = a.high / b;
    twofold p = exact_product(q, b);
    return exact_sum(q, ((a.high - p.high) - p.low + a.low) / b);
}

static twofold negate(twofold a)
{
    return (twofold){ -a.high, -a.low };
}

/* --- Exponential and logarithm -----------------------------------------------------------------
 */

static const twofold ln2 = { 0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56 };

/* e^(r/512) by its series, then squared nine times. */
static twofold exponential(twofold x)
{
    double k = rint(x.high / ln2.high);
    twofold r = add(x, multiply(ln2, (twofold){ -k, 0 }));
    r = (twofold){ ldexp(r.high, -9), ldexp(r.low, -9) };
    twofold sum = { 1, 0 };
    for (int n = 9; n >= 1; n--)
        sum = add((twofold){ 1, 0 }, divide_small(multiply(r, sum), n));
    for (int i = 0; i < 9; i++)
        sum = multiply(sum, sum);
    return (twofold){ ldexp(sum.high, (int)k), ldexp(sum.low, (int)k) };
}

/* Newton's step on e^y = x doubles the digits of libm's logarithm, whose last bits do not matter.
 */
static twofold logarithm(double x)
{
    twofold y = { log(x), 0 };
    for (int i = 0; i < 2; i++) {
        twofold ratio = multiply((twofold){ x, 0 }, exponential(negate(y)));
        y = add(y, add(ratio, (twofold){ -1, 0 }));
    }
    return y;
}

/* --- Sine and cosine ---------------------------------------------------------------------------
 */

/* The series of sine (first = 1) or cosine (first = 0) for |r| ≤ π/4. */
static twofold series(twofold r, int first)
{
    twofold square = negate(multiply(r, r)), sum = { 1, 0 };
    for (int n = 26 + first; n > first; n -= 2)
        sum = add((twofold){ 1, 0 }, divide_small(multiply(square, sum), (double)n * (n - 1)));
    return first ? multiply(r, sum) : sum;
}

/* x mod π/2 in [−π/4, π/4] and the number of quarter turns. x < 2^40. */
static twofold reduce(double x, int *quarters)
{
    static const double half_pi[3] = { 0x1.921fb54442d18p0, 0x1.1a62633145c07p-54,
                                       -0x1.f1976b7ed8fbcp-110 };
    double k = rint(x / half_pi[0]);
    twofold r = { x, 0 };
    for (int i = 0; i < 3; i++)
        r = add(r, negate(exact_product(k, half_pi[i])));
    *quarters = (int)((int64_t)k & 3);
    return r;
}

/* A sum of two doubles to the nearest float: what the second adds decides when the first lies
 * between two floats. */
static float round_once(twofold x)
{
    float f = (float)x.high;
    if (x.low == 0 || (double)f == x.high)
        return f;
    double moved = nextafter(x.high, x.low > 0 ? INFINITY : -INFINITY);
    float other = (float)moved;
    /* They differ only if x.high is the midpoint itself or rounds across it. */
    return other == f ? f : fabs(x.high - (double)f) < fabs(x.high - (double)other) ? f : other;
}

void ref_rope_angles(int64_t position, const float *frequency, int count, float *cosine,
                     float *sine)
{
    for (int i = 0; i < count; i++) {
        int quarters; /* the product of two 24-bit numbers is exact */
        twofold r = reduce((double)position * (double)frequency[i], &quarters);
        twofold s = series(r, 1), c = series(r, 0);
        twofold turned_s = quarters % 2 ? c : s, turned_c = quarters % 2 ? s : c;
        sine[i] = round_once(quarters >= 2 ? negate(turned_s) : turned_s);
        cosine[i] = round_once(quarters == 1 || quarters == 2 ? negate(turned_c) : turned_c);
    }
}

/* --- Frequencies -------------------------------------------------------------------------------
 */

static double scale_frequency(const ref_rope *rope, double f)
{
    if (rope->kind == REF_ROPE_PLAIN)
        return f;
    if (rope->kind == REF_ROPE_LINEAR)
        return f / rope->factor;
    double length = 0x1.921fb54442d18p2 / f; /* 2π / f: the wave's length in tokens */
    if (length < rope->old_context / rope->high_factor)
        return f;
    if (length > rope->old_context / rope->low_factor)
        return f / rope->factor;
    double smooth =
        (rope->old_context / length - rope->low_factor) / (rope->high_factor - rope->low_factor);
    return (1 - smooth) * f / rope->factor + smooth * f;
}

void ref_rope_frequencies(const ref_rope *rope, int dim, float *frequency)
{
    twofold log_theta = logarithm(rope->theta);
    for (int i = 0; i < dim / 2; i++) {
        twofold power = divide_small(multiply(log_theta, (twofold){ -2.0 * i, 0 }), dim);
        double f = scale_frequency(rope, exponential(power).high);
        frequency[i] = (float)(rope->divisors ? f / (double)rope->divisors[i] : f);
    }
}

void ref_rope_turn(float *head, int dim, const float *cosine, const float *sine, bool adjacent)
{
    int step = adjacent ? 2 : 1, other = adjacent ? 1 : dim / 2;
    for (int i = 0; i < dim / 2; i++) {
        float *a = head + i * step, *b = a + other, x = *a, y = *b;
        *a = x * cosine[i] - y * sine[i];
        *b = y * cosine[i] + x * sine[i];
    }
}
