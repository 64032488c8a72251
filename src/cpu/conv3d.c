/* conv3d.c: three-dimensional convolution as two-dimensional ones. The planes of x that meet in one
 * plane of the result become the channels of one image, (channel, depth of the kernel) in place of
 * the channel, which keeps the order of the terms; a plane outside is +0, as positions outside are
 * (docs/contract.md, Convolution).
 */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/conv.h"
#include "cpu/conv_engine.h"
#include "cpu/gemm.h"

#include <string.h>

enum {
    PORTION = 8 << 20, /* floats of gathered planes, if the channels of one image fit */
    GRAIN = 1 << 14,   /* floats in a piece of work */
};

/* --- Planes ----------------------------------------------------------------------------------- */

/* Between volumes [image, channel, depth] of planes and images [image, place, channel, tap], in
 * which a tap is the plane at depth place·step + shift[tap]. */
typedef struct planes {
    int64_t channels, depths, plane; /* of a volume; size of a plane */
    int64_t places, step, taps;
    const int64_t *shift;
    int64_t first; /* of the images that are gathered, image · places + place */
    const float *from;
    float *to;
} planes;

/* Items are channels of all images. */
static void gather_channels(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const planes *p = argument;
    size_t bytes = sizeof(float) * (size_t)p->plane;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = p->first + i / p->channels, channel = i % p->channels;
        const float *volume =
            p->from + (image / p->places * p->channels + channel) * p->depths * p->plane;
        for (int64_t t = 0; t < p->taps; t++) {
            int64_t depth = image % p->places * p->step + p->shift[t];
            float *to = p->to + (i * p->taps + t) * p->plane;
            if (depth >= 0 && depth < p->depths)
                memcpy(to, volume + depth * p->plane, bytes);
            else
                memset(to, 0, bytes);
        }
    }
}

/* The same the other way, for one tap. */
static void scatter_channels(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const planes *p = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = p->first + i / p->channels, channel = i % p->channels;
        int64_t depth = image % p->places * p->step + p->shift[0];
        int64_t at = (image / p->places * p->channels + channel) * p->depths + depth;
        memcpy(p->to + at * p->plane, p->from + i * p->plane, sizeof(float) * (size_t)p->plane);
    }
}

static int64_t grain(const planes *p)
{
    return GRAIN / (p->plane * p->taps + 1) + 1;
}

static int64_t volume(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

/* The planes of volumes of x, and of the result; one tap at each depth. */
static planes of_input(const ref_conv3d *conv)
{
    static const int64_t here = 0;
    return (planes){ .channels = conv->groups * conv->in_channels,
                     .depths = conv->in[0],
                     .plane = conv->in[1] * conv->in[2],
                     .places = conv->out[0],
                     .step = 1,
                     .taps = 1,
                     .shift = &here };
}

static planes of_result(const ref_conv3d *conv)
{
    planes p = of_input(conv);
    p.channels = conv->groups * conv->out_channels;
    p.depths = conv->out[0];
    p.plane = conv->out[1] * conv->out[2];
    return p;
}

/* The convolution of the planes: its kernel's depth taken as channels of x, or of the result. */
static ref_conv flat(const ref_conv3d *conv, int64_t in_channels, int64_t out_channels)
{
    return (ref_conv){ .groups = conv->groups,
                       .in_channels = in_channels,
                       .out_channels = out_channels,
                       .in = { conv->in[1], conv->in[2] },
                       .kernel = { conv->kernel[1], conv->kernel[2] },
                       .out = { conv->out[1], conv->out[2] },
                       .stride = { conv->stride[1], conv->stride[2] },
                       .padding = { conv->padding[1], conv->padding[2] },
                       .dilation = { conv->dilation[1], conv->dilation[2] } };
}

typedef ea_status (*flat_operation)(ea_context *ctx, const ref_conv *conv, const float *a,
                                    const float *weight, float *out);

/* Gathers some images, applies the operation and scatters its result, until all are done. */
static ea_status run_portions(ea_context *ctx, flat_operation operation, ref_conv *conv,
                              int64_t images, planes *in, planes *out, const float *weight)
{
    int64_t in_size = in->channels * in->taps * in->plane, out_size = out->channels * out->plane;
    int64_t total = images * in->places, portion = PORTION / (in_size + out_size + 1) + 1;
    portion = portion < total ? portion : total;
    in->to = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(portion * in_size + 1));
    float *result = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(portion * out_size));
    if (!in->to || !result)
        return cpu_conv_no_memory(ctx);
    out->from = result;
    for (int64_t first = 0; first < total; first += portion) {
        conv->images = portion < total - first ? portion : total - first;
        in->first = out->first = first;
        core_parallel(ctx, conv->images * in->channels, grain(in), gather_channels, in);
        core_mark mark = core_arena_mark(ctx->arena);
        EA_TRY(operation(ctx, conv, in->to, weight, result));
        core_arena_release(ctx->arena, mark);
        core_parallel(ctx, conv->images * out->channels, grain(out), scatter_channels, out);
    }
    return EA_OK;
}

