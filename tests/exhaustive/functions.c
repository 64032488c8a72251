/* functions.c: for each function its value by MPFR, and R and M with |f(z)| ≤ M for |z − x| ≤ R.
 *
 * M need not be sharp: a factor of 2^10 costs the filter nothing. M is computed in double; the
 * factor that each bound leaves covers that.
 */
#include "angle.h"
#include "oracle.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static double half_x(double x)
{
    return fabs(x) / 2;
}

static double one(double x)
{
    (void)x;
    return 1;
}

static double at_most_half(double x)
{
    return fmin(0.5, fabs(x) / 2);
}

/* --- exp: |e^z| = e^Re z ---------------------------------------------------------------------- */

static void exp_value(mpfr_t y, const mpfr_t x)
{
    mpfr_exp(y, x, MPFR_RNDN);
}

static double exp_bound(double x)
{
    return exp(x + 1.01);
}

/* --- log: |log z| ≤ |log |z|| + |arg z| ---------------------------------------------------------
 */

static void log_value(mpfr_t y, const mpfr_t x)
{
    mpfr_log(y, x, MPFR_RNDN);
}

static double log_bound(double x)
{
    return fabs(log(x)) + 2;
}

/* --- sqrt ------------------------------------------------------------------------------------- */

static void sqrt_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sqrt(y, x, MPFR_RNDN);
}

static double sqrt_bound(double x)
{
    return 2 * sqrt(x);
}

static void sqrt_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_rec_sqrt(y, x, MPFR_RNDN);
    if (mpfr_zero_p(x)) /* 1/(2·√−0) = 1/−0 */
        mpfr_setsign(y, y, mpfr_signbit(x), MPFR_RNDN);
    mpfr_div_2ui(y, y, 1, MPFR_RNDN);
}

static double sqrt_derivative_bound(double x)
{
    return 1 / sqrt(x);
}

/* --- tanh: |tanh z|² = (sinh² x + sin² y)/(sinh² x + cos² y) < 1 for |y| ≤ ½, and
 * |tanh z| ≤ tan |z| for |z| < π/2 (positive coefficients), which is below 2.1·|x| for |x| ≤ ½,
 * |z| ≤ 1.5·|x| -----------------------------------------------------------------------------------
 */

static void tanh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_tanh(y, x, MPFR_RNDN);
}

static double tanh_bound(double x)
{
    return fmin(1, 2.1 * fabs(x));
}

/* sech² x; |cosh z|² = sinh² x + cos² y ≥ cosh² x − sin² 1 and cosh² (|x| − 1) bounds it from x. */
static void tanh_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sech(y, x, MPFR_RNDN);
    mpfr_sqr(y, y, MPFR_RNDN);
}

static double tanh_derivative_bound(double x)
{
    double s = sinh(fmax(0, fabs(x) - 1));
    return 1 / (s * s + 0.29);
}

/* --- sigmoid: for |Im z| ≤ 1, Re e^−z > 0, so that |1 + e^−z| exceeds 1 and |e^−z| -------------
 */

