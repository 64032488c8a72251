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

/* One rounding of the pair. */
float random_pair_float(random_pair x);

#endif
