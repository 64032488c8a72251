/* functions.c: for each function its value by MPFR, and R and M with |f(z)| ≤ M for |z − x| ≤ R.
 *
 * M need not be sharp: a factor of 2^10 costs the filter nothing. M is computed in double; the
 * factor that each bound leaves covers that.
 */
#include "oracle.h"

#include <math.h>

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

const oracle_function oracle_functions[] = {
    { "exp", exp_value, one, exp_bound, 0, 0, 0, 0 },
    { "log", log_value, half_x, log_bound, 0, 0, 0, 0 },
    { "sqrt", sqrt_value, half_x, sqrt_bound, 0, 0, 0, 0 },
    { "sqrt_derivative", sqrt_derivative_value, half_x, sqrt_derivative_bound, 0, 0, 0, 0 },
    { "tanh", tanh_value, at_most_half, tanh_bound, 0, 0, 0, 0 },
    { "tanh_derivative", tanh_derivative_value, one, tanh_derivative_bound, 0, 0, 0, 0 },
    { "sigmoid", sigmoid_value, one, sigmoid_bound, 0, 0, 0, 0 },
    { "sigmoid_derivative", sigmoid_derivative_value, one, sigmoid_derivative_bound, 0, 0, 0, 0 },
};

const int oracle_function_count = sizeof oracle_functions / sizeof *oracle_functions;
