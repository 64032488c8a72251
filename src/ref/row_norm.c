/* row_norm.c: definitions of layer, RMS and group norm. */
#include "ref/row_norm.h"
#include "ref/ref.h"

#include <math.h>

static float at(const ea_view *view, int64_t k)
{
    return core_load(view, core_offset(view, k));
}

int64_t ref_row_norm_count(const ea_view *view, int from, int to)
{
    int64_t count = 1;
    for (int d = from; d < to; d++)
        count *= view->shape[d];
    return count;
}

ea_view ref_row_norm_by_weight(const ref_row_norm *norm, const ea_view *view)
{
    ea_view moved = *view;
    for (int d = 0; d < norm->weighted; d++)
        moved = core_move_dim(&moved, norm->batch + d, d);
    return moved;
}

/* The weight's (or bias's) element for element k of row `row`. */
static int64_t weight_index(const ref_row_norm *norm, int64_t row, int64_t k)
{
    const ea_view *x = norm->x;
    int split = norm->batch + norm->weighted;
    int64_t rows = ref_row_norm_count(x, norm->batch, norm->kept);
    int64_t inner = ref_row_norm_count(x, norm->kept, split);
    return row % rows * inner + k / ref_row_norm_count(x, split, x->ndim);
}

static float weighted(const ref_row_norm *norm, int64_t row, int64_t k, float value)
{
    return norm->weight ? value * at(norm->weight, weight_index(norm, row, k)) : value;
}

static float row_mean(ea_contract contract, const ea_view *x)
{
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < core_numel(x); k++)
        ref_sum_add(&sum, at(x, k));
    return ref_mean(contract, ref_sum_end(&sum), core_numel(x));
}

static float row_variance(ea_contract contract, const ea_view *x, bool centred, float mean)
{
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < core_numel(x); k++) {
        float d = centred ? at(x, k) - mean : at(x, k);
        ref_sum_add(&sum, d * d);
    }
    return ref_mean(contract, ref_sum_end(&sum), core_numel(x));
}

ea_status ref_normalise_rows(ea_context *ctx, const ref_row_norm *norm)
{
    int64_t rows = ref_row_norm_count(norm->x, 0, norm->kept);
    for (int64_t r = 0; r < rows; r++) {
        ea_view x = core_row(norm->x, norm->kept, r), out = core_row(norm->out, norm->kept, r);
        float mean = norm->centred ? row_mean(ctx->contract, &x) : 0;
        float variance = row_variance(ctx->contract, &x, norm->centred, mean);
        float rstd = 1 / sqrtf(variance + norm->eps);
        for (int64_t k = 0; k < core_numel(&x); k++) {
            float d = norm->centred ? at(&x, k) - mean : at(&x, k);
            float y = weighted(norm, r, k, d * rstd);
            if (norm->bias)
                y = y + at(norm->bias, weight_index(norm, r, k));
            core_store(&out, core_offset(&out, k), y);
        }
        if (norm->mean)
            core_store(norm->mean, core_offset(norm->mean, r), mean);
        if (norm->rstd)
            core_store(norm->rstd, core_offset(norm->rstd, r), rstd);
    }
    return EA_OK;
}

/* --- Backward --------------------------------------------------------------------------------- */

/* Element k of row r, normalised. */
static float normal(const ref_row_norm *norm, int64_t row, int64_t k)
{
    ea_view x = core_row(norm->x, norm->kept, row);
    float d = norm->centred ? at(&x, k) - at(norm->mean, row) : at(&x, k);
    return d * at(norm->rstd, row);
}

static void row_grad_x(ea_contract contract, const ref_row_norm_backward *b, int64_t row)
{
    const ref_row_norm *norm = &b->norm;
    ea_view grad = core_row(b->grad_out, norm->kept, row);
    ea_view grad_x = core_row(b->grad_x, norm->kept, row);
    int64_t n = core_numel(&grad);
    ref_sum sum, product;
    ref_sum_begin(&sum, contract);
    ref_sum_begin(&product, contract);
    for (int64_t k = 0; k < n; k++) {
        float g = weighted(norm, row, k, at(&grad, k));
        ref_sum_add(&sum, g);
        ref_sum_add(&product, g * normal(norm, row, k));
    }
    float mean = ref_mean(contract, ref_sum_end(&sum), n);
    float slope = ref_mean(contract, ref_sum_end(&product), n);
    for (int64_t k = 0; k < n; k++) {
        float g = weighted(norm, row, k, at(&grad, k));
        if (norm->centred)
            g = g - mean;
        g = g - normal(norm, row, k) * slope;
        core_store(&grad_x, core_offset(&grad_x, k), at(norm->rstd, row) * g);
    }
}

/* Element `index` of the weight's and the bias's gradient: over the batch and the rest. */
static void one_weight(ea_contract contract, const ref_row_norm_backward *b, int64_t index)
{
    const ref_row_norm *norm = &b->norm;
    int split = norm->batch + norm->weighted;
    ea_view by_weight = ref_row_norm_by_weight(norm, b->grad_out);
    ea_view grad = core_row(&by_weight, norm->weighted, index);
    int64_t rows = ref_row_norm_count(norm->x, norm->batch, norm->kept);
    int64_t inner = ref_row_norm_count(norm->x, norm->kept, split);
    int64_t rest = ref_row_norm_count(norm->x, split, norm->x->ndim);
    ref_sum sum, product;
    ref_sum_begin(&sum, contract);
    ref_sum_begin(&product, contract);
    for (int64_t k = 0; k < core_numel(&grad); k++) {
        float g = at(&grad, k);
        int64_t row = k / rest * rows + index / inner;
        ref_sum_add(&sum, g);
        ref_sum_add(&product, g * normal(norm, row, index % inner * rest + k % rest));
    }
    if (b->grad_weight)
        core_store(b->grad_weight, core_offset(b->grad_weight, index), ref_sum_end(&product));
    if (b->grad_bias)
        core_store(b->grad_bias, core_offset(b->grad_bias, index), ref_sum_end(&sum));
}

ea_status ref_normalise_rows_backward(ea_context *ctx, const ref_row_norm_backward *b)
{
    const ea_view *x = b->norm.x;
    int64_t rows = ref_row_norm_count(x, 0, b->norm.kept);
    for (int64_t r = 0; b->grad_x && r < rows; r++)
        row_grad_x(ctx->contract, b, r);
    int64_t weights = ref_row_norm_count(x, b->norm.batch, b->norm.batch + b->norm.weighted);
    for (int64_t w = 0; (b->grad_weight || b->grad_bias) && w < weights; w++)
        one_weight(ctx->contract, b, w);
    return EA_OK;
}
