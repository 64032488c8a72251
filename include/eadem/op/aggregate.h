/* aggregate.h: reductions beside sum and mean (contract: Aggregates). */
#ifndef EADEM_OP_AGGREGATE_H
#define EADEM_OP_AGGREGATE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Named as torch.prod, torch.var … The parameter stands in brackets. */
typedef enum ea_aggregate {
    EA_AGG_PROD,
    EA_AGG_VAR,  /* [correction] */
    EA_AGG_STD,  /* [correction] */
    EA_AGG_NORM, /* [p: any, also ±∞], as torch.linalg.vector_norm */
    EA_AGG_LOGSUMEXP,
    EA_AGG_AMAX,
    EA_AGG_AMIN,
    EA_AGG_ANY, /* truth values */
    EA_AGG_ALL,
    EA_AGG_COUNT
} ea_aggregate;

/* Over the dimensions dims[0 … ndims−1] (negative ones count from the end; ndims = 0 means all);
 * out has x's shape without them or with 1 in their place. x: floats; for ANY and ALL also bool and
 * uint8, and out is bool or uint8. Errors also: EA_ERR_SHAPE when AMAX, AMIN or an infinite norm
 * has no elements. */
EA_API ea_status ea_reduce(ea_context *ctx, ea_aggregate aggregate, const DLTensor *x,
                           const int *dims, int ndims, double parameter, DLTensor *out);

/* The gradient with respect to x; grad_out has the shape of out, the forward's result. Not for ANY
 * and ALL. */
EA_API ea_status ea_reduce_backward(ea_context *ctx, ea_aggregate aggregate,
                                    const DLTensor *grad_out, const DLTensor *x,
                                    const DLTensor *out, const int *dims, int ndims,
                                    double parameter, DLTensor *grad_x);

/* The largest (smallest) elements and, int64, where they stand among the elements reduced, in
 * row-major order: the first of equals, the first NaN if there is one. torch.max(dim) with one
 * dimension; torch.argmax with `values` NULL. Either may be NULL. Gradient: grad_out at the index,
 * by ea_scatter(). */
EA_API ea_status ea_max(ea_context *ctx, const DLTensor *x, const int *dims, int ndims,
                        DLTensor *values, DLTensor *indices);
EA_API ea_status ea_min(ea_context *ctx, const DLTensor *x, const int *dims, int ndims,
                        DLTensor *values, DLTensor *indices);

#ifdef __cplusplus
}
#endif
#endif
