/* elementwise.c: doors of what works element by element. */
#include "op/op.h"

static ea_status run_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a,
                            const ea_view *b, const ea_view *out)
{
    OP_RUN(ctx, binary, kind, a, b, out);
}

static ea_status binary(ea_context *ctx, const char *function, ref_binary_kind kind,
                        const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    ea_view va, vb, vo, full;
    EA_TRY(core_view_of(ctx, function, "a", a, CORE_FLOATS, &va));
    EA_TRY(core_view_of(ctx, function, "b", b, CORE_FLOATS, &vb));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "a", &va, &vo, true));
    EA_TRY(op_no_overlap(ctx, function, "b", &vb, &vo, true));
    EA_TRY(op_broadcast_shape(ctx, function, &va, &vb, &full));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, full.ndim, full.shape));
    op_expand(&va, &full);
    op_expand(&vb, &full);
    return run_binary(ctx, kind, &va, &vb, &vo);
}

ea_status ea_add(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    return binary(ctx, "ea_add", REF_ADD, a, b, out);
}

ea_status ea_sub(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    return binary(ctx, "ea_sub", REF_SUB, a, b, out);
}

ea_status ea_mul(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    return binary(ctx, "ea_mul", REF_MUL, a, b, out);
}

ea_status ea_div(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out)
{
    return binary(ctx, "ea_div", REF_DIV, a, b, out);
}

static ea_status run_unary(ea_context *ctx, ref_unary_kind kind, const ea_view *x,
                           const ea_view *out)
{
    OP_RUN(ctx, unary, kind, x, out);
}

static ea_status unary(ea_context *ctx, const char *function, ref_unary_kind kind,
                       const DLTensor *x, DLTensor *out)
{
    ea_view vx, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, true));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, vx.shape));
    return run_unary(ctx, kind, &vx, &vo);
}

static ea_status run_unary_backward(ea_context *ctx, ref_unary_kind kind, const ea_view *grad_out,
                                    const ea_view *x, const ea_view *grad_x)
{
    OP_RUN(ctx, unary_backward, kind, grad_out, x, grad_x);
}

static ea_status unary_backward(ea_context *ctx, const char *function, ref_unary_kind kind,
                                const DLTensor *grad_out, const DLTensor *x, DLTensor *grad_x)
{
    ea_view vg, vx, vo;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vo, true));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, true));
    EA_TRY(op_expect_shape(ctx, function, "grad_out", &vg, vx.ndim, vx.shape));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vo, vx.ndim, vx.shape));
    return run_unary_backward(ctx, kind, &vg, &vx, &vo);
}

ea_status ea_exp(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_exp", REF_EXP, x, out);
}

ea_status ea_log(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_log", REF_LOG, x, out);
}

ea_status ea_sqrt(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_sqrt", REF_SQRT, x, out);
}

ea_status ea_tanh(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_tanh", REF_TANH, x, out);
}

ea_status ea_sigmoid(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_sigmoid", REF_SIGMOID, x, out);
}

ea_status ea_relu(ea_context *ctx, const DLTensor *x, DLTensor *out)
{
    return unary(ctx, "ea_relu", REF_RELU, x, out);
}

ea_status ea_exp_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                          DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_exp_backward", REF_EXP, grad_out, x, grad_x);
}

ea_status ea_log_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                          DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_log_backward", REF_LOG, grad_out, x, grad_x);
}

ea_status ea_sqrt_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                           DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_sqrt_backward", REF_SQRT, grad_out, x, grad_x);
}

ea_status ea_tanh_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                           DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_tanh_backward", REF_TANH, grad_out, x, grad_x);
}

ea_status ea_sigmoid_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                              DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_sigmoid_backward", REF_SIGMOID, grad_out, x, grad_x);
}

ea_status ea_relu_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                           DLTensor *grad_x)
{
    return unary_backward(ctx, "ea_relu_backward", REF_RELU, grad_out, x, grad_x);
}