static void sigmoid_value(mpfr_t y, const mpfr_t x)
{
    mpfr_neg(y, x, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_add_ui(y, y, 1, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static double sigmoid_bound(double x)
{
    return fmin(1, exp(x + 1.01));
}

/* e^−|x|/(1 + e^−|x|)² */
static void sigmoid_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t e;
    mpfr_init2(e, mpfr_get_prec(y));
    mpfr_abs(e, x, MPFR_RNDN);
    mpfr_neg(e, e, MPFR_RNDN);
    mpfr_exp(e, e, MPFR_RNDN);
    mpfr_add_ui(y, e, 1, MPFR_RNDN);
    mpfr_sqr(y, y, MPFR_RNDN);
    mpfr_div(y, e, y, MPFR_RNDN);
    mpfr_clear(e);
}

static double sigmoid_derivative_bound(double x)
{
    return exp(1.01 - fabs(x));
}

/* --- exp2, expm1: |e^z − 1| ≤ |z|·e^max(Re z, 0) -----------------------------------------------
 */

static void exp2_value(mpfr_t y, const mpfr_t x)
{
    mpfr_exp2(y, x, MPFR_RNDN);
}

static void exp2_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t log_2;
    mpfr_init2(log_2, mpfr_get_prec(y));
    mpfr_const_log2(log_2, MPFR_RNDN);
    mpfr_exp2(y, x, MPFR_RNDN);
    mpfr_mul(y, y, log_2, MPFR_RNDN);
    mpfr_clear(log_2);
}

static double exp2_bound(double x)
{
    return exp2(x + 1.01);
}

static void expm1_value(mpfr_t y, const mpfr_t x)
{
    mpfr_expm1(y, x, MPFR_RNDN);
}

static double at_most_one(double x)
{
    return fmin(1, fabs(x) / 2);
}

static double expm1_bound(double x)
{
    return fmin(1.6 * fabs(x) * exp(fmax(0, x) + 1), exp(x + 1.01) + 1);
}

/* --- logarithms ------------------------------------------------------------------------------- */

static void log2_value(mpfr_t y, const mpfr_t x)
{
    mpfr_log2(y, x, MPFR_RNDN);
}

static void log10_value(mpfr_t y, const mpfr_t x)
{
    mpfr_log10(y, x, MPFR_RNDN);
}

static double log2_bound(double x)
{
    return 1.5 * log_bound(x);
}

/* 1/(x·log b) */
static void log_derivative(mpfr_t y, const mpfr_t x, unsigned long base)
{
    mpfr_set_ui(y, base, MPFR_RNDN);
    mpfr_log(y, y, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static void log2_derivative_value(mpfr_t y, const mpfr_t x)
{
    log_derivative(y, x, 2);
}

static void log10_derivative_value(mpfr_t y, const mpfr_t x)
{
    log_derivative(y, x, 10);
}

static double inverse_bound(double x)
{
    return 3 / fabs(x);
}

static void log1p_value(mpfr_t y, const mpfr_t x)
{
    mpfr_log1p(y, x, MPFR_RNDN);
}

/* |log(1 + z)| ≤ −log(1 − |z|) ≤ 1.9·|z| for |z| ≤ ¾; elsewhere as for log. */
static double log1p_radius(double x)
{
    return fabs(x) <= 0.5 || x > 0 ? fabs(x) / 2 : (1 + x) / 2;
}

static double log1p_bound(double x)
{
    return fabs(x) <= 0.5 ? 3 * fabs(x) : fabs(log1p(x)) + 3;
}

static void log1p_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t one_x;
    mpfr_init2(one_x, mpfr_get_prec(y) + 300); /* exact */
    mpfr_add_ui(one_x, x, 1, MPFR_RNDN);
    mpfr_ui_div(y, 1, one_x, MPFR_RNDN);
    mpfr_clear(one_x);
}

static double one_x_radius(double x)
{
    return fabs(1 + x) / 2;
}

static double one_x_bound(double x)
{
    return 2.1 / fabs(1 + x);
}

/* For |Im z| ≤ 1, Re e^z > 0: |arg(1 + e^z)| < 1 and |1 + e^z| ≤ 1 + e^Re z. */
static void softplus_value(mpfr_t y, const mpfr_t x)
{
    if (mpfr_cmp_ui(x, 1U << 20) > 0) { /* e^x might overflow, and log(1 + e^−x) is nothing */
        mpfr_set(y, x, MPFR_RNDN);
        return;
    }
    mpfr_exp(y, x, MPFR_RNDN);
    mpfr_log1p(y, y, MPFR_RNDN);
}

static double softplus_bound(double x)
{
    return x < -1.4 ? 1.9 * exp(x + 1.01) : fmax(0, x) + 4;
}

static void logsigmoid_value(mpfr_t y, const mpfr_t x)
{
    mpfr_neg(y, x, MPFR_RNDN);
    softplus_value(y, y);
    mpfr_neg(y, y, MPFR_RNDN);
}

static double logsigmoid_bound(double x)
{
    return softplus_bound(-x);
}

/* --- gates: x·s(x) with s between 0 and 1. At −∞ the limit is −0, at ∞ that of the derivative 1 -
 */

static int gate_limit(mpfr_t y, const mpfr_t x, int derivative)
{
    if (!mpfr_inf_p(x))
        return 0;
    if (mpfr_sgn(x) < 0)
        mpfr_set_zero(y, -1);
    else if (derivative)
        mpfr_set_ui(y, 1, MPFR_RNDN);
    else
        mpfr_set_inf(y, 1);
    return 1;
}

static void silu_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 0))
        return;
    sigmoid_value(y, x);
    mpfr_mul(y, y, x, MPFR_RNDN);
}

/* |σ(z)| ≤ min(1, e^Re z) for |Im z| ≤ 1, see sigmoid; |1 − σ(z)| = |σ(−z)|. */
static double silu_bound(double x)
{
    return 1.6 * fabs(x) * sigmoid_bound(x);
}

/* s + p·s·(1 − s) with s = σ(v) */
static void gate_derivative(mpfr_t y, const mpfr_t v, const mpfr_t p)
{
    mpfr_t s;
    mpfr_init2(s, mpfr_get_prec(y));
    mpfr_neg(s, v, MPFR_RNDN);
    sigmoid_value(s, s);
    mpfr_mul(s, s, p, MPFR_RNDN);
    mpfr_add_ui(s, s, 1, MPFR_RNDN);
    sigmoid_value(y, v);
    mpfr_mul(y, y, s, MPFR_RNDN);
    mpfr_clear(s);
}

static void silu_derivative_value(mpfr_t y, const mpfr_t x)
{
    if (!gate_limit(y, x, 1))
        gate_derivative(y, x, x);
}

static double silu_derivative_bound(double x)
{
    return sigmoid_bound(x) * (1 + (fabs(x) + 1) * sigmoid_bound(-x));
}

/* --- gelu: for |z − x| ≤ R, |Φ(z)| ≤ Φ(x + R) + R·φ(|x| − R)·e^R²: along the real axis, then
 * upwards, where |φ(u + iv)| = φ(u)·e^v²/2 -------------------------------------------------------
 */

static double quarter(double x)
{
    (void)x;
    return 0.25;
}

static double at_most_quarter(double x)
{
    return fmin(0.25, fabs(x) / 2);
}

static double bell(double x)
{
    double u = fmax(0, fabs(x) - 0.25);
    return 0.43 * exp(-u * u / 2);
}

static double normal_bound(double x)
{
    return erfc(-(x + 0.26) / sqrt(2)) / 2 + bell(x);
}

/* Φ(x) */
static void normal(mpfr_t y, const mpfr_t x)
{
    mpfr_sqrt_ui(y, 2, MPFR_RNDN);
    mpfr_div(y, x, y, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_erfc(y, y, MPFR_RNDN);
    mpfr_div_2ui(y, y, 1, MPFR_RNDN);
}

static void gelu_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 0))
        return;
    normal(y, x);
    mpfr_mul(y, y, x, MPFR_RNDN);
}

