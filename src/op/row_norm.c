/* row_norm.c: doors of layer, RMS and group norm. */
#include "cpu/row_norm.h"
#include "op/op.h"

static ea_status run_forward(ea_context *ctx, const ref_row_norm *norm)
{
    OP_RUN(ctx, normalise_rows, norm);
}

static ea_status run_backward(ea_context *ctx, const ref_row_norm_backward *b)
{
    OP_RUN(ctx, normalise_rows_backward, b);
}

/* The views behind a ref_row_norm_backward, which also serves the forward. */
typedef struct row_norm_views {
    ea_view x, out, weight, bias, mean, rstd, grad_out, grad_x, grad_weight, grad_bias;
} row_norm_views;

typedef struct row_norm_call {
    ea_context *ctx;
    const char *function;
    row_norm_views v;
    ref_row_norm_backward b;
    int shift; /* dimensions that group norm's views have more than its tensors */
} row_norm_call;

/* x's dimensions before and among the weighted ones; x itself. `dims` < 0: group norm. */
static ea_status open_rows(row_norm_call *c, const DLTensor *x, int dims)
{
    ref_row_norm *norm = &c->b.norm;
    EA_TRY(core_view_of(c->ctx, c->function, "x", x, CORE_FLOATS, &c->v.x));
    if (dims < 1 || dims > c->v.x.ndim)
        return core_fail(c->ctx, EA_ERR_SHAPE, "%s: dims is %d: give 1 to %d, the dimensions of x",
                         c->function, dims, c->v.x.ndim);
    norm->batch = norm->kept = c->v.x.ndim - dims;
    norm->weighted = dims;
    norm->x = &c->v.x;
    return EA_OK;
}

/* [n, c, …] as [n, groups, c/groups, …] */
static void split_channels(ea_view *view, int64_t groups)
{
    for (int d = view->ndim; d > 2; d--) {
        view->shape[d] = view->shape[d - 1];
        view->stride[d] = view->stride[d - 1];
    }
    view->ndim++;
    view->shape[2] = view->shape[1] / groups;
    view->stride[2] = view->stride[1];
    view->shape[1] = groups;
    view->stride[1] *= view->shape[2];
}

static ea_status open_groups(row_norm_call *c, const DLTensor *x, int64_t groups)
{
    ref_row_norm *norm = &c->b.norm;
    EA_TRY(core_view_of(c->ctx, c->function, "x", x, CORE_FLOATS, &c->v.x));
    ea_view *v = &c->v.x;
    if (v->ndim < 2 || v->ndim == EA_MAX_DIMS)
        return core_fail(c->ctx, EA_ERR_SHAPE,
                         "%s: x has %d dimensions: give [n, c, …], at most %d", c->function,
                         v->ndim, EA_MAX_DIMS - 1);
    if (groups < 1 || v->shape[1] % groups)
        return core_fail(c->ctx, EA_ERR_SHAPE, "%s: %lld channels in %lld groups: give a divisor",
                         c->function, (long long)v->shape[1], (long long)groups);
    split_channels(v, groups);
    c->shift = 1;
    norm->batch = 1;
    norm->weighted = norm->kept = 2;
    norm->x = v;
    return EA_OK;
}

/* A tensor of x's shape. */
static ea_status full(const row_norm_call *c, const char *name, const DLTensor *tensor,
                      ea_view *view, const ea_view **out)
{
    if (!tensor)
        return EA_OK;
    EA_TRY(core_view_of(c->ctx, c->function, name, tensor, CORE_FLOATS, view));
    if (c->shift && view->ndim == c->v.x.ndim - 1 &&
        view->shape[1] == c->v.x.shape[1] * c->v.x.shape[2])
        split_channels(view, c->v.x.shape[1]);
    if (!core_same_shape(view, &c->v.x))
        return core_fail(c->ctx, EA_ERR_SHAPE, "%s: %s has not x's shape", c->function, name);
    *out = view;
    return EA_OK;
}

/* weight or bias: layer norm's has the weighted dimensions, group norm's joins them. */
static ea_status of_weight(const row_norm_call *c, const char *name, const DLTensor *tensor,
                           ea_view *view, const ea_view **out)
{
    const ref_row_norm *norm = &c->b.norm;
    if (!tensor)
        return EA_OK;
    EA_TRY(core_view_of(c->ctx, c->function, name, tensor, CORE_FLOATS, view));
    int64_t channels = ref_row_norm_count(&c->v.x, norm->batch, norm->batch + norm->weighted);
    if (c->shift)
        EA_TRY(op_expect_shape(c->ctx, c->function, name, view, 1, &channels));
    else
        EA_TRY(op_expect_shape(c->ctx, c->function, name, view, norm->weighted,
                               c->v.x.shape + norm->batch));
    *out = view;
    return EA_OK;
}

/* save_mean or save_rstd: the kept dimensions. */
static ea_status of_rows(const row_norm_call *c, const char *name, const DLTensor *tensor,
                         ea_view *view, const ea_view **out)
{
    if (!tensor)
        return EA_OK;
    EA_TRY(core_view_of(c->ctx, c->function, name, tensor, CORE_BIT(CORE_F32), view));
    EA_TRY(op_expect_shape(c->ctx, c->function, name, view, c->b.norm.kept, c->v.x.shape));
    *out = view;
    return EA_OK;
}

static ea_status check_disjoint(const row_norm_call *c, const ea_view *out)
{
    const ref_row_norm *norm = &c->b.norm;
    const ea_view *const inputs[] = { norm->x, norm->weight, norm->bias, c->b.grad_out };
    for (int i = 0; out && i < 4; i++)
        if (inputs[i])
            EA_TRY(op_no_overlap(c->ctx, c->function, "an input", inputs[i], out, false));
    return EA_OK;
}

