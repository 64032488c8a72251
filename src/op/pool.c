/* pool.c: doors of pooling. */
#include "op/op.h"

/* Options with zeros replaced by what they stand for. */
static ea_status complete(ea_context *ctx, const ea_pool_options *options, ea_pool_options *out)
{
    if (!options)
        return core_fail(ctx, EA_ERR_ARGUMENT, "ea_max_pool2d: options is NULL: kernel is needed");
    *out = *options;
    for (int i = 0; i < 2; i++) {
        out->stride[i] = options->stride[i] ? options->stride[i] : options->kernel[i];
        out->dilation[i] = options->dilation[i] ? options->dilation[i] : 1;
        const int64_t largest = INT32_MAX;
        if (out->kernel[i] < 1 || out->stride[i] < 1 || out->dilation[i] < 1 ||
            out->padding[i] < 0 || out->kernel[i] > largest || out->stride[i] > largest ||
            out->dilation[i] > largest || out->padding[i] > largest)
            return core_fail(
                ctx, EA_ERR_ARGUMENT,
                "ea_max_pool2d: kernel %lld, stride %lld, dilation %lld, padding %lld: "
                "give 1 or more, padding 0 or more, each below 2^31",
                (long long)out->kernel[i], (long long)out->stride[i], (long long)out->dilation[i],
                (long long)out->padding[i]);
        int64_t reach = out->dilation[i] * (out->kernel[i] - 1) + 1;
        if (out->padding[i] > reach / 2)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "ea_max_pool2d: padding %lld is more than half of the window's %lld",
                             (long long)out->padding[i], (long long)reach);
    }
    return EA_OK;
}

/* As PyTorch: in ceil mode no window may begin in the padding after the end. */
static int64_t output_size(const ea_pool_options *o, int i, int64_t size)
{
    int64_t room = size + 2 * o->padding[i] - o->dilation[i] * (o->kernel[i] - 1) - 1;
    if (room < 0 && !(o->ceil_mode && room > -o->stride[i]))
        return 0;
    int64_t n = (room + (o->ceil_mode ? o->stride[i] - 1 : 0)) / o->stride[i] + 1;
    if (o->ceil_mode && (n - 1) * o->stride[i] >= size + o->padding[i])
        n--;
    return n;
}

static ea_status run_forward(ea_context *ctx, const ea_view *x, const ea_pool_options *options,
                             const ea_view *out, const ea_view *indices)
{
    OP_RUN(ctx, max_pool2d, x, options, out, indices);
}

static ea_status run_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                              const ea_view *grad_x)
{
    OP_RUN(ctx, max_pool2d_backward, grad_out, indices, grad_x);
}

ea_status ea_max_pool2d(ea_context *ctx, const DLTensor *x, const ea_pool_options *options,
                        DLTensor *out, DLTensor *indices)
{
    const char *function = "ea_max_pool2d";
    ea_pool_options o;
    ea_view vx, vo, vi;
    EA_TRY(complete(ctx, options, &o));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    if (vx.ndim != 4)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has %d dimensions: give [n, c, h, w]", function,
                         vx.ndim);
    int64_t shape[4] = { vx.shape[0], vx.shape[1], output_size(&o, 0, vx.shape[2]),
                         output_size(&o, 1, vx.shape[3]) };
    if (shape[2] < 1 || shape[3] < 1) {
        char text[128];
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has shape %s: no window fits", function,
                         core_shape_text(&vx, text));
    }
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, 4, shape));
    if (indices) {
        EA_TRY(op_view_of_out(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
        EA_TRY(op_expect_shape(ctx, function, "indices", &vi, 4, shape));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vi, false));
        EA_TRY(op_no_overlap(ctx, function, "indices", &vi, &vo, false));
    }
    return run_forward(ctx, &vx, &o, &vo, indices ? &vi : NULL);
}

/* True when one of n indices is neither −1 (none) nor a position. No early exit: it vectorises. */
static bool any_outside(const int64_t *at, int64_t n, int64_t size)
{
    uint64_t outside = 0;
    for (int64_t i = 0; i < n; i++)
        outside |= ((uint64_t)at[i] + 1) | ((uint64_t)(size - 1) - (uint64_t)at[i]);
    return outside >> 63;
}

static ea_status check_indices(ea_context *ctx, const ea_view *indices, int64_t size)
{
    int64_t n = core_numel(indices);
    if (core_is_contiguous(indices) && !any_outside(indices->data, n, size))
        return EA_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = ((const int64_t *)indices->data)[core_offset(indices, i)];
        if (at < -1 || at >= size)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "ea_max_pool2d_backward: indices[%lld] is %lld: a plane has %lld "
                             "positions",
                             (long long)i, (long long)at, (long long)size);
    }
    return EA_OK;
}

ea_status ea_max_pool2d_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *indices,
                                 DLTensor *grad_x)
{
    const char *function = "ea_max_pool2d_backward";
    ea_view vg, vi, vx;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vx));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vx, false));
    EA_TRY(op_no_overlap(ctx, function, "indices", &vi, &vx, false));
    if (vx.ndim != 4 || vg.ndim != 4 || vx.shape[0] != vg.shape[0] || vx.shape[1] != vg.shape[1])
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: grad_out and grad_x need four dimensions and equal first two",
                         function);
    EA_TRY(op_expect_shape(ctx, function, "indices", &vi, 4, vg.shape));
    EA_TRY(check_indices(ctx, &vi, vx.shape[2] * vx.shape[3]));
    return run_backward(ctx, &vg, &vi, &vx);
}
