/* conv.c: doors of convolution, of its transpose, and of their gradients.
 *
 * Three operations stand behind all doors: windows over an image times the weight, and the
 * gradients of that with respect to the image and to the weight. A transposed convolution is the
 * second, its gradients are the first and the third with image and result exchanged.
 */
#include "cpu/conv.h"
#include "op/op.h"
#include "ref/conv.h"

/* One call: `image` is what windows slide over, `result` what they give. */
typedef struct conv_call {
    const char *function;
    int dims;
    bool transposed; /* `result` is x's side: sizes that leave a remainder of the stride are free */
    ea_view image, weight, bias, result;
    ref_conv3d conv;
} conv_call;

static ea_status axis_sizes(ea_context *ctx, conv_call *c, int d)
{
    static const char *const axis[3] = { "depth", "height", "width" };
    const int64_t limit = (int64_t)1 << 30;
    ref_conv3d *v = &c->conv;
    if (v->stride[d] < 0 || v->dilation[d] < 0 || v->padding[d] < 0 || v->stride[d] > limit ||
        v->dilation[d] > limit || v->padding[d] > limit || v->kernel[d] < 1 || v->kernel[d] > limit)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: %s has kernel %lld, stride %lld, padding %lld, dilation %lld: "
                         "give sizes from 1 and padding from 0, to 2^30",
                         c->function, axis[d], (long long)v->kernel[d], (long long)v->stride[d],
                         (long long)v->padding[d], (long long)v->dilation[d]);
    int64_t reach = v->dilation[d] * (v->kernel[d] - 1) + 1;
    int64_t room = v->in[d] + 2 * v->padding[d] - reach;
    if (c->transposed) {
        int64_t extra = room - (v->out[d] - 1) * v->stride[d];
        if (extra < 0 || (extra >= v->stride[d] && extra >= v->dilation[d]))
            return core_fail(ctx, EA_ERR_SHAPE,
                             "%s: out's %s of %lld asks for an output padding of %lld: give 0 or "
                             "more, below stride or dilation",
                             c->function, axis[d], (long long)v->in[d], (long long)extra);
        return EA_OK;
    }
    if (room < 0)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: the kernel's %s reaches over %lld but the padded input has %lld",
                         c->function, axis[d], (long long)reach,
                         (long long)(v->in[d] + 2 * v->padding[d]));
    if (v->out[d] != room / v->stride[d] + 1)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: the result's %s is %lld: expected %lld",
                         c->function, axis[d], (long long)v->out[d],
                         (long long)(room / v->stride[d] + 1));
    return EA_OK;
}

/* The sizes that the options and the shapes give, checked. */
static ea_status conv_sizes(ea_context *ctx, const ea_conv_options *options, conv_call *c)
{
    static const ea_conv_options defaults;
    const ea_conv_options *o = options ? options : &defaults;
    const int64_t *image = c->image.shape, *weight = c->weight.shape, *result = c->result.shape;
    int64_t groups = o->groups ? o->groups : 1;
    if (groups < 0 || image[1] % groups != 0 || weight[0] % groups != 0 ||
        image[1] / groups != weight[1] || result[1] != weight[0] || result[0] != image[0])
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: %lld images with %lld channels and %lld with %lld, in %lld groups, "
                         "do not fit a weight of [%lld, %lld, …]",
                         c->function, (long long)image[0], (long long)image[1],
                         (long long)result[0], (long long)result[1], (long long)groups,
                         (long long)weight[0], (long long)weight[1]);
    c->conv = (ref_conv3d){ .images = image[0],
                            .groups = groups,
                            .in_channels = weight[1],
                            .out_channels = weight[0] / groups,
                            .terms_outside = true };
    for (int d = 0; d < 3; d++) {
        int from = d - (3 - c->dims);
        c->conv.in[d] = image[2 + d];
        c->conv.kernel[d] = weight[2 + d];
        c->conv.out[d] = result[2 + d];
        c->conv.stride[d] = from < 0 || !o->stride[from] ? 1 : o->stride[from];
        c->conv.dilation[d] = from < 0 || !o->dilation[from] ? 1 : o->dilation[from];
        c->conv.padding[d] = from < 0 ? 0 : o->padding[from];
        EA_TRY(axis_sizes(ctx, c, d));
    }
    return EA_OK;
}

static ea_status open_conv(ea_context *ctx, conv_call *c, const DLTensor *image,
                           const char *image_name, const DLTensor *weight, const char *weight_name,
                           const DLTensor *result, const char *result_name,
                           const ea_conv_options *options)
{
    EA_TRY(core_view_of(ctx, c->function, image_name, image, CORE_FLOATS, &c->image));
    EA_TRY(core_view_of(ctx, c->function, weight_name, weight, CORE_FLOATS, &c->weight));
    EA_TRY(core_view_of(ctx, c->function, result_name, result, CORE_FLOATS, &c->result));
    EA_TRY(op_spatial(ctx, c->function, image_name, c->dims, &c->image));
    EA_TRY(op_spatial(ctx, c->function, result_name, c->dims, &c->result));
    if (c->weight.ndim != c->dims + 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has %d dimensions: expected %d", c->function,
                         weight_name, c->weight.ndim, c->dims + 2);
    EA_TRY(op_spatial(ctx, c->function, weight_name, c->dims, &c->weight));
    return conv_sizes(ctx, options, c);
}

