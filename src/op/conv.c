/* conv.c: doors of two-dimensional convolution and its gradients. */
#include "cpu/conv.h"
#include "op/op.h"
#include "ref/conv.h"

/* The sizes that the options and the shapes of x, weight and out give, checked. `out` has the shape
 * [n, oc, oh, ow] that the others imply. */
static ea_status conv_sizes(ea_context *ctx, const char *function, const int64_t x[4],
                            const int64_t weight[4], const ea_conv_options *options, ref_conv *conv)
{
    static const ea_conv_options defaults;
    static const char *const axis[2] = { "height", "width" };
    const ea_conv_options *o = options ? options : &defaults;
    int64_t groups = o->groups ? o->groups : 1;
    if (groups < 0 || x[1] % groups != 0 || weight[0] % groups != 0 || x[1] / groups != weight[1])
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: %lld input channels in %lld groups do not fit a weight with %lld "
                         "output and %lld input channels: expected channels / groups",
                         function, (long long)x[1], (long long)groups, (long long)weight[0],
                         (long long)weight[1]);
    *conv = (ref_conv){
        .images = x[0],
        .groups = groups,
        .in_channels = weight[1],
        .out_channels = weight[0] / groups,
    };
    for (int d = 0; d < 2; d++) {
        conv->in[d] = x[2 + d];
        conv->kernel[d] = weight[2 + d];
        conv->stride[d] = o->stride[d] ? o->stride[d] : 1;
        conv->dilation[d] = o->dilation[d] ? o->dilation[d] : 1;
        conv->padding[d] = o->padding[d];
        int64_t limit = (int64_t)1 << 30;
        if (conv->stride[d] < 0 || conv->dilation[d] < 0 || conv->padding[d] < 0 ||
            conv->stride[d] > limit || conv->dilation[d] > limit || conv->padding[d] > limit ||
            conv->kernel[d] < 1 || conv->kernel[d] > limit)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: %s has kernel %lld, stride %lld, padding %lld, dilation %lld: "
                             "give sizes from 1 and padding from 0, to 2^30",
                             function, axis[d], (long long)conv->kernel[d],
                             (long long)conv->stride[d], (long long)conv->padding[d],
                             (long long)conv->dilation[d]);
        int64_t reach = conv->dilation[d] * (conv->kernel[d] - 1) + 1;
        int64_t room = conv->in[d] + 2 * conv->padding[d] - reach;
        if (room < 0)
            return core_fail(ctx, EA_ERR_SHAPE,
                             "%s: the kernel's %s reaches over %lld but the padded input has %lld",
                             function, axis[d], (long long)reach,
                             (long long)(conv->in[d] + 2 * conv->padding[d]));
        conv->out[d] = room / conv->stride[d] + 1;
    }
    return EA_OK;
}

static ea_status view_of4(ea_context *ctx, const char *function, const char *name,
                          const DLTensor *tensor, ea_view *out)
{
    EA_TRY(core_view_of(ctx, function, name, tensor, CORE_FLOATS, out));
    if (out->ndim != 4)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has %d dimensions: expected 4", function, name,
                         out->ndim);
    return EA_OK;
}

static ea_status expect_out(ea_context *ctx, const char *function, const char *name,
                            const ref_conv *conv, const ea_view *out)
{
    int64_t shape[4] = { conv->images, conv->groups * conv->out_channels, conv->out[0],
                         conv->out[1] };
    return op_expect_shape(ctx, function, name, out, 4, shape);
}

ea_status ea_conv2d(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                    const DLTensor *bias, const ea_conv_options *options, DLTensor *out)
{
    ea_view vx, vw, vb, vo;
    EA_TRY(view_of4(ctx, "ea_conv2d", "x", x, &vx));
    EA_TRY(view_of4(ctx, "ea_conv2d", "weight", weight, &vw));
    EA_TRY(view_of4(ctx, "ea_conv2d", "out", out, &vo));
    ref_conv conv;
    EA_TRY(conv_sizes(ctx, "ea_conv2d", vx.shape, vw.shape, options, &conv));
    EA_TRY(expect_out(ctx, "ea_conv2d", "out", &conv, &vo));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d", "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d", "weight", &vw, &vo, false));
    if (bias) {
        EA_TRY(core_view_of(ctx, "ea_conv2d", "bias", bias, CORE_FLOATS, &vb));
        EA_TRY(op_expect_shape(ctx, "ea_conv2d", "bias", &vb, 1, vw.shape));
        EA_TRY(op_no_overlap(ctx, "ea_conv2d", "bias", &vb, &vo, false));
    }
    OP_RUN(ctx, conv2d, &conv, &vx, &vw, bias ? &vb : NULL, &vo);
}

ea_status ea_conv2d_backward_input(ea_context *ctx, const DLTensor *grad_out,
                                   const DLTensor *weight, const ea_conv_options *options,
                                   DLTensor *grad_x)
{
    ea_view vg, vw, vx;
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_input", "grad_out", grad_out, &vg));
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_input", "weight", weight, &vw));
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_input", "grad_x", grad_x, &vx));
    ref_conv conv;
    EA_TRY(conv_sizes(ctx, "ea_conv2d_backward_input", vx.shape, vw.shape, options, &conv));
    EA_TRY(expect_out(ctx, "ea_conv2d_backward_input", "grad_out", &conv, &vg));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d_backward_input", "grad_out", &vg, &vx, false));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d_backward_input", "weight", &vw, &vx, false));
    OP_RUN(ctx, conv2d_backward_input, &conv, &vg, &vw, &vx);
}

ea_status ea_conv2d_backward_weight(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                    const ea_conv_options *options, DLTensor *grad_weight)
{
    ea_view vg, vx, vw;
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_weight", "grad_out", grad_out, &vg));
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_weight", "x", x, &vx));
    EA_TRY(view_of4(ctx, "ea_conv2d_backward_weight", "grad_weight", grad_weight, &vw));
    ref_conv conv;
    EA_TRY(conv_sizes(ctx, "ea_conv2d_backward_weight", vx.shape, vw.shape, options, &conv));
    EA_TRY(expect_out(ctx, "ea_conv2d_backward_weight", "grad_out", &conv, &vg));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d_backward_weight", "grad_out", &vg, &vw, false));
    EA_TRY(op_no_overlap(ctx, "ea_conv2d_backward_weight", "x", &vx, &vw, false));
    OP_RUN(ctx, conv2d_backward_weight, &conv, &vg, &vx, &vw);
}