static double gelu_bound(double x)
{
    return 1.6 * fabs(x) * normal_bound(x);
}

/* Φ(x) + x·e^−x²/2/√(2π) */
static void gelu_derivative_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 1))
        return;
    mpfr_t b, c;
    mpfr_inits2(mpfr_get_prec(y), b, c, (mpfr_ptr)0);
    mpfr_sqr(b, x, MPFR_RNDN);
    mpfr_div_si(b, b, -2, MPFR_RNDN);
    mpfr_exp(b, b, MPFR_RNDN);
    mpfr_mul(b, b, x, MPFR_RNDN);
    mpfr_const_pi(c, MPFR_RNDN);
    mpfr_mul_2ui(c, c, 1, MPFR_RNDN);
    mpfr_sqrt(c, c, MPFR_RNDN);
    mpfr_div(b, b, c, MPFR_RNDN);
    normal(y, x);
    mpfr_add(y, y, b, MPFR_RNDN);
    if (mpfr_zero_p(y)) /* underflow: from below */
        mpfr_set_zero(y, -1);
    mpfr_clears(b, c, (mpfr_ptr)0);
}

static double gelu_derivative_bound(double x)
{
    return normal_bound(x) + (fabs(x) + 0.25) * bell(x);
}

/* v = 2·√(2/π)·(x + 0.044715·x³) and p = x·v′ */
static void gelu_tanh_parts(mpfr_t v, mpfr_t p, const mpfr_t x)
{
    mpfr_t a, cube;
    mpfr_inits2(mpfr_get_prec(v), a, cube, (mpfr_ptr)0);
    mpfr_const_pi(a, MPFR_RNDN);
    mpfr_ui_div(a, 8, a, MPFR_RNDN);
    mpfr_sqrt(a, a, MPFR_RNDN);
    mpfr_sqr(cube, x, MPFR_RNDN);
    mpfr_mul(cube, cube, x, MPFR_RNDN);
    mpfr_mul_ui(cube, cube, 44715, MPFR_RNDN);
    mpfr_div_ui(cube, cube, 1000000, MPFR_RNDN);
    mpfr_add(v, x, cube, MPFR_RNDN);
    mpfr_mul(v, v, a, MPFR_RNDN);
    mpfr_mul_ui(cube, cube, 3, MPFR_RNDN);
    mpfr_add(p, x, cube, MPFR_RNDN);
    mpfr_mul(p, p, a, MPFR_RNDN);
    mpfr_clears(a, cube, (mpfr_ptr)0);
}

static void gelu_tanh_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 0))
        return;
    mpfr_t v, p;
    mpfr_inits2(mpfr_get_prec(y), v, p, (mpfr_ptr)0);
    gelu_tanh_parts(v, p, x);
    sigmoid_value(y, v);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_clears(v, p, (mpfr_ptr)0);
}

static void gelu_tanh_derivative_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 1))
        return;
    mpfr_t v, p;
    mpfr_inits2(mpfr_get_prec(y), v, p, (mpfr_ptr)0);
    gelu_tanh_parts(v, p, x);
    gate_derivative(y, v, p);
    mpfr_clears(v, p, (mpfr_ptr)0);
}

static double gelu_tanh_v(double x)
{
    return 1.5957691216 * (x + 0.044715 * x * x * x);
}

/* |v′| ≤ ½/R on the disc, so that v stays within ½ of v(x). */
static double gelu_tanh_derivative_radius(double x)
{
    double u = fabs(x) + 0.25;
    return 0.5 / (1.6 + 0.2142 * u * u);
}

static double gelu_tanh_radius(double x)
{
    return fmin(fabs(x) / 2, gelu_tanh_derivative_radius(x));
}

static double gelu_tanh_bound(double x)
{
    return 1.6 * fabs(x) * sigmoid_bound(gelu_tanh_v(x));
}

static double gelu_tanh_derivative_bound(double x)
{
    double u = fabs(x) + 0.25, p = u * (1.6 + 0.2142 * u * u), v = gelu_tanh_v(x);
    return sigmoid_bound(v) * (1 + p * sigmoid_bound(-v));
}

/* --- mish: w = e^z, n = w·(w + 2). For |Im z| ≤ ½, Re (1 + w)² > 0, so that |n + 2| = |(1 + w)² +
 * 1| exceeds 1 and |1 + w|² ≥ 1 + |w|²; |n/(n + 2)| ≤ min(2, 3·|w|)
 * -------------------------------- */

static void mish_share(mpfr_t y, const mpfr_t x)
{
    mpfr_exp(y, x, MPFR_RNDN);
    mpfr_log1p(y, y, MPFR_RNDN);
    mpfr_tanh(y, y, MPFR_RNDN);
}

static void mish_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 0))
        return;
    mish_share(y, x);
    mpfr_mul(y, y, x, MPFR_RNDN);
}

static double mish_bound(double x)
{
    return 1.6 * fabs(x) * fmin(2, 3 * exp(x + 0.51));
}

/* t + x·(1 − t²)·σ(x) with t = tanh(softplus x), 1 − t² = sech² */
static void mish_derivative_value(mpfr_t y, const mpfr_t x)
{
    if (gate_limit(y, x, 1))
        return;
    mpfr_t s;
    mpfr_init2(s, mpfr_get_prec(y));
    mpfr_exp(s, x, MPFR_RNDN);
    mpfr_log1p(s, s, MPFR_RNDN);
    mpfr_sech(s, s, MPFR_RNDN);
    mpfr_sqr(s, s, MPFR_RNDN);
    mpfr_mul(s, s, x, MPFR_RNDN);
    sigmoid_value(y, x);
    mpfr_mul(s, s, y, MPFR_RNDN);
    mish_share(y, x);
    mpfr_add(y, y, s, MPFR_RNDN);
    if (mpfr_zero_p(y)) /* underflow: from below */
        mpfr_set_zero(y, -1);
    mpfr_clear(s);
}