static ea_status open_bias(ea_context *ctx, conv_call *c, const DLTensor *bias, int64_t channels,
                           const ea_view *out)
{
    if (!bias)
        return EA_OK;
    EA_TRY(core_view_of(ctx, c->function, "bias", bias, CORE_FLOATS, &c->bias));
    EA_TRY(op_expect_shape(ctx, c->function, "bias", &c->bias, 1, &channels));
    return op_no_overlap(ctx, c->function, "bias", &c->bias, out, false);
}

static ea_status check_written(ea_context *ctx, const conv_call *c, const ea_view *a,
                               const ea_view *b, const ea_view *out)
{
    for (int d = 0; d < out->ndim && core_numel(out) > 0; d++)
        if (out->shape[d] > 1 && out->stride[d] == 0)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: the result has stride 0: give every element its own place",
                             c->function);
    EA_TRY(op_no_overlap(ctx, c->function, "the first operand", a, out, false));
    return op_no_overlap(ctx, c->function, "the second operand", b, out, false);
}

/* --- The three operations, in two dimensions or three ----------------------------------------- */

static ref_conv flat_conv(const ref_conv3d *v)
{
    return (ref_conv){
        .images = v->images,
        .groups = v->groups,
        .in_channels = v->in_channels,
        .out_channels = v->out_channels,
        .in = { v->in[1], v->in[2] },
        .kernel = { v->kernel[1], v->kernel[2] },
        .out = { v->out[1], v->out[2] },
        .stride = { v->stride[1], v->stride[2] },
        .padding = { v->padding[1], v->padding[2] },
        .dilation = { v->dilation[1], v->dilation[2] },
    };
}

static ea_view flat(const ea_view *view)
{
    ea_view without =
        core_move_dim(view, 2, 4); /* the depth, of size 1, last: then it is dropped */
    without.ndim = 4;
    return without;
}

static ea_status run_forward(ea_context *ctx, const conv_call *c, const ea_view *bias)
{
    EA_TRY(check_written(ctx, c, &c->image, &c->weight, &c->result));
    if (c->dims == 3)
        OP_RUN(ctx, conv3d_forward, &c->conv, &c->image, &c->weight, bias, &c->result);
    ref_conv conv = flat_conv(&c->conv);
    ea_view x = flat(&c->image), w = flat(&c->weight), out = flat(&c->result);
    OP_RUN(ctx, conv2d, &conv, &x, &w, bias, &out);
}

static ea_status run_image(ea_context *ctx, const conv_call *c)
{
    EA_TRY(check_written(ctx, c, &c->result, &c->weight, &c->image));
    if (c->dims == 3)
        OP_RUN(ctx, conv3d_backward_input, &c->conv, &c->result, &c->weight, &c->image);
    ref_conv conv = flat_conv(&c->conv);
    ea_view g = flat(&c->result), w = flat(&c->weight), x = flat(&c->image);
    OP_RUN(ctx, conv2d_backward_input, &conv, &g, &w, &x);
}

static ea_status run_weight(ea_context *ctx, const conv_call *c)
{
    EA_TRY(check_written(ctx, c, &c->result, &c->image, &c->weight));
    if (c->dims == 3)
        OP_RUN(ctx, conv3d_backward_weight, &c->conv, &c->result, &c->image, &c->weight);
    ref_conv conv = flat_conv(&c->conv);
    ea_view g = flat(&c->result), x = flat(&c->image), w = flat(&c->weight);
    OP_RUN(ctx, conv2d_backward_weight, &conv, &g, &x, &w);
}

/* --- Doors ------------------------------------------------------------------------------------ */

static ea_status conv(ea_context *ctx, const char *function, int dims, const DLTensor *x,
                      const DLTensor *weight, const DLTensor *bias, const ea_conv_options *options,
                      DLTensor *out)
{
    conv_call c = { .function = function, .dims = dims };
    EA_TRY(open_conv(ctx, &c, x, "x", weight, "weight", out, "out", options));
    EA_TRY(open_bias(ctx, &c, bias, c.weight.shape[0], &c.result));
    return run_forward(ctx, &c, bias ? &c.bias : NULL);
}

static ea_status backward_input(ea_context *ctx, const char *function, int dims,
                                const DLTensor *grad_out, const DLTensor *weight,
                                const ea_conv_options *options, DLTensor *grad_x)
{
    conv_call c = { .function = function, .dims = dims };
    EA_TRY(open_conv(ctx, &c, grad_x, "grad_x", weight, "weight", grad_out, "grad_out", options));
    return run_image(ctx, &c);
}

