/* precise.h: log, sine and cosine of a double, for the generators: exact to about 2^-95 before they
 * are rounded, so that their bits are the same everywhere and, for every argument a generator can
 * give, those of the correctly rounded functions. Slow and short; the tensors' functions are in
 * src/math.
 */
#ifndef RANDOM_PRECISE_H
#define RANDOM_PRECISE_H

/* Unevaluated sum high + low, |low| ≤ half a last place of high. */
typedef struct random_pair {
    double high, low;
} random_pair;

/* 0 < x ≤ 1. */
random_pair random_log(double x);
/* 0 ≤ x ≤ 6.2831855 (2π, rounded up to float). */
void random_sincos(double x, random_pair *sine, random_pair *cosine);

/* base^exponent for 0 < base ≤ 1, rounded once to double; 0 where it is below 2^-1000. pow() and
 * cos() of the C library differ between machines: schedules and optimisers take these. */
double random_power(double base, double exponent);
/* cos(π·x) for 0 ≤ x ≤ 1. */
double random_cos_pi(double x);

/* One rounding of the pair. */
float random_pair_float(random_pair x);

#endif
