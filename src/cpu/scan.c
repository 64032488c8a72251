/* scan.c: running sums, products and extremes: threads take different lines. A line is a chain, so
 * several lines side by side would be needed to gain more; where a line's elements lie apart, it is
 * brought together first. */
#include "cpu/scan.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

enum { GRAIN = 8192, PIECE = 128 }; /* elements in a piece of work, of a search for extremes */

typedef struct job {
    const cpu_kernels *kernels;
    const ref_scan_call *call;
    cpu_rows x, second, out;
    int64_t n;
    size_t line; /* bytes of a worker's scratch */
    char *scratch;
} job;

/* As the definition's running extreme. Few elements of a long line are a new extreme: where a piece
 * has none, its results are the last one, repeated. */
static void running_extreme(const job *j, const float *x, float *y, int64_t *places)
{
    bool smallest = j->call->kind == REF_CUMMIN;
    ref_extreme best = { x[0], 0 };
    for (int64_t begin = 0, end; begin < j->n; begin = end) {
        end = j->n - begin < PIECE ? j->n : begin + PIECE;
        const cpu_kernels *k = j->kernels;
        float most = (smallest ? k->minimum : k->maximum)(x + begin, end - begin);
        if (best.value == best.value && !(smallest ? most >= best.value : most <= best.value)) {
            ref_extreme_piece(x, begin, end, smallest, &best, y, places);
            continue;
        }
        for (int64_t i = begin; i < end; i++) {
            y[i] = best.value;
            places[i] = best.place;
        }
    }
}

/* A worker's scratch: three lines of floats, one of places, one of doubles. */
static void scan_lines(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    const ref_scan_call *c = j->call;
    int kept = c->x->ndim - 1;
    double *scratch = (double *)(j->scratch + (size_t)worker * j->line);
    int64_t *places = (int64_t *)(scratch + j->n);
    float *x_buffer = (float *)(places + j->n), *y_buffer = x_buffer + j->n;
    float *second_buffer = y_buffer + j->n;
    for (int64_t line = first; line < last; line++) {
        if (CORE_INTEGERS & CORE_BIT(c->x->dtype)) {
            ea_view from = core_row(c->x, kept, line), to = core_row(c->out, kept, line);
            ref_scan_integers(c->kind, &from, &to);
            continue;
        }
        const float *x = cpu_read_row(&j->x, line, 0, j->n, x_buffer), *second = NULL;
        if (c->second)
            second = cpu_read_row(&j->second, line, 0, j->n, second_buffer);
        ea_view index = { 0 };
        if (c->indices)
            index = core_row(c->indices, kept, line);
        bool direct = c->indices && index.dtype == CORE_I64 && index.stride[0] == 1;
        float *y = c->out ? cpu_target_row(&j->out, line, 0, j->n, y_buffer) : y_buffer;
        if (c->kind == REF_CUMMAX || c->kind == REF_CUMMIN)
            running_extreme(j, x, y, direct ? index.data : places);
        else
            ref_scan_line(c->kind, x, second, j->n, y, places, scratch);
        if (c->out)
            cpu_put_row(&j->out, line, 0, j->n, y);
        for (int64_t i = 0; c->indices && !direct && i < j->n; i++)
            core_store_index(&index, i * index.stride[0], places[i]);
    }
}

ea_status cpu_scan(ea_context *ctx, const ref_scan_call *call)
{
    int kept = call->x->ndim - 1;
    job j = { .kernels = cpu_kernels_of(ctx), .call = call, .n = call->x->shape[kept] };
    if (core_numel(call->x) == 0)
        return EA_OK;
    j.x = cpu_rows_of(call->x, kept);
    if (call->second)
        j.second = cpu_rows_of(call->second, kept);
    if (call->out)
        j.out = cpu_rows_of(call->out, kept);
    j.line = (size_t)j.n * (sizeof(double) + sizeof(int64_t) + 3 * sizeof(float));
    j.line = (j.line + 63) / 64 * 64;
    j.scratch = core_arena_alloc(ctx->arena, j.line * (size_t)ctx->threads);
    if (!j.scratch)
        return core_fail(ctx, EA_ERR_MEMORY, "scan: no memory for lines of %lld elements",
                         (long long)j.n);
    core_parallel(ctx, core_numel(call->x) / j.n, j.n < GRAIN ? GRAIN / j.n : 1, scan_lines, &j);
    return EA_OK;
}