static ea_status backward_weight(ea_context *ctx, const char *function, int dims,
                                 const DLTensor *grad_out, const DLTensor *x,
                                 const ea_conv_options *options, DLTensor *grad_weight)
{
    conv_call c = { .function = function, .dims = dims };
    EA_TRY(open_conv(ctx, &c, x, "x", grad_weight, "grad_weight", grad_out, "grad_out", options));
    return run_weight(ctx, &c);
}

ea_status ea_conv(ea_context *ctx, int dims, const DLTensor *x, const DLTensor *weight,
                  const DLTensor *bias, const ea_conv_options *options, DLTensor *out)
{
    return conv(ctx, "ea_conv", dims, x, weight, bias, options, out);
}

ea_status ea_conv2d(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                    const DLTensor *bias, const ea_conv_options *options, DLTensor *out)
{
    return conv(ctx, "ea_conv2d", 2, x, weight, bias, options, out);
}

ea_status ea_conv_backward_input(ea_context *ctx, int dims, const DLTensor *grad_out,
                                 const DLTensor *weight, const ea_conv_options *options,
                                 DLTensor *grad_x)
{
    return backward_input(ctx, "ea_conv_backward_input", dims, grad_out, weight, options, grad_x);
}

ea_status ea_conv2d_backward_input(ea_context *ctx, const DLTensor *grad_out,
                                   const DLTensor *weight, const ea_conv_options *options,
                                   DLTensor *grad_x)
{
    return backward_input(ctx, "ea_conv2d_backward_input", 2, grad_out, weight, options, grad_x);
}

ea_status ea_conv_backward_weight(ea_context *ctx, int dims, const DLTensor *grad_out,
                                  const DLTensor *x, const ea_conv_options *options,
                                  DLTensor *grad_weight)
{
    return backward_weight(ctx, "ea_conv_backward_weight", dims, grad_out, x, options, grad_weight);
}

ea_status ea_conv2d_backward_weight(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                    const ea_conv_options *options, DLTensor *grad_weight)
{
    return backward_weight(ctx, "ea_conv2d_backward_weight", 2, grad_out, x, options, grad_weight);
}

/* --- Transposed ------------------------------------------------------------------------------- */

/* The image plus bias, rounded to its type once: in binary32 beside it when that is not its type.
 */
static ea_status run_image_and_bias(ea_context *ctx, const conv_call *c)
{
    conv_call wide = *c;
    const ea_view *out = &c->image;
    float *sums = NULL;
    if (out->dtype != CORE_F32) {
        sums = core_arena_alloc(ctx->arena, sizeof *sums * (size_t)core_numel(out));
        if (!sums)
            return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %lld sums", c->function,
                             (long long)core_numel(out));
        wide.image = core_view_make(sums, CORE_F32, 5, out->shape);
    }
    EA_TRY(run_image(ctx, &wide));
    ea_view bias = c->bias;
    bias.ndim = 5;
    memset(bias.shape, 0, sizeof bias.shape);
    memset(bias.stride, 0, sizeof bias.stride);
    memcpy(bias.shape, out->shape, sizeof *bias.shape * 5);
    bias.stride[1] = c->bias.stride[0];
    OP_RUN(ctx, binary, REF_ADD, &wide.image, &bias, out);
}

ea_status ea_conv_transpose(ea_context *ctx, int dims, const DLTensor *x, const DLTensor *weight,
                            const DLTensor *bias, const ea_conv_options *options, DLTensor *out)
{
    conv_call c = { .function = "ea_conv_transpose", .dims = dims, .transposed = true };
    EA_TRY(open_conv(ctx, &c, out, "out", weight, "weight", x, "x", options));
    EA_TRY(open_bias(ctx, &c, bias, c.image.shape[1], &c.image));
    if (!bias)
        return run_image(ctx, &c);
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = run_image_and_bias(ctx, &c);
    core_arena_release(ctx->arena, mark);
    return status;
}

ea_status ea_conv_transpose_backward_input(ea_context *ctx, int dims, const DLTensor *grad_out,
                                           const DLTensor *weight, const ea_conv_options *options,
                                           DLTensor *grad_x)
{
    conv_call c = { .function = "ea_conv_transpose_backward_input",
                    .dims = dims,
                    .transposed = true };
    EA_TRY(open_conv(ctx, &c, grad_out, "grad_out", weight, "weight", grad_x, "grad_x", options));
    return run_forward(ctx, &c, NULL);
}

ea_status ea_conv_transpose_backward_weight(ea_context *ctx, int dims, const DLTensor *grad_out,
                                            const DLTensor *x, const ea_conv_options *options,
                                            DLTensor *grad_weight)
{
    conv_call c = { .function = "ea_conv_transpose_backward_weight",
                    .dims = dims,
                    .transposed = true };
    EA_TRY(open_conv(ctx, &c, grad_out, "grad_out", grad_weight, "grad_weight", x, "x", options));
    return run_weight(ctx, &c);
}
