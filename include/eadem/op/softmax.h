/* softmax.h: softmax and its logarithm along one dimension (contract: Softmax). */
#ifndef EADEM_OP_SOFTMAX_H
#define EADEM_OP_SOFTMAX_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x and out have the same shape; dim may be negative. */
EA_API ea_status ea_softmax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out);
EA_API ea_status ea_log_softmax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out);

/* `out` is the forward's result. */
EA_API ea_status ea_softmax_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *out,
                                     int dim, DLTensor *grad_x);
EA_API ea_status ea_log_softmax_backward(ea_context *ctx, const DLTensor *grad_out,
                                         const DLTensor *out, int dim, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
