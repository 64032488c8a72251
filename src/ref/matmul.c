/* matmul.c: definition of the contraction of two matrices. */
#include "ref/ref.h"

ea_status ref_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out)
{
    int row = out->ndim - 2, column = out->ndim - 1;
    int64_t n = core_numel(out), terms = a->shape[column];
    for (int64_t i = 0; i < n; i++) {
        int64_t index[EA_MAX_DIMS];
        int64_t rest = i, a_at = 0, b_at = 0;
        for (int d = column; d >= 0; d--) {
            index[d] = rest % out->shape[d];
            rest /= out->shape[d];
            a_at += d == column ? 0 : index[d] * a->stride[d];
            b_at += d == row ? 0 : index[d] * b->stride[d];
        }
        ref_chain chain;
        ref_chain_begin(&chain, ctx->contract);
        for (int64_t k = 0; k < terms; k++)
            ref_chain_add(&chain, core_load(a, a_at + k * a->stride[column]),
                          core_load(b, b_at + k * b->stride[row]));
        float sum = ref_chain_end(&chain);
        if (bias)
            sum += core_load(bias, core_offset(bias, i));
        core_store(out, core_offset(out, i), sum);
    }
    return EA_OK;
}
