/* reduce.h: sums over dimensions (contract: Sum). */
#ifndef EADEM_OP_REDUCE_H
#define EADEM_OP_REDUCE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums x over the dimensions dims[0 … ndims−1] (negative ones count from the end; ndims = 0 means
 * all), in the contract's order over the reduced elements in row-major order of the dimensions as
 * they stand in x. out has x's shape without them, or with 1 in their place: both are accepted. */
EA_API ea_status ea_sum(ea_context *ctx, const DLTensor *x, const int *dims, int ndims,
                        DLTensor *out);
EA_API ea_status ea_mean(ea_context *ctx, const DLTensor *x, const int *dims, int ndims,
                         DLTensor *out);

/* Sums grad over the dimensions that broadcasting added or stretched; out has the input's shape.
 * This is the backward of broadcasting. */
EA_API ea_status ea_sum_to_shape(ea_context *ctx, const DLTensor *grad, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