/* --- Forward ---------------------------------------------------------------------------------- */

ea_status cpu_conv3d_forward(ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                             const ea_view *weight, const ea_view *bias, const ea_view *out)
{
    if (core_numel(out) == 0)
        return EA_OK;
    int64_t *shift = core_arena_alloc(ctx->arena, sizeof *shift * (size_t)(conv->kernel[0] + 1));
    float *x_data = cpu_conv_dense(ctx, x, true), *y = cpu_conv_dense(ctx, weight, true),
          *result = cpu_conv_dense(ctx, out, false);
    if (!shift || !x_data || !y || !result)
        return cpu_conv_no_memory(ctx);
    for (int64_t k = 0; k < conv->kernel[0]; k++)
        shift[k] = k * conv->dilation[0] - conv->padding[0];
    planes in = of_input(conv), to = of_result(conv);
    in.step = conv->stride[0];
    in.taps = conv->kernel[0];
    in.shift = shift;
    in.from = x_data;
    to.to = result;
    ref_conv each = flat(conv, conv->in_channels * conv->kernel[0], conv->out_channels);
    EA_TRY(run_portions(ctx, cpu_conv_forward, &each, conv->images, &in, &to, y));
    cpu_conv_bias(ctx, bias, volume(conv->out), core_numel(out), result);
    cpu_conv_store(result, out);
    return EA_OK;
}

/* --- Input gradient --------------------------------------------------------------------------- */

/* The weight [output channel, input channel, depth, …] at some depths of the kernel:
 * [output channel, tap, input channel, …]. */
static void select_depths(const ref_conv3d *conv, const float *weight, const int64_t *depth,
                          int64_t taps, float *to)
{
    int64_t plane = conv->kernel[1] * conv->kernel[2];
    for (int64_t o = 0; o < conv->groups * conv->out_channels; o++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t i = 0; i < conv->in_channels; i++, to += plane) {
                int64_t at = (o * conv->in_channels + i) * conv->kernel[0] + depth[t];
                memcpy(to, weight + at * plane, sizeof *to * (size_t)plane);
            }
}

/* The input planes at depths i ≡ `origin` (mod stride) share their terms. */
static ea_status run_phase(ea_context *ctx, const ref_conv3d *conv, const float *grad,
                           const float *weight, int64_t origin, float *grad_x)
{
    int64_t *depth = core_arena_alloc(ctx->arena, sizeof *depth * 2 * (size_t)conv->kernel[0]);
    if (!depth)
        return cpu_conv_no_memory(ctx);
    int64_t *shift = depth + conv->kernel[0];
    int64_t taps = cpu_conv_axis_taps(conv->kernel[0], conv->stride[0], conv->dilation[0],
                                      origin + conv->padding[0], depth, shift);
    if (taps == 0) /* every element is an empty sum; grad_x is zeroed */
        return EA_OK;
    float *y = core_arena_alloc(
        ctx->arena, sizeof *y * (size_t)(conv->groups * conv->out_channels * taps *
                                             conv->in_channels * conv->kernel[1] * conv->kernel[2] +
                                         1));
    if (!y)
        return cpu_conv_no_memory(ctx);
    select_depths(conv, weight, depth, taps, y);
    int64_t places = (conv->in[0] - origin + conv->stride[0] - 1) / conv->stride[0];
    planes in = of_result(conv), to = of_input(conv);
    in.places = to.places = places;
    in.taps = taps;
    in.shift = shift;
    in.from = grad;
    to.step = conv->stride[0];
    to.shift = &origin;
    to.to = grad_x;
    ref_conv each = flat(conv, conv->in_channels, conv->out_channels * taps);
    return run_portions(ctx, cpu_conv_gradient, &each, conv->images, &in, &to, y);
}

