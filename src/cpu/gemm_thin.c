/* gemm_thin.c: contraction with a few rows, as in the decoding of a language model: reading b from
 * memory is all the cost, so it is read once for all rows, in place, and along its rows in memory.
 */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/gemm.h"

#include <string.h>

enum { THIN_ROWS = 3, CHUNK = 1024, CHUNK_WORK = 1 << 16 };

/* Each row reads all of b again, which is cheap only from a cache. */
bool cpu_gemm_is_thin(const gemm *g)
{
    if (g->b.plain && g->b.line_stride == 1)
        return g->rows <= THIN_ROWS;
    return g->b.stored.data && g->rows == 1;
}

typedef struct thin_job {
    const gemm *g;
    const cpu_kernels *kernels;
    const float *a; /* row i of batch entry n: a + (n · rows + i) · terms */
    int64_t chunk, chunks;
} thin_job;

/* One row's chains over terms k … k+terms−1 for columns column … column+columns−1. */
static void thin_block(const thin_job *job, int64_t offset, const float *a, int64_t k,
                       int64_t terms, int64_t column, int64_t columns, float *out)
{
    const gemm_side *side = &job->g->b;
    if (side->plain && side->line_stride == 1) {
        job->kernels->gemm_row(a, 1, side->plain + offset + column + k * side->k_stride,
                               side->k_stride, terms, columns, out);
        return;
    }
    ref_lines lines = side->stored;
    lines.data += offset * side->element_bytes + column * lines.line_bytes;
    int step = job->kernels->gemm_dots_columns;
    for (int64_t j = 0; j < columns; j += step, lines.data += step * lines.line_bytes)
        job->kernels->gemm_dots(a, &lines, k, terms, columns - j < step ? (int)(columns - j) : step,
                                out + j);
}

static void thin_row(const thin_job *job, int64_t offset, const float *a, int64_t column,
                     int64_t columns, float *total)
{
    const gemm *g = job->g;
    float chain[CHUNK];
    for (int64_t k = 0; k < g->terms; k += g->block) {
        int64_t terms = g->terms - k < g->block ? g->terms - k : g->block;
        thin_block(job, offset, a + k, k, terms, column, columns, k == 0 ? total : chain);
        for (int64_t j = 0; k > 0 && j < columns; j++)
            total[j] += chain[j];
    }
}

static void thin_chunks(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const thin_job *job = argument;
    const gemm *g = job->g;
    float total[THIN_ROWS][CHUNK];
    for (int64_t i = begin; i < end; i++) {
        int64_t batch = i / job->chunks, column = i % job->chunks * job->chunk;
        int64_t columns = g->columns - column < job->chunk ? g->columns - column : job->chunk;
        int64_t offset = g->b.offsets ? g->b.offsets[batch] : 0;
        for (int64_t row = 0; row < g->rows; row++) {
            thin_row(job, offset, job->a + (batch * g->rows + row) * g->terms, column, columns,
                     total[row]);
            if (g->out)
                memcpy(g->out + (g->out_offsets ? g->out_offsets[batch] : 0) + row * g->out_row +
                           column,
                       total[row], sizeof(float) * (size_t)columns);
        }
        if (g->finish && g->out)
            g->finish(g, batch, 0, g->rows, column, columns,
                      g->out + (g->out_offsets ? g->out_offsets[batch] : 0) + column, g->out_row);
        else if (g->finish)
            g->finish(g, batch, 0, g->rows, column, columns, total[0], CHUNK);
    }
}

ea_status cpu_gemm_thin(ea_context *ctx, const gemm *g)
{
    if (g->batch == 0 || g->rows == 0 || g->columns == 0 || g->terms == 0)
        return cpu_gemm(ctx, g);
    float *a =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(g->batch * g->rows * g->terms));
    if (!a)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the scratch space of a contraction");
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    for (int64_t batch = 0; batch < g->batch; batch++)
        for (int64_t row = 0; row < g->rows; row++) {
            gemm_box box = { kernels, batch, row, 1, 0, g->terms, 1, 0 };
            g->a.pack(&g->a, &box, a + (batch * g->rows + row) * g->terms);
        }
    int64_t fair = (g->columns / ctx->threads + 63) / 64 * 64;
    thin_job job = { g, kernels, a, fair < 64 ? 64 : fair > CHUNK ? CHUNK : fair, 0 };
    job.chunks = (g->columns + job.chunk - 1) / job.chunk;
    core_parallel(ctx, g->batch * job.chunks, CHUNK_WORK / (g->rows * g->terms * job.chunk) + 1,
                  thin_chunks, &job);
    return EA_OK;
}
