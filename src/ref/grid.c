/* grid.c: definition of sampling at given places. */
#include "ref/grid.h"
#include "ref/ref.h"

#include <math.h>

/* --- Coordinates ------------------------------------------------------------------------------ */

/* A coordinate in elements and its derivative with respect to what it was made of. */
typedef struct coordinate {
    float value, factor;
} coordinate;

static coordinate unnormalised(float g, int64_t size, bool align)
{
    float n = (float)size;
    if (align)
        return (coordinate){ (g + 1) / 2 * (n - 1), (n - 1) / 2 };
    return (coordinate){ ((g + 1) * n - 1) / 2, n / 2 };
}

static coordinate clipped(coordinate c, int64_t size)
{
    float most = (float)(size - 1);
    if (!(c.value > 0)) /* NaN too */
        return (coordinate){ 0, 0 };
    return c.value >= most ? (coordinate){ most, 0 } : c;
}

static coordinate reflected(coordinate c, int64_t size, bool align)
{
    float low = align ? 0 : -0.5f, span = (float)(align ? size - 1 : size);
    if (span == 0)
        return (coordinate){ 0, 0 };
    float distance = c.value - low, away = fabsf(distance);
    float extra = fmodf(away, span), flips = floorf(away / span);
    bool even = fmodf(flips, 2) == 0, negative = distance < 0;
    return (coordinate){ even ? extra + low : span - extra + low,
                         even != negative ? c.factor : -c.factor };
}

static coordinate padded(const ref_grid *g, coordinate c, int64_t size)
{
    if (g->options.padding == EA_GRID_REFLECTION)
        c = reflected(c, size, g->options.align_corners != 0);
    return g->options.padding == EA_GRID_ZEROS ? c : clipped(c, size);
}

/* --- Taps of one axis ------------------------------------------------------------------------- */

typedef struct axis_taps {
    int count;
    int64_t index[4]; /* −1: outside */
    float weight[4], slope[4];
    float factor;
} axis_taps;

/* `position` holds a whole number. */
static int64_t inside(float position, int64_t size)
{
    return position >= 0 && position < (float)size ? (int64_t)position : -1;
}

static void cubic_taps(const ref_grid *g, coordinate c, int64_t size, axis_taps *a)
{
    static const float A = -0.75f;
    float first = floorf(c.value), t = c.value - first;
    const float distance[4] = { t + 1, t, 1 - t, 2 - t };
    a->count = 4;
    a->factor = c.factor;
    for (int k = 0; k < 4; k++) {
        float d = distance[k], sign = k < 2 ? 1.0f : -1.0f;
        if (k == 1 || k == 2) {
            a->weight[k] = ((A + 2) * d - (A + 3)) * d * d + 1;
            a->slope[k] = sign * ((3 * (A + 2) * d - 2 * (A + 3)) * d);
        } else {
            a->weight[k] = ((A * d - 5 * A) * d + 8 * A) * d - 4 * A;
            a->slope[k] = sign * ((3 * A * d - 10 * A) * d + 8 * A);
        }
        coordinate place = padded(g, (coordinate){ first + (float)(k - 1), 0 }, size);
        a->index[k] = inside(place.value, size);
    }
}

static void axis_of(const ref_grid *g, float at, int64_t size, axis_taps *a)
{
    coordinate c = unnormalised(at, size, g->options.align_corners != 0);
    if (g->options.mode == EA_GRID_BICUBIC) {
        cubic_taps(g, c, size, a);
        return;
    }
    c = padded(g, c, size);
    a->factor = c.factor;
    if (g->options.mode == EA_GRID_NEAREST) {
        a->count = 1;
        a->index[0] = inside(rintf(c.value), size);
        a->weight[0] = 1;
        a->slope[0] = 0;
        return;
    }
    float first = floorf(c.value);
    a->count = 2;
    a->index[0] = inside(first, size);
    a->index[1] = inside(first + 1, size);
    a->weight[0] = first + 1 - c.value;
    a->weight[1] = c.value - first;
    a->slope[0] = -1;
    a->slope[1] = 1;
}

/* --- Taps of a place -------------------------------------------------------------------------- */

