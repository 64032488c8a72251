/* softmax.c: doors of softmax and its logarithm. */
#include "op/op.h"

static ea_status run_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    OP_RUN(ctx, softmax, x, out);
}

static ea_status run_log_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    OP_RUN(ctx, log_softmax, x, out);
}

static ea_status run_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                                      const ea_view *grad_x)
{
    OP_RUN(ctx, softmax_backward, grad_out, out, grad_x);
}

static ea_status run_log_softmax_backward(ea_context *ctx, const ea_view *grad_out,
                                          const ea_view *out, const ea_view *grad_x)
{
    OP_RUN(ctx, log_softmax_backward, grad_out, out, grad_x);
}

/* A view whose last dimension is `dim`. A scalar is a row of one. */
static ea_status rows_along(ea_context *ctx, const char *function, int dim, ea_view *view)
{
    int ndim = view->ndim ? view->ndim : 1;
    if (dim < -ndim || dim >= ndim)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dim is %d: give %d to %d", function, dim, -ndim,
                         ndim - 1);
    if (view->ndim == 0)
        *view = core_view_make(view->data, view->dtype, 1, (int64_t[]){ 1 });
    else
        *view = core_move_dim(view, dim < 0 ? dim + ndim : dim, ndim - 1);
    return EA_OK;
}

typedef ea_status (*forward)(ea_context *ctx, const ea_view *x, const ea_view *out);
typedef ea_status (*backward)(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                              const ea_view *grad_x);

static ea_status run(ea_context *ctx, const char *function, forward run_on, const DLTensor *x,
                     int dim, DLTensor *out)
{
    ea_view vx, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, vx.shape));
    EA_TRY(rows_along(ctx, function, dim, &vx));
    EA_TRY(rows_along(ctx, function, dim, &vo));
    return core_numel(&vo) == 0 ? EA_OK : run_on(ctx, &vx, &vo);
}

static ea_status run_back(ea_context *ctx, const char *function, backward run_on,
                          const DLTensor *grad_out, const DLTensor *out, int dim, DLTensor *grad_x)
{
    ea_view vg, vy, vx;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "out", out, CORE_FLOATS, &vy));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vx));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vx, false));
    EA_TRY(op_no_overlap(ctx, function, "out", &vy, &vx, false));
    EA_TRY(op_expect_shape(ctx, function, "grad_out", &vg, vy.ndim, vy.shape));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vx, vy.ndim, vy.shape));
    EA_TRY(rows_along(ctx, function, dim, &vg));
    EA_TRY(rows_along(ctx, function, dim, &vy));
    EA_TRY(rows_along(ctx, function, dim, &vx));
    return core_numel(&vx) == 0 ? EA_OK : run_on(ctx, &vg, &vy, &vx);
}

ea_status ea_softmax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out)
{
    return run(ctx, "ea_softmax", run_softmax, x, dim, out);
}

ea_status ea_log_softmax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out)
{
    return run(ctx, "ea_log_softmax", run_log_softmax, x, dim, out);
}

ea_status ea_softmax_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *out,
                              int dim, DLTensor *grad_x)
{
    return run_back(ctx, "ea_softmax_backward", run_softmax_backward, grad_out, out, dim, grad_x);
}

ea_status ea_log_softmax_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *out,
                                  int dim, DLTensor *grad_x)
{
    return run_back(ctx, "ea_log_softmax_backward", run_log_softmax_backward, grad_out, out, dim,
                    grad_x);
}
