/* conv.c: definitions of convolution and its gradients, in three dimensions; two are a depth of 1.
 */
#include "ref/conv.h"
#include "ref/ref.h"

static int64_t at5(const ea_view *view, int64_t i, int64_t j, const int64_t place[3])
{
    return i * view->stride[0] + j * view->stride[1] + place[0] * view->stride[2] +
           place[1] * view->stride[3] + place[2] * view->stride[4];
}

static bool inside(const int64_t place[3], const int64_t size[3])
{
    for (int d = 0; d < 3; d++)
        if (place[d] < 0 || place[d] >= size[d])
            return false;
    return true;
}

/* Row-major order; false after the last place. */
static bool next(int64_t place[3], const int64_t size[3])
{
    for (int d = 2; d >= 0; d--) {
        if (++place[d] < size[d])
            return true;
        place[d] = 0;
    }
    return false;
}

/* One term: the value of `view` at a place, or outside of it, times `factor`. */
static void add_term(const ref_conv3d *conv, ref_chain *chain, const ea_view *view, int64_t image,
                     int64_t channel, const int64_t place[3], const int64_t size[3], float factor)
{
    if (inside(place, size))
        ref_chain_add(chain, core_load(view, at5(view, image, channel, place)), factor);
    else if (conv->terms_outside)
        ref_chain_add(chain, 0.0f, factor);
}

/* Terms: input channel of the group, kernel position. */
static float forward_at(const ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                        const ea_view *weight, const int64_t index[5])
{
    int64_t oc = index[1], group = oc / conv->out_channels;
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t ic = 0; ic < conv->in_channels; ic++) {
        int64_t k[3] = { 0 }, place[3];
        do {
            for (int d = 0; d < 3; d++)
                place[d] =
                    index[2 + d] * conv->stride[d] - conv->padding[d] + k[d] * conv->dilation[d];
            add_term(conv, &chain, x, index[0], group * conv->in_channels + ic, place, conv->in,
                     core_load(weight, at5(weight, oc, ic, k)));
        } while (next(k, conv->kernel));
    }
    return ref_chain_end(&chain);
}

/* Terms: output channel of the group, kernel position. An input position i meets kernel position k
 * in output position o when o·stride = i + padding − k·dilation; a position that the stride skips
 * is no term in any contract. */
static float backward_input_at(const ea_context *ctx, const ref_conv3d *conv,
                               const ea_view *grad_out, const ea_view *weight,
                               const int64_t index[5])
{
    int64_t group = index[1] / conv->in_channels, ic = index[1] % conv->in_channels;
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t i = 0; i < conv->out_channels; i++) {
        int64_t k[3] = { 0 }, oc = group * conv->out_channels + i;
        do {
            int64_t place[3];
            bool skipped = false;
            for (int d = 0; d < 3; d++) {
                int64_t from = index[2 + d] + conv->padding[d] - k[d] * conv->dilation[d];
                skipped |= from % conv->stride[d] != 0;
                place[d] = from / conv->stride[d];
            }
            if (!skipped)
                add_term(conv, &chain, grad_out, index[0], oc, place, conv->out,
                         core_load(weight, at5(weight, oc, ic, k)));
        } while (next(k, conv->kernel));
    }
    return ref_chain_end(&chain);
}

/* Terms: image, output position. */
static float backward_weight_at(const ea_context *ctx, const ref_conv3d *conv,
                                const ea_view *grad_out, const ea_view *x, const int64_t index[5])
{
    int64_t oc = index[0], channel = oc / conv->out_channels * conv->in_channels + index[1];
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t n = 0; n < conv->images; n++) {
        int64_t o[3] = { 0 }, place[3];
        do {
            for (int d = 0; d < 3; d++)
                place[d] =
                    o[d] * conv->stride[d] - conv->padding[d] + index[2 + d] * conv->dilation[d];
            add_term(conv, &chain, x, n, channel, place, conv->in,
                     core_load(grad_out, at5(grad_out, n, oc, o)));
        } while (next(o, conv->out));
    }
    return ref_chain_end(&chain);
}

/* --- Whole tensors ---------------------------------------------------------------------------- */

typedef float (*element)(const ea_context *ctx, const ref_conv3d *conv, const ea_view *a,
                         const ea_view *b, const int64_t index[5]);

static ea_status each(ea_context *ctx, const ref_conv3d *conv, element f, const ea_view *a,
                      const ea_view *b, const ea_view *bias, const ea_view *out)
{
    int64_t i[5];
    for (int64_t n = 0; n < core_numel(out); n++) {
        int64_t rest = n;
        for (int d = 4; d >= 0; rest /= out->shape[d--])
            i[d] = rest % out->shape[d];
        float sum = f(ctx, conv, a, b, i);
        if (bias)
            sum += core_load(bias, i[1] * bias->stride[0]);
        core_store(out, at5(out, i[0], i[1], i + 2), sum);
    }
    return EA_OK;
}

