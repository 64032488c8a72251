/* softmax.c: backward rules of softmax and its logarithm. */
#include "grad/tape.h"

static ea_status softmax_rule(ea_var *out)
{
    const int *dim = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_softmax_backward(out->tape->ctx, &out->grad, &out->value, *dim, place.tensor));
    return grad_close(&place);
}

static ea_status log_softmax_rule(ea_var *out)
{
    const int *dim = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(
            ea_log_softmax_backward(out->tape->ctx, &out->grad, &out->value, *dim, place.tensor));
    return grad_close(&place);
}

static ea_var *along(ea_var *x, int dim, grad_rule rule)
{
    ea_var *out = grad_var(x->tape, x->value.ndim, x->shape, rule, x, NULL, NULL);
    int *saved = out ? grad_alloc(x->tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    *saved = dim;
    out->saved = saved;
    return out;
}

ea_var *ea_var_softmax(ea_var *x, int dim)
{
    ea_var *out = x ? along(x, dim, softmax_rule) : NULL;
    return out ? grad_done(out, ea_softmax(x->tape->ctx, &x->value, dim, &out->value)) : NULL;
}

ea_var *ea_var_log_softmax(ea_var *x, int dim)
{
    ea_var *out = x ? along(x, dim, log_softmax_rule) : NULL;
    return out ? grad_done(out, ea_log_softmax(x->tape->ctx, &x->value, dim, &out->value)) : NULL;
}

ea_var *ea_var_softmin(ea_var *x, int dim)
{
    return ea_var_softmax(ea_var_point(EA_FN_NEG, (ea_var *[]){ x }, NULL), dim);
}
