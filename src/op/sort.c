/* sort.c: doors of order along a dimension. */
#include "cpu/sort.h"
#include "op/index.h"
#include "op/op.h"

enum { SORTABLE = CORE_ANY & ~CORE_BIT(CORE_F64) };

static ea_status run(ea_context *ctx, const ref_order_call *call)
{
    OP_RUN(ctx, order, call);
}

/* The tensors of one call, the ordered dimension last. */
typedef struct order_views {
    ea_view x, values, indices;
    int dim;
} order_views;

static ea_status read_x(ea_context *ctx, const char *function, const DLTensor *x, int dim,
                        order_views *v)
{
    EA_TRY(core_view_of(ctx, function, "x", x, SORTABLE, &v->x));
    EA_TRY(op_dim(ctx, function, v->x.ndim, &dim));
    v->dim = dim;
    return EA_OK;
}

/* A result of x's shape with `count` elements (−1: any number up to x's) along the dimension; for a
 * single one the dimension may be missing. Its dimension goes last. */
static ea_status read_result(ea_context *ctx, const char *function, const char *name,
                             DLTensor *tensor, unsigned types, const order_views *v, int64_t count,
                             bool single, ea_view *out)
{
    ea_view shape = v->x;
    EA_TRY(op_view_of_out(ctx, function, name, tensor, types, out));
    EA_TRY(op_no_overlap(ctx, function, "x", &v->x, out, false));
    op_one_dimension(&shape);
    if (single && out->ndim == shape.ndim - 1) {
        for (int d = out->ndim; d > v->dim; d--) {
            out->shape[d] = out->shape[d - 1];
            out->stride[d] = out->stride[d - 1];
        }
        out->shape[v->dim] = out->stride[v->dim] = 1;
        out->ndim++;
    }
    op_one_dimension(out);
    if (out->ndim == shape.ndim) {
        int64_t have = out->shape[v->dim];
        bool fits = count < 0 && have <= shape.shape[v->dim];
        shape.shape[v->dim] = fits ? have : count < 0 ? shape.shape[v->dim] : count;
    }
    EA_TRY(op_expect_shape(ctx, function, name, out, shape.ndim, shape.shape));
    *out = core_move_dim(out, v->dim, out->ndim - 1);
    return EA_OK;
}

/* Reads the results, fills the call's views and count, and runs it. */
static ea_status order(ea_context *ctx, const char *function, ref_order_call *call, int64_t count,
                       bool single, order_views *v, DLTensor *values, DLTensor *indices)
{
    if (!values && !indices)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: values and indices are both NULL: give one",
                         function);
    if (values)
        EA_TRY(read_result(ctx, function, "values", values, CORE_BIT(v->x.dtype), v, count, single,
                           &v->values));
    if (values && indices)
        count = v->values.shape[v->values.ndim - 1];
    if (indices)
        EA_TRY(read_result(ctx, function, "indices", indices, CORE_BIT(CORE_I64), v, count, single,
                           &v->indices));
    const ea_view *result = values ? &v->values : &v->indices;
    op_one_dimension(&v->x);
    v->x = core_move_dim(&v->x, v->dim, v->x.ndim - 1);
    if (single && v->x.shape[v->x.ndim - 1] == 0 && core_numel(result) > 0)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has no element along the dimension", function);
    call->x = &v->x;
    call->values = values ? &v->values : NULL;
    call->indices = indices ? &v->indices : NULL;
    call->count = result->shape[result->ndim - 1];
    return run(ctx, call);
}

ea_status ea_sort(ea_context *ctx, const DLTensor *x, int dim, int descending, DLTensor *values,
                  DLTensor *indices)
{
    order_views v;
    EA_TRY(read_x(ctx, "ea_sort", x, dim, &v));
    ref_order_call call = { .kind = REF_SORT, .descending = descending != 0 };
    int64_t n = v.x.ndim ? v.x.shape[v.dim] : 1;
    return order(ctx, "ea_sort", &call, n, false, &v, values, indices);
}

ea_status ea_topk(ea_context *ctx, const DLTensor *x, int dim, int largest, DLTensor *values,
                  DLTensor *indices)
{
    order_views v;
    EA_TRY(read_x(ctx, "ea_topk", x, dim, &v));
    ref_order_call call = { .kind = REF_SORT, .descending = largest != 0 };
    return order(ctx, "ea_topk", &call, -1, false, &v, values, indices);
}

ea_status ea_kthvalue(ea_context *ctx, const DLTensor *x, int dim, int64_t k, DLTensor *values,
                      DLTensor *indices)
{
    order_views v;
    EA_TRY(read_x(ctx, "ea_kthvalue", x, dim, &v));
    int64_t n = v.x.ndim ? v.x.shape[v.dim] : 1;
    if (k < 1 || k > n)
        return core_fail(ctx, EA_ERR_ARGUMENT, "ea_kthvalue: k is %lld: give 1 to %lld",
                         (long long)k, (long long)n);
    ref_order_call call = { .kind = REF_KTH, .k = k - 1 };
    return order(ctx, "ea_kthvalue", &call, 1, true, &v, values, indices);
}