static float rounded(double eps, double otherwise)
{
    core_fp saved = core_fp_enter();
    float value = (float)(eps == 0 ? otherwise : eps < 0 ? 0 : eps);
    core_fp_leave(saved);
    return value;
}

static ea_status forward(row_norm_call *c, const DLTensor *weight, const DLTensor *bias,
                         DLTensor *out, DLTensor *save_mean, DLTensor *save_rstd)
{
    ref_row_norm *norm = &c->b.norm;
    row_norm_views *v = &c->v;
    if (!out)
        return core_fail(c->ctx, EA_ERR_ARGUMENT, "%s: out is NULL", c->function);
    EA_TRY(full(c, "out", out, &v->out, &norm->out));
    EA_TRY(of_weight(c, "weight", weight, &v->weight, &norm->weight));
    EA_TRY(of_weight(c, "bias", bias, &v->bias, &norm->bias));
    EA_TRY(of_rows(c, "save_mean", save_mean, &v->mean, &norm->mean));
    EA_TRY(of_rows(c, "save_rstd", save_rstd, &v->rstd, &norm->rstd));
    EA_TRY(check_disjoint(c, norm->out));
    EA_TRY(check_disjoint(c, norm->mean));
    EA_TRY(check_disjoint(c, norm->rstd));
    return run_forward(c->ctx, norm);
}

static ea_status backward(row_norm_call *c, const DLTensor *grad_out, const DLTensor *weight,
                          const DLTensor *save_mean, const DLTensor *save_rstd, DLTensor *grad_x,
                          DLTensor *grad_weight, DLTensor *grad_bias)
{
    ref_row_norm *norm = &c->b.norm;
    row_norm_views *v = &c->v;
    EA_TRY(full(c, "grad_out", grad_out, &v->grad_out, &c->b.grad_out));
    EA_TRY(of_weight(c, "weight", weight, &v->weight, &norm->weight));
    EA_TRY(of_rows(c, "save_mean", save_mean, &v->mean, &norm->mean));
    EA_TRY(of_rows(c, "save_rstd", save_rstd, &v->rstd, &norm->rstd));
    if (!c->b.grad_out || !norm->rstd || (norm->centred && !norm->mean))
        return core_fail(c->ctx, EA_ERR_ARGUMENT,
                         "%s: one of grad_out, save_mean, save_rstd is NULL", c->function);
    EA_TRY(full(c, "grad_x", grad_x, &v->grad_x, &c->b.grad_x));
    EA_TRY(of_weight(c, "grad_weight", grad_weight, &v->grad_weight, &c->b.grad_weight));
    EA_TRY(of_weight(c, "grad_bias", grad_bias, &v->grad_bias, &c->b.grad_bias));
    EA_TRY(check_disjoint(c, c->b.grad_x));
    EA_TRY(check_disjoint(c, c->b.grad_weight));
    EA_TRY(check_disjoint(c, c->b.grad_bias));
    return run_backward(c->ctx, &c->b);
}

ea_status ea_layer_norm(ea_context *ctx, const DLTensor *x, int dims, const DLTensor *weight,
                        const DLTensor *bias, double eps, DLTensor *out, DLTensor *save_mean,
                        DLTensor *save_rstd)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_layer_norm" };
    c.b.norm.centred = true;
    c.b.norm.eps = rounded(eps, 1e-5);
    EA_TRY(open_rows(&c, x, dims));
    return forward(&c, weight, bias, out, save_mean, save_rstd);
}

ea_status ea_layer_norm_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                 int dims, const DLTensor *weight, const DLTensor *save_mean,
                                 const DLTensor *save_rstd, DLTensor *grad_x, DLTensor *grad_weight,
                                 DLTensor *grad_bias)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_layer_norm_backward" };
    c.b.norm.centred = true;
    EA_TRY(open_rows(&c, x, dims));
    return backward(&c, grad_out, weight, save_mean, save_rstd, grad_x, grad_weight, grad_bias);
}

ea_status ea_rms_norm(ea_context *ctx, const DLTensor *x, int dims, const DLTensor *weight,
                      double eps, DLTensor *out, DLTensor *save_rstd)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_rms_norm" };
    c.b.norm.eps = rounded(eps, 0x1p-23);
    EA_TRY(open_rows(&c, x, dims));
    return forward(&c, weight, NULL, out, NULL, save_rstd);
}

ea_status ea_rms_norm_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                               int dims, const DLTensor *weight, const DLTensor *save_rstd,
                               DLTensor *grad_x, DLTensor *grad_weight)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_rms_norm_backward" };
    EA_TRY(open_rows(&c, x, dims));
    return backward(&c, grad_out, weight, NULL, save_rstd, grad_x, grad_weight, NULL);
}

ea_status ea_group_norm(ea_context *ctx, const DLTensor *x, int64_t groups, const DLTensor *weight,
                        const DLTensor *bias, double eps, DLTensor *out, DLTensor *save_mean,
                        DLTensor *save_rstd)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_group_norm" };
    c.b.norm.centred = true;
    c.b.norm.eps = rounded(eps, 1e-5);
    EA_TRY(open_groups(&c, x, groups));
    return forward(&c, weight, bias, out, save_mean, save_rstd);
}

ea_status ea_group_norm_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                 int64_t groups, const DLTensor *weight, const DLTensor *save_mean,
                                 const DLTensor *save_rstd, DLTensor *grad_x, DLTensor *grad_weight,
                                 DLTensor *grad_bias)
{
    row_norm_call c = { .ctx = ctx, .function = "ea_group_norm_backward" };
    c.b.norm.centred = true;
    EA_TRY(open_groups(&c, x, groups));
    return backward(&c, grad_out, weight, save_mean, save_rstd, grad_x, grad_weight, grad_bias);
}
