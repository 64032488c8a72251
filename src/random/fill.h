/* fill.h: how a tensor is filled with random floats. */
#ifndef RANDOM_FILL_H
#define RANDOM_FILL_H

#include "random/random.h"

/* What a distribution is given; each names them in its own way. */
typedef struct fill_parameters {
    double a, b, c, d;
} fill_parameters;

/* Makes the next n numbers, in the contract's floating-point environment. */
typedef void (*fill_function)(ea_generator *generator, const fill_parameters *p, int64_t n,
                              float *out);

/* Checks `out`, makes its elements in logical order and stores them, rounding once for float16 and
 * bfloat16. The numbers do not depend on strides or on the type. */
ea_status random_fill(ea_context *ctx, const char *function, DLTensor *out, ea_generator *generator,
                      fill_function make, const fill_parameters *p);

/* The same for distributions that take one word of a Philox stream for each element: threads make
 * different elements. */
ea_status random_fill_by_word(ea_context *ctx, const char *function, DLTensor *out,
                              ea_generator *generator, fill_function make,
                              const fill_parameters *p);

#endif
