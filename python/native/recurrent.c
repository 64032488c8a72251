/* recurrent.c: recurrent networks. */
#include "native.h"

/* --- recurrent.h. Integers: kind, reverse, steps; the last tensor: the batch sizes, int64 and
 * contiguous, or none --- */

static ea_recurrence_options recurrence_options(const native_call *call, int sizes)
{
    const DLTensor *t = T(sizes);
    return (ea_recurrence_options){
        .kind = (ea_recurrent_kind)I(0),
        .reverse = (int)I(1),
        .steps = I(2),
        .batch_sizes = t ? (const int64_t *)((const char *)t->data + t->byte_offset) : NULL,
    };
}

static ea_status run_recurrence_forward(const native_call *call)
{
    ea_recurrence_options options = recurrence_options(call, 11);
    ea_recurrence r = { T(0), T(1), T(2), T(3), T(4), T(5), T(6), T(7), T(8), T(9), T(10) };
    return ea_recurrence_forward(call->ctx, &options, &r);
}

static ea_status run_recurrence_backward(const native_call *call)
{
    ea_recurrence_options options = recurrence_options(call, 13);
    ea_recurrence_gradients g = { T(0), T(1), T(2), T(3),  T(4),  T(5), T(6),
                                  T(7), T(8), T(9), T(10), T(11), T(12) };
    return ea_recurrence_backward(call->ctx, &options, &g);
}

static const native_op ops[] = {
    { "recurrence_forward", 12, run_recurrence_forward },
    { "recurrence_backward", 14, run_recurrence_backward },
};

const native_family native_recurrent = { ops, sizeof ops / sizeof ops[0] };
