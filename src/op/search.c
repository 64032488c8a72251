/* search.c: doors of finding and counting. */
#include "cpu/search.h"
#include "core/pool.h"
#include "op/index.h"
#include "op/op.h"

#include <math.h>

enum { GRAIN = 1024 }; /* searches in a piece of work */

static void search(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    cpu_search(argument, begin, end);
}

ea_status ea_searchsorted(ea_context *ctx, const DLTensor *sorted, const DLTensor *values,
                          int right, DLTensor *out)
{
    const char *function = "ea_searchsorted";
    ea_view vs, vv, vo;
    EA_TRY(core_view_of(ctx, function, "sorted", sorted, CORE_FLOATS | CORE_INTEGERS, &vs));
    unsigned kind = CORE_FLOATS & CORE_BIT(vs.dtype) ? CORE_FLOATS : CORE_INTEGERS;
    EA_TRY(core_view_of(ctx, function, "values", values, kind, &vv));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(CORE_I64), &vo));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vv.ndim, vv.shape));
    EA_TRY(op_no_overlap(ctx, function, "sorted", &vs, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "values", &vv, &vo, false));
    op_one_dimension(&vv);
    op_one_dimension(&vo);
    bool fits = vs.ndim == 1 || vs.ndim == vv.ndim;
    for (int d = 0; fits && vs.ndim > 1 && d < vs.ndim - 1; d++)
        fits = vs.shape[d] == vv.shape[d];
    if (vs.ndim == 0 || !fits) {
        char a[128], b[128];
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: sorted has shape %s and values %s: give one line, or one for each "
                         "line of values",
                         function, core_shape_text(&vs, a), core_shape_text(&vv, b));
    }
    ref_search_call call = { .sorted = &vs, .values = &vv, .out = &vo, .right = right != 0 };
    op_scope scope = op_enter(ctx);
    if (ctx->isa == CORE_ISA_REF)
        ref_search(&call, 0, core_numel(&vv));
    else
        core_parallel(ctx, core_numel(&vv), GRAIN, search, &call);
    return op_leave(ctx, &scope, EA_OK);
}

ea_status ea_bincount(ea_context *ctx, const DLTensor *x, const DLTensor *weights, DLTensor *out)
{
    const char *function = "ea_bincount";
    ea_view vx, vw, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_INTEGERS, &vx));
    EA_TRY(
        op_view_of_out(ctx, function, "out", out, weights ? CORE_FLOATS : CORE_BIT(CORE_I64), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    if (vx.ndim != 1 || vo.ndim != 1)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has %d dimensions and out %d: give one each",
                         function, vx.ndim, vo.ndim);
    if (weights) {
        EA_TRY(core_view_of(ctx, function, "weights", weights, CORE_FLOATS, &vw));
        EA_TRY(op_expect_shape(ctx, function, "weights", &vw, 1, vx.shape));
        EA_TRY(op_no_overlap(ctx, function, "weights", &vw, &vo, false));
    }
    EA_TRY(op_check_index(ctx, function, "x", &vx, 0, vo.shape[0]));
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, OP_BACKEND(ctx, bincount)(ctx, &vx, weights ? &vw : NULL, &vo));
}

ea_status ea_histc(ea_context *ctx, const DLTensor *x, double low, double high, DLTensor *out)
{
    const char *function = "ea_histc";
    ea_view vx, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    if (vo.ndim != 1 || vo.shape[0] == 0)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: out has no bins: give one dimension", function);
    float first = op_round(low), last = op_round(high);
    if (!(first < last) || isinf(first) || isinf(last))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: bins from %g to %g: give a finite range",
                         function, low, high);
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, OP_BACKEND(ctx, histc)(ctx, &vx, first, last, &vo));
}
