/* resample.c: padding, patches and interpolation. */
#include "native.h"

#include <string.h>

/* --- Integers: dimensions, mode, before (3), after (3); float: the value --- */

static ea_pad_options pad_options(const native_call *call)
{
    ea_pad_options options = { .mode = (ea_pad_mode)I(1), .value = F(0) };
    memcpy(options.before, &I(2), sizeof options.before);
    memcpy(options.after, &I(5), sizeof options.after);
    return options;
}

static ea_status run_pad(const native_call *call)
{
    ea_pad_options options = pad_options(call);
    return ea_pad(call->ctx, (int)I(0), T(0), &options, T(1));
}

static ea_status run_pad_backward(const native_call *call)
{
    ea_pad_options options = pad_options(call);
    return ea_pad_backward(call->ctx, (int)I(0), T(0), &options, T(1));
}

/* --- Integers: kernel, stride, padding, dilation, two each --- */

static ea_unfold_options unfold_options(const native_call *call)
{
    return (ea_unfold_options){ .kernel = { I(0), I(1) },
                                .stride = { I(2), I(3) },
                                .padding = { I(4), I(5) },
                                .dilation = { I(6), I(7) } };
}

static ea_status run_unfold(const native_call *call)
{
    ea_unfold_options options = unfold_options(call);
    return ea_unfold(call->ctx, T(0), &options, T(1));
}

static ea_status run_fold(const native_call *call)
{
    ea_unfold_options options = unfold_options(call);
    return ea_fold(call->ctx, T(0), &options, T(1));
}

static ea_status run_pixel_shuffle(const native_call *call)
{
    return ea_pixel_shuffle(call->ctx, T(0), I(0), T(1));
}

static ea_status run_pixel_unshuffle(const native_call *call)
{
    return ea_pixel_unshuffle(call->ctx, T(0), I(0), T(1));
}

/* --- Integers: dimensions, mode, align corners, antialias; floats: scale (3) --- */

static ea_interpolate_options interpolate_options(const native_call *call)
{
    return (ea_interpolate_options){ .mode = (ea_interpolation)I(1),
                                     .align_corners = (int)I(2),
                                     .antialias = (int)I(3),
                                     .scale = { F(0), F(1), F(2) } };
}

static ea_status run_interpolate(const native_call *call)
{
    ea_interpolate_options options = interpolate_options(call);
    return ea_interpolate(call->ctx, (int)I(0), T(0), &options, T(1));
}

static ea_status run_interpolate_backward(const native_call *call)
{
    ea_interpolate_options options = interpolate_options(call);
    return ea_interpolate_backward(call->ctx, (int)I(0), T(0), &options, T(1));
}

/* --- Integers: mode, padding, align corners --- */

static ea_grid_options grid_options(const native_call *call)
{
    return (ea_grid_options){ .mode = (ea_grid_mode)I(0),
                              .padding = (ea_grid_padding)I(1),
                              .align_corners = (int)I(2) };
}

static ea_status run_grid_sample(const native_call *call)
{
    ea_grid_options options = grid_options(call);
    return ea_grid_sample(call->ctx, T(0), T(1), &options, T(2));
}

static ea_status run_grid_sample_backward(const native_call *call)
{
    ea_grid_options options = grid_options(call);
    return ea_grid_sample_backward(call->ctx, T(0), T(1), T(2), &options, T(3), T(4));
}

static const native_op ops[] = {
    { "pad", 2, run_pad },
    { "pad_backward", 2, run_pad_backward },
    { "unfold", 2, run_unfold },
    { "fold", 2, run_fold },
    { "pixel_shuffle", 2, run_pixel_shuffle },
    { "pixel_unshuffle", 2, run_pixel_unshuffle },
    { "interpolate", 2, run_interpolate },
    { "interpolate_backward", 2, run_interpolate_backward },
    { "grid_sample", 3, run_grid_sample },
    { "grid_sample_backward", 5, run_grid_sample_backward },
};

const native_family native_resample = { ops, sizeof ops / sizeof ops[0] };