ea_status ea_median(ea_context *ctx, const DLTensor *x, int dim, int ignore_nan, DLTensor *values,
                    DLTensor *indices)
{
    order_views v;
    EA_TRY(read_x(ctx, "ea_median", x, dim, &v));
    ref_order_call call = { .kind = ignore_nan ? REF_NANMEDIAN : REF_MEDIAN };
    return order(ctx, "ea_median", &call, 1, true, &v, values, indices);
}

ea_status ea_mode(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values, DLTensor *indices)
{
    order_views v;
    EA_TRY(read_x(ctx, "ea_mode", x, dim, &v));
    ref_order_call call = { .kind = REF_MODE };
    return order(ctx, "ea_mode", &call, 1, true, &v, values, indices);
}

/* --- Unique ----------------------------------------------------------------------------------- */

static ea_status run_unique(ea_context *ctx, const ref_unique_call *call, const ea_view *x)
{
    op_scope scope = op_enter(ctx);
    ea_status status = EA_OK;
    ref_unique_call flat = *call;
    ea_view line = *x, numbers;
    int64_t n = core_numel(x);
    void *copy = core_arena_alloc(ctx->arena, core_dtype_size(x->dtype) * (size_t)n);
    int64_t *inverse = core_arena_alloc(ctx->arena, sizeof *inverse * (size_t)n);
    if (!copy || !inverse)
        return op_leave(
            ctx, &scope,
            core_fail(ctx, EA_ERR_MEMORY, "ea_unique: no memory for %lld elements", (long long)n));
    ea_view same = core_view_make(copy, x->dtype, x->ndim, x->shape);
    core_copy(ctx, x, &same);
    line = core_view_make(copy, x->dtype, 1, &n);
    numbers = core_view_make(inverse, CORE_I64, 1, &n);
    flat.x = &line;
    flat.inverse = call->inverse ? &numbers : NULL;
    status = OP_BACKEND(ctx, unique)(ctx, &flat);
    if (status == EA_OK && call->inverse) {
        ea_view shaped = core_view_make(inverse, CORE_I64, x->ndim, x->shape);
        core_copy(ctx, &shaped, call->inverse);
    }
    return op_leave(ctx, &scope, status);
}

ea_status ea_unique(ea_context *ctx, const DLTensor *x, DLTensor *values, DLTensor *inverse,
                    DLTensor *counts, int64_t *count)
{
    const char *function = "ea_unique";
    ea_view vx, vv, vi, vc;
    EA_TRY(core_view_of(ctx, function, "x", x, SORTABLE, &vx));
    EA_TRY(op_view_of_out(ctx, function, "values", values, CORE_BIT(vx.dtype), &vv));
    int64_t n = core_numel(&vx);
    EA_TRY(op_expect_shape(ctx, function, "values", &vv, 1, &n));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vv, false));
    ref_unique_call call = { .values = &vv, .count = count };
    if (inverse) {
        EA_TRY(op_view_of_out(ctx, function, "inverse", inverse, CORE_BIT(CORE_I64), &vi));
        EA_TRY(op_expect_shape(ctx, function, "inverse", &vi, vx.ndim, vx.shape));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vi, false));
        call.inverse = &vi;
    }
    if (counts) {
        EA_TRY(op_view_of_out(ctx, function, "counts", counts, CORE_BIT(CORE_I64), &vc));
        EA_TRY(op_expect_shape(ctx, function, "counts", &vc, 1, &n));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vc, false));
        call.counts = &vc;
    }
    if (!count)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: count is NULL: give a place", function);
    return run_unique(ctx, &call, &vx);
}

static ea_status read_numbers(ea_context *ctx, const char *name, DLTensor *tensor, const ea_view *x,
                              const int64_t *count, ea_view *view, const ea_view **out)
{
    const char *function = "ea_unique_dim";
    if (!tensor)
        return EA_OK;
    EA_TRY(op_view_of_out(ctx, function, name, tensor, CORE_BIT(CORE_I64), view));
    EA_TRY(op_expect_shape(ctx, function, name, view, 1, count));
    *out = view;
    return op_no_overlap(ctx, function, "x", x, view, false);
}

ea_status ea_unique_dim(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                        DLTensor *inverse, DLTensor *counts, int64_t *count)
{
    const char *function = "ea_unique_dim";
    ea_view vx, vv, vi, vc;
    EA_TRY(core_view_of(ctx, function, "x", x, SORTABLE, &vx));
    EA_TRY(op_view_of_out(ctx, function, "values", values, CORE_BIT(vx.dtype), &vv));
    EA_TRY(op_expect_shape(ctx, function, "values", &vv, vx.ndim, vx.shape));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vv, false));
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    if (!count)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: count is NULL: give a place", function);
    op_one_dimension(&vx);
    op_one_dimension(&vv);
    if (core_numel(&vx) == 0 && vx.shape[dim] != 0)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x's %lld slices have no elements to compare",
                         function, (long long)vx.shape[dim]);
    ea_view from = core_move_dim(&vx, dim, 0), to = core_move_dim(&vv, dim, 0);
    ref_unique_slices_call call = { .x = &from, .values = &to, .count = count };
    EA_TRY(read_numbers(ctx, "inverse", inverse, &vx, &vx.shape[dim], &vi, &call.inverse));
    EA_TRY(read_numbers(ctx, "counts", counts, &vx, &vx.shape[dim], &vc, &call.counts));
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, ref_unique_slices(ctx, &call));
}
