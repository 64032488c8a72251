/* search.c: definitions of finding and counting. */
#include "ref/search.h"
#include "core/memory.h"

/* True when the element at `offset` of sorted stands before the value. */
static bool before(const ref_search_call *c, const ea_view *line, int64_t offset, int64_t value)
{
    if (CORE_FLOATS & CORE_BIT(line->dtype)) {
        float a = core_load(line, offset), b = core_load(c->values, value);
        return c->right ? !(a > b) : !(a >= b);
    }
    int64_t a = core_load_index(line, offset), b = core_load_index(c->values, value);
    return c->right ? a <= b : a < b;
}

void ref_search(const ref_search_call *c, int64_t begin, int64_t end)
{
    int kept = c->sorted->ndim - 1;
    int64_t width = c->values->shape[c->values->ndim - 1];
    for (int64_t i = begin; i < end; i++) {
        ea_view line = core_row(c->sorted, kept, kept ? i / width : 0);
        int64_t value = core_offset(c->values, i), low = 0, high = line.shape[0];
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (before(c, &line, middle * line.stride[0], value))
                low = middle + 1;
            else
                high = middle;
        }
        core_store_index(c->out, core_offset(c->out, i), low);
    }
}

/* Sums of weights, in double. */
static void sum_bins(const ea_view *x, const ea_view *weights, const ea_view *out, double *sums)
{
    memset(sums, 0, sizeof *sums * (size_t)out->shape[0]);
    for (int64_t i = 0; i < x->shape[0]; i++)
        sums[core_load_index(x, i * x->stride[0])] +=
            (double)core_load(weights, i * weights->stride[0]);
    for (int64_t b = 0; b < out->shape[0]; b++)
        core_store(out, b * out->stride[0], (float)sums[b]);
}

static void count_bins(const ea_view *x, const ea_view *out, int64_t *counts)
{
    const int64_t *bin = x->dtype == CORE_I64 ? x->data : NULL;
    memset(counts, 0, sizeof *counts * (size_t)out->shape[0]);
    for (int64_t i = 0; bin && i < x->shape[0]; i++)
        counts[bin[i * x->stride[0]]]++;
    for (int64_t i = 0; !bin && i < x->shape[0]; i++)
        counts[core_load_index(x, i * x->stride[0])]++;
    for (int64_t b = 0; b < out->shape[0]; b++)
        core_store_index(out, b * out->stride[0], counts[b]);
}

ea_status ref_bincount(ea_context *ctx, const ea_view *x, const ea_view *weights,
                       const ea_view *out)
{
    int64_t bins = out->shape[0];
    void *scratch = core_arena_alloc(ctx->arena, sizeof(double) * (size_t)bins);
    if (!scratch)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_bincount: no memory for %lld bins",
                         (long long)bins);
    if (weights)
        sum_bins(x, weights, out, scratch);
    else
        count_bins(x, out, scratch);
    return EA_OK;
}

ea_status ref_histc(ea_context *ctx, const ea_view *x, float low, float high, const ea_view *out)
{
    int64_t bins = out->shape[0];
    int64_t *count = core_arena_alloc(ctx->arena, sizeof *count * (size_t)bins);
    if (!count)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_histc: no memory for %lld bins", (long long)bins);
    memset(count, 0, sizeof *count * (size_t)bins);
    for (int64_t i = 0; i < core_numel(x); i++) {
        float a = core_load(x, core_offset(x, i));
        if (!(a >= low && a <= high))
            continue;
        int64_t bin = (int64_t)((a - low) * (float)bins / (high - low));
        count[bin < bins ? bin : bins - 1]++;
    }
    for (int64_t b = 0; b < bins; b++)
        core_store(out, b * out->stride[0], (float)count[b]);
    return EA_OK;
}