static double half(double x)
{
    (void)x;
    return 0.5;
}

static double mish_derivative_bound(double x)
{
    return fmin(2, 3 * exp(x + 0.51)) + (fabs(x) + 0.5) * 4 * fmin(1, exp(x + 0.51));
}

/* --- erf: |erf z| ≤ 2/√π·|z|·e^Im² z; as for gelu ----------------------------------------------
 */

static void erf_value(mpfr_t y, const mpfr_t x)
{
    mpfr_erf(y, x, MPFR_RNDN);
}

static double erf_bound(double x)
{
    return fmin(1.9 * fabs(x), 1.4);
}

static double erf_derivative_bound(double x)
{
    double u = fmax(0, fabs(x) - 0.25);
    return 1.3 * exp(-u * u);
}

static void erfc_value(mpfr_t y, const mpfr_t x)
{
    mpfr_erfc(y, x, MPFR_RNDN);
}

static double erfc_bound(double x)
{
    return erfc(x - 0.26) + erf_derivative_bound(x);
}

/* 2/√π·e^−x² */
static void erf_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t pi;
    mpfr_init2(pi, mpfr_get_prec(y));
    mpfr_const_pi(pi, MPFR_RNDN);
    mpfr_sqrt(pi, pi, MPFR_RNDN);
    mpfr_div_2ui(pi, pi, 1, MPFR_RNDN);
    mpfr_sqr(y, x, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_div(y, y, pi, MPFR_RNDN);
    mpfr_clear(pi);
}

/* --- inverse trigonometric functions: singular at ±i, ±1. Their series have coefficients that
 * asin's bound: |atan z|, |asinh z| ≤ 2.3·|z| and |asin z| ≤ asin |z| for |z| ≤ ¾; elsewhere by
 * logarithms - */

static void atan_value(mpfr_t y, const mpfr_t x)
{
    mpfr_atan(y, x, MPFR_RNDN);
}

static double atan_bound(double x)
{
    return fmin(3.5 * fabs(x), 2.5);
}

/* 1/(1 + x²) */
static void atan_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sqr(y, x, MPFR_RNDN);
    mpfr_add_ui(y, y, 1, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static double atan_derivative_radius(double x)
{
    return fmax(1, fabs(x)) / 2;
}

static double atan_derivative_bound(double x)
{
    return 4.1 / fmax(1, x * x);
}

static void asin_value(mpfr_t y, const mpfr_t x)
{
    mpfr_asin(y, x, MPFR_RNDN);
}

static double to_one(double x)
{
    return (1 - fabs(x)) / 2;
}

static double asin_radius(double x)
{
    return fabs(x) <= 0.5 ? fabs(x) / 2 : to_one(x);
}

static double asin_bound(double x)
{
    return fmin(1.8 * fabs(x), 1.6);
}

static void acos_value(mpfr_t y, const mpfr_t x)
{
    mpfr_acos(y, x, MPFR_RNDN);
}

static double acos_bound(double x)
{
    (void)x;
    return 3.2;
}

/* 1/√(1 − x²), 1 − x² exact */
static void asin_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t square;
    mpfr_init2(square, mpfr_get_prec(y) + 400);
    mpfr_sqr(square, x, MPFR_RNDN);
    mpfr_ui_sub(square, 1, square, MPFR_RNDN);
    mpfr_rec_sqrt(y, square, MPFR_RNDN);
    mpfr_clear(square);
}

static double asin_derivative_bound(double x)
{
    return 2.1 / sqrt(1 - fabs(x));
}

/* --- hyperbolic functions and their inverses ----------------------------------------------------
 */

static void sinh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sinh(y, x, MPFR_RNDN);
}

static double sinh_bound(double x)
{
    return 1.6 * fmin(1, fabs(x)) * exp(fabs(x) + 1);
}

static void cosh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_cosh(y, x, MPFR_RNDN);
}

static double cosh_bound(double x)
{
    return exp(fabs(x) + 1.01);
}

static void asinh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_asinh(y, x, MPFR_RNDN);
}

static double asinh_bound(double x)
{
    return fabs(x) <= 0.5 ? 3.5 * fabs(x) : log(3 * fabs(x) + 2) + 4;
}

static void acosh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_acosh(y, x, MPFR_RNDN);
}

static double acosh_radius(double x)
{
    return (x - 1) / 2;
}

static double acosh_bound(double x)
{
    return log(fabs(x) + 1) + 6;
}

static void atanh_value(mpfr_t y, const mpfr_t x)
{
    mpfr_atanh(y, x, MPFR_RNDN);
}

static double atanh_bound(double x)
{
    return fabs(x) <= 0.5 ? 2 * fabs(x) : atanh(fabs(x)) + 3;
}

/* --- roots and reciprocals ----------------------------------------------------------------------
 */

static void cbrt_value(mpfr_t y, const mpfr_t x)
{
    mpfr_cbrt(y, x, MPFR_RNDN);
}

static double cbrt_bound(double x)
{
    return 1.5 * cbrt(fabs(x));
}

