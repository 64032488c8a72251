/* angle.h: sin and cos of consecutive floats by the addition theorem, which serves where neighbours
 * lie so far apart that no polynomial follows the function.
 *
 * A block is x + j·d, j < ANGLES, d the signed spacing of the floats there. Table: sin and cos of
 * every j·d, which depend on the exponent and sign of x alone, and of x itself; all of exact
 * arguments, by MPFR rounded to double, so with errors ≤ 2^−54. With a for x and b for j·d,
 *     sin(a + b) = sin a·cos b + cos a·sin b,    cos(a + b) = cos a·cos b − sin a·sin b.
 * In units of 2^−54 the four tables' errors contribute |sin a| + |cos a| + |sin b| + |cos b| ≤ 2√2
 * (and nothing visible in second order), the two products' roundings 1 each and the sum's rounding
 * 2, together less than 7: the results' errors are below ANGLE_ERROR, 8 units.
 */
#ifndef EXHAUSTIVE_ANGLE_H
#define EXHAUSTIVE_ANGLE_H

#include <stdint.h>

enum { ANGLES = 1024 };

#define ANGLE_ERROR 0x1p-51

/* To be zero before first use: d = 0 is no spacing. */
typedef struct angle_table {
    double d;
    double sine[ANGLES], cosine[ANGLES];
} angle_table;

/* sine[j], cosine[j] = sin and cos of x + j·d within ANGLE_ERROR, j < n ≤ ANGLES. d is a power of
 * two or its negative; the table is made anew when it differs from the last call's. */
void angle_sin_cos(angle_table *table, double x, double d, uint32_t n, double *sine,
                   double *cosine);

#endif
