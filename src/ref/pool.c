/* pool.c: definitions of max pooling, its inverse, and of the windows of all pooling. */
#include "ref/pool.h"
#include "ref/ref.h"

#include <math.h>

/* --- Windows ---------------------------------------------------------------------------------- */

int64_t ref_pool_size(const ea_pool_options *o, int d, int64_t size)
{
    int64_t room = size + 2 * o->padding[d] - o->dilation[d] * (o->kernel[d] - 1) - 1;
    if (room < 0 && !(o->ceil_mode && room > -o->stride[d]))
        return 0;
    int64_t n = (room + (o->ceil_mode ? o->stride[d] - 1 : 0)) / o->stride[d] + 1;
    if (o->ceil_mode && (n - 1) * o->stride[d] >= size + o->padding[d])
        n--;
    return n;
}

ref_span ref_pool_span(const ea_pool_options *o, int d, int64_t i, int64_t size)
{
    int64_t step = o->dilation[d], first = i * o->stride[d] - o->padding[d];
    int64_t outside = first < 0 ? (-first + step - 1) / step : 0;
    int64_t begin = first + outside * step, most = o->kernel[d] - outside;
    int64_t inside = begin < size ? (size - begin + step - 1) / step : 0;
    int64_t count = most < inside ? most : inside;
    return (ref_span){ begin, count < 0 ? 0 : count, step };
}

ref_span ref_adaptive_span(int64_t i, int64_t size, int64_t out)
{
    int64_t begin = i / out * size + i % out * size / out;
    int64_t end = (i + 1) / out * size + ((i + 1) % out * size + out - 1) / out;
    return (ref_span){ begin, end - begin, 1 };
}

/* As PyTorch, in binary32: window i begins at ⌊(i + sample)·α⌋ − ⌊sample·α⌋, the last at the end.
 */
ref_span ref_fractional_span(int64_t i, int64_t size, int64_t out, int64_t kernel, float sample)
{
    if (i == out - 1)
        return (ref_span){ size - kernel, kernel, 1 };
    float alpha = (float)(size - kernel) / (float)(out - 1);
    int64_t begin = (int64_t)(((float)i + sample) * alpha) - (int64_t)(sample * alpha);
    return (ref_span){ begin, kernel, 1 };
}

/* --- Max pooling ------------------------------------------------------------------------------ */

/* Largest element of one window and its position in the plane. Ties go to the first; a NaN wins,
 * the last of several. An empty window gives −infinity and position −1. */
static float window_max(const ea_view *plane, const ref_span span[3], int64_t *position)
{
    float best = -INFINITY;
    *position = -1;
    for (int64_t i = 0; i < span[0].count; i++)
        for (int64_t j = 0; j < span[1].count; j++)
            for (int64_t k = 0; k < span[2].count; k++) {
                int64_t d = span[0].begin + i * span[0].step;
                int64_t h = span[1].begin + j * span[1].step;
                int64_t w = span[2].begin + k * span[2].step;
                int64_t at = (d * plane->shape[1] + h) * plane->shape[2] + w;
                float x = core_load(plane, core_offset(plane, at));
                if (*position < 0 || x > best || x != x) {
                    best = x;
                    *position = at;
                }
            }
    return best;
}

ea_status ref_max_pool(ea_context *ctx, const ref_windows *windows, const ea_view *x,
                       const ea_view *out, const ea_view *indices)
{
    (void)ctx;
    int64_t height = out->shape[3], width = out->shape[4], size = out->shape[2] * height * width;
    for (int64_t i = 0; i < core_numel(out); i++) {
        int64_t number = i / size,
                place[3] = { i / width / height % out->shape[2], i / width % height, i % width };
        ea_view plane = core_row(x, 2, number);
        ref_span span[3];
        for (int d = 0; d < 3; d++)
            span[d] = windows->axis[d][number * windows->next_plane[d] + place[d]];
        int64_t position;
        float best = window_max(&plane, span, &position);
        core_store(out, core_offset(out, i), best);
        if (indices)
            ((int64_t *)indices->data)[core_offset(indices, i)] = position;
    }
    return EA_OK;
}

static int64_t plane_size(const ea_view *view)
{
    return view->shape[2] * view->shape[3] * view->shape[4];
}

ea_status ref_max_pool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                const ea_view *grad_x)
{
    int64_t size = plane_size(grad_x);
    for (int64_t i = 0; i < core_numel(grad_x); i++) {
        ea_view grads = core_row(grad_out, 2, i / size), at = core_row(indices, 2, i / size);
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t k = 0; k < core_numel(&grads); k++)
            if (((const int64_t *)at.data)[core_offset(&at, k)] == i % size)
                ref_sum_add(&sum, core_load(&grads, core_offset(&grads, k)));
        core_store(grad_x, core_offset(grad_x, i), ref_sum_end(&sum));
    }
    return EA_OK;
}

/* --- Unpooling -------------------------------------------------------------------------------- */

/* Place in memory of element `index` of a plane. */
static int64_t offset_in_plane(const ea_view *view, int64_t plane, int64_t index)
{
    return core_offset(view, plane * plane_size(view) + index);
}

ea_status ref_max_unpool(ea_context *ctx, const ea_view *x, const ea_view *indices,
                         const ea_view *out)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(out); i++)
        core_store(out, core_offset(out, i), 0);
    for (int64_t i = 0; i < core_numel(x); i++) {
        int64_t at = ((const int64_t *)indices->data)[core_offset(indices, i)];
        core_store(out, offset_in_plane(out, i / plane_size(x), at),
                   core_load(x, core_offset(x, i)));
    }
    return EA_OK;
}

ea_status ref_max_unpool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(grad_x); i++) {
        int64_t at = ((const int64_t *)indices->data)[core_offset(indices, i)];
        float grad = core_load(grad_out, offset_in_plane(grad_out, i / plane_size(grad_x), at));
        core_store(grad_x, core_offset(grad_x, i), grad);
    }
    return EA_OK;
}