static void rsqrt_value(mpfr_t y, const mpfr_t x)
{
    mpfr_rec_sqrt(y, x, MPFR_RNDN);
    if (mpfr_zero_p(x)) /* 1/√−0 = 1/−0 */
        mpfr_setsign(y, y, mpfr_signbit(x), MPFR_RNDN);
}

static double rsqrt_bound(double x)
{
    return 2 / sqrt(x);
}

static void rsqrt_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_rec_sqrt(y, x, MPFR_RNDN);
    mpfr_pow_ui(y, y, 3, MPFR_RNDN);
    mpfr_div_si(y, y, -2, MPFR_RNDN);
}

static double rsqrt_derivative_bound(double x)
{
    return 2 / (x * sqrt(x));
}

/* --- sin, cos, tan: |sin z|, |cos z| ≤ cosh Im z. |tan z| ≤ tan |z| near 0; R keeps z from the
 * poles, at half their distance, where |tan z| ≤ 2/R + 2.
 *
 * From s and c, which are sin x and cos x within E = ANGLE_ERROR, v and e follow thus; in each case
 * e includes the roundings of v and of v ± e, each at most 2^−53·|v| = E/4·|v|.
 * sin, cos: e = 2·E ≥ E + E/4 + little.
 * tan: |s/c − sin x/cos x| ≤ (|s| + |c|)·E/(|c|·|cos x|), and |s| + |c| ≤ 1.42. For |c| > 2·E,
 * |cos x| > |c|/2, so that this is below 2.9·E/c²; the roundings cost less than 0.6·E/c² (division
 * and v ± e), for |s·c| ≤ 1.01. e = 4·E/c² covers that. For |c| ≤ 2·E, e exceeds |s/c|, and v ± e
 * have different signs.
 * 1/cos²: |1/c² − 1/cos² x| ≤ E·(2·|c| + E)/(c²·cos² x). For |c| > 8·E, |cos x| > 7/8·|c|, so that
 * this is below 2.8·E/|c|³; three roundings cost less than 0.8·E/|c|³. e = 8·E/|c|³ covers that.
 * For |c| ≤ 8·E, e ≥ v: v − e is not positive. The signed zeros that v − e = 0 and the like may
 * yield differ from a positive v + e as well. */

static void sin_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sin(y, x, MPFR_RNDN);
}

static double sin_bound(double x)
{
    return fmin(1.8 * fabs(x), 1.6);
}

VECTOR_CLONES static void sin_of_angle(const double *s, const double *c, uint32_t n,
                                       double *restrict v, double *restrict e)
{
    (void)c;
    for (uint32_t i = 0; i < n; i++) {
        v[i] = s[i];
        e[i] = 2 * ANGLE_ERROR;
    }
}

static void cos_value(mpfr_t y, const mpfr_t x)
{
    mpfr_cos(y, x, MPFR_RNDN);
}

static double cos_bound(double x)
{
    (void)x;
    return 1.6;
}

static void cos_of_angle(const double *s, const double *c, uint32_t n, double *v, double *e)
{
    sin_of_angle(c, s, n, v, e);
}

static void tan_value(mpfr_t y, const mpfr_t x)
{
    mpfr_tan(y, x, MPFR_RNDN);
}

static double tan_radius(double x)
{
    return fmin(fabs(x), fabs(cos(x))) / 2;
}

static double tan_bound(double x)
{
    return fmin(2.5 * fabs(x), 4) + 4 / fabs(cos(x)) * fmin(1, fabs(x));
}

VECTOR_CLONES static void tan_of_angle(const double *s, const double *c, uint32_t n,
                                       double *restrict v, double *restrict e)
{
    for (uint32_t i = 0; i < n; i++) {
        v[i] = s[i] / c[i];
        e[i] = 4 * ANGLE_ERROR / (c[i] * c[i]);
    }
}

/* 1/cos² x; |1 + tan² z| with |tan z| as above */
static void tan_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sec(y, x, MPFR_RNDN);
    mpfr_sqr(y, y, MPFR_RNDN);
}

static double cos_radius(double x)
{
    return fabs(cos(x)) / 2;
}

static double tan_derivative_bound(double x)
{
    double tangent = 4 / fabs(cos(x)) + 4;
    return 1 + tangent * tangent;
}

VECTOR_CLONES static void tan_derivative_of_angle(const double *s, const double *c, uint32_t n,
                                                  double *restrict v, double *restrict e)
{
    (void)s;
    for (uint32_t i = 0; i < n; i++) {
        v[i] = 1 / (c[i] * c[i]);
        e[i] = v[i] * (8 * ANGLE_ERROR) / fabs(c[i]);
    }
}

/* x² + sign, exact, to the power −½ (root) or −1 */
static void inverse_of_square(mpfr_t y, const mpfr_t x, int sign, int root)
{
    mpfr_t square;
    mpfr_init2(square, mpfr_get_prec(y) + 600);
    mpfr_sqr(square, x, MPFR_RNDN);
    mpfr_add_si(square, square, sign, MPFR_RNDN);
    if (root)
        mpfr_rec_sqrt(y, square, MPFR_RNDN);
    else
        mpfr_ui_div(y, 1, square, MPFR_RNDN);
    mpfr_clear(square);
}

static void asinh_derivative_value(mpfr_t y, const mpfr_t x)
{
    inverse_of_square(y, x, 1, 1);
}

static double asinh_derivative_bound(double x)
{
    return sqrt(atan_derivative_bound(x));
}

