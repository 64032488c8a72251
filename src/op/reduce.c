/* reduce.c: doors of sums and means. */
#include "op/reduce.h"
#include "op/op.h"

static ea_status run_reduce(ea_context *ctx, const ea_view *x, int kept, bool mean,
                            const ea_view *out)
{
    OP_RUN(ctx, reduce, x, kept, mean, out);
}

/* Marks the dimensions to reduce. */
static ea_status mark_dims(ea_context *ctx, const char *function, int ndim, const int *dims,
                           int ndims, bool reduced[EA_MAX_DIMS])
{
    for (int d = 0; d < ndim; d++)
        reduced[d] = ndims == 0;
    if (ndims < 0 || (ndims > 0 && !dims))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: ndims is %d without dims", function, ndims);
    for (int i = 0; i < ndims; i++) {
        int d = dims[i] < 0 ? dims[i] + ndim : dims[i];
        if (d < 0 || d >= ndim)
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dims[%d] is %d: x has %d dimensions",
                             function, i, dims[i], ndim);
        if (reduced[d])
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dimension %d is named twice", function, d);
        reduced[d] = true;
    }
    return EA_OK;
}

/* x with the kept dimensions first, each group in its order; returns how many are kept. */
static int kept_first(const ea_view *x, const bool reduced[EA_MAX_DIMS], ea_view *out)
{
    int kept = 0, at = 0;
    *out = *x;
    for (int pass = 0; pass < 2; pass++) {
        for (int d = 0; d < x->ndim; d++)
            if (reduced[d] == (pass == 1)) {
                out->shape[at] = x->shape[d];
                out->stride[at++] = x->stride[d];
            }
        kept = pass == 0 ? at : kept;
    }
    return kept;
}

/* Takes size-1 dimensions out of `out` where x's are reduced. */
static void drop_reduced(ea_view *out, const bool reduced[EA_MAX_DIMS])
{
    int at = 0;
    for (int d = 0; d < out->ndim; d++)
        if (!reduced[d]) {
            out->shape[at] = out->shape[d];
            out->stride[at++] = out->stride[d];
        }
    out->ndim = at;
}

ea_status op_reduction_of(ea_context *ctx, const char *function, const ea_view *x, const int *dims,
                          int ndims, op_reduction *r)
{
    EA_TRY(mark_dims(ctx, function, x->ndim, dims, ndims, r->reduced));
    r->kept = kept_first(x, r->reduced, &r->rows);
    return EA_OK;
}

ea_status op_reduced_shape(ea_context *ctx, const char *function, const char *name,
                           const ea_view *x, const op_reduction *r, ea_view *view)
{
    if (view->ndim != x->ndim || r->kept == x->ndim)
        return op_expect_shape(ctx, function, name, view, r->kept, r->rows.shape);
    ea_view with_ones = *x;
    for (int d = 0; d < x->ndim; d++)
        with_ones.shape[d] = r->reduced[d] ? 1 : x->shape[d];
    EA_TRY(op_expect_shape(ctx, function, name, view, x->ndim, with_ones.shape));
    drop_reduced(view, r->reduced);
    return EA_OK;
}

static ea_status reduce(ea_context *ctx, const char *function, const DLTensor *x, const int *dims,
                        int ndims, bool mean, DLTensor *out)
{
    ea_view vx, vo;
    op_reduction r;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_reduction_of(ctx, function, &vx, dims, ndims, &r));
    EA_TRY(op_reduced_shape(ctx, function, "out", &vx, &r, &vo));
    return run_reduce(ctx, &r.rows, r.kept, mean, &vo);
}

ea_status ea_sum(ea_context *ctx, const DLTensor *x, const int *dims, int ndims, DLTensor *out)
{
    return reduce(ctx, "ea_sum", x, dims, ndims, false, out);
}

ea_status ea_mean(ea_context *ctx, const DLTensor *x, const int *dims, int ndims, DLTensor *out)
{
    return reduce(ctx, "ea_mean", x, dims, ndims, true, out);
}

ea_status ea_sum_to_shape(ea_context *ctx, const DLTensor *grad, DLTensor *out)
{
    const char *function = "ea_sum_to_shape";
    ea_view vg, vo, ordered;
    EA_TRY(core_view_of(ctx, function, "grad", grad, CORE_FLOATS, &vg));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "grad", &vg, &vo, false));
    int missing = vg.ndim - vo.ndim;
    bool reduced[EA_MAX_DIMS] = { false }, fits = missing >= 0;
    for (int d = 0; fits && d < vg.ndim; d++) {
        int64_t size = d < missing ? 1 : vo.shape[d - missing];
        fits = size == vg.shape[d] || size == 1;
        reduced[d] = d < missing || size != vg.shape[d];
    }
    if (!fits) {
        char from[128], to[128];
        return core_fail(ctx, EA_ERR_SHAPE, "%s: shape %s does not broadcast to grad's %s",
                         function, core_shape_text(&vo, to), core_shape_text(&vg, from));
    }
    int kept = kept_first(&vg, reduced, &ordered);
    drop_reduced(&vo, reduced + (missing > 0 ? missing : 0));
    return run_reduce(ctx, &ordered, kept, false, &vo);
}
