/* arrange.h: the same elements in another order (contract: Arrangement). Elements may have any
 * type; nothing is computed. Views need no operation: narrow, expand, transpose, flip by strides of
 * DLTensor. */
#ifndef EADEM_OP_ARRANGE_H
#define EADEM_OP_ARRANGE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One after another along dim; the other sizes agree. */
EA_API ea_status ea_cat(ea_context *ctx, const DLTensor *const *tensors, int count, int dim,
                        DLTensor *out);
/* Tensors of one shape become slices of a new dimension `dim` of out. */
EA_API ea_status ea_stack(ea_context *ctx, const DLTensor *const *tensors, int count, int dim,
                          DLTensor *out);
/* The reverse of ea_cat: x is cut along dim into pieces of outs' sizes. */
EA_API ea_status ea_split(ea_context *ctx, const DLTensor *x, int dim, DLTensor *const *outs,
                          int count);

/* Dimension dims[i] is turned by shifts[i] places: element k goes to k + shift, around the end. */
EA_API ea_status ea_roll(ea_context *ctx, const DLTensor *x, const int64_t *shifts, const int *dims,
                         int count, DLTensor *out);
EA_API ea_status ea_flip(ea_context *ctx, const DLTensor *x, const int *dims, int count,
                         DLTensor *out);

/* Slice k of x along dim stands repeats[k] times in a row (repeats [size of dim] or []: the same
 * for all); out's size along dim is the sum. */
EA_API ea_status ea_repeat_interleave(ea_context *ctx, const DLTensor *x, const DLTensor *repeats,
                                      int dim, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