static void acosh_derivative_value(mpfr_t y, const mpfr_t x)
{
    if (mpfr_cmp_ui(x, 1) < 0)
        mpfr_set_nan(y);
    else
        inverse_of_square(y, x, -1, 1);
}

static double acosh_derivative_bound(double x)
{
    return 2.1 / sqrt(x * x - 1);
}

static void atanh_derivative_value(mpfr_t y, const mpfr_t x)
{
    inverse_of_square(y, x, -1, 0);
    mpfr_neg(y, y, MPFR_RNDN);
    if (mpfr_inf_p(y)) /* at ±1 */
        mpfr_set_inf(y, 1);
}

static double atanh_derivative_radius(double x)
{
    return fabs(1 - fabs(x)) / 2;
}

static double atanh_derivative_bound(double x)
{
    return 4.1 / fabs(1 - x * x);
}

/* --- erfinv: erf rises, so the bracket erf(y·(1 − δ)) < x < erf(y·(1 + δ)), its ends by MPFR
 * rounded outwards, shows that y is erfinv x with a relative error below δ = 2^(32 − precision),
 * however y was found; here by Newton's iteration. The Taylor coefficients at 0 are positive
 * (Carlitz, 1963), hence |f(z)| ≤ f(|z|) ≤ f((1 + |x|)/2) for |z − x| ≤ (1 − |x|)/2, for the
 * derivative too. With erfc y ≤ e^−y², f(t) ≤ √(−log(1 − t)) and f′(t) ≤ ½√π/(1 − t).
 * --------------------------------
 */

static double erfinv_start(double x)
{
    double rest = 1 - x, y = fmin(0.9 * x, 1);
    for (int i = 0; i < 12; i++) { /* Newton on log erfc y, which is concave */
        double c = erfc(y);
        y += (log(c) - log(rest)) * c * (sqrt(acos(-1)) / 2) * exp(y * y);
    }
    return x < 1e-4 ? x * (sqrt(acos(-1)) / 2) : y;
}

/* step = (erf y − x)·½√π·e^y² */
static void erfinv_step(mpfr_t step, const mpfr_t y, const mpfr_t x)
{
    mpfr_t slope, pi;
    mpfr_inits2(mpfr_get_prec(y), slope, pi, (mpfr_ptr)0);
    mpfr_sqr(slope, y, MPFR_RNDN);
    mpfr_exp(slope, slope, MPFR_RNDN);
    mpfr_const_pi(pi, MPFR_RNDN);
    mpfr_sqrt(pi, pi, MPFR_RNDN);
    mpfr_mul(slope, slope, pi, MPFR_RNDN);
    mpfr_div_2ui(slope, slope, 1, MPFR_RNDN);
    mpfr_erf(step, y, MPFR_RNDN);
    mpfr_sub(step, step, x, MPFR_RNDN);
    mpfr_mul(step, step, slope, MPFR_RNDN);
    mpfr_clears(slope, pi, (mpfr_ptr)0);
}

/* Ends the program unless the bracket holds; y > 0. */
static void erfinv_prove(const mpfr_t y, const mpfr_t x)
{
    mpfr_prec_t precision = mpfr_get_prec(y);
    mpfr_t low, high, delta;
    mpfr_inits2(precision, low, high, delta, (mpfr_ptr)0);
    mpfr_mul_2si(delta, y, 31 - (long)precision, MPFR_RNDN);
    mpfr_sub(low, y, delta, MPFR_RNDN);
    mpfr_add(high, y, delta, MPFR_RNDN);
    mpfr_erf(low, low, MPFR_RNDU);
    mpfr_erf(high, high, MPFR_RNDD);
    if (!mpfr_less_p(low, x) || !mpfr_less_p(x, high)) {
        fprintf(stderr, "erfinv: no bracket at %a\n", mpfr_get_d(x, MPFR_RNDN));
        exit(1);
    }
    mpfr_clears(low, high, delta, (mpfr_ptr)0);
}

static void erfinv_value(mpfr_t y, const mpfr_t x)
{
    if (mpfr_cmpabs_ui(x, 1) >= 0 || mpfr_zero_p(x)) {
        if (mpfr_zero_p(x))
            mpfr_set(y, x, MPFR_RNDN);
        else if (mpfr_cmpabs_ui(x, 1) == 0)
            mpfr_set_inf(y, mpfr_sgn(x));
        else
            mpfr_set_nan(y);
        return;
    }
    mpfr_t a, step;
    mpfr_inits2(mpfr_get_prec(y), a, step, (mpfr_ptr)0);
    mpfr_abs(a, x, MPFR_RNDN);
    mpfr_set_d(y, erfinv_start(mpfr_get_d(a, MPFR_RNDN)), MPFR_RNDN);
    do { /* a step of s leaves an error near y·s² */
        erfinv_step(step, y, a);
        mpfr_sub(y, y, step, MPFR_RNDN);
    } while (!mpfr_zero_p(step) &&
             mpfr_get_exp(step) > mpfr_get_exp(y) - (mpfr_get_prec(y) - 20) / 2);
    erfinv_prove(y, a);
    mpfr_setsign(y, y, mpfr_signbit(x), MPFR_RNDN);
    mpfr_clears(a, step, (mpfr_ptr)0);
}

static double erfinv_bound(double x)
{
    return fabs(x) <= 0.5 ? 1.7 * fabs(x) : sqrt(-log((1 - fabs(x)) / 2));
}

