/* conv_engine.h: the two loops below the convolutions of conv.c. */
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

/* grad_weight, all operands contiguous floats. */
ea_status cpu_conv_weight(ea_context *ctx, const ref_conv *conv, int64_t block, const float *grad,
                          const float *x, float *grad_weight);

#endif
