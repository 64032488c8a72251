/* sparse.c: definition of sparse × dense. */
#include "ref/sparse.h"
#include "core/memory.h"
#include "ref/ref.h"

#include <math.h>

ea_status ref_sparse_group(ea_context *ctx, int64_t count, int64_t nnz, const int64_t *line,
                           const int64_t *other, ref_sparse_lines *out)
{
    size_t size = sizeof(int64_t);
    *out = (ref_sparse_lines){ count, core_arena_alloc(ctx->arena, size * (size_t)(count + 2)),
                               core_arena_alloc(ctx->arena, size * (size_t)nnz),
                               core_arena_alloc(ctx->arena, size * (size_t)nnz) };
    if (!out->begin || !out->other || !out->value)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld stored elements", (long long)nnz);
    int64_t *next = out->begin + 1; /* counts, then where each line's next element goes */
    memset(out->begin, 0, size * (size_t)(count + 2));
    for (int64_t k = 0; k < nnz; k++)
        next[line[k] + 1]++;
    for (int64_t i = 0; i < count; i++)
        next[i + 1] += next[i];
    for (int64_t k = 0; k < nnz; k++) {
        int64_t place = next[line[k]]++;
        out->other[place] = other[k];
        out->value[place] = k;
    }
    return EA_OK;
}

ea_status ref_sparse_product(ea_context *ctx, const ref_sparse_lines *lines, const float *values,
                             const float *dense, int64_t n, float *out)
{
    (void)ctx;
    for (int64_t i = 0; i < lines->count; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t k = lines->begin[i]; k < lines->begin[i + 1]; k++) {
                float v = values[lines->value[k]], d = dense[lines->other[k] * n + j];
                sum = k == lines->begin[i] ? v * d : fmaf(v, d, sum);
            }
            out[i * n + j] = sum;
        }
    return EA_OK;
}

ea_status ref_sparse_dots(ea_context *ctx, int64_t nnz, const int64_t *line, const int64_t *other,
                          const float *grad, const float *dense, int64_t n, float *out)
{
    for (int64_t k = 0; k < nnz; k++) {
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t j = 0; j < n; j++)
            ref_sum_add(&sum, grad[line[k] * n + j] * dense[other[k] * n + j]);
        out[k] = ref_sum_end(&sum);
    }
    return EA_OK;
}