/* ½√π·e^y² */
static void erfinv_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_t pi;
    mpfr_init2(pi, mpfr_get_prec(y));
    mpfr_const_pi(pi, MPFR_RNDN);
    mpfr_sqrt(pi, pi, MPFR_RNDN);
    mpfr_div_2ui(pi, pi, 1, MPFR_RNDN);
    erfinv_value(y, x);
    mpfr_sqr(y, y, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_mul(y, y, pi, MPFR_RNDN);
    mpfr_clear(pi);
}

static double erfinv_derivative_bound(double x)
{
    return 1.8 / (1 - fabs(x));
}

/* --- selu: of its two pieces the one that holds x, continued; both constants are decimals -------
 */

static void times_scale(mpfr_t y, bool alpha)
{
    mpfr_t factor;
    mpfr_init2(factor, mpfr_get_prec(y));
    mpfr_set_str(factor, "1.0507009873554804934193349852946", 10, MPFR_RNDN);
    mpfr_mul(y, y, factor, MPFR_RNDN);
    mpfr_set_str(factor, "1.6732632423543772848170429916717", 10, MPFR_RNDN);
    if (alpha)
        mpfr_mul(y, y, factor, MPFR_RNDN);
    mpfr_clear(factor);
}

static void selu_value(mpfr_t y, const mpfr_t x)
{
    bool above = mpfr_sgn(x) > 0;
    if (above)
        mpfr_set(y, x, MPFR_RNDN);
    else
        mpfr_expm1(y, x, MPFR_RNDN);
    times_scale(y, !above);
}

static double selu_radius(double x)
{
    return x > 0 ? x / 2 : at_most_half(x);
}

static double selu_bound(double x)
{
    return x > 0 ? 2 * x : 2 * expm1_bound(x);
}

static void selu_derivative_value(mpfr_t y, const mpfr_t x)
{
    bool above = mpfr_sgn(x) > 0;
    if (above)
        mpfr_set_ui(y, 1, MPFR_RNDN);
    else
        mpfr_exp(y, x, MPFR_RNDN);
    times_scale(y, !above);
}

static double selu_derivative_bound(double x)
{
    return x > 0 ? 2 : 2 * exp_bound(x);
}

/* --- hardswish, hardsigmoid: polynomials between −3 and 3; the derivative of the first jumps
 * there, so its disc ends there
 * --------------------------------------------------------------------------
 */

/* 0 for x ≤ −3, 1 for x ≥ 3, else y as it is. */
static void step_beyond_three(mpfr_t y, const mpfr_t x)
{
    if (mpfr_cmp_si(x, -3) <= 0)
        mpfr_set_zero(y, 1);
    else if (mpfr_cmp_ui(x, 3) >= 0)
        mpfr_set_ui(y, 1, MPFR_RNDN);
}

static void hardsigmoid_value(mpfr_t y, const mpfr_t x)
{
    mpfr_add_ui(y, x, 3, MPFR_RNDN);
    mpfr_div_ui(y, y, 6, MPFR_RNDN);
    step_beyond_three(y, x);
}

static double hardsigmoid_bound(double x)
{
    return (fabs(x) + 4) / 6 * 1.01;
}

static void hardswish_value(mpfr_t y, const mpfr_t x)
{
    hardsigmoid_value(y, x);
    if (mpfr_zero_p(y))
        mpfr_setsign(y, y, 1, MPFR_RNDN);
    else
        mpfr_mul(y, y, x, MPFR_RNDN);
}

static double hardswish_bound(double x)
{
    return 1.6 * fabs(x) * hardsigmoid_bound(x);
}

static void hardswish_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_mul_2ui(y, x, 1, MPFR_RNDN);
    mpfr_add_ui(y, y, 3, MPFR_RNDN);
    mpfr_div_ui(y, y, 6, MPFR_RNDN);
    step_beyond_three(y, x);
}

static double hardswish_derivative_radius(double x)
{
    return fmin(1, fabs(3 - fabs(x)));
}

static double hardswish_derivative_bound(double x)
{
    return 2 * hardsigmoid_bound(x);
}

/* --- 1/(3·∛x²), −1/x²: |z| ≥ |x|/2 ------------------------------------------------------------ */