static void add_tap(const ref_grid *g, const axis_taps axis[3], const int k[3], ref_grid_taps *taps)
{
    const axis_taps *x = &axis[2], *y = &axis[1], *z = &axis[0];
    int64_t ix = x->index[k[2]], iy = y->index[k[1]], iz = z->index[k[0]];
    if (ix < 0 || iy < 0 || iz < 0)
        return;
    float wx = x->weight[k[2]], wy = y->weight[k[1]], wz = z->weight[k[0]];
    int t = taps->count++;
    taps->index[t] = (iz * g->size[1] + iy) * g->size[2] + ix;
    taps->weight[t] = wz * wy * wx;
    taps->slope[t][0] = wz * wy * x->slope[k[2]];
    taps->slope[t][1] = wz * y->slope[k[1]] * wx;
    taps->slope[t][2] = z->slope[k[0]] * wy * wx;
}

void ref_grid_place(const ref_grid *g, const float *at, ref_grid_taps *taps)
{
    axis_taps axis[3] = { { .count = 1, .weight = { 1 } } };
    taps->count = 0;
    for (int d = 0; d < g->dims; d++) {
        axis_of(g, at[d], g->size[2 - d], &axis[2 - d]);
        taps->factor[d] = axis[2 - d].factor;
    }
    int k[3];
    for (k[0] = 0; k[0] < axis[0].count; k[0]++)
        for (k[1] = 0; k[1] < axis[1].count; k[1]++)
            for (k[2] = 0; k[2] < axis[2].count; k[2]++)
                add_tap(g, axis, k, taps);
}

/* --- The operation ---------------------------------------------------------------------------- */

static int64_t plane_size(const ref_grid *g)
{
    return g->size[0] * g->size[1] * g->size[2];
}

ea_status ref_grid_forward(ea_context *ctx, const ref_grid *g)
{
    (void)ctx;
    for (int64_t p = 0; p < g->n * g->channels; p++)
        for (int64_t i = 0; i < g->places; i++) {
            ref_grid_taps taps;
            int64_t place = p / g->channels * g->places + i;
            const float *x = g->x + p * plane_size(g);
            float value = 0;
            ref_grid_place(g, g->grid + place * g->dims, &taps);
            for (int t = 0; t < taps.count; t++)
                value = value + taps.weight[t] * x[taps.index[t]];
            g->out[p * g->places + i] = value;
        }
    return EA_OK;
}

static void place_gradient(ea_context *ctx, const ref_grid *g, int64_t image, int64_t i)
{
    ref_grid_taps taps;
    int64_t place = image * g->places + i;
    ref_grid_place(g, g->grid + place * g->dims, &taps);
    for (int d = 0; d < g->dims; d++) {
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t c = 0; c < g->channels; c++) {
            int64_t p = image * g->channels + c;
            const float *x = g->x + p * plane_size(g);
            float slope = 0;
            for (int t = 0; t < taps.count; t++)
                slope = slope + taps.slope[t][d] * x[taps.index[t]];
            ref_sum_add(&sum, g->grad_out[p * g->places + i] * slope);
        }
        g->grad_grid[place * g->dims + d] = taps.factor[d] * ref_sum_end(&sum);
    }
}

ea_status ref_grid_backward(ea_context *ctx, const ref_grid *g)
{
    int64_t size = plane_size(g);
    for (int64_t p = 0; g->grad_x && p < g->n * g->channels; p++) {
        float *to = g->grad_x + p * size;
        memset(to, 0, sizeof *to * (size_t)size);
        for (int64_t i = 0; i < g->places; i++) {
            ref_grid_taps taps;
            int64_t place = p / g->channels * g->places + i;
            ref_grid_place(g, g->grid + place * g->dims, &taps);
            for (int t = 0; t < taps.count; t++)
                to[taps.index[t]] =
                    to[taps.index[t]] + taps.weight[t] * g->grad_out[p * g->places + i];
        }
    }
    for (int64_t image = 0; g->grad_grid && image < g->n; image++)
        for (int64_t i = 0; i < g->places; i++)
            place_gradient(ctx, g, image, i);
    return EA_OK;
}
