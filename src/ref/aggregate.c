/* aggregate.c: definitions of the reductions beside sum and mean, row by row. */
#include "ref/aggregate.h"
#include "ref/ref.h"

/* Truth values and bytes as floats. */
static float element(const ea_view *row, int64_t i)
{
    int64_t offset = core_offset(row, i);
    return CORE_MASKS & CORE_BIT(row->dtype) ? (float)core_load_index(row, offset)
                                             : core_load(row, offset);
}

static float mean_of(ea_contract contract, const ea_view *row, int64_t n)
{
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t i = 0; i < n; i++)
        ref_sum_add(&sum, element(row, i));
    return ref_mean(contract, ref_sum_end(&sum), n);
}

static float squares_about(ea_contract contract, const ea_view *row, int64_t n, float mean)
{
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t i = 0; i < n; i++) {
        float difference = element(row, i) - mean;
        ref_sum_add(&sum, difference * difference);
    }
    return ref_sum_end(&sum);
}

static float product(const ea_view *row, int64_t n)
{
    ref_sum sum;
    ref_product_begin(&sum);
    for (int64_t i = 0; i < n; i++)
        ref_sum_add(&sum, element(row, i));
    return ref_sum_end(&sum);
}

/* The largest or smallest element, or magnitude. */
static float extreme_of(const ea_view *row, int64_t n, bool smallest, bool magnitude)
{
    float best = smallest ? INFINITY : -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        float x = magnitude ? fabsf(element(row, i)) : element(row, i);
        best = smallest ? ref_smaller(best, x) : ref_larger(best, x);
    }
    return best;
}

static float norm(ea_contract contract, const ea_view *row, int64_t n, float p)
{
    if (isinf(p))
        return extreme_of(row, n, p < 0, true);
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t i = 0; i < n; i++)
        ref_sum_add(&sum, ref_norm_term(element(row, i), p));
    return ref_norm_end(ref_sum_end(&sum), p);
}

static float logsumexp(ea_contract contract, const ea_view *row, int64_t n)
{
    float shift = ref_shift(extreme_of(row, n, false, false));
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t i = 0; i < n; i++)
        ref_sum_add(&sum, math_exp(element(row, i) - shift));
    return math_log(ref_sum_end(&sum)) + shift;
}

static bool any(const ea_view *row, int64_t n, bool wanted)
{
    for (int64_t i = 0; i < n; i++)
        if ((element(row, i) != 0) == wanted)
            return true;
    return false;
}

static float value_of(ea_contract contract, const ref_aggregate_call *c, const ea_view *row)
{
    int64_t n = core_numel(row);
    float variance;
    switch (c->aggregate) {
    case EA_AGG_PROD:
        return product(row, n);
    case EA_AGG_VAR:
    case EA_AGG_STD:
        variance = squares_about(contract, row, n, mean_of(contract, row, n)) /
                   ref_divisor(n, c->parameter);
        return c->aggregate == EA_AGG_VAR ? variance : math_sqrt(variance);
    case EA_AGG_NORM:
        return norm(contract, row, n, c->parameter);
    case EA_AGG_LOGSUMEXP:
        return logsumexp(contract, row, n);
    case EA_AGG_AMAX:
    case EA_AGG_AMIN:
        return extreme_of(row, n, c->aggregate == EA_AGG_AMIN, false);
    case EA_AGG_ANY:
        return any(row, n, true);
    default: /* ALL */
        return !any(row, n, false);
    }
}

ea_status ref_aggregate(ea_context *ctx, const ref_aggregate_call *c)
{
    for (int64_t i = 0; i < core_numel(c->out); i++) {
        ea_view row = core_row(c->x, c->kept, i);
        float value = value_of(ctx->contract, c, &row);
        if (CORE_MASKS & CORE_BIT(c->out->dtype))
            core_store_index(c->out, core_offset(c->out, i), value != 0);
        else
            core_store(c->out, core_offset(c->out, i), value);
    }
    return EA_OK;
}

/* --- Where the extreme stands ----------------------------------------------------------------- */

static int64_t place_of(const ea_view *row, int64_t n, bool smallest)
{
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        float x = element(row, i), y = element(row, best);
        if (y == y && (x != x || (smallest ? x < y : x > y)))
            best = i;
    }
    return best;
}

ea_status ref_extreme(ea_context *ctx, const ea_view *x, int kept, bool smallest,
                      const ea_view *values, const ea_view *indices)
{
    (void)ctx;
    const ea_view *shape = values ? values : indices;
    for (int64_t i = 0; i < core_numel(shape); i++) {
        ea_view row = core_row(x, kept, i);
        int64_t place = place_of(&row, core_numel(&row), smallest);
        if (values)
            core_store(values, core_offset(values, i), element(&row, place));
        if (indices)
            core_store_index(indices, core_offset(indices, i), place);
    }
    return EA_OK;
}

/* --- Gradients -------------------------------------------------------------------------------- */

static float count_extreme(const ea_view *row, int64_t n, float value, bool magnitude)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        float x = magnitude ? fabsf(element(row, i)) : element(row, i);
        count += ref_is_extreme(x, value);
    }
    return (float)count;
}

/* In binary64: the product of the elements before and of those behind each one, each from 1 towards
 * it. */
static float product_slope(const ea_view *row, int64_t n, int64_t place, float grad)
{
    double before = 1, behind = 1;
    for (int64_t i = 0; i < place; i++)
        before *= (double)element(row, i);
    for (int64_t i = n - 1; i > place; i--)
        behind *= (double)element(row, i);
    return (float)((double)grad * (before * behind));
}

static ref_row row_facts(ea_contract contract, const ref_aggregate_call *c, const ea_view *x,
                         int64_t i)
{
    int64_t n = core_numel(x);
    ref_row row = { .grad = core_load(c->grad_out, core_offset(c->grad_out, i)),
                    .value = core_load(c->out, core_offset(c->out, i)) };
    if (c->aggregate == EA_AGG_VAR || c->aggregate == EA_AGG_STD) {
        row.mean = mean_of(contract, x, n);
        row.n = ref_divisor(n, c->parameter);
    } else {
        row.ties = count_extreme(x, n, row.value, c->aggregate == EA_AGG_NORM);
    }
    return row;
}

ea_status ref_aggregate_backward(ea_context *ctx, const ref_aggregate_call *c)
{
    for (int64_t i = 0; i < core_numel(c->out); i++) {
        ea_view x = core_row(c->x, c->kept, i), grad_x = core_row(c->grad_x, c->kept, i);
        ref_row row = row_facts(ctx->contract, c, &x, i);
        int64_t n = core_numel(&x);
        for (int64_t k = 0; k < n; k++)
            core_store(&grad_x, core_offset(&grad_x, k),
                       c->aggregate == EA_AGG_PROD
                           ? product_slope(&x, n, k, row.grad)
                           : ref_aggregate_slope(c->aggregate, c->parameter, element(&x, k), &row));
    }
    return EA_OK;
}
