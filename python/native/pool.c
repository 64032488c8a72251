/* pool.c: pooling. The first integer is the number of spatial dimensions. */
#include "native.h"

#include <string.h>

/* Integers 1 … 12: kernel, stride, padding, dilation, three each; 13: ceil mode, 14: exclude
 * padding, 15: divisor. */
static ea_pool_options pool_options(const native_call *call)
{
    ea_pool_options options = { .ceil_mode = (int)I(13),
                                .exclude_padding = (int)I(14),
                                .divisor_override = I(15) };
    memcpy(options.kernel, &I(1), sizeof options.kernel);
    memcpy(options.stride, &I(4), sizeof options.stride);
    memcpy(options.padding, &I(7), sizeof options.padding);
    memcpy(options.dilation, &I(10), sizeof options.dilation);
    return options;
}

static ea_status run_max_pool(const native_call *call)
{
    ea_pool_options options = pool_options(call);
    return ea_max_pool(call->ctx, (int)I(0), T(0), &options, T(1), T(2));
}

static ea_status run_max_pool_backward(const native_call *call)
{
    return ea_max_pool_backward(call->ctx, (int)I(0), T(0), T(1), T(2));
}

static ea_status run_adaptive_max_pool(const native_call *call)
{
    return ea_adaptive_max_pool(call->ctx, (int)I(0), T(0), T(1), T(2));
}

static ea_status run_fractional_max_pool(const native_call *call)
{
    return ea_fractional_max_pool(call->ctx, (int)I(0), T(0), &I(1), T(1), T(2), T(3));
}

static ea_status run_max_unpool(const native_call *call)
{
    return ea_max_unpool(call->ctx, (int)I(0), T(0), T(1), T(2));
}

static ea_status run_max_unpool_backward(const native_call *call)
{
    return ea_max_unpool_backward(call->ctx, (int)I(0), T(0), T(1), T(2));
}

static ea_status run_avg_pool(const native_call *call)
{
    ea_pool_options options = pool_options(call);
    return ea_avg_pool(call->ctx, (int)I(0), T(0), &options, T(1));
}

static ea_status run_avg_pool_backward(const native_call *call)
{
    ea_pool_options options = pool_options(call);
    return ea_avg_pool_backward(call->ctx, (int)I(0), T(0), &options, T(1));
}

static ea_status run_adaptive_avg_pool(const native_call *call)
{
    return ea_adaptive_avg_pool(call->ctx, (int)I(0), T(0), T(1));
}

static ea_status run_adaptive_avg_pool_backward(const native_call *call)
{
    return ea_adaptive_avg_pool_backward(call->ctx, (int)I(0), T(0), T(1));
}

static const native_op ops[] = {
    { "max_pool", 3, run_max_pool },
    { "max_pool_backward", 3, run_max_pool_backward },
    { "adaptive_max_pool", 3, run_adaptive_max_pool },
    { "fractional_max_pool", 4, run_fractional_max_pool },
    { "max_unpool", 3, run_max_unpool },
    { "max_unpool_backward", 3, run_max_unpool_backward },
    { "avg_pool", 2, run_avg_pool },
    { "avg_pool_backward", 2, run_avg_pool_backward },
    { "adaptive_avg_pool", 2, run_adaptive_avg_pool },
    { "adaptive_avg_pool_backward", 2, run_adaptive_avg_pool_backward },
};

const native_family native_pool = { ops, sizeof ops / sizeof ops[0] };
