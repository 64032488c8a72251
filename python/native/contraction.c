/* contraction.c: matrix products and convolutions. */
#include "native.h"

#include <string.h>

/* --- matmul.h --- */

static ea_status run_matmul(const native_call *call)
{
    return ea_matmul(call->ctx, T(0), T(1), T(2));
}

static ea_status run_bmm(const native_call *call)
{
    return ea_bmm(call->ctx, T(0), T(1), T(2));
}

static ea_status run_linear(const native_call *call)
{
    return ea_linear(call->ctx, T(0), T(1), T(2), T(3));
}

/* --- conv.h: integers are the number of spatial dimensions; stride, padding and dilation, three
 * each; groups --- */

static ea_conv_options conv_options(const native_call *call)
{
    ea_conv_options options = { .groups = I(10) };
    memcpy(options.stride, &I(1), sizeof options.stride);
    memcpy(options.padding, &I(4), sizeof options.padding);
    memcpy(options.dilation, &I(7), sizeof options.dilation);
    return options;
}

static ea_status run_conv(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv(call->ctx, (int)I(0), T(0), T(1), T(2), &options, T(3));
}

static ea_status run_conv_backward_input(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv_backward_input(call->ctx, (int)I(0), T(0), T(1), &options, T(2));
}

static ea_status run_conv_backward_weight(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv_backward_weight(call->ctx, (int)I(0), T(0), T(1), &options, T(2));
}

static ea_status run_conv_transpose(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv_transpose(call->ctx, (int)I(0), T(0), T(1), T(2), &options, T(3));
}

static ea_status run_conv_transpose_backward_input(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv_transpose_backward_input(call->ctx, (int)I(0), T(0), T(1), &options, T(2));
}

static ea_status run_conv_transpose_backward_weight(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv_transpose_backward_weight(call->ctx, (int)I(0), T(0), T(1), &options, T(2));
}

static const native_op ops[] = {
    { "matmul", 3, run_matmul },
    { "bmm", 3, run_bmm },
    { "linear", 4, run_linear },
    { "conv", 4, run_conv },
    { "conv_backward_input", 3, run_conv_backward_input },
    { "conv_backward_weight", 3, run_conv_backward_weight },
    { "conv_transpose", 4, run_conv_transpose },
    { "conv_transpose_backward_input", 3, run_conv_transpose_backward_input },
    { "conv_transpose_backward_weight", 3, run_conv_transpose_backward_weight },
};

const native_family native_contraction = { ops, sizeof ops / sizeof ops[0] };
