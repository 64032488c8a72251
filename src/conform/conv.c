/* conv.c: cases of convolution. */
#include "conform/families.h"
#include "eadem/op.h"

static int64_t out_size(int64_t size, int64_t kernel, const ea_conv_options *o, int d)
{
    int64_t stride = o->stride[d] ? o->stride[d] : 1;
    int64_t dilation = o->dilation[d] ? o->dilation[d] : 1;
    return (size + 2 * o->padding[d] - dilation * (kernel - 1) - 1) / stride + 1;
}

/* Forward and both gradients; everything in `dtype`. */
static void run(conform *c, const DLTensor *x, const DLTensor *weight, ea_conv_options o,
                DLDataType dtype)
{
    if (!x || !weight)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *bias = conform_floats(c, 33, 1, weight->shape);
    int64_t shape[] = { x->shape[0], weight->shape[0],
                        out_size(x->shape[2], weight->shape[2], &o, 0),
                        out_size(x->shape[3], weight->shape[3], &o, 1) };
    DLTensor *out = conform_zeros(c, dtype, 4, shape);
    DLTensor *grad = conform_as(c, dtype, conform_floats(c, 44, 4, shape));
    DLTensor *grad_x = conform_zeros(c, dtype, 4, x->shape);
    DLTensor *grad_weight = conform_zeros(c, dtype, 4, weight->shape);
    conform_check(c, ea_conv2d(ctx, x, weight, bias, &o, out));
    conform_check(c, ea_conv2d_backward_input(ctx, grad, weight, &o, grad_x));
    conform_check(c, ea_conv2d_backward_weight(ctx, grad, x, &o, grad_weight));
    conform_emit(c, out);
    conform_emit(c, grad_x);
    conform_emit(c, grad_weight);
}

/* The two of LeNet-5, on few images. */
static void lenet(conform *c)
{
    run(c, conform_floats(c, 1, 4, (int64_t[]){ 3, 1, 28, 28 }),
        conform_floats(c, 2, 4, (int64_t[]){ 6, 1, 5, 5 }),
        (ea_conv_options){ .padding = { 2, 2 } }, EA_FLOAT32);
    run(c, conform_floats(c, 3, 4, (int64_t[]){ 3, 6, 14, 14 }),
        conform_floats(c, 4, 4, (int64_t[]){ 16, 6, 5, 5 }), (ea_conv_options){ 0 }, EA_FLOAT32);
}

static void options(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 6, 13, 12 });
    DLTensor *weight = conform_floats(c, 2, 4, (int64_t[]){ 4, 6, 3, 2 });
    run(c, x, weight, (ea_conv_options){ .stride = { 2, 3 } }, EA_FLOAT32);
    run(c, x, weight, (ea_conv_options){ .padding = { 1, 2 }, .dilation = { 2, 3 } }, EA_FLOAT32);
    run(c, x, weight,
        (ea_conv_options){ .stride = { 3, 2 }, .padding = { 2, 1 }, .dilation = { 1, 2 } },
        EA_FLOAT32);
    run(c, x, conform_floats(c, 3, 4, (int64_t[]){ 6, 2, 3, 3 }),
        (ea_conv_options){ .padding = { 1, 1 }, .groups = 3 }, EA_FLOAT32);
    run(c, x, conform_floats(c, 4, 4, (int64_t[]){ 6, 1, 2, 3 }), (ea_conv_options){ .groups = 6 },
        EA_FLOAT32);
}

/* One output channel to a group, with lines shorter and longer than a few vectors. */
static void depthwise(conform *c)
{
    for (int64_t width = 3; width <= 75; width += 24) {
        DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 5, 7, width });
        DLTensor *weight = conform_floats(c, 2, 4, (int64_t[]){ 5, 1, 3, 3 });
        run(c, x, weight, (ea_conv_options){ .padding = { 1, 1 }, .groups = 5 }, EA_FLOAT32);
        run(c, x, weight, (ea_conv_options){ .stride = { 2, 2 }, .padding = { 2, 1 }, .groups = 5 },
            EA_FLOAT32);
    }
    run(c, conform_bits(c, 3, 4, (int64_t[]){ 1, 2, 9, 31 }),
        conform_bits(c, 4, 4, (int64_t[]){ 2, 1, 3, 3 }),
        (ea_conv_options){ .padding = { 1, 1 }, .groups = 2 }, EA_FLOAT32);
}

/* Chains around the length of a block: 1023, 1024 and 1025 terms in the forward, more in the
 * weight's gradient. */
static void long_chains(conform *c)
{
    for (int64_t channels = 1023; channels <= 1025; channels++)
        run(c, conform_floats(c, 1, 4, (int64_t[]){ 1, channels, 3, 3 }),
            conform_floats(c, 2, 4, (int64_t[]){ 2, channels, 1, 1 }), (ea_conv_options){ 0 },
            EA_FLOAT32);
    run(c, conform_floats(c, 3, 4, (int64_t[]){ 3, 2, 21, 20 }),
        conform_floats(c, 4, 4, (int64_t[]){ 3, 2, 3, 3 }), (ea_conv_options){ 0 }, EA_FLOAT32);
}

