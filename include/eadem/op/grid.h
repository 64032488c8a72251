/* grid.h: sampling at given places (contract: Grid sample). */
#ifndef EADEM_OP_GRID_H
#define EADEM_OP_GRID_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ea_grid_mode { EA_GRID_BILINEAR, EA_GRID_NEAREST, EA_GRID_BICUBIC } ea_grid_mode;
typedef enum ea_grid_padding { EA_GRID_ZEROS, EA_GRID_BORDER, EA_GRID_REFLECTION } ea_grid_padding;

typedef struct ea_grid_options {
    ea_grid_mode mode;
    ea_grid_padding padding;
    int align_corners;
} ea_grid_options;

/* As torch.nn.functional.grid_sample: x [n, c, h, w], grid [n, oh, ow, 2], out [n, c, oh, ow], or
 * with a depth before the height and grid's last size 3 (then not bicubic). grid's last dimension
 * is x, y(, z) in −1 … 1. All float32 and contiguous; options may be NULL. */
EA_API ea_status ea_grid_sample(ea_context *ctx, const DLTensor *x, const DLTensor *grid,
                                const ea_grid_options *options, DLTensor *out);
/* Either gradient may be NULL. */
EA_API ea_status ea_grid_sample_backward(ea_context *ctx, const DLTensor *grad_out,
                                         const DLTensor *x, const DLTensor *grid,
                                         const ea_grid_options *options, DLTensor *grad_x,
                                         DLTensor *grad_grid);

#ifdef __cplusplus
}
#endif
#endif
