/* attention.h: scaled dot-product attention (contract: Attention). */
#ifndef EADEM_OP_ATTENTION_H
#define EADEM_OP_ATTENTION_H

#include "eadem/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As torch.nn.functional.scaled_dot_product_attention. Zero means the default. */
typedef struct ea_attention_options {
    int causal;   /* row i sees keys 0 … i; then mask must be NULL */
    double scale; /* 0 means 1/√d */
    /* Each weight is 0 with this probability, drawn from `generator`, which moves on by h·n·m for
     * each entry of the leading dimensions; the backward needs it as it stood before the forward.
     */
    double dropout;
    ea_generator *generator; /* NULL: no dropout */
} ea_attention_options;

/* q [..., h, n, d], k [..., g, m, d], v [..., g, m, e], out [..., h, n, e] with equal leading
 * dimensions; g divides h, and h/g neighbouring heads share one head of k and v (enable_gqa). mask
 * may be NULL or broadcasts to [..., h, n, m]: of truth values (true takes part) or of floats,
 * which are added. A row that sees no key is zero. Takes memory for the weights of one entry of the
 * leading dimensions, h·n·m floats twice (three times with dropout, or backwards). */
EA_API ea_status ea_attention(ea_context *ctx, const DLTensor *q, const DLTensor *k,
                              const DLTensor *v, const DLTensor *mask,
                              const ea_attention_options *options, DLTensor *out);

/* grad_q, grad_k and grad_v may each be NULL: then it is not computed. A mask gets no gradient. */
EA_API ea_status ea_attention_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *q,
                                       const DLTensor *k, const DLTensor *v, const DLTensor *mask,
                                       const ea_attention_options *options, DLTensor *grad_q,
                                       DLTensor *grad_k, DLTensor *grad_v);

#ifdef __cplusplus
}
#endif
#endif
