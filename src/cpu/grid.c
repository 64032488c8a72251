/* grid.c: sampling at given places on the CPU: an image's taps are made once for all its channels;
 * threads take places, then planes. */
#include "cpu/grid.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/reduce.h"
#include "cpu/sizes.h"

enum {
    GRAIN = 1024,        /* places in a piece of work */
    MOST_PLACES = 16,    /* whose terms over the channels are made together */
    MOST_TERMS = 1 << 15 /* of them, unless one place has more */
};

/* Taps of an image's places, `most` after `most`. */
typedef struct job {
    const ref_grid *g;
    const cpu_kernels *kernels;
    ea_contract contract;
    int64_t image, size; /* of a plane */
    int most;
    int *count;
    int64_t *index;
    float *weight;
    float (*slope)[3], (*factor)[3]; /* NULL: not wanted */
    int64_t together;                /* places whose terms are made together */
    float *terms;                    /* [worker, place, coordinate, channel] */
} job;

static void make_taps(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    const float *grid = j->g->grid + j->image * j->g->places * j->g->dims;
    for (int64_t i = begin; i < end; i++) {
        ref_grid_taps taps;
        ref_grid_place(j->g, grid + i * j->g->dims, &taps);
        j->count[i] = taps.count;
        for (int64_t t = 0, at = i * j->most; t < taps.count; t++, at++) {
            j->index[at] = taps.index[t];
            j->weight[at] = taps.weight[t];
            if (j->slope)
                memcpy(j->slope[at], taps.slope[t], sizeof taps.slope[t]);
        }
        if (j->slope)
            memcpy(j->factor[i], taps.factor, sizeof taps.factor);
    }
}

static void sample_planes(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t c = begin; c < end; c++) {
        int64_t p = j->image * j->g->channels + c;
        const float *x = j->g->x + p * j->size, *weight = j->weight;
        const int64_t *index = j->index;
        float *out = j->g->out + p * j->g->places;
        for (int64_t i = 0; i < j->g->places; i++, index += j->most, weight += j->most) {
            float value = 0;
            for (int t = 0; t < j->count[i]; t++)
                value = value + weight[t] * x[index[t]];
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
        const float *grad = j->g->grad_out + p * j->g->places, *weight = j->weight;
        const int64_t *index = j->index;
        float *to = j->g->grad_x + p * j->size;
        memset(to, 0, sizeof *to * (size_t)j->size);
        for (int64_t i = 0; i < j->g->places; i++, index += j->most, weight += j->most)
            for (int t = 0; t < j->count[i]; t++)
                to[index[t]] = to[index[t]] + weight[t] * grad[i];
    }
}

/* What channel c adds to the gradient of n places' coordinates. */
static void make_terms(const job *j, int64_t place, int64_t n, int64_t c, float *terms)
{
    const ref_grid *g = j->g;
    int64_t p = j->image * g->channels + c;
    const float *x = g->x + p * j->size, *grad = g->grad_out + p * g->places + place;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = (place + i) * j->most;
        for (int d = 0; d < g->dims; d++, terms += g->channels) {
            float slope = 0;
            for (int64_t t = first; t < first + j->count[place + i]; t++)
                slope = slope + j->slope[t][d] * x[j->index[t]];
            terms[c] = grad[i] * slope;
        }
    }
}

/* Channel after channel, so that a plane is in the cache for several places. */
static void place_gradients(void *argument, int64_t begin, int64_t end, int worker)
{
    const job *j = argument;
    const ref_grid *g = j->g;
    float *terms = j->terms + worker * j->together * g->dims * g->channels;
    for (int64_t place = begin; place < end; place += j->together) {
        int64_t n = smaller(j->together, end - place);
        for (int64_t c = 0; c < g->channels; c++)
            make_terms(j, place, n, c, terms);
        float *to = g->grad_grid + (j->image * g->places + place) * g->dims;
        for (int64_t i = 0; i < n * g->dims; i++) {
            float sum = cpu_sum(j->kernels, j->contract, terms + i * g->channels, g->channels);
            to[i] = j->factor[place + i / g->dims][i % g->dims] * sum;
        }
    }
}

static ea_status prepare(ea_context *ctx, const ref_grid *g, job *j)
{
    *j = (job){ .g = g,
                .kernels = cpu_kernels_of(ctx),
                .contract = ctx->contract,
                .size = g->size[0] * g->size[1] * g->size[2],
                .most = 1 };
    for (int d = 0; d < g->dims; d++)
        j->most *= g->options.mode == EA_GRID_NEAREST    ? 1
                   : g->options.mode == EA_GRID_BILINEAR ? 2
                                                         : 4;
    size_t places = (size_t)g->places, taps = places * (size_t)j->most;
    j->count = core_arena_alloc(ctx->arena, sizeof *j->count * places);
    j->index = core_arena_alloc(ctx->arena, sizeof *j->index * taps);
    j->weight = core_arena_alloc(ctx->arena, sizeof *j->weight * taps);
    bool enough = j->count && j->index && j->weight;
    if (g->grad_grid) {
        j->slope = core_arena_alloc(ctx->arena, sizeof *j->slope * taps);
        j->factor = core_arena_alloc(ctx->arena, sizeof *j->factor * places);
        int64_t of_place = g->dims * g->channels;
        j->together = larger(1, smaller(MOST_PLACES, MOST_TERMS / (of_place + 1)));
        j->terms = core_arena_alloc(ctx->arena, sizeof *j->terms * (size_t)ctx->threads *
                                                    (size_t)(j->together * of_place));
        enough = enough && j->slope && j->factor && j->terms;
    }
    return enough ? EA_OK
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
