/* contraction.c: matrix products and convolutions. */
#include "native.h"

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

/* --- conv.h: integers are stride, padding, dilation (two each), groups --- */

static ea_conv_options conv_options(const native_call *call)
{
    return (ea_conv_options){ .stride = { I(0), I(1) },
                              .padding = { I(2), I(3) },
                              .dilation = { I(4), I(5) },
                              .groups = I(6) };
}

static ea_status run_conv2d(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d(call->ctx, T(0), T(1), T(2), &options, T(3));
}

static ea_status run_conv2d_backward_input(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d_backward_input(call->ctx, T(0), T(1), &options, T(2));
}

static ea_status run_conv2d_backward_weight(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d_backward_weight(call->ctx, T(0), T(1), &options, T(2));
}

static const native_op ops[] = {
    { "matmul", 3, run_matmul },
    { "bmm", 3, run_bmm },
    { "linear", 4, run_linear },
    { "conv2d", 4, run_conv2d },
    { "conv2d_backward_input", 3, run_conv2d_backward_input },
    { "conv2d_backward_weight", 3, run_conv2d_backward_weight },
};

const native_family native_contraction = { ops, sizeof ops / sizeof ops[0] };
