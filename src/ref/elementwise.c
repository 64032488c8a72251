/* elementwise.c: definitions of what works element by element. */
#include "math/math.h"
#include "ref/ref.h"

static float binary(ref_binary_kind kind, float a, float b)
{
    switch (kind) {
    case REF_ADD:
        return a + b;
    case REF_SUB:
        return a - b;
    case REF_MUL:
        return a * b;
    default:
        return a / b;
    }
}

static float unary(ref_unary_kind kind, float x)
{
    switch (kind) {
    case REF_EXP:
        return math_exp(x);
    case REF_LOG:
        return math_log(x);
    case REF_SQRT:
        return math_sqrt(x);
    case REF_TANH:
        return math_tanh(x);
    case REF_SIGMOID:
        return math_sigmoid(x);
    default:
        return x < 0 ? 0 : x;
    }
}

/* The gradient at x when `grad` comes in. relu has no slope to multiply with: it lets the gradient
 * through or not. */
static float backward(ref_unary_kind kind, float grad, float x)
{
    switch (kind) {
    case REF_EXP:
        return grad * math_exp(x);
    case REF_LOG:
        return grad * (1 / x);
    case REF_SQRT:
        return grad * math_sqrt_derivative(x);
    case REF_TANH:
        return grad * math_tanh_derivative(x);
    case REF_SIGMOID:
        return grad * math_sigmoid_derivative(x);
    default:
        return x <= 0 ? 0 : grad;
    }
}

ea_status ref_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a, const ea_view *b,
                     const ea_view *out)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(out); i++)
        core_store(out, core_offset(out, i),
                   binary(kind, core_load(a, core_offset(a, i)), core_load(b, core_offset(b, i))));
    return EA_OK;
}

ea_status ref_unary(ea_context *ctx, ref_unary_kind kind, const ea_view *x, const ea_view *out)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(out); i++)
        core_store(out, core_offset(out, i), unary(kind, core_load(x, core_offset(x, i))));
    return EA_OK;
}

ea_status ref_unary_backward(ea_context *ctx, ref_unary_kind kind, const ea_view *grad_out,
                             const ea_view *x, const ea_view *grad_x)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(grad_x); i++)
        core_store(grad_x, core_offset(grad_x, i),
                   backward(kind, core_load(grad_out, core_offset(grad_out, i)),
                            core_load(x, core_offset(x, i))));
    return EA_OK;
}