ea_status cpu_conv3d_backward_input(ea_context *ctx, const ref_conv3d *conv,
                                    const ea_view *grad_out, const ea_view *weight,
                                    const ea_view *grad_x)
{
    if (core_numel(grad_x) == 0)
        return EA_OK;
    float *grad = cpu_conv_dense(ctx, grad_out, true), *y = cpu_conv_dense(ctx, weight, true),
          *result = cpu_conv_dense(ctx, grad_x, false);
    if (!grad || !y || !result)
        return cpu_conv_no_memory(ctx);
    memset(result, 0, sizeof *result * (size_t)core_numel(grad_x));
    for (int64_t origin = 0; origin < conv->stride[0] && origin < conv->in[0]; origin++) {
        core_mark mark = core_arena_mark(ctx->arena);
        EA_TRY(run_phase(ctx, conv, grad, y, origin, result));
        core_arena_release(ctx->arena, mark);
    }
    cpu_conv_store(result, grad_x);
    return EA_OK;
}

/* --- Weight gradient -------------------------------------------------------------------------- */

/* One depth of the kernel at a time: part[output channel, input channel, …]. */
static ea_status weight_depths(ea_context *ctx, const ref_conv3d *conv, planes *x,
                               const float *grad, float *part, float *grad_weight)
{
    int64_t plane = conv->kernel[1] * conv->kernel[2];
    int64_t lines = conv->groups * conv->out_channels * conv->in_channels;
    ref_conv each = flat(conv, conv->in_channels, conv->out_channels);
    each.images = conv->images * conv->out[0];
    for (int64_t k = 0; k < conv->kernel[0]; k++) {
        int64_t shift = k * conv->dilation[0] - conv->padding[0];
        core_mark mark = core_arena_mark(ctx->arena);
        x->shift = &shift;
        core_parallel(ctx, each.images * x->channels, grain(x), gather_channels, x);
        EA_TRY(cpu_conv_weight(ctx, &each, cpu_contract_block(ctx), grad, x->to, part));
        for (int64_t i = 0; i < lines; i++)
            memcpy(grad_weight + (i * conv->kernel[0] + k) * plane, part + i * plane,
                   sizeof *part * (size_t)plane);
        core_arena_release(ctx->arena, mark);
    }
    return EA_OK;
}

ea_status cpu_conv3d_backward_weight(ea_context *ctx, const ref_conv3d *conv,
                                     const ea_view *grad_out, const ea_view *x,
                                     const ea_view *grad_weight)
{
    if (core_numel(grad_weight) == 0)
        return EA_OK;
    planes gradients = of_result(conv), inputs = of_input(conv);
    gradients.from = cpu_conv_dense(ctx, grad_out, true);
    inputs.from = cpu_conv_dense(ctx, x, true);
    inputs.step = conv->stride[0];
    int64_t images = conv->images * conv->out[0], n = core_numel(grad_weight);
    int64_t grads = images * gradients.channels, channels = images * inputs.channels;
    gradients.to =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(grads * gradients.plane + 1));
    inputs.to = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(channels * inputs.plane + 1));
    float *part = core_arena_alloc(ctx->arena, sizeof *part * (size_t)n);
    float *result = cpu_conv_dense(ctx, grad_weight, false);
    if (!gradients.from || !inputs.from || !gradients.to || !inputs.to || !part || !result)
        return cpu_conv_no_memory(ctx);
    core_parallel(ctx, grads, grain(&gradients), gather_channels, &gradients);
    EA_TRY(weight_depths(ctx, conv, &inputs, gradients.to, part, result));
    cpu_conv_store(result, grad_weight);
    return EA_OK;
}
