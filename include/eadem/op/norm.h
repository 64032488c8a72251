/* norm.h: normalisation (contract: Batch norm, Row norms). */
#ifndef EADEM_OP_NORM_H
#define EADEM_OP_NORM_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As torch.nn.functional.batch_norm: x [n, c] or [n, c, h, w] (any number of trailing dimensions);
 * weight, bias, running_mean and running_var [c], each may be NULL. */
typedef struct ea_batch_norm_options {
    int training;    /* nonzero: statistics of the batch, and running ones are updated */
    double momentum; /* share of the new statistics; 0 means 0.1, negative means none */
    double eps;      /* 0 means 1e-5 */
} ea_batch_norm_options;

/* save_mean and save_std [c] receive what was used to normalise, for the backward; they may be
 * NULL. Running statistics take momentum·new + (1 − momentum)·old; without training they are what
 * is used and needed. Errors also: EA_ERR_SHAPE for training on a single value a channel under
 * contract chain. */
EA_API ea_status ea_batch_norm(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                               const DLTensor *bias, DLTensor *running_mean, DLTensor *running_var,
                               const ea_batch_norm_options *options, DLTensor *out,
                               DLTensor *save_mean, DLTensor *save_std);

/* grad_weight and grad_bias [c] and grad_x may each be NULL: then they are not computed. */
EA_API ea_status ea_batch_norm_backward(ea_context *ctx, const DLTensor *grad_out,
                                        const DLTensor *x, const DLTensor *weight,
                                        const DLTensor *save_mean, const DLTensor *save_std,
                                        const ea_batch_norm_options *options, DLTensor *grad_x,
                                        DLTensor *grad_weight, DLTensor *grad_bias);

/* --- Row norms -----------------------------------------------------------------------------------
 * As torch.nn.functional; weight and bias may be NULL. eps: 0 means PyTorch's default, a negative
 * number a true 0. save_mean and save_rstd, one float32 a row, receive the mean and 1/√(variance +
 * eps) for the backward; in the forward they may be NULL. Any of the backward's gradients may be
 * NULL: then it is not computed. Errors also: EA_ERR_SHAPE for `dims` or `groups` that do not fit.
 */

/* Over the last `dims` dimensions, whose shape weight and bias have; the others are save_mean's and
 * save_rstd's. eps: 1e-5. */
EA_API ea_status ea_layer_norm(ea_context *ctx, const DLTensor *x, int dims, const DLTensor *weight,
                               const DLTensor *bias, double eps, DLTensor *out, DLTensor *save_mean,
                               DLTensor *save_rstd);
EA_API ea_status ea_layer_norm_backward(ea_context *ctx, const DLTensor *grad_out,
                                        const DLTensor *x, int dims, const DLTensor *weight,
                                        const DLTensor *save_mean, const DLTensor *save_rstd,
                                        DLTensor *grad_x, DLTensor *grad_weight,
                                        DLTensor *grad_bias);

/* The same without the mean: x/√(mean of squares + eps). eps: 2⁻²³. */
EA_API ea_status ea_rms_norm(ea_context *ctx, const DLTensor *x, int dims, const DLTensor *weight,
                             double eps, DLTensor *out, DLTensor *save_rstd);
EA_API ea_status ea_rms_norm_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                      int dims, const DLTensor *weight, const DLTensor *save_rstd,
                                      DLTensor *grad_x, DLTensor *grad_weight);

/* x [n, c, …] in `groups` of channels; weight and bias [c]; save_mean and save_rstd [n, groups].
 * groups = c is torch's instance_norm without running statistics. eps: 1e-5. */
EA_API ea_status ea_group_norm(ea_context *ctx, const DLTensor *x, int64_t groups,
                               const DLTensor *weight, const DLTensor *bias, double eps,
                               DLTensor *out, DLTensor *save_mean, DLTensor *save_rstd);
EA_API ea_status ea_group_norm_backward(ea_context *ctx, const DLTensor *grad_out,
                                        const DLTensor *x, int64_t groups, const DLTensor *weight,
                                        const DLTensor *save_mean, const DLTensor *save_rstd,
                                        DLTensor *grad_x, DLTensor *grad_weight,
                                        DLTensor *grad_bias);

#ifdef __cplusplus
}
#endif
#endif
