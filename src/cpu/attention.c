/* attention.c: attention's weights, threads taking different rows. */
#include "cpu/attention.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 8192 }; /* elements in a piece of work */

typedef struct job {
    const ref_scores *s;
    bool *sees; /* of each row */
} job;

/* A row without a mask in memory: what it sees is its beginning. */
static bool scale_row(const ref_scores *s, int64_t row)
{
    int64_t m = s->scores.shape[2], seen = s->causal ? row % s->scores.shape[1] + 1 : m;
    float *x = (float *)s->scores.data + row * m;
    bool sees = false;
    seen = seen < m ? seen : m;
    for (int64_t j = 0; j < seen; j++)
        x[j] = s->scale * x[j];
    for (int64_t j = seen; j < m; j++)
        x[j] = -INFINITY;
    for (int64_t j = 0; j < seen && !sees; j++)
        sees = x[j] != -INFINITY;
    return sees;
}

static void mask_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t row = begin; row < end; row++)
        j->sees[row] = j->s->mask ? ref_mask_scores(j->s, row) : scale_row(j->s, row);
}

static void scale_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const ref_scores *s = argument;
    float *x = s->scores.data;
    for (int64_t i = begin; i < end; i++)
        x[i] = s->scale * x[i];
}

ea_status cpu_attention_weights(ea_context *ctx, const ref_scores *s)
{
    int64_t rows = s->scores.shape[0] * s->scores.shape[1], m = s->scores.shape[2];
    job j = { s, core_arena_alloc(ctx->arena, (size_t)rows + 1) };
    if (!j.sees)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld rows of attention",
                         (long long)rows);
    core_parallel(ctx, rows, GRAIN / (m + 1) + 1, mask_rows, &j);
    EA_TRY(cpu_softmax(ctx, &s->scores, &s->weights));
    for (int64_t row = 0; row < rows; row++)
        if (!j.sees[row])
            memset((float *)s->weights.data + row * m, 0, (size_t)m * sizeof(float));
    return EA_OK;
}

ea_status cpu_scale_scores(ea_context *ctx, const ref_scores *s)
{
    core_parallel(ctx, core_numel(&s->scores), GRAIN, scale_rows, (void *)(uintptr_t)s);
    return EA_OK;
}
