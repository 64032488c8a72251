/* loss.c: doors of the losses. */
#include "op/op.h"

static ea_status run_forward(ea_context *ctx, const ea_view *x, const ea_view *target,
                             ea_reduction reduction, const ea_view *out)
{
    OP_RUN(ctx, cross_entropy, x, target, reduction, out);
}

static ea_status run_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *x,
                              const ea_view *target, ea_reduction reduction, const ea_view *grad_x)
{
    OP_RUN(ctx, cross_entropy_backward, grad_out, x, target, reduction, grad_x);
}

/* Checks x, the targets and the shape of the loss (or of its gradient, named `name`). */
static ea_status check(ea_context *ctx, const char *function, const ea_view *x,
                       const ea_view *target, ea_reduction reduction, const char *name,
                       const ea_view *loss)
{
    if (x->ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has %d dimensions: give [n, classes]", function,
                         x->ndim);
    if ((unsigned)reduction > EA_REDUCE_NONE)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: reduction %d is none", function,
                         (int)reduction);
    EA_TRY(op_expect_shape(ctx, function, "target", target, 1, x->shape));
    EA_TRY(op_expect_shape(ctx, function, name, loss, reduction == EA_REDUCE_NONE, x->shape));
    for (int64_t i = 0; i < x->shape[0]; i++) {
        int64_t label = core_load_index(target, core_offset(target, i));
        if (label < 0 || label >= x->shape[1])
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: target[%lld] is %lld: there are %lld classes", function,
                             (long long)i, (long long)label, (long long)x->shape[1]);
    }
    return EA_OK;
}

ea_status ea_cross_entropy(ea_context *ctx, const DLTensor *x, const DLTensor *target,
                           ea_reduction reduction, DLTensor *out)
{
    const char *function = "ea_cross_entropy";
    ea_view vx, vt, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(core_view_of(ctx, function, "target", target, CORE_INDICES, &vt));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "target", &vt, &vo, false));
    EA_TRY(check(ctx, function, &vx, &vt, reduction, "out", &vo));
    return run_forward(ctx, &vx, &vt, reduction, &vo);
}

ea_status ea_cross_entropy_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                    const DLTensor *target, ea_reduction reduction,
                                    DLTensor *grad_x)
{
    const char *function = "ea_cross_entropy_backward";
    ea_view vg, vx, vt, vo;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(core_view_of(ctx, function, "target", target, CORE_INDICES, &vt));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "target", &vt, &vo, false));
    EA_TRY(check(ctx, function, &vx, &vt, reduction, "grad_out", &vg));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vo, 2, vx.shape));
    return run_backward(ctx, &vg, &vx, &vt, reduction, &vo);
}
