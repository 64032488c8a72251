/* axis.c: the maps that operations are made of: which inputs an output takes, and by what weights.
 * Positions and weights are computed in binary64 and weights rounded once to binary32, except where
 * PyTorch's choice of a neighbour is a matter of binary32. */
#include "core/memory.h"
#include "ref/resample.h"

#include <math.h>

/* An axis with room for `taps` taps in all; none yet. */
static ea_status begin(ea_context *ctx, int64_t in, int64_t out, int64_t taps, ref_axis *axis)
{
    *axis = (ref_axis){ .in = in, .out = out };
    axis->begin = core_arena_alloc(ctx->arena, sizeof *axis->begin * (size_t)(out + 1));
    axis->index = core_arena_alloc(ctx->arena, sizeof *axis->index * (size_t)taps);
    axis->weight = core_arena_alloc(ctx->arena, sizeof *axis->weight * (size_t)taps);
    if (!axis->begin || !axis->index || !axis->weight)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the taps of %lld positions",
                         (long long)out);
    axis->begin[0] = 0;
    return EA_OK;
}

ref_maps ref_maps_of(const ea_view *x)
{
    ref_maps maps = { .fill = 0 };
    for (int d = 0; d < 3; d++)
        maps.axis[d].in = maps.axis[d].out = x->shape[2 + d];
    return maps;
}

static void add_tap(ref_axis *axis, int64_t *count, int64_t index, double weight)
{
    axis->index[*count] = index;
    axis->weight[(*count)++] = (float)weight;
}

ea_status ref_axis_spans(ea_context *ctx, const ref_span *spans, int64_t in, int64_t out,
                         ref_axis *axis)
{
    int64_t taps = 0, count = 0;
    for (int64_t i = 0; i < out; i++)
        taps += spans[i].count;
    EA_TRY(begin(ctx, in, out, taps, axis));
    for (int64_t i = 0; i < out; i++) {
        for (int64_t k = 0; k < spans[i].count; k++)
            add_tap(axis, &count, spans[i].begin + k * spans[i].step, 1);
        axis->begin[i + 1] = count;
    }
    return EA_OK;
}

/* --- Padding ---------------------------------------------------------------------------------- */

/* The input position that position i (of an axis without the padding) shows, −1 for none. */
static int64_t padded_index(ea_pad_mode mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    switch (mode) {
    case EA_PAD_REFLECT:
        return i < 0 ? -i : 2 * (size - 1) - i;
    case EA_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case EA_PAD_CIRCULAR:
        return i < 0 ? i + size : i - size;
    default:
        return -1;
    }
}

ea_status ref_axis_pad(ea_context *ctx, ea_pad_mode mode, int64_t in, int64_t before, int64_t after,
                       ref_axis *axis)
{
    int64_t out = in + before + after, count = 0;
    EA_TRY(begin(ctx, in, out, out, axis));
    for (int64_t i = 0; i < out; i++) {
        int64_t index = padded_index(mode, i - before, in);
        if (index >= 0)
            add_tap(axis, &count, index, 1);
        axis->begin[i + 1] = count;
    }
    return EA_OK;
}

/* --- Interpolation ---------------------------------------------------------------------------- */

static int64_t clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

/* PyTorch's choice, in binary32 (for nearest-exact i + ½ and the product in binary64). */
static int64_t nearest(ea_interpolation mode, double scale, int64_t i, int64_t in, int64_t out)
{
    float step = scale > 0 ? (float)(1 / scale) : (float)in / (float)out;
    if (mode == EA_INTERPOLATE_NEAREST_EXACT)
        return clamp((int64_t)floorf((float)(((double)i + 0.5) * (double)step)), in);
    return in == out ? i : out == 2 * in ? i / 2 : clamp((int64_t)floorf((float)i * step), in);
}

/* Keys' cubic convolution with the parameter a: inside |x| ≤ 1, and outside, |x| < 2. */
static double cubic_inside(double x, double a)
{
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}

