/* reduction.c: sums, softmax, losses, normalisation. */
#include "native.h"

/* --- reduce.h: integers are the dimensions --- */

static ea_status reduce(const native_call *call, ea_status (*run)(ea_context *, const DLTensor *,
                                                                  const int *, int, DLTensor *))
{
    int dims[CALL_INTEGERS];
    for (int i = 0; i < call->integer_count; i++)
        dims[i] = (int)I(i);
    return run(call->ctx, T(0), dims, call->integer_count, T(1));
}

static ea_status run_sum(const native_call *call)
{
    return reduce(call, ea_sum);
}

static ea_status run_mean(const native_call *call)
{
    return reduce(call, ea_mean);
}

static ea_status run_sum_to_shape(const native_call *call)
{
    return ea_sum_to_shape(call->ctx, T(0), T(1));
}

/* --- softmax.h: integer is the dimension --- */

static ea_status run_softmax(const native_call *call)
{
    return ea_softmax(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_log_softmax(const native_call *call)
{
    return ea_log_softmax(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_softmax_backward(const native_call *call)
{
    return ea_softmax_backward(call->ctx, T(0), T(1), (int)I(0), T(2));
}

static ea_status run_log_softmax_backward(const native_call *call)
{
    return ea_log_softmax_backward(call->ctx, T(0), T(1), (int)I(0), T(2));
}

/* --- loss.h: integer is the reduction --- */

static ea_status run_cross_entropy(const native_call *call)
{
    return ea_cross_entropy(call->ctx, T(0), T(1), (ea_reduction)I(0), T(2));
}

static ea_status run_cross_entropy_backward(const native_call *call)
{
    return ea_cross_entropy_backward(call->ctx, T(0), T(1), T(2), (ea_reduction)I(0), T(3));
}

/* --- nll.h. Integers: the reduction, whether there is an index to ignore, that index; float: label
 * smoothing --- */

static ea_nll_options nll_options(const native_call *call)
{
    return (ea_nll_options){ .reduction = (ea_reduction)I(0),
                             .label_smoothing = F(0),
                             .has_ignore_index = (int)I(1),
                             .ignore_index = I(2) };
}

static ea_status run_nll_loss(const native_call *call)
{
    ea_nll_options options = nll_options(call);
    return ea_nll_loss(call->ctx, T(0), T(1), T(2), &options, T(3));
}

static ea_status run_nll_loss_backward(const native_call *call)
{
    ea_nll_options options = nll_options(call);
    return ea_nll_loss_backward(call->ctx, T(0), T(1), T(2), T(3), &options, T(4), T(5));
}

/* Integers: the blank, zero infinity. */

static ea_status run_ctc_loss(const native_call *call)
{
    return ea_ctc_loss(call->ctx, T(0), T(1), T(2), T(3), I(0), (int)I(1), T(4));
}

static ea_status run_ctc_loss_backward(const native_call *call)
{
    return ea_ctc_loss_backward(call->ctx, T(0), T(1), T(2), T(3), T(4), I(0), (int)I(1), T(5));
}

/* --- norm.h: integer is training; floats are momentum and eps --- */

static ea_batch_norm_options batch_norm_options(const native_call *call)
{
    return (ea_batch_norm_options){ .training = (int)I(0), .momentum = F(0), .eps = F(1) };
}

static ea_status run_batch_norm(const native_call *call)
{
    ea_batch_norm_options options = batch_norm_options(call);
    return ea_batch_norm(call->ctx, T(0), T(1), T(2), T(3), T(4), &options, T(5), T(6), T(7));
}

static ea_status run_batch_norm_backward(const native_call *call)
{
    ea_batch_norm_options options = batch_norm_options(call);
    return ea_batch_norm_backward(call->ctx, T(0), T(1), T(2), T(3), T(4), &options, T(5), T(6),
                                  T(7));
}

/* Integer: the dimensions or groups; float: eps. */

static ea_status run_layer_norm(const native_call *call)
{
    return ea_layer_norm(call->ctx, T(0), (int)I(0), T(1), T(2), F(0), T(3), T(4), T(5));
}

static ea_status run_layer_norm_backward(const native_call *call)
{
    return ea_layer_norm_backward(call->ctx, T(0), T(1), (int)I(0), T(2), T(3), T(4), T(5), T(6),
                                  T(7));
}

static ea_status run_rms_norm(const native_call *call)
{
    return ea_rms_norm(call->ctx, T(0), (int)I(0), T(1), F(0), T(2), T(3));
}

static ea_status run_rms_norm_backward(const native_call *call)
{
    return ea_rms_norm_backward(call->ctx, T(0), T(1), (int)I(0), T(2), T(3), T(4), T(5));
}

static ea_status run_group_norm(const native_call *call)
{
    return ea_group_norm(call->ctx, T(0), I(0), T(1), T(2), F(0), T(3), T(4), T(5));
}

static ea_status run_group_norm_backward(const native_call *call)
{
    return ea_group_norm_backward(call->ctx, T(0), T(1), I(0), T(2), T(3), T(4), T(5), T(6), T(7));
}

static const native_op ops[] = {
    { "sum", 2, run_sum },
    { "mean", 2, run_mean },
    { "sum_to_shape", 2, run_sum_to_shape },
    { "softmax", 2, run_softmax },
    { "log_softmax", 2, run_log_softmax },
    { "softmax_backward", 3, run_softmax_backward },
    { "log_softmax_backward", 3, run_log_softmax_backward },
    { "cross_entropy", 3, run_cross_entropy },
    { "cross_entropy_backward", 4, run_cross_entropy_backward },
    { "nll_loss", 4, run_nll_loss },
    { "nll_loss_backward", 6, run_nll_loss_backward },
    { "ctc_loss", 5, run_ctc_loss },
    { "ctc_loss_backward", 6, run_ctc_loss_backward },
    { "batch_norm", 8, run_batch_norm },
    { "batch_norm_backward", 8, run_batch_norm_backward },
    { "layer_norm", 6, run_layer_norm },
    { "layer_norm_backward", 8, run_layer_norm_backward },
    { "rms_norm", 4, run_rms_norm },
    { "rms_norm_backward", 6, run_rms_norm_backward },
    { "group_norm", 6, run_group_norm },
    { "group_norm_backward", 8, run_group_norm_backward },
};

const native_family native_reduction = { ops, sizeof ops / sizeof ops[0] };
