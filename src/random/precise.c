/* precise.c: log, sine and cosine by their series, in double-double arithmetic (Dekker 1971; the
 * algorithms are numbered as in Joldes, Muller, Popescu 2017). */
#include "random/precise.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* a + b exactly; needs |a| ≥ |b| or a = 0. */
static random_pair fast_two_sum(double a, double b)
{
    double s = a + b;
    return (random_pair){ s, b - (s - a) };
}

/* a + b exactly. */
static random_pair two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (random_pair){ s, (a - (s - t)) + (b - t) };
}

static random_pair add(random_pair x, random_pair y) /* algorithm 6 */
{
    random_pair s = two_sum(x.high, y.high), t = two_sum(x.low, y.low);
    random_pair v = fast_two_sum(s.high, s.low + t.high);
    return fast_two_sum(v.high, t.low + v.low);
}

static random_pair multiply(random_pair x, random_pair y) /* algorithm 12 */
{
    double p = x.high * y.high, e = fma(x.high, y.high, -p);
    double t = fma(x.high, y.low, x.low * y.low);
    return fast_two_sum(p, e + fma(x.low, y.high, t));
}

static random_pair divide(random_pair x, random_pair y) /* algorithm 17 */
{
    double q = x.high / y.high;
    random_pair product = multiply((random_pair){ q, 0 }, y);
    double rest = (x.high - product.high) + (x.low - product.low);
    return fast_two_sum(q, rest / y.high);
}

static random_pair divide_by(random_pair x, double y)
{
    return divide(x, (random_pair){ y, 0 });
}

/* --- Logarithm: x = 2^e·m, √½ ≤ m < √2, log m = 2·(s + s³/3 + s⁵/5 + …), s = (m−1)/(m+1)
 * ----------
 */

random_pair random_log(double x)
{
    static const random_pair log_2 = { 0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56 };
    int e;
    double m = frexp(x, &e);
    if (m < 0.7071067811865476) {
        m *= 2;
        e--;
    }
    random_pair s = divide((random_pair){ m - 1, 0 }, two_sum(m, 1));
    random_pair square = multiply(s, s), power = s, sum = s;
    /* s² < 0.0295: the terms fall below 2^-107 of the first after 21. */
    for (int k = 3; k < 45; k += 2) {
        power = multiply(power, square);
        sum = add(sum, divide_by(power, k));
    }
    sum.high *= 2;
    sum.low *= 2;
    return add(multiply(log_2, (random_pair){ e, 0 }), sum);
}

/* --- Sine and cosine: x = n·π/2 + r, |r| ≤ π/4, Taylor's series of r
 * ------------------------------
 */

/* r for the nearest n ≤ 4. π/2 in three parts, because x may be within 2^-60 of n·π/2. n times a
 * part is exact but for n = 3, where its error is far below 2^-106 of the part. */
static random_pair reduce(double x, int *n)
{
    static const double parts[3] = { 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54,
                                     -0x1.f1976b7ed8fbcp-110 };
    *n = (int)(x * 0.6366197723675814 + 0.5);
    random_pair r = { x, 0 };
    for (int i = 0; i < 3; i++) {
        double p = *n * parts[i];
        random_pair product = { -p, -fma(*n, parts[i], -p) };
        r = add(r, product);
    }
    return r;
}

/* first + first·c1 + …: each term is the one before times −r²/(k·(k+1)), from k = `k` on. */
static random_pair alternate(random_pair first, random_pair square, int k)
{
    random_pair sum = first, term = first;
    for (; k < 32; k += 2) {
        term = divide_by(multiply(term, square), -(double)(k * (k + 1)));
        sum = add(sum, term);
    }
    return sum;
}

void random_sincos(double x, random_pair *sine, random_pair *cosine)
{
    int n;
    random_pair r = reduce(x, &n), square = multiply(r, r);
    random_pair s = alternate(r, square, 2), c = alternate((random_pair){ 1, 0 }, square, 1);
    random_pair minus_s = { -s.high, -s.low }, minus_c = { -c.high, -c.low };
    *sine = n % 4 == 0 ? s : n % 4 == 1 ? c : n % 4 == 2 ? minus_s : minus_c;
    *cosine = n % 4 == 0 ? c : n % 4 == 1 ? minus_s : n % 4 == 2 ? minus_c : s;
}

/* Rounds the pair to odd in double first: the second rounding then sees which side of a tie it is.
 */
float random_pair_float(random_pair x)
{
    uint64_t bits;
    memcpy(&bits, &x.high, 8);
    if (x.low != 0 && (bits & 1) == 0) {
        bool away = (x.low > 0) == (x.high > 0);
        bits = away ? bits + 1 : bits - 1;
        memcpy(&x.high, &bits, 8);
    }
    return (float)x.high;
}

/* --- Powers: e^x = 2^k·e^r, |r| ≤ ½·log 2, by its series -----------------------------------------
 */

static double exp_of_negative(random_pair x)
{
    static const random_pair log_2 = { 0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56 };
    enum { TERMS = 27 }; /* r^27/27! < 2^-128 */
    if (x.high < -700)
        return 0;
    double k = rint(x.high / log_2.high);
    random_pair r = add(x, multiply((random_pair){ -k, 0 }, log_2));
    random_pair term = { 1, 0 }, sum = { 1, 0 };
    for (int i = 1; i <= TERMS; i++) {
        term = divide_by(multiply(term, r), i);
        sum = add(sum, term);
    }
    return ldexp(sum.high, (int)k);
}

double random_power(double base, double exponent)
{
    random_pair logarithm = random_log(base);
    return exp_of_negative(multiply(logarithm, (random_pair){ exponent, 0 }));
}

double random_cos_pi(double x)
{
    static const double pi = 0x1.921fb54442d18p+1;
    random_pair sine, cosine;
    random_sincos(pi * x, &sine, &cosine);
    return cosine.high;
}
