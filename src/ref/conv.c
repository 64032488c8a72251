/* conv.c: definitions of two-dimensional convolution and its gradients. */
#include "ref/conv.h"
#include "ref/ref.h"

static int64_t at4(const ea_view *view, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return i * view->stride[0] + j * view->stride[1] + k * view->stride[2] + l * view->stride[3];
}

static bool inside(int64_t h, int64_t w, const int64_t size[2])
{
    return h >= 0 && h < size[0] && w >= 0 && w < size[1];
}

/* A position outside the image: chain has a term there whose value is +0, repdl has none. */
static void add_outside(const ea_context *ctx, ref_chain *chain, float factor)
{
    if (ctx->contract == EA_CONTRACT_CHAIN)
        ref_chain_add(chain, 0.0f, factor);
}

/* Terms: input channel of the group, kernel row, kernel column. */
float ref_conv2d_at(const ea_context *ctx, const ref_conv *conv, const ea_view *x,
                    const ea_view *weight, const int64_t index[4])
{
    int64_t n = index[0], oc = index[1], group = oc / conv->out_channels;
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t ic = 0; ic < conv->in_channels; ic++)
        for (int64_t kh = 0; kh < conv->kernel[0]; kh++)
            for (int64_t kw = 0; kw < conv->kernel[1]; kw++) {
                int64_t h = index[2] * conv->stride[0] - conv->padding[0] + kh * conv->dilation[0];
                int64_t w = index[3] * conv->stride[1] - conv->padding[1] + kw * conv->dilation[1];
                float y = core_load(weight, at4(weight, oc, ic, kh, kw));
                if (inside(h, w, conv->in))
                    ref_chain_add(&chain,
                                  core_load(x, at4(x, n, group * conv->in_channels + ic, h, w)), y);
                else
                    add_outside(ctx, &chain, y);
            }
    return ref_chain_end(&chain);
}

/* Terms: output channel of the group, kernel row, kernel column. An input position h meets kernel
 * row kh in output row oh when oh·stride = h + padding − kh·dilation; a row or column that the
 * stride skips is no term in any contract. */
float ref_conv2d_backward_input_at(const ea_context *ctx, const ref_conv *conv,
                                   const ea_view *grad_out, const ea_view *weight,
                                   const int64_t index[4])
{
    int64_t n = index[0], group = index[1] / conv->in_channels, ic = index[1] % conv->in_channels;
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t i = 0; i < conv->out_channels; i++)
        for (int64_t kh = 0; kh < conv->kernel[0]; kh++)
            for (int64_t kw = 0; kw < conv->kernel[1]; kw++) {
                int64_t oc = group * conv->out_channels + i;
                int64_t h = index[2] + conv->padding[0] - kh * conv->dilation[0];
                int64_t w = index[3] + conv->padding[1] - kw * conv->dilation[1];
                if (h % conv->stride[0] != 0 || w % conv->stride[1] != 0)
                    continue;
                int64_t oh = h / conv->stride[0], ow = w / conv->stride[1];
                float y = core_load(weight, at4(weight, oc, ic, kh, kw));
                if (inside(oh, ow, conv->out))
                    ref_chain_add(&chain, core_load(grad_out, at4(grad_out, n, oc, oh, ow)), y);
                else
                    add_outside(ctx, &chain, y);
            }
    return ref_chain_end(&chain);
}

/* Terms: image, output row, output column. */
float ref_conv2d_backward_weight_at(const ea_context *ctx, const ref_conv *conv,
                                    const ea_view *grad_out, const ea_view *x,
                                    const int64_t index[4])
{
    int64_t oc = index[0], channel = oc / conv->out_channels * conv->in_channels + index[1];
    ref_chain chain;
    ref_chain_begin(&chain, ctx->contract);
    for (int64_t n = 0; n < conv->images; n++)
        for (int64_t oh = 0; oh < conv->out[0]; oh++)
            for (int64_t ow = 0; ow < conv->out[1]; ow++) {
                int64_t h = oh * conv->stride[0] - conv->padding[0] + index[2] * conv->dilation[0];
                int64_t w = ow * conv->stride[1] - conv->padding[1] + index[3] * conv->dilation[1];
                float g = core_load(grad_out, at4(grad_out, n, oc, oh, ow));
                if (inside(h, w, conv->in))
                    ref_chain_add(&chain, core_load(x, at4(x, n, channel, h, w)), g);
                else
                    add_outside(ctx, &chain, g);
            }
    return ref_chain_end(&chain);
}

/* --- Whole tensors ---------------------------------------------------------------------------- */

typedef float (*element)(const ea_context *ctx, const ref_conv *conv, const ea_view *a,
                         const ea_view *b, const int64_t index[4]);

static ea_status each(ea_context *ctx, const ref_conv *conv, element f, const ea_view *a,
                      const ea_view *b, const ea_view *bias, const ea_view *out)
{
    int64_t i[4];
    for (i[0] = 0; i[0] < out->shape[0]; i[0]++)
        for (i[1] = 0; i[1] < out->shape[1]; i[1]++)
            for (i[2] = 0; i[2] < out->shape[2]; i[2]++)
                for (i[3] = 0; i[3] < out->shape[3]; i[3]++) {
                    float sum = f(ctx, conv, a, b, i);
                    if (bias)
                        sum += core_load(bias, i[1] * bias->stride[0]);
                    core_store(out, at4(out, i[0], i[1], i[2], i[3]), sum);
                }
    return EA_OK;
}

ea_status ref_conv2d(ea_context *ctx, const ref_conv *conv, const ea_view *x, const ea_view *weight,
                     const ea_view *bias, const ea_view *out)
{
    return each(ctx, conv, ref_conv2d_at, x, weight, bias, out);
}

ea_status ref_conv2d_backward_input(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                    const ea_view *weight, const ea_view *grad_x)
{
    return each(ctx, conv, ref_conv2d_backward_input_at, grad_out, weight, NULL, grad_x);
}

ea_status ref_conv2d_backward_weight(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                     const ea_view *x, const ea_view *grad_weight)
{
    return each(ctx, conv, ref_conv2d_backward_weight_at, grad_out, x, NULL, grad_weight);
}