static void strides(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 9, 10, 5 });
    DLTensor *weight = conform_floats(c, 2, 4, (int64_t[]){ 4, 3, 5, 3 });
    run(c, conform_transposed(c, x, 1, 3), conform_transposed(c, weight, 1, 2),
        (ea_conv_options){ .padding = { 1, 1 } }, EA_FLOAT32);
    run(c, conform_strided(c, conform_transposed(c, x, 1, 3), 2, -2),
        conform_transposed(c, weight, 1, 2), (ea_conv_options){ .padding = { 1, 1 } }, EA_FLOAT32);
}

static void specials(conform *c)
{
    run(c, conform_bits(c, 1, 4, (int64_t[]){ 1, 2, 9, 9 }),
        conform_bits(c, 2, 4, (int64_t[]){ 3, 2, 2, 2 }), (ea_conv_options){ .padding = { 1, 1 } },
        EA_FLOAT32);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 3, 9, 8 });
    DLTensor *weight = conform_floats(c, 2, 4, (int64_t[]){ 5, 3, 3, 3 });
    run(c, conform_as(c, EA_FLOAT16, x), conform_as(c, EA_BFLOAT16, weight), (ea_conv_options){ 0 },
        EA_BFLOAT16);
    run(c, conform_as(c, EA_BFLOAT16, x), weight, (ea_conv_options){ 0 }, EA_FLOAT16);
}

/* Any number of dimensions, forward (or transposed) and both gradients. */
static void run_any(conform *c, int dims, bool transposed, const int64_t *x_shape,
                    const int64_t *weight_shape, const int64_t *out_shape, ea_conv_options o)
{
    ea_context *ctx = conform_context(c);
    DLTensor *x = conform_floats(c, 1, dims + 2, x_shape);
    DLTensor *weight = conform_floats(c, 2, dims + 2, weight_shape);
    DLTensor *bias = conform_floats(c, 3, 1, out_shape + 1);
    DLTensor *grad = conform_floats(c, 4, dims + 2, out_shape);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, dims + 2, out_shape);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, dims + 2, x_shape);
    DLTensor *grad_weight = conform_zeros(c, EA_FLOAT32, dims + 2, weight_shape);
    conform_check(c,
                  (transposed ? ea_conv_transpose : ea_conv)(ctx, dims, x, weight, bias, &o, out));
    conform_check(c, (transposed ? ea_conv_transpose_backward_input
                                 : ea_conv_backward_input)(ctx, dims, grad, weight, &o, grad_x));
    conform_check(c, (transposed ? ea_conv_transpose_backward_weight
                                 : ea_conv_backward_weight)(ctx, dims, grad, x, &o, grad_weight));
    conform_emit(c, out);
    conform_emit(c, grad_x);
    conform_emit(c, grad_weight);
}

static void line(conform *c)
{
    run_any(c, 1, false, (int64_t[]){ 2, 4, 19 }, (int64_t[]){ 6, 2, 3 }, (int64_t[]){ 2, 6, 9 },
            (ea_conv_options){ .stride = { 2 }, .padding = { 1 }, .dilation = { 2 }, .groups = 2 });
}

static void volume(conform *c)
{
    run_any(
        c, 3, false, (int64_t[]){ 2, 4, 5, 6, 7 }, (int64_t[]){ 6, 2, 2, 3, 2 },
        (int64_t[]){ 2, 6, 6, 3, 3 },
        (ea_conv_options){
            .stride = { 1, 2, 3 }, .padding = { 1, 1, 1 }, .dilation = { 1, 1, 2 }, .groups = 2 });
    run_any(c, 3, false, (int64_t[]){ 3, 40, 7, 8, 7 }, (int64_t[]){ 17, 40, 3, 3, 3 },
            (int64_t[]){ 3, 17, 7, 8, 7 }, (ea_conv_options){ .padding = { 1, 1, 1 } });
}

static void transposed(conform *c)
{
    run_any(c, 1, true, (int64_t[]){ 2, 4, 9 }, (int64_t[]){ 4, 3, 4 }, (int64_t[]){ 2, 6, 27 },
            (ea_conv_options){ .stride = { 3 }, .padding = { 1 }, .groups = 2 });
    run_any(c, 2, true, (int64_t[]){ 2, 5, 6, 7 }, (int64_t[]){ 5, 3, 3, 2 },
            (int64_t[]){ 2, 3, 13, 8 }, (ea_conv_options){ .stride = { 2, 1 } });
    run_any(c, 3, true, (int64_t[]){ 1, 4, 3, 4, 5 }, (int64_t[]){ 4, 2, 2, 3, 3 },
            (int64_t[]){ 1, 2, 6, 8, 9 },
            (ea_conv_options){ .stride = { 2, 2, 2 }, .padding = { 0, 1, 1 } });
}

static const conform_case cases[] = {
    { "lenet", lenet },         { "options", options },   { "long-chains", long_chains },
    { "strides", strides },     { "specials", specials }, { "storage", storage },
    { "line", line },           { "volume", volume },     { "transposed", transposed },
    { "depthwise", depthwise },
};

const conform_family conform_conv = { "conv", cases, sizeof cases / sizeof cases[0] };
