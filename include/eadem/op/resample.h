/* resample.h: padding, patches and interpolation (contract: Axis maps, Grid sample). */
#ifndef EADEM_OP_RESAMPLE_H
#define EADEM_OP_RESAMPLE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `dims` is 1, 2 or 3, tensors are [n, c, spatial…] or [c, spatial…], and arrays have an entry for
 * each spatial dimension in order. A backward takes the gradient of its forward's result and gives
 * that of x, whose shape is the forward's. */

typedef enum ea_pad_mode {
    EA_PAD_CONSTANT = 0,
    EA_PAD_REFLECT,   /* without repeating the border: less than the size */
    EA_PAD_REPLICATE, /* repeats the border */
    EA_PAD_CIRCULAR   /* the other end: at most the size */
} ea_pad_mode;

typedef struct ea_pad_options {
    ea_pad_mode mode;
    int64_t before[3], after[3]; /* negative: so many positions are cut off */
    double value;                /* for EA_PAD_CONSTANT */
} ea_pad_options;

/* As torch.nn.functional.pad over the last `dims` dimensions. */
EA_API ea_status ea_pad(ea_context *ctx, int dims, const DLTensor *x, const ea_pad_options *options,
                        DLTensor *out);
EA_API ea_status ea_pad_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                 const ea_pad_options *options, DLTensor *grad_x);

/* Zero means the default: stride and dilation 1, padding 0. */
typedef struct ea_unfold_options {
    int64_t kernel[2];
    int64_t stride[2];
    int64_t padding[2];
    int64_t dilation[2];
} ea_unfold_options;

/* As torch.nn.functional.unfold: x [n, c, h, w], out [n, c·kh·kw, places], a column for each place
 * of the kernel, places in row-major order. Backward: ea_fold. n may be left out. */
EA_API ea_status ea_unfold(ea_context *ctx, const DLTensor *x, const ea_unfold_options *options,
                           DLTensor *out);
/* As torch.nn.functional.fold, out's size being output_size: overlapping values are added.
 * Backward: ea_unfold. */
EA_API ea_status ea_fold(ea_context *ctx, const DLTensor *x, const ea_unfold_options *options,
                         DLTensor *out);

/* As torch.nn.functional.pixel_shuffle: x [..., c·r², h, w], out [..., c, h·r, w·r]; and back. Each
 * is the other's backward. At most six dimensions. */
EA_API ea_status ea_pixel_shuffle(ea_context *ctx, const DLTensor *x, int64_t r, DLTensor *out);
EA_API ea_status ea_pixel_unshuffle(ea_context *ctx, const DLTensor *x, int64_t r, DLTensor *out);

typedef enum ea_interpolation {
    EA_INTERPOLATE_NEAREST = 0,
    EA_INTERPOLATE_NEAREST_EXACT,
    EA_INTERPOLATE_LINEAR, /* linear, bilinear, trilinear */
    EA_INTERPOLATE_CUBIC,  /* bicubic: dims = 2 */
    EA_INTERPOLATE_AREA    /* adaptive average pooling */
} ea_interpolation;

typedef struct ea_interpolate_options {
    ea_interpolation mode;
    int align_corners; /* linear and cubic only */
    int antialias;     /* linear and cubic with dims = 2 only */
    /* PyTorch's scale_factor, when it and not a size was given; out's size is then ⌊size·scale⌋. */
    double scale[3];
} ea_interpolate_options;

/* As torch.nn.functional.interpolate; out's shape is the size. */
EA_API ea_status ea_interpolate(ea_context *ctx, int dims, const DLTensor *x,
                                const ea_interpolate_options *options, DLTensor *out);
EA_API ea_status ea_interpolate_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                         const ea_interpolate_options *options, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
