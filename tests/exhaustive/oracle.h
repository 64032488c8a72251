/* oracle.h: the correctly rounded value of a function at every float of a range, by MPFR.
 *
 * MPFR alone would take hours, so a filter settles nearly all inputs. On a block of n consecutive
 * floats of equal spacing, with centre c and half width h, it interpolates f in five equidistant
 * points whose values come from MPFR. If |f(z)| ≤ M on the complex disc |z − c| ≤ R, then Cauchy's
 * estimate gives |f⁽⁵⁾/5!| ≤ M/(R − h)^5 on the block, and the interpolation's error is at most
 *     3.64·M·(h / 2(R − h))^5        (3.64 > max |s(s²−1)(s²−4)| for |s| ≤ 2).
 * The polynomial is evaluated in double by Horner's rule in an exact variable; with the rounding of
 * its coefficients that costs less than 2^−49·Σ|c_k|2^k. Let e be the sum of the two. f(x) lies in
 * [v − e, v + e]; if both ends round to the same float, that float is the answer, for rounding is
 * monotone. Otherwise MPFR decides that input alone.
 *
 * Functions of sin x and cos x have a second filter for |x| ≥ 1: it finds v and e for each input by
 * the addition theorem (angle.h), and goes on in the same way.
 *
 * R and M come with each function (functions.c), each with its argument. Where f is monotone, a
 * block whose two ends round to the same float has that value throughout.
 *
 * Nothing here is taken from the functions under test.
 */
#ifndef EXHAUSTIVE_ORACLE_H
#define EXHAUSTIVE_ORACLE_H

#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>

/* One function in two versions, chosen when the program starts. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) /* chosen before that is ready */
#define VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define VECTOR_CLONES
#endif

typedef struct oracle_function {
    const char *name;
    /* y = f(x) with a relative error below 2^(40 − precision of y); exact where f(x) is a float or
     * lies between two. */
    void (*value)(mpfr_t y, const mpfr_t x);
    /* R > 0 and M with |f(z)| ≤ M for |z − x| ≤ R. */
    double (*radius)(double x);
    double (*bound)(double x);
    /* f is monotone, or constant, or nowhere defined, on (−∞, below] and on [above, ∞). */
    double below, above;
    /* For x ≤ identity_below or x ≥ identity_above (0: nowhere) f(x) rounds to x, because
     * |f(x) − x| < 2^−26·|x|. */
    double identity_below, identity_above;
    /* x/2 < f(x) < x/2 + x² for 0 < |x| < 1; f(x) = x for x = ±0. */
    bool above_half;
    /* NULL, or finds v and e, for n inputs, when sine and cosine are sin x and cos x within
     * ANGLE_ERROR: f(x) lies between v − e and v + e, computed in double, or 0 does, which leaves
     * the rounding open. */
    void (*of_angle)(const double *sine, const double *cosine, uint32_t n, double *v, double *e);
} oracle_function;

extern const oracle_function oracle_functions[];
extern const int oracle_function_count;

typedef struct oracle oracle;

oracle *oracle_create(const oracle_function *function);
void oracle_destroy(oracle *oracle);

/* expected[i] = the float nearest f(the float whose bits are first + i), i < n. All of them share
 * their sign and exponent. */
void oracle_round(oracle *oracle, uint32_t first, uint32_t n, float *expected);

/* The same for one input, by MPFR. */
float oracle_one(oracle *oracle, uint32_t bits);

/* How many inputs MPFR has decided, apart from interpolation points. */
uint64_t oracle_decided(const oracle *oracle);

/* Appends to `file` every input met from now on whose value lies within 2^−46 (relative) of a point
 * halfway between two floats: "name input output", in hexadecimal bits. */
void oracle_list_hard(oracle *oracle, void *file);

/* From now on MPFR measures |f(x) − v|/e at each input that a filter serves; the greatest so far,
 * which must stay below 1. */
void oracle_audit(oracle *oracle);
double oracle_greatest_error(const oracle *oracle);

#endif
