/* oracle.c: see oracle.h. */
#include "oracle.h"

#include "angle.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 5, BLOCK = 8192, SMALLEST = 32, PRECISION = 160, PRECISION_MOST = 1600 };

struct oracle {
    const oracle_function *function;
    mpfr_t x, y, node[NODES], c[NODES], a, b, d;
    uint64_t decided;
    FILE *hard;
    bool audit;
    double greatest_error;
    angle_table angles;
    double sine[ANGLES], cosine[ANGLES];
    double v[BLOCK], e[BLOCK]; /* what a filter found: f(x) lies in [v − e, v + e] */
    float upper[BLOCK];
};

static float bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

oracle *oracle_create(const oracle_function *function)
{
    oracle *o = calloc(1, sizeof *o);
    o->function = function;
    mpfr_inits2(PRECISION, o->x, o->y, o->a, o->b, o->d, (mpfr_ptr)0);
    for (int i = 0; i < NODES; i++)
        mpfr_inits2(PRECISION, o->node[i], o->c[i], (mpfr_ptr)0);
    return o;
}

void oracle_destroy(oracle *o)
{
    mpfr_clears(o->x, o->y, o->a, o->b, o->d, (mpfr_ptr)0);
    for (int i = 0; i < NODES; i++)
        mpfr_clears(o->node[i], o->c[i], (mpfr_ptr)0);
    free(o);
    mpfr_free_cache();
}

uint64_t oracle_decided(const oracle *o)
{
    return o->decided;
}

void oracle_list_hard(oracle *o, void *file)
{
    o->hard = file;
}

void oracle_audit(oracle *o)
{
    o->audit = true;
}

double oracle_greatest_error(const oracle *o)
{
    return o->greatest_error;
}

/* f(x) by MPFR, with more and more precision until its error cannot change the float. */
float oracle_one(oracle *o, uint32_t bits)
{
    float result = 0;
    if (isnan(bits_float(bits)))
        return NAN;
    for (mpfr_prec_t precision = PRECISION; precision <= PRECISION_MOST; precision *= 10) {
        mpfr_set_prec(o->y, precision);
        mpfr_set_d(o->x, bits_float(bits), MPFR_RNDN);
        o->function->value(o->y, o->x);
        result = mpfr_get_flt(o->y, MPFR_RNDN);
        if (!mpfr_regular_p(o->y))
            break;
        mpfr_set_prec(o->a, precision);
        mpfr_set_prec(o->b, precision);
        mpfr_mul_2si(o->b, o->y, 40 - (long)precision, MPFR_RNDN); /* the error */
        mpfr_sub(o->a, o->y, o->b, MPFR_RNDN);
        mpfr_add(o->b, o->y, o->b, MPFR_RNDN);
        if (float_bits(mpfr_get_flt(o->a, MPFR_RNDN)) == float_bits(mpfr_get_flt(o->b, MPFR_RNDN)))
            break;
    }
    mpfr_set_prec(o->y, PRECISION);
    mpfr_set_prec(o->a, PRECISION);
    mpfr_set_prec(o->b, PRECISION);
    return result;
}

