/* elementwise.c: backward rules of the element by element operations. */
#include "grad/tape.h"

typedef ea_status (*unary_door)(ea_context *ctx, const DLTensor *x, DLTensor *out);
typedef ea_status (*unary_backward_door)(ea_context *ctx, const DLTensor *grad_out,
                                         const DLTensor *x, DLTensor *grad_x);
typedef ea_status (*binary_door)(ea_context *ctx, const DLTensor *a, const DLTensor *b,
                                 DLTensor *out);

/* --- Functions of one variable: one rule, the derivative's door being what it saved ---------- */

typedef struct unary {
    unary_door forward;
    unary_backward_door backward;
} unary;

static ea_status unary_rule(ea_var *out)
{
    const unary *function = out->saved;
    ea_var *x = out->inputs[0];
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(function->backward(out->tape->ctx, &out->grad, &x->value, place.tensor));
    return grad_close(&place);
}

static ea_var *apply_unary(ea_var *x, const unary *function)
{
    if (!x)
        return NULL;
    ea_var *out = grad_var(x->tape, x->value.ndim, x->shape, unary_rule, x, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = function;
    return grad_done(out, function->forward(x->tape->ctx, &x->value, &out->value));
}

ea_var *ea_var_exp(ea_var *x)
{
    static const unary function = { ea_exp, ea_exp_backward };
    return apply_unary(x, &function);
}

ea_var *ea_var_log(ea_var *x)
{
    static const unary function = { ea_log, ea_log_backward };
    return apply_unary(x, &function);
}

ea_var *ea_var_sqrt(ea_var *x)
{
    static const unary function = { ea_sqrt, ea_sqrt_backward };
    return apply_unary(x, &function);
}

ea_var *ea_var_tanh(ea_var *x)
{
    static const unary function = { ea_tanh, ea_tanh_backward };
    return apply_unary(x, &function);
}

ea_var *ea_var_sigmoid(ea_var *x)
{
    static const unary function = { ea_sigmoid, ea_sigmoid_backward };
    return apply_unary(x, &function);
}

ea_var *ea_var_relu(ea_var *x)
{
    static const unary function = { ea_relu, ea_relu_backward };
    return apply_unary(x, &function);
}

/* --- Two operands with broadcasting ---------------------------------------------------------- */

/* A temporary of out's shape. */
static ea_status like(ea_var *out, DLTensor *tensor)
{
    grad_tensor(out->tape, EA_FLOAT32, out->value.ndim, out->shape, tensor);
    return out->tape->status;
}

/* Gives `full`, which has out's shape and belongs to the tape, to an operand that may be smaller.
 */
static ea_status give_broadcast(ea_var *out, ea_var *operand, const DLTensor *full)
{
    if (!operand->needs_grad)
        return EA_OK;
    if (grad_has_shape(operand, out->value.ndim, out->shape))
        return grad_give(operand, full);
    grad_place place;
    EA_TRY(grad_open(operand, &place));
    EA_TRY(ea_sum_to_shape(out->tape->ctx, full, place.tensor));
    return grad_close(&place);
}

/* Gives fl(grad ∘ factor), ∘ being mul or div, summed to the operand's shape. */
static ea_status give_scaled(ea_var *out, ea_var *operand, binary_door door, const DLTensor *grad,
                             const DLTensor *factor)
{
    grad_place place;
    EA_TRY(grad_open_full(operand, out->value.ndim, out->shape, &place));
    if (place.tensor)
        EA_TRY(door(out->tape->ctx, grad, factor, place.tensor));
    return grad_close(&place);
}

/* −x, exact. */
static ea_status negated(ea_var *out, const DLTensor *x, DLTensor *negative)
{
    static float minus_one = -1;
    DLTensor scalar = { .data = &minus_one, .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 };
    EA_TRY(like(out, negative));
    return ea_mul(out->tape->ctx, x, &scalar, negative);
}

static ea_status add_rule(ea_var *out)
{
    EA_TRY(give_broadcast(out, out->inputs[0], &out->grad));
    return give_broadcast(out, out->inputs[1], &out->grad);
}

static ea_status sub_rule(ea_var *out)
{
    EA_TRY(give_broadcast(out, out->inputs[0], &out->grad));
    if (!out->inputs[1]->needs_grad)
        return EA_OK;
    DLTensor negative;
    EA_TRY(negated(out, &out->grad, &negative));
    return give_broadcast(out, out->inputs[1], &negative);
}

static ea_status mul_rule(ea_var *out)
{
    ea_var *a = out->inputs[0], *b = out->inputs[1];
    EA_TRY(give_scaled(out, a, ea_mul, &out->grad, &b->value));
    return give_scaled(out, b, ea_mul, &out->grad, &a->value);
}

/* d(a/b) = grad / b and −grad · (a/b) / b, each operation rounded. */
static ea_status div_rule(ea_var *out)
{
    ea_var *a = out->inputs[0], *b = out->inputs[1];
    EA_TRY(give_scaled(out, a, ea_div, &out->grad, &b->value));
    if (!b->needs_grad)
        return EA_OK;
    DLTensor product;
    EA_TRY(negated(out, &out->grad, &product));
    EA_TRY(ea_mul(out->tape->ctx, &product, &out->value, &product));
    return give_scaled(out, b, ea_div, &product, &b->value);
}

static ea_var *apply_binary(ea_var *a, ea_var *b, binary_door door, grad_rule rule)
{
    if (!a || !b)
        return NULL;
    int ndim = a->value.ndim > b->value.ndim ? a->value.ndim : b->value.ndim;
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < ndim; d++) {
        int ad = d - (ndim - a->value.ndim), bd = d - (ndim - b->value.ndim);
        int64_t m = ad < 0 ? 1 : a->shape[ad], n = bd < 0 ? 1 : b->shape[bd];
        shape[d] = m == 1 ? n : m; /* the door checks that they agree */
    }
    ea_var *out = grad_var(a->tape, ndim, shape, rule, a, b, NULL);
    return out ? grad_done(out, door(a->tape->ctx, &a->value, &b->value, &out->value)) : NULL;
}

ea_var *ea_var_add(ea_var *a, ea_var *b)
{
    return apply_binary(a, b, ea_add, add_rule);
}

ea_var *ea_var_sub(ea_var *a, ea_var *b)
{
    return apply_binary(a, b, ea_sub, sub_rule);
}

ea_var *ea_var_mul(ea_var *a, ea_var *b)
{
    return apply_binary(a, b, ea_mul, mul_rule);
}

ea_var *ea_var_div(ea_var *a, ea_var *b)
{
    return apply_binary(a, b, ea_div, div_rule);
}
