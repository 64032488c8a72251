/* resample.c: definition of linear maps along axes. */
#include "ref/resample.h"
#include "core/memory.h"

#include <math.h>

/* Output i of a line of values that lie `stride` apart: the first product is rounded, the others
 * are fused. */
static float weigh(const ref_axis *axis, int64_t i, const float *line, int64_t stride, float fill)
{
    int64_t k = axis->begin[i], end = axis->begin[i + 1];
    if (k == end)
        return fill;
    float y = axis->weight[k] * line[axis->index[k] * stride];
    while (++k < end)
        y = fmaf(axis->weight[k], line[axis->index[k] * stride], y);
    return y;
}

/* [outer, in, inner] to [outer, out, inner], both dense. */
static void map_axis(const ref_axis *axis, float fill, int64_t outer, int64_t inner, const float *x,
                     float *y)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < axis->out; i++)
            for (int64_t j = 0; j < inner; j++)
                y[(o * axis->out + i) * inner + j] =
                    weigh(axis, i, x + o * axis->in * inner + j, inner, fill);
}

static float divide(const ref_maps *maps, bool now, int64_t i, int64_t plane, float x)
{
    return maps->divisor && now ? x / maps->divisor[i % plane] : x;
}

/* The last axis first; each pass rounds to binary32. */
ea_status ref_resample(ea_context *ctx, const ref_maps *maps, const ea_view *x, const ea_view *out)
{
    int64_t planes = x->shape[0] * x->shape[1], in = ref_maps_in(maps), to = ref_maps_out(maps);
    int64_t size[3] = { maps->axis[0].in, maps->axis[1].in, maps->axis[2].in };
    float *values = core_arena_alloc(ctx->arena, sizeof *values * (size_t)(planes * in));
    for (int64_t i = 0; values && i < planes * in; i++)
        values[i] = divide(maps, maps->divide_first, i, in, core_load(x, core_offset(x, i)));
    for (int d = 2; values && d >= 0; d--) {
        const ref_axis *axis = &maps->axis[d];
        if (!axis->begin)
            continue;
        int64_t outer = planes, inner = 1;
        for (int k = 0; k < 3; k++)
            *(k < d ? &outer : &inner) *= k == d ? 1 : size[k];
        size_t count = (size_t)(outer * axis->out * inner);
        float *mapped = core_arena_alloc(ctx->arena, sizeof *mapped * count);
        if (mapped)
            map_axis(axis, maps->fill, outer, inner, values, mapped);
        values = mapped;
        size[d] = axis->out;
    }
    if (!values)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld elements",
                         (long long)(planes * to));
    for (int64_t i = 0; i < planes * to; i++)
        core_store(out, core_offset(out, i), divide(maps, !maps->divide_first, i, to, values[i]));
    return EA_OK;
}