/* c[k] of the polynomial in s = −2 … 2 through the five values, and Σ|c_k|2^k. */
static double interpolate(oracle *o, double centre, double half, double c[NODES])
{
    for (int i = 0; i < NODES; i++) {
        mpfr_set_d(o->x, centre + (i - 2) * (half / 2), MPFR_RNDN); /* exact */
        o->function->value(o->node[i], o->x);
    }
    /* d1, d2: odd differences over ±1, ±2; e1, e2: even ones. */
    mpfr_t *f = o->node, *d1 = &o->c[1], *d2 = &o->c[3], *e1 = &o->c[2], *e2 = &o->c[4];
    mpfr_sub(*d1, f[3], f[1], MPFR_RNDN);
    mpfr_sub(*d2, f[4], f[0], MPFR_RNDN);
    mpfr_mul_2ui(o->d, f[2], 1, MPFR_RNDN);
    mpfr_add(*e1, f[3], f[1], MPFR_RNDN);
    mpfr_sub(*e1, *e1, o->d, MPFR_RNDN);
    mpfr_add(*e2, f[4], f[0], MPFR_RNDN);
    mpfr_sub(*e2, *e2, o->d, MPFR_RNDN);

    mpfr_mul_ui(o->a, *d1, 8, MPFR_RNDN);
    mpfr_sub(o->a, o->a, *d2, MPFR_RNDN);
    mpfr_mul_ui(o->b, *d1, 2, MPFR_RNDN);
    mpfr_sub(o->b, *d2, o->b, MPFR_RNDN);
    c[0] = mpfr_get_d(f[2], MPFR_RNDN);
    c[1] = mpfr_get_d(o->a, MPFR_RNDN) / 12;
    c[3] = mpfr_get_d(o->b, MPFR_RNDN) / 12;
    mpfr_mul_ui(o->a, *e1, 16, MPFR_RNDN);
    mpfr_sub(o->a, o->a, *e2, MPFR_RNDN);
    mpfr_mul_ui(o->b, *e1, 4, MPFR_RNDN);
    mpfr_sub(o->b, *e2, o->b, MPFR_RNDN);
    c[2] = mpfr_get_d(o->a, MPFR_RNDN) / 24;
    c[4] = mpfr_get_d(o->b, MPFR_RNDN) / 24;
    return fabs(c[0]) + 2 * fabs(c[1]) + 4 * fabs(c[2]) + 8 * fabs(c[3]) + 16 * fabs(c[4]);
}

/* Lists the input when v is near a point halfway between two floats: the 29 bits that a double has
 * below a normal float are near 10…0. */
static void note_hard(oracle *o, uint32_t bits, double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    int64_t distance = (int64_t)(u & 0x1fffffff) - 0x10000000;
    if (llabs(distance) <= 64 && fabs(v) >= 0x1p-126 && fabs(v) < 0x1p128)
        fprintf(o->hard, "%s %08x %08x\n", o->function->name, bits,
                float_bits(oracle_one(o, bits)));
}

/* v[i] = the polynomial at s_i. */
VECTOR_CLONES static void evaluate(const double c[NODES], double step, uint32_t n, double *v)
{
    for (uint32_t i = 0; i < n; i++) {
        double s = (int32_t)i * step - 2;
        v[i] = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * c[4])));
    }
}

/* lower[i], upper[i] = the floats nearest the ends of [v − e, v + e]. */
VECTOR_CLONES static void round_ends(const double *v, const double *e, uint32_t n,
                                     float *restrict lower, float *restrict upper)
{
    for (uint32_t i = 0; i < n; i++) {
        lower[i] = (float)(v[i] - e[i]);
        upper[i] = (float)(v[i] + e[i]);
    }
}

/* Measures |f(x) − v| in units of e. */
static void measure(oracle *o, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        mpfr_set_d(o->x, bits_float(first + i), MPFR_RNDN);
        o->function->value(o->y, o->x);
        mpfr_sub_d(o->d, o->y, o->v[i], MPFR_RNDN);
        mpfr_div_d(o->d, o->d, o->e[i], MPFR_RNDN);
        o->greatest_error = fmax(o->greatest_error, fabs(mpfr_get_d(o->d, MPFR_RNDN)));
    }
}

/* Turns v and e into floats; MPFR decides those that they leave open. */
static void settle(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    round_ends(o->v, o->e, n, expected, o->upper);
    for (uint32_t i = 0; i < n; i++)
        if (float_bits(expected[i]) != float_bits(o->upper[i])) {
            expected[i] = oracle_one(o, first + i);
            o->decided++;
        }
    for (uint32_t i = 0; o->hard && i < n; i++)
        note_hard(o, first + i, o->v[i]);
    if (o->audit)
        measure(o, first, n);
}

