/* norm.c: backward rules of normalisation. */
#include "grad/tape.h"

typedef struct batch_norm_saved {
    ea_batch_norm_options options;
    DLTensor mean;
    DLTensor std;
} batch_norm_saved;

static ea_status batch_norm_rule(ea_var *out)
{
    const batch_norm_saved *saved = out->saved;
    ea_var *x = out->inputs[0], *weight = out->inputs[1], *bias = out->inputs[2];
    grad_place to_x, to_weight, to_bias;
    EA_TRY(grad_open(x, &to_x));
    EA_TRY(grad_open(weight, &to_weight));
    EA_TRY(grad_open(bias, &to_bias));
    EA_TRY(ea_batch_norm_backward(out->tape->ctx, &out->grad, &x->value, &weight->value,
                                  &saved->mean, &saved->std, &saved->options, to_x.tensor,
                                  to_weight.tensor, to_bias.tensor));
    EA_TRY(grad_close(&to_x));
    EA_TRY(grad_close(&to_weight));
    return grad_close(&to_bias);
}

ea_var *ea_var_batch_norm(ea_var *x, ea_var *weight, ea_var *bias, DLTensor *running_mean,
                          DLTensor *running_var, const ea_batch_norm_options *options)
{
    if (!x || !weight || !bias)
        return NULL;
    ea_tape *tape = x->tape;
    if (x->value.ndim < 2)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                         "ea_var_batch_norm: x has %d dimensions: give [n, c, …]",
                                         x->value.ndim));
    ea_var *out = grad_var(tape, x->value.ndim, x->shape, batch_norm_rule, x, weight, bias);
    batch_norm_saved *saved = out ? grad_alloc(tape, sizeof *saved) : NULL;
    if (!saved || !grad_tensor(tape, EA_FLOAT32, 1, &out->shape[1], &saved->mean) ||
        !grad_tensor(tape, EA_FLOAT32, 1, &out->shape[1], &saved->std))
        return NULL;
    saved->options = *options;
    out->saved = saved;
    return grad_done(out,
                     ea_batch_norm(tape->ctx, &x->value, &weight->value, &bias->value, running_mean,
                                   running_var, options, &out->value, &saved->mean, &saved->std));
}
