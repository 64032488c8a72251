/* matmul.h: contractions of matrices (contract: Contraction). */
#ifndef EADEM_OP_MATMUL_H
#define EADEM_OP_MATMUL_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out = a · b, as torch.matmul: a [..., m, k], b [..., k, n], out [..., m, n], leading dimensions
 * broadcast; a one-dimensional a or b is a row or a column whose dimension is dropped from out.
 * Any transpose is a matter of strides. Backward: grad_a = grad · bᵀ, grad_b = aᵀ · grad, by this
 * call. */
EA_API ea_status ea_matmul(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);

/* out[b] = a[b] · c[b], as torch.bmm: a [batch, m, k], c [batch, k, n], out [batch, m, n]. */
EA_API ea_status ea_bmm(ea_context *ctx, const DLTensor *a, const DLTensor *c, DLTensor *out);

/* out = x · weightᵀ + bias, as torch.nn.functional.linear: x [..., in], weight [out, in], bias
 * [out] or NULL, out [..., out]. The bias is one addition after the contraction. */
EA_API ea_status ea_linear(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                           const DLTensor *bias, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
