/* conv.h: convolution: its sizes, and its definitions (docs/contract.md, Convolution). */
#ifndef REF_CONV_H
#define REF_CONV_H

#include "core/view.h"

/* Channels are counted within a group. Triples are depth, height, width. */
typedef struct ref_conv3d {
    int64_t images, groups, in_channels, out_channels;
    int64_t in[3], kernel[3], out[3];
    int64_t stride[3], padding[3], dilation[3];
    bool terms_outside; /* positions outside a tensor are terms whose value is +0; else no terms */
} ref_conv3d;

/* The same for two dimensions: pairs are height, width. */
typedef struct ref_conv {
    int64_t images, groups, in_channels, out_channels;
    int64_t in[2], kernel[2], out[2];
    int64_t stride[2], padding[2], dilation[2];
} ref_conv;

/* One element of each two-dimensional operation, before any bias. */
float ref_conv2d_at(const ea_context *ctx, const ref_conv *conv, const ea_view *x,
                    const ea_view *weight, const int64_t index[4]);
float ref_conv2d_backward_input_at(const ea_context *ctx, const ref_conv *conv,
                                   const ea_view *grad_out, const ea_view *weight,
                                   const int64_t index[4]);
float ref_conv2d_backward_weight_at(const ea_context *ctx, const ref_conv *conv,
                                    const ea_view *grad_out, const ea_view *x,
                                    const int64_t index[4]);

/* x [n, c, h, w], weight [oc, c/groups, kh, kw], bias NULL or [oc], out [n, oc, oh, ow]. */
ea_status ref_conv2d(ea_context *ctx, const ref_conv *conv, const ea_view *x, const ea_view *weight,
                     const ea_view *bias, const ea_view *out);
ea_status ref_conv2d_backward_input(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                    const ea_view *weight, const ea_view *grad_x);
ea_status ref_conv2d_backward_weight(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                     const ea_view *x, const ea_view *grad_weight);

/* The same with a depth: x [n, c, d, h, w] and so on. */
ea_status ref_conv3d_forward(ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                             const ea_view *weight, const ea_view *bias, const ea_view *out);
ea_status ref_conv3d_backward_input(ea_context *ctx, const ref_conv3d *conv,
                                    const ea_view *grad_out, const ea_view *weight,
                                    const ea_view *grad_x);
ea_status ref_conv3d_backward_weight(ea_context *ctx, const ref_conv3d *conv,
                                     const ea_view *grad_out, const ea_view *x,
                                     const ea_view *grad_weight);

#endif
