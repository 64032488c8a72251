/* loss.c: definition of cross entropy. */
#include "math/math.h"
#include "ref/ref.h"

/* Element k of a row of logits less the row's maximum. */
static float shifted(const ea_view *row, int64_t k, float maximum)
{
    return core_load(row, core_offset(row, k)) - maximum;
}

ea_status ref_cross_entropy(ea_context *ctx, const ea_view *x, const ea_view *target,
                            ea_reduction reduction, const ea_view *out)
{
    int64_t n = x->shape[0];
    ref_sum sum;
    ref_sum_begin(&sum, ctx->contract);
    for (int64_t i = 0; i < n; i++) {
        ea_view row = core_row(x, 1, i);
        int64_t t = core_load_index(target, core_offset(target, i));
        float maximum, total = ref_exp_sum(ctx->contract, &row, &maximum);
        float loss = math_log(total) - shifted(&row, t, maximum);
        if (reduction == EA_REDUCE_NONE)
            core_store(out, core_offset(out, i), loss);
        else
            ref_sum_add(&sum, loss);
    }
    if (reduction == EA_REDUCE_NONE)
        return EA_OK;
    float total = ref_sum_end(&sum);
    core_store(out, 0, reduction == EA_REDUCE_MEAN ? ref_mean(ctx->contract, total, n) : total);
    return EA_OK;
}

ea_status ref_cross_entropy_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *x,
                                     const ea_view *target, ea_reduction reduction,
                                     const ea_view *grad_x)
{
    int64_t n = x->shape[0];
    float share = (float)(1.0 / (double)n);
    for (int64_t i = 0; i < n; i++) {
        ea_view row = core_row(x, 1, i);
        float maximum, total = ref_exp_sum(ctx->contract, &row, &maximum);
        int64_t t = core_load_index(target, core_offset(target, i));
        float grad =
            core_load(grad_out, reduction == EA_REDUCE_NONE ? core_offset(grad_out, i) : 0);
        for (int64_t k = 0; k < x->shape[1]; k++) {
            float g = math_exp(shifted(&row, k, maximum)) / total;
            if (k == t)
                g = g - 1;
            if (reduction == EA_REDUCE_MEAN)
                g = g * share;
            int64_t at = i * grad_x->stride[0] + k * grad_x->stride[1];
            core_store(grad_x, at, g * grad);
        }
    }
    return EA_OK;
}
