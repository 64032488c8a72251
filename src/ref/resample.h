/* resample.h: linear maps along axes (docs/contract.md, Axis maps): what average pooling, padding,
 * unfold, fold and interpolation are made of.
 *
 * An axis map says for each output position of an axis which input positions it takes, its taps,
 * and by what weights. An operation is one map for each of up to three last dimensions; its
 * gradient is the same with the maps transposed.
 */
#ifndef REF_RESAMPLE_H
#define REF_RESAMPLE_H

#include "core/view.h"
#include "eadem/op/resample.h"
#include "ref/pool.h"

typedef struct ref_axis {
    int64_t in, out;
    int64_t
        *begin; /* taps of output i: begin[i] … begin[i + 1] − 1; NULL: the axis stays, in = out */
    int64_t *index; /* of each tap's input */
    float *weight;
} ref_axis;

typedef struct ref_maps {
    ref_axis axis[3];
    float fill; /* the value of a position without taps */
    const float
        *divisor; /* a plane: results (or, when divide_first, inputs) are divided; or NULL */
    bool divide_first;
} ref_maps;

/* x [a, b, …], out [a, b, …]: from the third dimension on, elements in logical order are planes of
 * the axes' sizes. */
ea_status ref_resample(ea_context *ctx, const ref_maps *maps, const ea_view *x, const ea_view *out);

/* --- axis.c: making maps, for every backend; memory is the context's arena's ------------------ */

static inline int64_t ref_maps_in(const ref_maps *maps)
{
    return maps->axis[0].in * maps->axis[1].in * maps->axis[2].in;
}

static inline int64_t ref_maps_out(const ref_maps *maps)
{
    return maps->axis[0].out * maps->axis[1].out * maps->axis[2].out;
}

/* Maps that leave x's last three of five dimensions as they are. */
ref_maps ref_maps_of(const ea_view *x);
/* Each output position takes its span, all weights 1. */
ea_status ref_axis_spans(ea_context *ctx, const ref_span *spans, int64_t in, int64_t out,
                         ref_axis *axis);
/* `before` and `after` may be negative: then positions are cut off. */
ea_status ref_axis_pad(ea_context *ctx, ea_pad_mode mode, int64_t in, int64_t before, int64_t after,
                       ref_axis *axis);
/* scale: output positions per input position as the caller gave it, 0 when only sizes were. */
ea_status ref_axis_interpolate(ea_context *ctx, const ea_interpolate_options *options, double scale,
                               int64_t in, int64_t out, ref_axis *axis);
/* Makes the gradient's maps of them: taps in ascending order of output position. */
ea_status ref_maps_transpose(ea_context *ctx, ref_maps *maps);

#endif
