/* loss.h: losses (contract: Cross entropy). */
#ifndef EADEM_OP_LOSS_H
#define EADEM_OP_LOSS_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ea_reduction { EA_REDUCE_MEAN = 0, EA_REDUCE_SUM, EA_REDUCE_NONE } ea_reduction;

/* As torch.nn.functional.cross_entropy with class indices: x [n, classes], target [n] of int64 or
 * int32, out [] for mean and sum, [n] for none. Errors also: EA_ERR_ARGUMENT naming the row and the
 * value when a target is not 0 … classes−1. */
EA_API ea_status ea_cross_entropy(ea_context *ctx, const DLTensor *x, const DLTensor *target,
                                  ea_reduction reduction, DLTensor *out);

/* grad_out has the forward's output shape; grad_x [n, classes]. */
EA_API ea_status ea_cross_entropy_backward(ea_context *ctx, const DLTensor *grad_out,
                                           const DLTensor *x, const DLTensor *target,
                                           ea_reduction reduction, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