static double cubic_outside(double x, double a)
{
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Input positions per output position. */
static double step_of(const ea_interpolate_options *o, double scale, int64_t in, int64_t out)
{
    if (o->align_corners)
        return out > 1 ? (double)(in - 1) / (double)(out - 1) : 0;
    return scale > 0 ? 1 / scale : (double)in / (double)out;
}

static void linear_taps(ref_axis *axis, int64_t *count, double position)
{
    position = position < 0 ? 0 : position;
    int64_t first = clamp((int64_t)position, axis->in);
    double part = position - (double)first;
    part = part > 1 ? 1 : part;
    add_tap(axis, count, first, 1 - part);
    add_tap(axis, count, clamp(first + 1, axis->in), part);
}

static void cubic_taps(ref_axis *axis, int64_t *count, double position)
{
    const double a = -0.75;
    int64_t first = (int64_t)floor(position);
    double part = position - (double)first;
    double weight[4] = { cubic_outside(part + 1, a), cubic_inside(part, a),
                         cubic_inside(1 - part, a), cubic_outside(2 - part, a) };
    for (int k = 0; k < 4; k++)
        add_tap(axis, count, clamp(first - 1 + k, axis->in), weight[k]);
}

static double filter(ea_interpolation mode, double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (mode == EA_INTERPOLATE_LINEAR)
        return x < 1 ? 1 - x : 0;
    return x < 1 ? cubic_inside(x, a) : x < 2 ? cubic_outside(x, a) : 0;
}

/* The filter, as wide as `step` when that shrinks, sampled around the output's centre and divided
 * by its sum. */
static void antialias_taps(ref_axis *axis, int64_t *count, ea_interpolation mode, double step,
                           int64_t i)
{
    double width = step > 1 ? step : 1, centre = step * ((double)i + 0.5);
    double reach = (mode == EA_INTERPOLATE_LINEAR ? 1 : 2) * width, total = 0;
    int64_t first = (int64_t)(centre - reach + 0.5), last = (int64_t)(centre + reach + 0.5);
    first = first < 0 ? 0 : first;
    last = last < axis->in ? last : axis->in;
    for (int64_t j = first; j < last; j++)
        total += filter(mode, ((double)j - centre + 0.5) / width);
    for (int64_t j = first; j < last; j++)
        add_tap(axis, count, j, filter(mode, ((double)j - centre + 0.5) / width) / total);
}

/* Taps of all output positions are no more than so many. */
static int64_t tap_room(const ea_interpolate_options *o, double step, int64_t in, int64_t out)
{
    int64_t each = o->mode == EA_INTERPOLATE_CUBIC ? 4 : 2;
    if (!o->antialias)
        return out * each;
    double wide = (step > 1 ? step : 1) * (double)each + 2;
    return out * (wide < (double)in ? (int64_t)wide : in);
}

ea_status ref_axis_interpolate(ea_context *ctx, const ea_interpolate_options *o, double scale,
                               int64_t in, int64_t out, ref_axis *axis)
{
    double step = step_of(o, scale, in, out);
    int64_t count = 0;
    EA_TRY(begin(ctx, in, out, tap_room(o, step, in, out), axis));
    for (int64_t i = 0; i < out; i++) {
        double position = o->align_corners ? step * (double)i : step * ((double)i + 0.5) - 0.5;
        if (o->mode == EA_INTERPOLATE_NEAREST || o->mode == EA_INTERPOLATE_NEAREST_EXACT)
            add_tap(axis, &count, nearest(o->mode, scale, i, in, out), 1);
        else if (o->antialias)
            antialias_taps(axis, &count, o->mode, step, i);
        else if (o->mode == EA_INTERPOLATE_LINEAR)
            linear_taps(axis, &count, position);
        else
            cubic_taps(axis, &count, position);
        axis->begin[i + 1] = count;
    }
    return EA_OK;
}

/* --- Gradient --------------------------------------------------------------------------------- */

/* A counting sort of the taps by their input position. */
static ea_status transpose(ea_context *ctx, ref_axis *axis)
{
    if (!axis->begin)
        return EA_OK;
    ref_axis from = *axis;
    int64_t taps = from.begin[from.out];
    EA_TRY(begin(ctx, from.out, from.in, taps, axis));
    memset(axis->begin, 0, sizeof *axis->begin * (size_t)(axis->out + 1));
    for (int64_t k = 0; k < taps; k++)
        axis->begin[from.index[k] + 1]++;
    for (int64_t i = 0; i < axis->out; i++)
        axis->begin[i + 1] += axis->begin[i];
    for (int64_t i = 0; i < from.out; i++)
        for (int64_t k = from.begin[i]; k < from.begin[i + 1]; k++) {
            int64_t at = axis->begin[from.index[k]]++;
            axis->index[at] = i;
            axis->weight[at] = from.weight[k];
        }
    for (int64_t i = axis->out; i > 0; i--)
        axis->begin[i] = axis->begin[i - 1];
    axis->begin[0] = 0;
    return EA_OK;
}

ea_status ref_maps_transpose(ea_context *ctx, ref_maps *maps)
{
    for (int d = 0; d < 3; d++)
        EA_TRY(transpose(ctx, &maps->axis[d]));
    return EA_OK;
}
