/* angle.c: see angle.h. */
#include "angle.h"
#include "oracle.h"

static void sin_cos(double x, double *sine, double *cosine)
{
    mpfr_t a, s, c;
    mpfr_inits2(53, a, s, c, (mpfr_ptr)0);
    mpfr_set_d(a, x, MPFR_RNDN); /* exact */
    mpfr_sin_cos(s, c, a, MPFR_RNDN);
    *sine = mpfr_get_d(s, MPFR_RNDN);
    *cosine = mpfr_get_d(c, MPFR_RNDN);
    mpfr_clears(a, s, c, (mpfr_ptr)0);
}

static void fill(angle_table *t, double d)
{
    t->d = d;
    for (int j = 0; j < ANGLES; j++)
        sin_cos(j * d, &t->sine[j], &t->cosine[j]);
}

VECTOR_CLONES static void rotate(const angle_table *t, double sine_x, double cosine_x, uint32_t n,
                                 double *restrict sine, double *restrict cosine)
{
    for (uint32_t j = 0; j < n; j++) {
        sine[j] = sine_x * t->cosine[j] + cosine_x * t->sine[j];
        cosine[j] = cosine_x * t->cosine[j] - sine_x * t->sine[j];
    }
}

void angle_sin_cos(angle_table *t, double x, double d, uint32_t n, double *sine, double *cosine)
{
    double sine_x, cosine_x;
    if (t->d != d)
        fill(t, d);
    sin_cos(x, &sine_x, &cosine_x);
    rotate(t, sine_x, cosine_x, n, sine, cosine);
}
