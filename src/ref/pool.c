/* pool.c: definition of max pooling. */
#include "ref/ref.h"

#include <math.h>

/* Largest element of one window and its position h·width + w in the plane. Ties go to the first; a
 * NaN wins, the last of several. A window that lies in the padding altogether, as dilation allows,
 * gives −infinity and position −1. */
static float window_max(const ea_view *plane, const ea_pool_options *o, int64_t row, int64_t column,
                        int64_t *position)
{
    int64_t height = plane->shape[0], width = plane->shape[1];
    float best = -INFINITY;
    *position = -1;
    for (int64_t i = 0; i < o->kernel[0]; i++)
        for (int64_t j = 0; j < o->kernel[1]; j++) {
            int64_t h = row * o->stride[0] - o->padding[0] + i * o->dilation[0];
            int64_t w = column * o->stride[1] - o->padding[1] + j * o->dilation[1];
            if (h < 0 || h >= height || w < 0 || w >= width)
                continue;
            float x = core_load(plane, h * plane->stride[0] + w * plane->stride[1]);
            if (*position < 0 || x > best || x != x) {
                best = x;
                *position = h * width + w;
            }
        }
    return best;
}

ea_status ref_max_pool2d(ea_context *ctx, const ea_view *x, const ea_pool_options *options,
                         const ea_view *out, const ea_view *indices)
{
    (void)ctx;
    int64_t height = out->shape[2], width = out->shape[3];
    for (int64_t i = 0; i < core_numel(out); i++) {
        ea_view plane = core_row(x, 2, i / (height * width));
        int64_t position;
        float best = window_max(&plane, options, i / width % height, i % width, &position);
        core_store(out, core_offset(out, i), best);
        if (indices)
            ((int64_t *)indices->data)[core_offset(indices, i)] = position;
    }
    return EA_OK;
}

ea_status ref_max_pool2d_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x)
{
    int64_t size = grad_x->shape[2] * grad_x->shape[3];
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
