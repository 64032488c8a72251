/* pool.h: pooling (contract: Pooling). */
#ifndef EADEM_OP_POOL_H
#define EADEM_OP_POOL_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in a field means its default: stride = kernel, padding 0, dilation 1, floor. */
typedef struct ea_pool_options {
    int64_t kernel[2];
    int64_t stride[2];
    int64_t padding[2];
    int64_t dilation[2];
    int ceil_mode;
} ea_pool_options;

/* As torch.nn.functional.max_pool2d: x [n, c, h, w], out [n, c, oh, ow], indices (int64, may be
 * NULL) the position h·width + w of each maximum; ties go to the first
 * position, a NaN wins (the last of several). Padding is −infinity; a window that lies in it
 * wholly, as dilation allows, gives −infinity and index −1. padding is at most half of the window.
 */
EA_API ea_status ea_max_pool2d(ea_context *ctx, const DLTensor *x, const ea_pool_options *options,
                               DLTensor *out, DLTensor *indices);

/* Each grad_out goes to its index; several for one position are summed in ascending order of output
 * position by the contract's sum rule; index −1 is none. Errors also: EA_ERR_ARGUMENT naming an
 * index outside of the plane. grad_x [n, c, h, w]. */
EA_API ea_status ea_max_pool2d_backward(ea_context *ctx, const DLTensor *grad_out,
                                        const DLTensor *indices, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
