/* scan.c: doors of running sums, products and extremes. */
#include "cpu/scan.h"
#include "op/index.h"
#include "op/op.h"

static ea_status run(ea_context *ctx, const ref_scan_call *call)
{
    OP_RUN(ctx, scan, call);
}

/* The tensors of one call, the scanned dimension last. */
typedef struct scan_views {
    ea_view x, second, out, indices;
    int dim;
} scan_views;

static ea_status read_x(ea_context *ctx, const char *function, const DLTensor *x, unsigned types,
                        int dim, scan_views *v)
{
    EA_TRY(core_view_of(ctx, function, "x", x, types, &v->x));
    EA_TRY(op_dim(ctx, function, v->x.ndim, &dim));
    op_one_dimension(&v->x);
    v->dim = dim;
    return EA_OK;
}

/* A result of x's shape. */
static ea_status read_result(ea_context *ctx, const char *function, const char *name,
                             DLTensor *tensor, unsigned types, scan_views *v, ea_view *out)
{
    EA_TRY(op_view_of_out(ctx, function, name, tensor, types, out));
    op_one_dimension(out);
    EA_TRY(op_no_overlap(ctx, function, "x", &v->x, out, true));
    EA_TRY(op_expect_shape(ctx, function, name, out, v->x.ndim, v->x.shape));
    *out = core_move_dim(out, v->dim, out->ndim - 1);
    return EA_OK;
}

static void turn(scan_views *v)
{
    v->x = core_move_dim(&v->x, v->dim, v->x.ndim - 1);
}

static ea_status cumulate(ea_context *ctx, const char *function, ref_scan_kind kind,
                          const DLTensor *x, int dim, DLTensor *out)
{
    scan_views v;
    EA_TRY(read_x(ctx, function, x, CORE_FLOATS | CORE_INTEGERS, dim, &v));
    bool whole = CORE_INTEGERS & CORE_BIT(v.x.dtype);
    EA_TRY(read_result(ctx, function, "out", out, whole ? CORE_BIT(CORE_I64) : CORE_FLOATS, &v,
                       &v.out));
    turn(&v);
    return run(ctx, &(ref_scan_call){ .kind = kind, .x = &v.x, .out = &v.out });
}

ea_status ea_cumsum(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out)
{
    return cumulate(ctx, "ea_cumsum", REF_CUMSUM, x, dim, out);
}

ea_status ea_cumprod(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out)
{
    return cumulate(ctx, "ea_cumprod", REF_CUMPROD, x, dim, out);
}

static ea_status extreme(ea_context *ctx, const char *function, ref_scan_kind kind,
                         const DLTensor *x, int dim, DLTensor *values, DLTensor *indices)
{
    scan_views v;
    EA_TRY(read_x(ctx, function, x, CORE_FLOATS, dim, &v));
    if (!values && !indices)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: values and indices are both NULL: give one",
                         function);
    if (values)
        EA_TRY(read_result(ctx, function, "values", values, CORE_FLOATS, &v, &v.out));
    if (indices)
        EA_TRY(read_result(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &v, &v.indices));
    turn(&v);
    return run(ctx, &(ref_scan_call){ .kind = kind,
                                      .x = &v.x,
                                      .out = values ? &v.out : NULL,
                                      .indices = indices ? &v.indices : NULL });
}

ea_status ea_cummax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                    DLTensor *indices)
{
    return extreme(ctx, "ea_cummax", REF_CUMMAX, x, dim, values, indices);
}

ea_status ea_cummin(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                    DLTensor *indices)
{
    return extreme(ctx, "ea_cummin", REF_CUMMIN, x, dim, values, indices);
}

ea_status ea_cumsum_backward(ea_context *ctx, const DLTensor *grad_out, int dim, DLTensor *grad_x)
{
    const char *function = "ea_cumsum_backward";
    scan_views v;
    EA_TRY(read_x(ctx, function, grad_out, CORE_FLOATS, dim, &v));
    EA_TRY(read_result(ctx, function, "grad_x", grad_x, CORE_FLOATS, &v, &v.out));
    turn(&v);
    return run(ctx, &(ref_scan_call){ .kind = REF_CUMSUM_BACKWARD, .x = &v.x, .out = &v.out });
}

ea_status ea_cumprod_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x, int dim,
                              DLTensor *grad_x)
{
    const char *function = "ea_cumprod_backward";
    scan_views v;
    EA_TRY(read_x(ctx, function, grad_out, CORE_FLOATS, dim, &v));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &v.second));
    op_one_dimension(&v.second);
    EA_TRY(op_expect_shape(ctx, function, "x", &v.second, v.x.ndim, v.x.shape));
    EA_TRY(read_result(ctx, function, "grad_x", grad_x, CORE_FLOATS, &v, &v.out));
    EA_TRY(op_no_overlap(ctx, function, "x", &v.second, &v.out, false));
    v.second = core_move_dim(&v.second, v.dim, v.second.ndim - 1);
    turn(&v);
    return run(ctx,
               &(ref_scan_call){
                   .kind = REF_CUMPROD_BACKWARD, .x = &v.x, .second = &v.second, .out = &v.out });
}