static void cbrt_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_cbrt(y, x, MPFR_RNDN);
    mpfr_sqr(y, y, MPFR_RNDN);
    mpfr_mul_ui(y, y, 3, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static double cbrt_derivative_bound(double x)
{
    double root = cbrt(x / 2);
    return 1 / (root * root);
}

static void reciprocal_derivative_value(mpfr_t y, const mpfr_t x)
{
    mpfr_sqr(y, x, MPFR_RNDN);
    mpfr_si_div(y, -1, y, MPFR_RNDN);
}

static double reciprocal_derivative_bound(double x)
{
    return 5 / (x * x);
}

/* Where `below` and `above` are not 0, the function turns between them. */
const oracle_function oracle_functions[] = {
    { .name = "exp", exp_value, one, exp_bound },
    { .name = "exp2", exp2_value, one, exp2_bound },
    { .name = "exp2_derivative", exp2_derivative_value, one, exp2_bound },
    { .name = "expm1", expm1_value, at_most_one, expm1_bound },
    { .name = "log", log_value, half_x, log_bound },
    { .name = "log2", log2_value, half_x, log2_bound },
    { .name = "log2_derivative", log2_derivative_value, half_x, inverse_bound },
    { .name = "log10", log10_value, half_x, log_bound },
    { .name = "log10_derivative", log10_derivative_value, half_x, inverse_bound },
    { .name = "log1p", log1p_value, log1p_radius, log1p_bound },
    { .name = "log1p_derivative", log1p_derivative_value, one_x_radius, one_x_bound, -1, -1 },
    { .name = "sqrt", sqrt_value, half_x, sqrt_bound },
    { .name = "sqrt_derivative", sqrt_derivative_value, half_x, sqrt_derivative_bound },
    { .name = "tanh", tanh_value, at_most_half, tanh_bound },
    { .name = "tanh_derivative", tanh_derivative_value, one, tanh_derivative_bound },
    { .name = "sigmoid", sigmoid_value, one, sigmoid_bound },
    { .name = "sigmoid_derivative", sigmoid_derivative_value, one, sigmoid_derivative_bound },
    { .name = "softplus", softplus_value, one, softplus_bound, .identity_above = 20 },
    { .name = "logsigmoid", logsigmoid_value, one, logsigmoid_bound, .identity_below = -20 },
    { .name = "silu",
      silu_value,
      at_most_one,
      silu_bound,
      -1.3,
      -1.2,
      .identity_above = 20,
      .above_half = true },
    { .name = "silu_derivative", silu_derivative_value, one, silu_derivative_bound, -2.5, 2.5 },
    { .name = "gelu",
      gelu_value,
      at_most_quarter,
      gelu_bound,
      -0.8,
      -0.7,
      .identity_above = 6,
      .above_half = true },
    { .name = "gelu_derivative", gelu_derivative_value, quarter, gelu_derivative_bound, -1.5, 1.5 },
    { .name = "gelu_tanh",
      gelu_tanh_value,
      gelu_tanh_radius,
      gelu_tanh_bound,
      -0.8,
      -0.7,
      .identity_above = 6,
      .above_half = true },
    { .name = "gelu_tanh_derivative",
      gelu_tanh_derivative_value,
      gelu_tanh_derivative_radius,
      gelu_tanh_derivative_bound,
      -8,
      8 },
    { .name = "mish", mish_value, at_most_half, mish_bound, -1.3, -1.1, .identity_above = 20 },
    { .name = "mish_derivative", mish_derivative_value, half, mish_derivative_bound, -8, 8 },
    { .name = "selu", selu_value, selu_radius, selu_bound },
    { .name = "selu_derivative", selu_derivative_value, at_most_half, selu_derivative_bound },
    { .name = "hardswish",
      hardswish_value,
      at_most_half,
      hardswish_bound,
      -1.6,
      -1.4,
      .identity_above = 3,
      .above_half = true },
    { .name = "hardswish_derivative",
      hardswish_derivative_value,
      hardswish_derivative_radius,
      hardswish_derivative_bound,
      -3,
      3 },
    { .name = "hardsigmoid", hardsigmoid_value, at_most_half, hardsigmoid_bound },
    { .name = "erf", erf_value, at_most_quarter, erf_bound },
    { .name = "erf_derivative", erf_derivative_value, quarter, erf_derivative_bound },
    { .name = "erfc", erfc_value, quarter, erfc_bound },
    { .name = "erfinv", erfinv_value, asin_radius, erfinv_bound },
    { .name = "erfinv_derivative", erfinv_derivative_value, to_one, erfinv_derivative_bound },
    { .name = "sin",
      sin_value,
      at_most_one,
      sin_bound,
      -INFINITY,
      INFINITY,
      .of_angle = sin_of_angle },
    { .name = "cos", cos_value, one, cos_bound, -INFINITY, INFINITY, .of_angle = cos_of_angle },
    { .name = "tan",
      tan_value,
      tan_radius,
      tan_bound,
      -INFINITY,
      INFINITY,
      .of_angle = tan_of_angle },
    { .name = "atan", atan_value, half_x, atan_bound },
    { .name = "atan_derivative",
      atan_derivative_value,
      atan_derivative_radius,
      atan_derivative_bound },
    { .name = "asin", asin_value, asin_radius, asin_bound },
    { .name = "asin_derivative", asin_derivative_value, to_one, asin_derivative_bound },
    { .name = "acos", acos_value, to_one, acos_bound },
    { .name = "sinh", sinh_value, at_most_one, sinh_bound },
    { .name = "cosh", cosh_value, one, cosh_bound },
    { .name = "asinh", asinh_value, half_x, asinh_bound },
    { .name = "acosh", acosh_value, acosh_radius, acosh_bound },
    { .name = "atanh", atanh_value, asin_radius, atanh_bound },
    { .name = "tan_derivative",
      tan_derivative_value,
      cos_radius,
      tan_derivative_bound,
      -INFINITY,
      INFINITY,
      .of_angle = tan_derivative_of_angle },
    { .name = "asinh_derivative",
      asinh_derivative_value,
      atan_derivative_radius,
      asinh_derivative_bound },
    { .name = "acosh_derivative", acosh_derivative_value, acosh_radius, acosh_derivative_bound },
    { .name = "atanh_derivative",
      atanh_derivative_value,
      atanh_derivative_radius,
      atanh_derivative_bound,
      -1.5,
      1.5 },
    { .name = "cbrt", cbrt_value, half_x, cbrt_bound },
    { .name = "cbrt_derivative", cbrt_derivative_value, half_x, cbrt_derivative_bound },
    { .name = "reciprocal_derivative",
      reciprocal_derivative_value,
      half_x,
      reciprocal_derivative_bound },
    { .name = "rsqrt", rsqrt_value, half_x, rsqrt_bound },
    { .name = "rsqrt_derivative", rsqrt_derivative_value, half_x, rsqrt_derivative_bound },
};

const int oracle_function_count = sizeof oracle_functions / sizeof *oracle_functions;
