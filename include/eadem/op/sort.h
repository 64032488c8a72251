/* sort.h: order along a dimension (contract: Order). */
#ifndef EADEM_OP_SORT_H
#define EADEM_OP_SORT_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x: any type but float64. Values have x's type, indices are int64; either may be NULL. NaN is
 * larger than every number, −0 equals +0; equal elements keep their order, also when descending. */

/* torch.sort(stable=True); torch.argsort with values NULL. */
EA_API ea_status ea_sort(ea_context *ctx, const DLTensor *x, int dim, int descending,
                         DLTensor *values, DLTensor *indices);
/* The k largest (smallest) in order, k being the results' size along dim, at most x's. */
EA_API ea_status ea_topk(ea_context *ctx, const DLTensor *x, int dim, int largest, DLTensor *values,
                         DLTensor *indices);

/* One element of each line, at the lowest index that has it; results have x's shape without dim, or
 * with 1 in its place. Errors also: EA_ERR_SHAPE when a line is empty. */

/* The k-th smallest, k from 1. */
EA_API ea_status ea_kthvalue(ea_context *ctx, const DLTensor *x, int dim, int64_t k,
                             DLTensor *values, DLTensor *indices);
/* The lower of the two in the middle; NaN if there is one, unless ignore_nan is set
 * (torch.nanmedian). */
EA_API ea_status ea_median(ea_context *ctx, const DLTensor *x, int dim, int ignore_nan,
                           DLTensor *values, DLTensor *indices);
/* The most frequent, of several the smallest; a NaN equals no other. */
EA_API ea_status ea_mode(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                         DLTensor *indices);

/* torch.unique(sorted=True): the different elements of x in ascending order into the first *count
 * elements of values [elements of x]; each NaN counts as different. inverse (int64, x's shape:
 * where in values each element stands) and counts (int64 [elements of x]) may be NULL. */
EA_API ea_status ea_unique(ea_context *ctx, const DLTensor *x, DLTensor *values, DLTensor *inverse,
                           DLTensor *counts, int64_t *count);
/* torch.unique(sorted=True, dim=dim): the different slices of x along dim, in ascending order of
 * their elements one after another, into the first *count slices of values [x's shape]; each slice
 * with a NaN counts as different. inverse and counts (int64 [x's size along dim]) may be NULL. */
EA_API ea_status ea_unique_dim(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                               DLTensor *inverse, DLTensor *counts, int64_t *count);

#ifdef __cplusplus
}
#endif
#endif
