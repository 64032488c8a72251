/* mask.h: choosing by a mask (contract: Masks). A mask is bool or uint8; what is not 0 is true. The
 * elements may have any type, which `out` shares. */
#ifndef EADEM_OP_MASK_H
#define EADEM_OP_MASK_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out = a where mask, else b; all broadcast. torch.masked_fill(x, mask, value) is ea_where(mask,
 * value, x). out may be a or b. */
EA_API ea_status ea_where(ea_context *ctx, const DLTensor *mask, const DLTensor *a,
                          const DLTensor *b, DLTensor *out);

/* How many elements of the mask are true. */
EA_API ea_status ea_count_nonzero(ea_context *ctx, const DLTensor *mask, int64_t *count);
/* out [count, ndim] of int64: the place of each true element, in row-major order. */
EA_API ea_status ea_nonzero(ea_context *ctx, const DLTensor *mask, DLTensor *out);

/* The elements of x where mask is true, in row-major order, x and mask being broadcast together;
 * out [count]. */
EA_API ea_status ea_masked_select(ea_context *ctx, const DLTensor *x, const DLTensor *mask,
                                  DLTensor *out);
/* out = x with the true places taking the first elements of src in row-major order; mask broadcasts
 * to x. Errors also: EA_ERR_SHAPE when src has too few. out may be x. */
EA_API ea_status ea_masked_scatter(ea_context *ctx, const DLTensor *x, const DLTensor *mask,
                                   const DLTensor *src, DLTensor *out);

/* The last two dimensions' elements on and below (tril) or above (triu) a diagonal, 0 elsewhere;
 * diagonal 0 is the main one, positive ones lie above. */
EA_API ea_status ea_tril(ea_context *ctx, const DLTensor *x, int64_t diagonal, DLTensor *out);
EA_API ea_status ea_triu(ea_context *ctx, const DLTensor *x, int64_t diagonal, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
