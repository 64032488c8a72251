/* op.c: checks that the doors share. */
#include "op/op.h"

/* Volatile: the compiler knows nothing of the environment and might round before it is entered. */
float op_round(double x)
{
    core_fp saved = core_fp_enter();
    volatile double exact = x;
    volatile float rounded = (float)exact;
    core_fp_leave(saved);
    return rounded;
}

op_scope op_enter(ea_context *ctx)
{
    return (op_scope){ core_fp_enter(), core_arena_mark(ctx->arena) };
}

ea_status op_leave(ea_context *ctx, const op_scope *scope, ea_status status)
{
    core_arena_release(ctx->arena, scope->mark);
    core_fp_leave(scope->fp);
    return status;
}

ea_status op_view_of_out(ea_context *ctx, const char *function, const char *name,
                         const DLTensor *tensor, unsigned dtypes, ea_view *out)
{
    EA_TRY(core_view_of(ctx, function, name, tensor, dtypes, out));
    for (int d = 0; d < out->ndim && core_numel(out) > 0; d++)
        if (out->shape[d] > 1 && out->stride[d] == 0)
            return core_fail(
                ctx, EA_ERR_ARGUMENT,
                "%s: %s has stride 0 in dimension %d: give every element its own place", function,
                name, d);
    return EA_OK;
}

ea_status op_broadcast_shape(ea_context *ctx, const char *function, const ea_view *a,
                             const ea_view *b, ea_view *out)
{
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    *out = (ea_view){ .dtype = CORE_F32, .ndim = ndim };
    for (int d = 0; d < ndim; d++) {
        int ad = d - (ndim - a->ndim), bd = d - (ndim - b->ndim);
        int64_t m = ad < 0 ? 1 : a->shape[ad], n = bd < 0 ? 1 : b->shape[bd];
        if (m != n && m != 1 && n != 1) {
            char ta[128], tb[128];
            return core_fail(ctx, EA_ERR_SHAPE, "%s: shapes %s and %s do not broadcast", function,
                             core_shape_text(a, ta), core_shape_text(b, tb));
        }
        out->shape[d] = m == 1 ? n : m;
    }
    return EA_OK;
}

void op_expand(ea_view *view, const ea_view *shape)
{
    ea_view expanded = *shape;
    expanded.data = view->data;
    expanded.dtype = view->dtype;
    int missing = shape->ndim - view->ndim;
    for (int d = 0; d < shape->ndim; d++) {
        bool stretched = d < missing || (view->shape[d - missing] == 1 && shape->shape[d] != 1);
        expanded.stride[d] = stretched ? 0 : view->stride[d - missing];
    }
    *view = expanded;
}

ea_status op_expect_shape(ea_context *ctx, const char *function, const char *name,
                          const ea_view *view, int ndim, const int64_t *shape)
{
    ea_view expected = core_view_make(NULL, view->dtype, ndim, shape);
    if (core_same_shape(view, &expected))
        return EA_OK;
    char got[128], wanted[128];
    return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has shape %s: expected %s", function, name,
                     core_shape_text(view, got), core_shape_text(&expected, wanted));
}

ea_status op_no_overlap(ea_context *ctx, const char *function, const char *name, const ea_view *in,
                        const ea_view *out, bool allow_same)
{
    if (!core_overlaps(in, out))
        return EA_OK;
    bool same = in->data == out->data && in->dtype == out->dtype && core_same_shape(in, out) &&
                memcmp(in->stride, out->stride, sizeof in->stride[0] * (size_t)in->ndim) == 0;
    if (same && allow_same)
        return EA_OK;
    return core_fail(ctx, EA_ERR_ARGUMENT, "%s: out overlaps %s in memory: give it its own",
                     function, name);
}

ea_status op_spatial(ea_context *ctx, const char *function, const char *name, int dims,
                     ea_view *view)
{
    if (dims < 1 || dims > 3)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dims is %d: give 1, 2 or 3", function, dims);
    if (view->ndim != dims + 1 && view->ndim != dims + 2)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: %s has %d dimensions: give [n, c, …] or [c, …] with %d more",
                         function, name, view->ndim, dims);
    ea_view whole = { .data = view->data, .dtype = view->dtype, .ndim = 5 };
    for (int d = 0; d < 5; d++)
        whole.shape[d] = 1;
    for (int from = 0; from < view->ndim; from++) {
        int to = from < view->ndim - dims ? 2 - (view->ndim - dims) + from : 5 - view->ndim + from;
        whole.shape[to] = view->shape[from];
        whole.stride[to] = view->stride[from];
    }
    *view = whole;
    return EA_OK;
}

ea_status op_same_planes(ea_context *ctx, const char *function, const ea_view *a, const ea_view *b)
{
    if (a->shape[0] == b->shape[0] && a->shape[1] == b->shape[1])
        return EA_OK;
    return core_fail(ctx, EA_ERR_SHAPE,
                     "%s: tensors of %lld images with %lld channels and of %lld with %lld do not "
                     "fit: give equal ones",
                     function, (long long)a->shape[0], (long long)a->shape[1],
                     (long long)b->shape[0], (long long)b->shape[1]);
}
