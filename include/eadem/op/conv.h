/* conv.h: convolution (contract: Convolution). */
#ifndef EADEM_OP_CONV_H
#define EADEM_OP_CONV_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `dims` is 1, 2 or 3: conv1d, conv2d, conv3d, conv_transpose1d and so on. Images are [n, c,
 * spatial…] or [c, spatial…]; `spatial` is width, height and width, or depth, height and width, and
 * arrays have an entry for each, in this order. Padding modes other than zeros, and "same", are an
 * ea_pad() before.
 *
 * Zero in a field means its default: stride 1, padding 0, dilation 1, groups 1. */
typedef struct ea_conv_options {
    int64_t stride[3];
    int64_t padding[3];
    int64_t dilation[3];
    int64_t groups;
} ea_conv_options;

/* As torch.nn.functional.conv1d to conv3d: weight [oc, c/groups, kernel…], bias [oc] or NULL, out
 * [n, oc, …] of sizes (size + 2·padding − dilation·(kernel − 1) − 1) / stride + 1. */
EA_API ea_status ea_conv(ea_context *ctx, int dims, const DLTensor *x, const DLTensor *weight,
                         const DLTensor *bias, const ea_conv_options *options, DLTensor *out);

/* grad_x, of x's shape, from grad_out, of out's shape. */
EA_API ea_status ea_conv_backward_input(ea_context *ctx, int dims, const DLTensor *grad_out,
                                        const DLTensor *weight, const ea_conv_options *options,
                                        DLTensor *grad_x);

/* grad_weight, of weight's shape. The bias's gradient is ea_sum over all dimensions but oc's. */
EA_API ea_status ea_conv_backward_weight(ea_context *ctx, int dims, const DLTensor *grad_out,
                                         const DLTensor *x, const ea_conv_options *options,
                                         DLTensor *grad_weight);

/* As torch.nn.functional.conv_transpose1d to 3d: x [n, c, …], weight [c, oc/groups, kernel…], out
 * [n, oc, …] of sizes (size − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1;
 * out's shape says which output_padding, below stride or dilation, is meant. */
EA_API ea_status ea_conv_transpose(ea_context *ctx, int dims, const DLTensor *x,
                                   const DLTensor *weight, const DLTensor *bias,
                                   const ea_conv_options *options, DLTensor *out);
EA_API ea_status ea_conv_transpose_backward_input(ea_context *ctx, int dims,
                                                  const DLTensor *grad_out, const DLTensor *weight,
                                                  const ea_conv_options *options, DLTensor *grad_x);
EA_API ea_status ea_conv_transpose_backward_weight(ea_context *ctx, int dims,
                                                   const DLTensor *grad_out, const DLTensor *x,
                                                   const ea_conv_options *options,
                                                   DLTensor *grad_weight);

/* The first three with dims = 2. */
EA_API ea_status ea_conv2d(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                           const DLTensor *bias, const ea_conv_options *options, DLTensor *out);
EA_API ea_status ea_conv2d_backward_input(ea_context *ctx, const DLTensor *grad_out,
                                          const DLTensor *weight, const ea_conv_options *options,
                                          DLTensor *grad_x);
EA_API ea_status ea_conv2d_backward_weight(ea_context *ctx, const DLTensor *grad_out,
                                           const DLTensor *x, const ea_conv_options *options,
                                           DLTensor *grad_weight);

#ifdef __cplusplus
}
#endif
#endif
