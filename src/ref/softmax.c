/* softmax.c: definitions of softmax and its logarithm along the last dimension. */
#include "math/math.h"
#include "ref/ref.h"

static float at(const ea_view *row, int64_t k)
{
    return core_load(row, core_offset(row, k));
}

static void put(const ea_view *row, int64_t k, float x)
{
    core_store(row, core_offset(row, k), x);
}

/* Number of rows along the last dimension. */
static int64_t rows_of(const ea_view *x)
{
    ea_view lead = *x;
    lead.ndim--;
    return core_numel(&lead);
}

float ref_exp_sum(ea_contract contract, const ea_view *row, float *maximum)
{
    int64_t n = core_numel(row);
    *maximum = at(row, 0);
    for (int64_t k = 1; k < n; k++)
        if (at(row, k) > *maximum || at(row, k) != at(row, k))
            *maximum = at(row, k);
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < n; k++)
        ref_sum_add(&sum, math_exp(at(row, k) - *maximum));
    return ref_sum_end(&sum);
}

ea_status ref_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    for (int64_t i = 0; i < rows_of(x); i++) {
        ea_view in = core_row(x, x->ndim - 1, i), to = core_row(out, x->ndim - 1, i);
        float maximum, sum = ref_exp_sum(ctx->contract, &in, &maximum);
        for (int64_t k = 0; k < core_numel(&in); k++)
            put(&to, k, math_exp(at(&in, k) - maximum) / sum);
    }
    return EA_OK;
}

ea_status ref_log_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    for (int64_t i = 0; i < rows_of(x); i++) {
        ea_view in = core_row(x, x->ndim - 1, i), to = core_row(out, x->ndim - 1, i);
        float maximum, logarithm = math_log(ref_exp_sum(ctx->contract, &in, &maximum));
        for (int64_t k = 0; k < core_numel(&in); k++)
            put(&to, k, at(&in, k) - maximum - logarithm);
    }
    return EA_OK;
}

ea_status ref_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                               const ea_view *grad_x)
{
    for (int64_t i = 0; i < rows_of(out); i++) {
        ea_view g = core_row(grad_out, out->ndim - 1, i), y = core_row(out, out->ndim - 1, i);
        ea_view to = core_row(grad_x, out->ndim - 1, i);
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t k = 0; k < core_numel(&y); k++)
            ref_sum_add(&sum, at(&g, k) * at(&y, k));
        float total = ref_sum_end(&sum);
        for (int64_t k = 0; k < core_numel(&y); k++)
            put(&to, k, (at(&g, k) - total) * at(&y, k));
    }
    return EA_OK;
}

ea_status ref_log_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                                   const ea_view *grad_x)
{
    for (int64_t i = 0; i < rows_of(out); i++) {
        ea_view g = core_row(grad_out, out->ndim - 1, i), y = core_row(out, out->ndim - 1, i);
        ea_view to = core_row(grad_x, out->ndim - 1, i);
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t k = 0; k < core_numel(&y); k++)
            ref_sum_add(&sum, at(&g, k));
        float total = ref_sum_end(&sum);
        for (int64_t k = 0; k < core_numel(&y); k++)
            put(&to, k, at(&g, k) - math_exp(at(&y, k)) * total);
    }
    return EA_OK;
}
