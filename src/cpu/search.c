/* search.c: finding and counting on the CPU, without branches where elements are plain in memory;
 * the definitions do the rest. */
#include "cpu/search.h"
#include "core/memory.h"
#include "cpu/stream.h"

/* --- Search ----------------------------------------------------------------------------------- */

/* One line, of floats that are neighbours. The places that are looked at are the definition's, so
 * that a line out of order, as one with NaN is, gives its result too. */
static int64_t place_of(const float *line, int64_t n, float value, bool right)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        bool before = right ? !(line[middle] > value) : !(line[middle] >= value);
        int64_t mask = -(int64_t)before;
        low = (mask & (middle + 1)) | (~mask & low);
        high = (mask & high) | (~mask & middle);
    }
    return low;
}

void cpu_search(const ref_search_call *c, int64_t begin, int64_t end)
{
    const ea_view *sorted = c->sorted, *values = c->values, *out = c->out;
    if (sorted->ndim != 1 || sorted->dtype != CORE_F32 || sorted->stride[0] != 1 ||
        values->dtype != CORE_F32 || out->dtype != CORE_I64 || !core_is_contiguous(values) ||
        !core_is_contiguous(out)) {
        ref_search(c, begin, end);
        return;
    }
    const float *value = values->data;
    int64_t *place = out->data;
    for (int64_t i = begin; i < end; i++)
        place[i] = place_of(sorted->data, sorted->shape[0], value[i], c->right);
}

/* --- Counts ----------------------------------------------------------------------------------- */

enum { TABLES = 4, MOST_BINS = 1 << 20 };

/* Equal numbers in a row wait for each other's count in memory; several tables take turns. */
static void count(const int32_t *bin, int64_t n, int64_t bins, int64_t *tables)
{
    int64_t i = 0;
    for (; i + TABLES <= n; i += TABLES)
        for (int t = 0; t < TABLES; t++)
            tables[t * bins + bin[i + t]]++;
    for (; i < n; i++)
        tables[bin[i]]++;
}

static int64_t *tables_of(ea_context *ctx, int64_t bins)
{
    size_t size = sizeof(int64_t) * TABLES * (size_t)bins;
    int64_t *tables = core_arena_alloc(ctx->arena, size);
    if (tables)
        memset(tables, 0, size);
    else
        core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld bins", (long long)bins);
    return tables;
}

static int64_t counted(const int64_t *tables, int64_t bins, int64_t b)
{
    int64_t sum = 0;
    for (int t = 0; t < TABLES; t++)
        sum += tables[t * bins + b];
    return sum;
}

ea_status cpu_bincount(ea_context *ctx, const ea_view *x, const ea_view *weights,
                       const ea_view *out)
{
    int64_t n = x->shape[0], bins = out->shape[0];
    if (weights || x->dtype != CORE_I64 || x->stride[0] != 1 || bins > MOST_BINS || bins > n)
        return ref_bincount(ctx, x, weights, out);
    int64_t *tables = tables_of(ctx, bins);
    if (!tables)
        return EA_ERR_MEMORY;
    const int64_t *from = x->data;
    int32_t bin[CPU_BLOCK];
    for (int64_t begin = 0, part; begin < n; begin += part) {
        part = n - begin < CPU_BLOCK ? n - begin : CPU_BLOCK;
        for (int64_t i = 0; i < part; i++)
            bin[i] = (int32_t)from[begin + i];
        count(bin, part, bins, tables);
    }
    for (int64_t b = 0; b < bins; b++)
        core_store_index(out, b * out->stride[0], counted(tables, bins, b));
    return EA_OK;
}

ea_status cpu_histc(ea_context *ctx, const ea_view *x, float low, float high, const ea_view *out)
{
    int64_t n = core_numel(x), bins = out->shape[0];
    if (bins > MOST_BINS)
        return ref_histc(ctx, x, low, high, out);
    int64_t *tables = tables_of(ctx, bins + 1); /* the last bin: not counted */
    if (!tables)
        return EA_ERR_MEMORY;
    ea_view merged = *x;
    cpu_merge(&merged);
    float buffer[CPU_BLOCK];
    int32_t bin[CPU_BLOCK], last = (int32_t)bins - 1;
    for (int64_t begin = 0, part; begin < n; begin += part) {
        part = n - begin < CPU_BLOCK ? n - begin : CPU_BLOCK;
        const float *a = cpu_read(&merged, begin, part, buffer);
        for (int64_t i = 0; i < part; i++) {
            bool inside = (a[i] >= low) & (a[i] <= high);
            float at = inside ? a[i] : low;
            int32_t b = (int32_t)((at - low) * (float)bins / (high - low));
            b = b < last ? b : last;
            bin[i] = inside ? b : last + 1;
        }
        count(bin, part, bins + 1, tables);
    }
    for (int64_t b = 0; b < bins; b++)
        core_store(out, b * out->stride[0], (float)counted(tables, bins + 1, b));
    return EA_OK;
}
