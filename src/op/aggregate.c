/* aggregate.c: doors of the reductions beside sum and mean. */
#include "cpu/aggregate.h"
#include "op/op.h"
#include "op/reduce.h"

static ea_status run(ea_context *ctx, const ref_aggregate_call *call)
{
    OP_RUN(ctx, aggregate, call);
}

static ea_status run_backward(ea_context *ctx, const ref_aggregate_call *call)
{
    OP_RUN(ctx, aggregate_backward, call);
}

static ea_status run_extreme(ea_context *ctx, const ea_view *x, int kept, bool smallest,
                             const ea_view *values, const ea_view *indices)
{
    OP_RUN(ctx, extreme, x, kept, smallest, values, indices);
}

static bool is_truth(ea_aggregate aggregate)
{
    return aggregate == EA_AGG_ANY || aggregate == EA_AGG_ALL;
}

/* An extreme of nothing is none. */
static ea_status expect_elements(ea_context *ctx, const char *function, const ea_view *x,
                                 const ea_view *out)
{
    if (core_numel(x) > 0 || core_numel(out) == 0)
        return EA_OK;
    char shape[128];
    return core_fail(ctx, EA_ERR_SHAPE,
                     "%s: nothing to choose from: x has shape %s and no element in the dimensions "
                     "to reduce",
                     function, core_shape_text(x, shape));
}

static ea_status check_aggregate(ea_context *ctx, const char *function, ea_aggregate aggregate)
{
    if ((unsigned)aggregate < EA_AGG_COUNT)
        return EA_OK;
    return core_fail(ctx, EA_ERR_ARGUMENT, "%s: aggregate %d is none: give an EA_AGG_…", function,
                     (int)aggregate);
}

ea_status ea_reduce(ea_context *ctx, ea_aggregate aggregate, const DLTensor *x, const int *dims,
                    int ndims, double parameter, DLTensor *out)
{
    const char *function = "ea_reduce";
    ea_view vx, vo;
    op_reduction r;
    bool truth = is_truth(aggregate);
    EA_TRY(check_aggregate(ctx, function, aggregate));
    EA_TRY(
        core_view_of(ctx, function, "x", x, truth ? CORE_FLOATS | CORE_MASKS : CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, truth ? CORE_MASKS : CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_reduction_of(ctx, function, &vx, dims, ndims, &r));
    EA_TRY(op_reduced_shape(ctx, function, "out", &vx, &r, &vo));
    if (aggregate == EA_AGG_AMAX || aggregate == EA_AGG_AMIN ||
        (aggregate == EA_AGG_NORM && isinf(op_round(parameter))))
        EA_TRY(expect_elements(ctx, function, &vx, &vo));
    return run(ctx, &(ref_aggregate_call){ .aggregate = aggregate,
                                           .kept = r.kept,
                                           .parameter = op_round(parameter),
                                           .x = &r.rows,
                                           .out = &vo });
}

ea_status ea_reduce_backward(ea_context *ctx, ea_aggregate aggregate, const DLTensor *grad_out,
                             const DLTensor *x, const DLTensor *out, const int *dims, int ndims,
                             double parameter, DLTensor *grad_x)
{
    const char *function = "ea_reduce_backward";
    ea_view vg, vx, vo, vr;
    op_reduction r, result;
    EA_TRY(check_aggregate(ctx, function, aggregate));
    if (is_truth(aggregate))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: truth values have no gradient", function);
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(core_view_of(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vr));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vr, false));
    EA_TRY(op_no_overlap(ctx, function, "out", &vo, &vr, false));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vr, false));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vr, vx.ndim, vx.shape));
    EA_TRY(op_reduction_of(ctx, function, &vx, dims, ndims, &r));
    EA_TRY(op_reduction_of(ctx, function, &vr, dims, ndims, &result));
    EA_TRY(op_reduced_shape(ctx, function, "out", &vx, &r, &vo));
    EA_TRY(op_reduced_shape(ctx, function, "grad_out", &vx, &r, &vg));
    return run_backward(ctx, &(ref_aggregate_call){ .aggregate = aggregate,
                                                    .kept = r.kept,
                                                    .parameter = op_round(parameter),
                                                    .x = &r.rows,
                                                    .out = &vo,
                                                    .grad_out = &vg,
                                                    .grad_x = &result.rows });
}

static ea_status extreme(ea_context *ctx, const char *function, const DLTensor *x, const int *dims,
                         int ndims, bool smallest, DLTensor *values, DLTensor *indices)
{
    ea_view vx, vv, vi;
    op_reduction r;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_reduction_of(ctx, function, &vx, dims, ndims, &r));
    if (!values && !indices)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: values and indices are both NULL: give one",
                         function);
    if (values) {
        EA_TRY(op_view_of_out(ctx, function, "values", values, CORE_FLOATS, &vv));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vv, false));
        EA_TRY(op_reduced_shape(ctx, function, "values", &vx, &r, &vv));
        EA_TRY(expect_elements(ctx, function, &vx, &vv));
    }
    if (indices) {
        EA_TRY(op_view_of_out(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vi, false));
        EA_TRY(op_reduced_shape(ctx, function, "indices", &vx, &r, &vi));
        EA_TRY(expect_elements(ctx, function, &vx, &vi));
    }
    return run_extreme(ctx, &r.rows, r.kept, smallest, values ? &vv : NULL, indices ? &vi : NULL);
}

ea_status ea_max(ea_context *ctx, const DLTensor *x, const int *dims, int ndims, DLTensor *values,
                 DLTensor *indices)
{
    return extreme(ctx, "ea_max", x, dims, ndims, false, values, indices);
}

ea_status ea_min(ea_context *ctx, const DLTensor *x, const int *dims, int ndims, DLTensor *values,
                 DLTensor *indices)
{
    return extreme(ctx, "ea_min", x, dims, ndims, true, values, indices);
}
