/* matmul.c: doors of matmul, bmm and linear. */
#include "op/op.h"

/* Adds a dimension of size 1 at `at`. */
static void insert_dim(ea_view *view, int at)
{
    memmove(view->shape + at + 1, view->shape + at,
            sizeof *view->shape * (size_t)(view->ndim - at));
    memmove(view->stride + at + 1, view->stride + at,
            sizeof *view->stride * (size_t)(view->ndim - at));
    view->shape[at] = 1;
    view->stride[at] = 0;
    view->ndim++;
}

static ea_status inner_error(ea_context *ctx, const char *function, const ea_view *a,
                             const ea_view *b)
{
    char ta[128], tb[128];
    return core_fail(ctx, EA_ERR_SHAPE, "%s: shapes %s and %s: the inner sizes differ", function,
                     core_shape_text(a, ta), core_shape_text(b, tb));
}

/* Broadcasts the leading dimensions of a and b, checks out against them, and computes. `vector_a`
 * and `vector_b` say which of them lost a dimension on the way in. */
static ea_status matmul_run(ea_context *ctx, const char *function, ea_view a, ea_view b,
                            const ea_view *bias, ea_view out, bool vector_a, bool vector_b)
{
    if (a.shape[a.ndim - 1] != b.shape[b.ndim - 2])
        return inner_error(ctx, function, &a, &b);
    ea_view a_lead = a, b_lead = b, full;
    a_lead.ndim -= 2;
    b_lead.ndim -= 2;
    EA_TRY(op_broadcast_shape(ctx, function, &a_lead, &b_lead, &full));
    int lead = full.ndim;
    full.ndim += 2;
    full.shape[lead] = a.shape[a.ndim - 2];
    full.shape[lead + 1] = b.shape[b.ndim - 1];

    if (vector_b)
        insert_dim(&out, out.ndim);
    if (vector_a)
        insert_dim(&out, out.ndim - 1);
    EA_TRY(op_expect_shape(ctx, function, "out", &out, full.ndim, full.shape));

    ea_view a_full = full, b_full = full;
    a_full.shape[lead + 1] = a.shape[a.ndim - 1];
    b_full.shape[lead] = b.shape[b.ndim - 2];
    op_expand(&a, &a_full);
    op_expand(&b, &b_full);
    OP_RUN(ctx, matmul, &a, &b, bias, &out);
}

ea_status ea_matmul(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    ea_view va, vb, vo;
    EA_TRY(core_view_of(ctx, "ea_matmul", "a", a, CORE_FLOATS, &va));
    EA_TRY(core_view_of(ctx, "ea_matmul", "b", b, CORE_FLOATS, &vb));
    EA_TRY(core_view_of(ctx, "ea_matmul", "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, "ea_matmul", "a", &va, &vo, false));
    EA_TRY(op_no_overlap(ctx, "ea_matmul", "b", &vb, &vo, false));
    if (va.ndim == 0 || vb.ndim == 0)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_matmul: a and b need at least one dimension");
    bool vector_a = va.ndim == 1, vector_b = vb.ndim == 1;
    if (vo.ndim + vector_a + vector_b > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_matmul: out has %d dimensions", vo.ndim);
    if (vector_a)
        insert_dim(&va, 0);
    if (vector_b)
        insert_dim(&vb, 1);
    return matmul_run(ctx, "ea_matmul", va, vb, NULL, vo, vector_a, vector_b);
}

ea_status ea_bmm(ea_context *ctx, const DLTensor *a, const DLTensor *c, DLTensor *out)
{
    ea_view va, vc, vo;
    EA_TRY(core_view_of(ctx, "ea_bmm", "a", a, CORE_FLOATS, &va));
    EA_TRY(core_view_of(ctx, "ea_bmm", "c", c, CORE_FLOATS, &vc));
    EA_TRY(core_view_of(ctx, "ea_bmm", "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, "ea_bmm", "a", &va, &vo, false));
    EA_TRY(op_no_overlap(ctx, "ea_bmm", "c", &vc, &vo, false));
    if (va.ndim != 3 || vc.ndim != 3 || va.shape[0] != vc.shape[0])
        return core_fail(ctx, EA_ERR_SHAPE, "ea_bmm: give three dimensions and equal batch sizes");
    return matmul_run(ctx, "ea_bmm", va, vc, NULL, vo, false, false);
}

ea_status ea_linear(ea_context *ctx, const DLTensor *x, const DLTensor *weight,
                    const DLTensor *bias, DLTensor *out)
{
    ea_view vx, vw, vb, vo;
    EA_TRY(core_view_of(ctx, "ea_linear", "x", x, CORE_FLOATS, &vx));
    EA_TRY(core_view_of(ctx, "ea_linear", "weight", weight, CORE_FLOATS, &vw));
    EA_TRY(core_view_of(ctx, "ea_linear", "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, "ea_linear", "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, "ea_linear", "weight", &vw, &vo, false));
    if (vx.ndim == 0 || vw.ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_linear: x needs a dimension and weight two");
    bool vector = vx.ndim == 1;
    if (vo.ndim + vector > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_linear: out has %d dimensions", vo.ndim);
    if (vx.shape[vx.ndim - 1] != vw.shape[1])
        return inner_error(ctx, "ea_linear", &vx, &vw);
    if (bias) {
        EA_TRY(core_view_of(ctx, "ea_linear", "bias", bias, CORE_FLOATS, &vb));
        EA_TRY(op_expect_shape(ctx, "ea_linear", "bias", &vb, 1, vw.shape));
        EA_TRY(op_no_overlap(ctx, "ea_linear", "bias", &vb, &vo, false));
    }
    if (vector)
        insert_dim(&vx, 0);
    ea_view transposed =
        core_view_make(vw.data, vw.dtype, 2, (int64_t[]){ vw.shape[1], vw.shape[0] });
    transposed.stride[0] = vw.stride[1];
    transposed.stride[1] = vw.stride[0];
    ea_view full = vx;
    full.shape[vx.ndim - 1] = vw.shape[0];
    if (bias)
        op_expand(&vb, &full);
    return matmul_run(ctx, "ea_linear", vx, transposed, bias ? &vb : NULL, vo, vector, false);
}