/* Settles the block by its interpolating polynomial; false if that is not sharp enough. */
static bool filter(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    double x0 = bits_float(first), spacing = bits_float(first + 1) - x0, half = spacing * n / 2;
    double centre = x0 + half, c[NODES];
    double radius = o->function->radius(centre);
    if (!(radius >= 2 * fabs(half)))
        return false;
    double sum = interpolate(o, centre, half, c);
    double truncation =
        3.64 * o->function->bound(centre) * pow(fabs(half) / (2 * (radius - fabs(half))), NODES);
    /* The last term covers double's underflow. */
    double e = (truncation + 0x1p-49 * sum) * 1.001 + 0x1p-1060;
    double least = 2 * fabs(c[0]) - sum;
    if (!(e < 0x1p-38 * least) && n > SMALLEST)
        return false;
    if (!isfinite(sum) || !isfinite(e))
        return false;
    evaluate(c, 4.0 / n, n, o->v);
    for (uint32_t i = 0; i < n; i++)
        o->e[i] = e;
    settle(o, first, n, expected);
    return true;
}

/* Settles sin, cos and what is made of them by the addition theorem; false for other functions, and
 * below 1, where the error that it leaves is large beside sin x. */
static bool turn(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    if (!o->function->of_angle || fabsf(bits_float(first)) < 1)
        return false;
    double spacing = bits_float(first + 1) - bits_float(first);
    for (uint32_t at = 0; at < n; at += ANGLES) {
        uint32_t count = n - at < ANGLES ? n - at : ANGLES;
        angle_sin_cos(&o->angles, bits_float(first + at), spacing, count, o->sine, o->cosine);
        o->function->of_angle(o->sine, o->cosine, count, o->v, o->e);
        settle(o, first + at, count, expected + at);
    }
    return true;
}

/* Settles what lies a hair above x/2. Points halfway between floats are multiples of 2^−150, as x/2
 * is, and both f(x) and x/2 + 2^−160 lie strictly between x/2 and the next one: they round alike.
 * For |x| < 2^−120 double holds the sum exactly. */
static bool half(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    if (!o->function->above_half || fabsf(bits_float(first)) >= 0x1p-120f)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        double x = bits_float(first + i);
        expected[i] = x != 0 ? (float)(x / 2 + 0x1p-160) : (float)x;
    }
    return true;
}

/* True when the whole block has one value, by monotony. */
static bool constant(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    float a = bits_float(first), b = bits_float(first + n - 1);
    const oracle_function *f = o->function;
    if (!((a <= f->below && b <= f->below) || (a >= f->above && b >= f->above)))
        return false;
    float ya = oracle_one(o, first), yb = oracle_one(o, first + n - 1);
    if (float_bits(ya) != float_bits(yb) && !(isnan(ya) && isnan(yb)))
        return false;
    for (uint32_t i = 0; i < n; i++)
        expected[i] = ya;
    return true;
}

static bool identity(const oracle_function *f, uint32_t first, uint32_t n, float *expected)
{
    float a = bits_float(first), b = bits_float(first + n - 1);
    bool above = f->identity_above && fminf(a, b) >= f->identity_above;
    bool below = f->identity_below && fmaxf(a, b) <= f->identity_below;
    if (!above && !below)
        return false;
    for (uint32_t i = 0; i < n; i++)
        expected[i] = bits_float(first + i);
    return true;
}

void oracle_round(oracle *o, uint32_t first, uint32_t n, float *expected)
{
    if ((first & 0x7f800000) == 0x7f800000) { /* ±∞ and NaN */
        for (uint32_t i = 0; i < n; i++)
            expected[i] = oracle_one(o, first + i);
        return;
    }
    if (identity(o->function, first, n, expected))
        return;
    if (half(o, first, n, expected) || turn(o, first, n, expected))
        return;
    if (n > SMALLEST && constant(o, first, n, expected))
        return;
    if (n <= BLOCK && filter(o, first, n, expected))
        return;
    if (n <= SMALLEST) {
        for (uint32_t i = 0; i < n; i++)
            expected[i] = oracle_one(o, first + i);
        o->decided += n;
        return;
    }
    oracle_round(o, first, n / 2, expected);
    oracle_round(o, first + n / 2, n - n / 2, expected + n / 2);
}