ea_status ref_conv3d_forward(ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                             const ea_view *weight, const ea_view *bias, const ea_view *out)
{
    return each(ctx, conv, forward_at, x, weight, bias, out);
}

ea_status ref_conv3d_backward_input(ea_context *ctx, const ref_conv3d *conv,
                                    const ea_view *grad_out, const ea_view *weight,
                                    const ea_view *grad_x)
{
    return each(ctx, conv, backward_input_at, grad_out, weight, NULL, grad_x);
}

ea_status ref_conv3d_backward_weight(ea_context *ctx, const ref_conv3d *conv,
                                     const ea_view *grad_out, const ea_view *x,
                                     const ea_view *grad_weight)
{
    return each(ctx, conv, backward_weight_at, grad_out, x, NULL, grad_weight);
}

/* --- Two dimensions --------------------------------------------------------------------------- */

static ref_conv3d with_depth(const ea_context *ctx, const ref_conv *conv)
{
    return (ref_conv3d){
        .images = conv->images,
        .groups = conv->groups,
        .in_channels = conv->in_channels,
        .out_channels = conv->out_channels,
        .in = { 1, conv->in[0], conv->in[1] },
        .kernel = { 1, conv->kernel[0], conv->kernel[1] },
        .out = { 1, conv->out[0], conv->out[1] },
        .stride = { 1, conv->stride[0], conv->stride[1] },
        .padding = { 0, conv->padding[0], conv->padding[1] },
        .dilation = { 1, conv->dilation[0], conv->dilation[1] },
        .terms_outside = ctx->contract == EA_CONTRACT_CHAIN,
    };
}

static ea_view deepened(const ea_view *view)
{
    ea_view deep = *view;
    deep.ndim = 5;
    deep.shape[2] = 1;
    deep.stride[2] = 0;
    for (int d = 2; d < 4; d++) {
        deep.shape[d + 1] = view->shape[d];
        deep.stride[d + 1] = view->stride[d];
    }
    return deep;
}

static float element2d(const ea_context *ctx, const ref_conv *conv, element f, const ea_view *a,
                       const ea_view *b, const int64_t index[4])
{
    ref_conv3d deep = with_depth(ctx, conv);
    ea_view deep_a = deepened(a), deep_b = deepened(b);
    return f(ctx, &deep, &deep_a, &deep_b,
             (int64_t[]){ index[0], index[1], 0, index[2], index[3] });
}

float ref_conv2d_at(const ea_context *ctx, const ref_conv *conv, const ea_view *x,
                    const ea_view *weight, const int64_t index[4])
{
    return element2d(ctx, conv, forward_at, x, weight, index);
}

float ref_conv2d_backward_input_at(const ea_context *ctx, const ref_conv *conv,
                                   const ea_view *grad_out, const ea_view *weight,
                                   const int64_t index[4])
{
    return element2d(ctx, conv, backward_input_at, grad_out, weight, index);
}

float ref_conv2d_backward_weight_at(const ea_context *ctx, const ref_conv *conv,
                                    const ea_view *grad_out, const ea_view *x,
                                    const int64_t index[4])
{
    return element2d(ctx, conv, backward_weight_at, grad_out, x, index);
}

static ea_status each2d(ea_context *ctx, const ref_conv *conv, element f, const ea_view *a,
                        const ea_view *b, const ea_view *bias, const ea_view *out)
{
    ref_conv3d deep = with_depth(ctx, conv);
    ea_view deep_a = deepened(a), deep_b = deepened(b), deep_out = deepened(out);
    return each(ctx, &deep, f, &deep_a, &deep_b, bias, &deep_out);
}

ea_status ref_conv2d(ea_context *ctx, const ref_conv *conv, const ea_view *x, const ea_view *weight,
                     const ea_view *bias, const ea_view *out)
{
    return each2d(ctx, conv, forward_at, x, weight, bias, out);
}

ea_status ref_conv2d_backward_input(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                    const ea_view *weight, const ea_view *grad_x)
{
    return each2d(ctx, conv, backward_input_at, grad_out, weight, NULL, grad_x);
}

ea_status ref_conv2d_backward_weight(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                     const ea_view *x, const ea_view *grad_weight)
{
    return each2d(ctx, conv, backward_weight_at, grad_out, x, NULL, grad_weight);
}
