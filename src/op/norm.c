/* norm.c: doors of batch normalisation. */
#include "op/op.h"

static ea_status run_forward(ea_context *ctx, const ref_norm *norm)
{
    OP_RUN(ctx, batch_norm, norm);
}

static ea_status run_backward(ea_context *ctx, const ref_norm_backward *norm)
{
    OP_RUN(ctx, batch_norm_backward, norm);
}

/* A [channels] tensor that may be absent: *out points to `storage` or is NULL. */
static ea_status channel_view(ea_context *ctx, const char *function, const char *name,
                              const DLTensor *tensor, int64_t channels, ea_view *storage,
                              const ea_view **out)
{
    *out = NULL;
    if (!tensor)
        return EA_OK;
    EA_TRY(core_view_of(ctx, function, name, tensor, CORE_FLOATS, storage));
    EA_TRY(op_expect_shape(ctx, function, name, storage, 1, &channels));
    *out = storage;
    return EA_OK;
}

/* x and its like as [channels, …]. */
static ea_status full_view(ea_context *ctx, const char *function, const char *name,
                           const DLTensor *tensor, const ea_view *like, ea_view *out)
{
    EA_TRY(core_view_of(ctx, function, name, tensor, CORE_FLOATS, out));
    if (out->ndim < 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has %d dimensions: give [n, channels, …]",
                         function, name, out->ndim);
    *out = core_move_dim(out, 1, 0);
    if (like && !core_same_shape(out, like))
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has not x's shape", function, name);
    return EA_OK;
}

static ea_status check_disjoint(ea_context *ctx, const char *function, const ea_view *out,
                                const ea_view *const *inputs, int count)
{
    for (int i = 0; out && i < count; i++)
        if (inputs[i])
            EA_TRY(op_no_overlap(ctx, function, "an input", inputs[i], out, false));
    return EA_OK;
}

ea_status ea_batch_norm(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                        const DLTensor *bias, DLTensor *running_mean, DLTensor *running_var,
                        const ea_batch_norm_options *options, DLTensor *out, DLTensor *save_mean,
                        DLTensor *save_std)
{
    static const ea_batch_norm_options defaults;
    const char *function = "ea_batch_norm";
    const ea_batch_norm_options *o = options ? options : &defaults;
    ea_view vx, vo, w, b, rm, rv, sm, ss;
    EA_TRY(full_view(ctx, function, "x", x, NULL, &vx));
    EA_TRY(full_view(ctx, function, "out", out, &vx, &vo));
    double momentum = o->momentum == 0 ? 0.1 : o->momentum < 0 ? 0 : o->momentum;
    ref_norm norm = { .x = &vx, .out = &vo, .training = o->training != 0 };
    int64_t channels = vx.shape[0];
    EA_TRY(channel_view(ctx, function, "weight", weight, channels, &w, &norm.weight));
    EA_TRY(channel_view(ctx, function, "bias", bias, channels, &b, &norm.bias));
    EA_TRY(channel_view(ctx, function, "running_mean", running_mean, channels, &rm,
                        &norm.running_mean));
    EA_TRY(
        channel_view(ctx, function, "running_var", running_var, channels, &rv, &norm.running_var));
    EA_TRY(channel_view(ctx, function, "save_mean", save_mean, channels, &sm, &norm.save_mean));
    EA_TRY(channel_view(ctx, function, "save_std", save_std, channels, &ss, &norm.save_std));
    const ea_view *const inputs[] = { &vx, norm.weight, norm.bias };
    EA_TRY(check_disjoint(ctx, function, &vo, inputs, 3));
    EA_TRY(check_disjoint(ctx, function, norm.save_mean, inputs, 3));
    EA_TRY(check_disjoint(ctx, function, norm.save_std, inputs, 3));
    if (!norm.training && (!norm.running_mean || !norm.running_var))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: without training, running_mean and running_var are needed", function);
    int64_t n = channels ? core_numel(&vx) / channels : 0;
    if (norm.training && ctx->contract == EA_CONTRACT_CHAIN && n == 1)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: one value a channel has no variance: give more, or do not train",
                         function);
    core_fp saved = core_fp_enter();
    norm.eps = (float)(o->eps == 0 ? 1e-5 : o->eps);
    norm.momentum = (float)momentum;
    norm.one_minus_momentum = (float)(1 - momentum);
    core_fp_leave(saved);
    return run_forward(ctx, &norm);
}

ea_status ea_batch_norm_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                 const DLTensor *weight, const DLTensor *save_mean,
                                 const DLTensor *save_std, const ea_batch_norm_options *options,
                                 DLTensor *grad_x, DLTensor *grad_weight, DLTensor *grad_bias)
{
    const char *function = "ea_batch_norm_backward";
    ea_view vg, vx, vo, w, sm, ss, gw, gb;
    EA_TRY(full_view(ctx, function, "x", x, NULL, &vx));
    EA_TRY(full_view(ctx, function, "grad_out", grad_out, &vx, &vg));
    ref_norm_backward norm = { .grad_out = &vg,
                               .x = &vx,
                               .training = options && options->training };
    if (grad_x) {
        EA_TRY(full_view(ctx, function, "grad_x", grad_x, &vx, &vo));
        norm.grad_x = &vo;
    }
    int64_t channels = vx.shape[0];
    EA_TRY(channel_view(ctx, function, "weight", weight, channels, &w, &norm.weight));
    EA_TRY(channel_view(ctx, function, "save_mean", save_mean, channels, &sm, &norm.save_mean));
    EA_TRY(channel_view(ctx, function, "save_std", save_std, channels, &ss, &norm.save_std));
    EA_TRY(
        channel_view(ctx, function, "grad_weight", grad_weight, channels, &gw, &norm.grad_weight));
    EA_TRY(channel_view(ctx, function, "grad_bias", grad_bias, channels, &gb, &norm.grad_bias));
    if (!norm.save_mean || !norm.save_std)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: save_mean or save_std is NULL", function);
    const ea_view *const inputs[] = { &vg, &vx, norm.weight, norm.save_mean, norm.save_std };
    EA_TRY(check_disjoint(ctx, function, norm.grad_x, inputs, 5));
    EA_TRY(check_disjoint(ctx, function, norm.grad_weight, inputs, 5));
    EA_TRY(check_disjoint(ctx, function, norm.grad_bias, inputs, 5));
    return run_backward(ctx, &norm);
}
