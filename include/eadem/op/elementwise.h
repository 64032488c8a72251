/* elementwise.h: element by element, with broadcasting (contract: Elementwise). */
#ifndef EADEM_OP_ELEMENTWISE_H
#define EADEM_OP_ELEMENTWISE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Out may be the same tensor (same memory, shape and strides) as an input. */

/* a and b broadcast as in PyTorch; out has the broadcast shape. One rounding each. */
EA_API ea_status ea_add(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);
EA_API ea_status ea_sub(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);
EA_API ea_status ea_mul(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);
EA_API ea_status ea_div(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);

/* Correctly rounded functions of one variable; x and out have the same shape. */
EA_API ea_status ea_exp(ea_context *ctx, const DLTensor *x, DLTensor *out);
EA_API ea_status ea_log(ea_context *ctx, const DLTensor *x, DLTensor *out);
EA_API ea_status ea_sqrt(ea_context *ctx, const DLTensor *x, DLTensor *out);
EA_API ea_status ea_tanh(ea_context *ctx, const DLTensor *x, DLTensor *out);
EA_API ea_status ea_sigmoid(ea_context *ctx, const DLTensor *x, DLTensor *out);
/* 0 where x < 0, else x: −0 and NaN stay, as in PyTorch. */
EA_API ea_status ea_relu(ea_context *ctx, const DLTensor *x, DLTensor *out);

/* grad_x = fl(grad_out · f'(x)), f'(x) being the correctly rounded derivative at x. */
EA_API ea_status ea_exp_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                 DLTensor *grad_x);
EA_API ea_status ea_log_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                 DLTensor *grad_x);
EA_API ea_status ea_sqrt_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                  DLTensor *grad_x);
EA_API ea_status ea_tanh_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                  DLTensor *grad_x);
EA_API ea_status ea_sigmoid_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                     DLTensor *grad_x);
/* 0 where x ≤ 0, else grad_out. */
EA_API ea_status ea_relu_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                  DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
