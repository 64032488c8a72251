/* sparse.c: sparse × dense on the CPU: threads take lines, vectors columns. */
#include "cpu/sparse.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/reduce.h"

enum { GRAIN = 8192, PIECE = 1024 }; /* elements in a piece of work; terms at a time */

typedef struct product {
    const cpu_kernels *kernels;
    const ref_sparse_lines *lines;
    const float *weights; /* the values in the lines' order */
    const float *dense;
    int64_t n;
    float *out;
} product;

static void run_lines(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const product *p = argument;
    for (int64_t i = first; i < last; i++) {
        int64_t begin = p->lines->begin[i], taps = p->lines->begin[i + 1] - begin;
        float *out = p->out + i * p->n;
        if (taps)
            p->kernels->axis_rows(p->dense, p->n, p->lines->other + begin, p->weights + begin, taps,
                                  p->n, out);
        else
            memset(out, 0, sizeof *out * (size_t)p->n);
    }
}

ea_status cpu_sparse_product(ea_context *ctx, const ref_sparse_lines *lines, const float *values,
                             const float *dense, int64_t n, float *out)
{
    int64_t nnz = lines->begin[lines->count];
    float *weights = core_arena_alloc(ctx->arena, sizeof *weights * (size_t)nnz);
    if (!weights)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld values", (long long)nnz);
    for (int64_t k = 0; k < nnz; k++)
        weights[k] = values[lines->value[k]];
    product p = { cpu_kernels_of(ctx), lines, weights, dense, n, out };
    int64_t work = (nnz + lines->count) / (lines->count + 1) * n + 1;
    core_parallel(ctx, lines->count, GRAIN / work + 1, run_lines, &p);
    return EA_OK;
}

typedef struct dots {
    const cpu_kernels *kernels;
    ea_contract contract;
    const int64_t *line, *other;
    const float *grad, *dense;
    int64_t n;
    float *out;
} dots;

static void run_dots(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const dots *d = argument;
    float terms[PIECE];
    _Static_assert((int)PIECE == (int)REF_CHUNK, "a piece is a chunk of the sum rule");
    for (int64_t k = first; k < last; k++) {
        const float *a = d->grad + d->line[k] * d->n, *b = d->dense + d->other[k] * d->n;
        ref_sum sum;
        ref_sum_begin(&sum, d->contract);
        for (int64_t j = 0, n; j < d->n; j += n) {
            n = d->n - j < PIECE ? d->n - j : PIECE;
            d->kernels->mul(a + j, b + j, terms, n);
            if (d->contract == EA_CONTRACT_CHAIN)
                ref_sum_add(&sum, d->kernels->sum_chunk(terms, n));
            for (int64_t i = 0; d->contract != EA_CONTRACT_CHAIN && i < n; i++)
                ref_sum_add(&sum, terms[i]);
        }
        d->out[k] = ref_sum_end(&sum);
    }
}

ea_status cpu_sparse_dots(ea_context *ctx, int64_t nnz, const int64_t *line, const int64_t *other,
                          const float *grad, const float *dense, int64_t n, float *out)
{
    dots d = { cpu_kernels_of(ctx), ctx->contract, line, other, grad, dense, n, out };
    core_parallel(ctx, nnz, GRAIN / (n + 1) + 1, run_dots, &d);
    return EA_OK;
}
