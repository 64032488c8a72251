/* grid.c: sampling at given places on the CPU: an image's taps are made once for all its channels;
 * threads take places, then planes. */
#include "cpu/grid.h"
#include "core/memory.h"
#include "core/pool.h"
#include "ref/ref.h"

enum { GRAIN = 1024 }; /* places in a piece of work */

typedef struct job {
    const ref_grid *g;
    ea_contract contract;
    int64_t image, size; /* of a plane */
    ref_grid_taps *taps; /* of the image's places */
} job;

static void make_taps(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    const float *grid = j->g->grid + j->image * j->g->places * j->g->dims;
    for (int64_t i = begin; i < end; i++)
        ref_grid_place(j->g, grid + i * j->g->dims, &j->taps[i]);
}

static void sample_planes(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t c = begin; c < end; c++) {
        int64_t p = j->image * j->g->channels + c;
        const float *x = j->g->x + p * j->size;
        float *out = j->g->out + p * j->g->places;
        for (int64_t i = 0; i < j->g->places; i++) {
            const ref_grid_taps *taps = &j->taps[i];
            float value = 0;
            for (int t = 0; t < taps->count; t++)
                value = value + taps->weight[t] * x[taps->index[t]];
            out[i] = value;
        }
    }
}

static void scatter_planes(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t c = begin; c < end; c++) {
        int64_t p = j->image * j->g->channels + c;
        const float *grad = j->g->grad_out + p * j->g->places;
        float *to = j->g->grad_x + p * j->size;
        memset(to, 0, sizeof *to * (size_t)j->size);
        for (int64_t i = 0; i < j->g->places; i++) {
            const ref_grid_taps *taps = &j->taps[i];
            for (int t = 0; t < taps->count; t++)
                to[taps->index[t]] = to[taps->index[t]] + taps->weight[t] * grad[i];
        }
    }
}

static void place_gradients(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    const ref_grid *g = j->g;
    for (int64_t i = begin; i < end; i++) {
        const ref_grid_taps *taps = &j->taps[i];
        for (int d = 0; d < g->dims; d++) {
            ref_sum sum;
            ref_sum_begin(&sum, j->contract);
            for (int64_t c = 0; c < g->channels; c++) {
                int64_t p = j->image * g->channels + c;
                const float *x = g->x + p * j->size;
                float slope = 0;
                for (int t = 0; t < taps->count; t++)
                    slope = slope + taps->slope[t][d] * x[taps->index[t]];
                ref_sum_add(&sum, g->grad_out[p * g->places + i] * slope);
            }
            g->grad_grid[(j->image * g->places + i) * g->dims + d] =
                taps->factor[d] * ref_sum_end(&sum);
        }
    }
}

static ea_status prepare(ea_context *ctx, const ref_grid *g, job *j)
{
    *j = (job){ g, ctx->contract, 0, g->size[0] * g->size[1] * g->size[2], NULL };
    j->taps = core_arena_alloc(ctx->arena, sizeof *j->taps * (size_t)g->places);
    return j->taps ? EA_OK
                   : core_fail(ctx, EA_ERR_MEMORY, "no memory for the taps of %lld places",
                               (long long)g->places);
}

ea_status cpu_grid_forward(ea_context *ctx, const ref_grid *g)
{
    job j;
    EA_TRY(prepare(ctx, g, &j));
    for (; j.image < g->n; j.image++) {
        core_parallel(ctx, g->places, GRAIN, make_taps, &j);
        core_parallel(ctx, g->channels, GRAIN / (g->places + 1) + 1, sample_planes, &j);
    }
    return EA_OK;
}

ea_status cpu_grid_backward(ea_context *ctx, const ref_grid *g)
{
    job j;
    EA_TRY(prepare(ctx, g, &j));
    for (; j.image < g->n; j.image++) {
        core_parallel(ctx, g->places, GRAIN, make_taps, &j);
        if (g->grad_x)
            core_parallel(ctx, g->channels, GRAIN / (g->places + 1) + 1, scatter_planes, &j);
        if (g->grad_grid)
            core_parallel(ctx, g->places, GRAIN / (g->channels + 1) + 1, place_gradients, &j);
    }
    return EA_OK;
}
