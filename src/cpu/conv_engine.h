/* conv_engine.h: the two loops below the convolutions of conv.c, and what conv3d.c shares with it.
 */
#ifndef CPU_CONV_ENGINE_H
#define CPU_CONV_ENGINE_H

#include "cpu/isa/isa.h"
#include "ref/conv.h"

/* One term of a window: input channel of the group, and where it lies relative to step·(output
 * position). */
typedef struct conv_tap {
    int64_t channel, row, column;
} conv_tap;

/* Windows over planes: out[n, g·out_channels + o, origin + spacing·i] = Σ_k a[g, o, k] · x at
 * channel taps[k].channel and position step·i + (taps[k].row, taps[k].column), +0 outside the
 * plane. Both the convolution and its input gradient are of this kind. Pairs are row, column. */
typedef struct conv_windows {
    int64_t images, groups, in_channels, out_channels;
    const float *x;
    int64_t in[2], step[2];
    const conv_tap *taps;
    int64_t terms, block; /* of a chain */
    const float *a;
    float *out;
    int64_t out_plane[2]; /* size of a plane of out */
    int64_t origin[2], spacing[2], count[2];
} conv_windows;

ea_status cpu_conv_windows(ea_context *ctx, const conv_windows *w);

/* The operations of cpu/conv.h on contiguous floats; positions outside are terms of value +0. */
ea_status cpu_conv_forward(ea_context *ctx, const ref_conv *conv, const float *x,
                           const float *weight, float *out);
ea_status cpu_conv_gradient(ea_context *ctx, const ref_conv *conv, const float *grad,
                            const float *weight, float *grad_x);
ea_status cpu_conv_weight(ea_context *ctx, const ref_conv *conv, int64_t block, const float *grad,
                          const float *x, float *grad_weight);

/* Adds bias, unless NULL, to the n elements of out, a plane to each channel. */
void cpu_conv_bias(ea_context *ctx, const ea_view *bias, int64_t plane, int64_t n, float *out);

/* The kernel positions j of an axis that reach the input positions i ≡ origin (mod stride), and
 * where: output position (i − origin) / stride + shift[j]; `origin` is given with the padding
 * added. Returns their number. */
int64_t cpu_conv_axis_taps(int64_t kernel, int64_t stride, int64_t dilation, int64_t origin,
                           int64_t *position, int64_t *shift);

/* The view's elements as contiguous floats: itself, or a copy when `copy`, else room for a result,
 * which cpu_conv_store() brings into the view. NULL: no memory. */
float *cpu_conv_dense(ea_context *ctx, const ea_view *view, bool copy);
void cpu_conv_store(const float *from, const ea_view *view);
ea_status cpu_conv_no_memory(ea_context *ctx);

#endif
