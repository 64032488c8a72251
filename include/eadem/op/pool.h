/* pool.h: pooling (contract: Pooling). */
#ifndef EADEM_OP_POOL_H
#define EADEM_OP_POOL_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `dims` is 1, 2 or 3: max_pool1d, max_pool2d, max_pool3d and so on. Tensors are [n, c, spatial…]
 * or [c, spatial…]; `spatial` is width, height and width, or depth, height and width, and arrays
 * have an entry for each, in this order. Positions in a plane count in row-major order. */

/* Zero in a field means its default: stride = kernel, padding 0, dilation 1, floor. */
typedef struct ea_pool_options {
    int64_t kernel[3];
    int64_t stride[3];
    int64_t padding[3];
    int64_t dilation[3]; /* max pooling only */
    int ceil_mode;
    int exclude_padding;      /* average pooling: PyTorch's count_include_pad=False */
    int64_t divisor_override; /* average pooling: the divisor of every window */
} ea_pool_options;

/* Maximum of each window; indices (int64, may be NULL) the position of each in its plane. Ties go
 * to the first position, a NaN wins (the last of several). Padding is −infinity; a window that lies
 * in it wholly, as dilation allows, gives −infinity and index −1. padding is at most half of the
 * window. */
EA_API ea_status ea_max_pool(ea_context *ctx, int dims, const DLTensor *x,
                             const ea_pool_options *options, DLTensor *out, DLTensor *indices);

/* Backward of every max pooling that gives indices,: each grad_out goes
 * to its index; several for one position are summed in ascending order of output position by the
 * contract's sum rule; index −1 is none. Errors also: EA_ERR_ARGUMENT naming an index outside of
 * the plane. grad_x has the shape of x. */
EA_API ea_status ea_max_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                      const DLTensor *indices, DLTensor *grad_x);

/* The same with dims = 2. */
EA_API ea_status ea_max_pool2d(ea_context *ctx, const DLTensor *x, const ea_pool_options *options,
                               DLTensor *out, DLTensor *indices);
EA_API ea_status ea_max_pool2d_backward(ea_context *ctx, const DLTensor *grad_out,
                                        const DLTensor *indices, DLTensor *grad_x);

/* As adaptive_max_pool: window i of o along a dimension of size s is ⌊i·s/o⌋ … ⌈(i + 1)·s/o⌉ − 1;
 * o is out's size. */
EA_API ea_status ea_adaptive_max_pool(ea_context *ctx, int dims, const DLTensor *x, DLTensor *out,
                                      DLTensor *indices);

/* As fractional_max_pool (dims 2 or 3): windows of size kernel[dims] whose places follow from
 * `samples` [n, c, dims], uniform numbers in [0, 1) (contract: Pooling says how). */
EA_API ea_status ea_fractional_max_pool(ea_context *ctx, int dims, const DLTensor *x,
                                        const int64_t *kernel, const DLTensor *samples,
                                        DLTensor *out, DLTensor *indices);

/* As max_unpool: each x goes to its index in a plane of zeros; of several at one place the last
 * stays. Errors also: EA_ERR_ARGUMENT naming an index outside of the plane. */
EA_API ea_status ea_max_unpool(ea_context *ctx, int dims, const DLTensor *x,
                               const DLTensor *indices, DLTensor *out);
/* grad_x is grad_out at the index, also where a later element took its place. */
EA_API ea_status ea_max_unpool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                        const DLTensor *indices, DLTensor *grad_x);

/* As avg_pool: the window's sum over the number of its positions. */
EA_API ea_status ea_avg_pool(ea_context *ctx, int dims, const DLTensor *x,
                             const ea_pool_options *options, DLTensor *out);
EA_API ea_status ea_avg_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                      const ea_pool_options *options, DLTensor *grad_x);

/* As adaptive_avg_pool, with the windows of ea_adaptive_max_pool. */
EA_API ea_status ea_adaptive_avg_pool(ea_context *ctx, int dims, const DLTensor *x, DLTensor *out);
EA_API ea_status ea_adaptive_avg_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                               DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
