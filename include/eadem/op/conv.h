/* conv.h: two-dimensional convolution (contract: Convolution). */
#ifndef EADEM_OP_CONV_H
#define EADEM_OP_CONV_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in a field means its default: stride 1, padding 0, dilation 1, groups 1. Order: height,
 * width. */
typedef struct ea_conv_options {
    int64_t stride[2];
    int64_t padding[2];
    int64_t dilation[2];
    int64_t groups;
} ea_conv_options;

/* As torch.nn.functional.conv2d: x [n, c, h, w], weight [oc, c/groups, kh, kw], bias [oc] or NULL,
 * out [n, oc, oh, ow] with oh = (h + 2·padding − dilation·(kh − 1) − 1) / stride + 1. */
EA_API ea_status ea_conv2d(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                           const DLTensor *bias, const ea_conv_options *options, DLTensor *out);

/* grad_x [n, c, h, w] from grad_out [n, oc, oh, ow]. */
EA_API ea_status ea_conv2d_backward_input(ea_context *ctx, const DLTensor *grad_out,
                                          const DLTensor *weight, const ea_conv_options *options,
                                          DLTensor *grad_x);

/* grad_weight [oc, c/groups, kh, kw]. The bias's gradient is ea_sum over dimensions 0, 2, 3. */
EA_API ea_status ea_conv2d_backward_weight(ea_context *ctx, const DLTensor *grad_out,
                                           const DLTensor *x, const ea_conv_options *options,
                                           DLTensor *grad_weight);

#ifdef __cplusplus
}
#endif
#endif
