/* row_norm.c: backward rules of layer, RMS and group norm. */
#include "grad/tape.h"

/* What the rules need. `split`: dims of layer and RMS norm, groups of group norm. */
typedef struct row_norm_saved {
    int64_t split;
    DLTensor mean, rstd;
    int64_t rows[EA_MAX_DIMS]; /* their shape */
} row_norm_saved;

static bool absent(const ea_var *var)
{
    return var == ea_no_bias;
}

static const DLTensor *value_of(const ea_var *var)
{
    return absent(var) ? NULL : &var->value;
}

/* The output; its statistics have the `kept` sizes `rows`. */
static ea_var *start(ea_var *x, ea_var *weight, ea_var *bias, grad_rule rule, int kept,
                     const int64_t *rows, int64_t split, row_norm_saved **saved_out)
{
    ea_tape *tape = x->tape;
    ea_var *out = grad_var(tape, x->value.ndim, x->shape, rule, x, absent(weight) ? NULL : weight,
                           absent(bias) ? NULL : bias);
    row_norm_saved *saved = out ? grad_alloc(tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    saved->split = split;
    memcpy(saved->rows, rows, sizeof *rows * (size_t)kept);
    if (!grad_tensor(tape, EA_FLOAT32, kept, saved->rows, &saved->mean) ||
        !grad_tensor(tape, EA_FLOAT32, kept, saved->rows, &saved->rstd))
        return NULL;
    out->saved = *saved_out = saved;
    return out;
}

typedef struct places {
    grad_place x, weight, bias;
} places;

static ea_status open_places(ea_var *out, places *to)
{
    EA_TRY(grad_open(out->inputs[0], &to->x));
    EA_TRY(grad_open(out->inputs[1], &to->weight));
    return grad_open(out->inputs[2], &to->bias);
}

static ea_status close_places(places *to)
{
    EA_TRY(grad_close(&to->x));
    EA_TRY(grad_close(&to->weight));
    return grad_close(&to->bias);
}

static const DLTensor *weight_of(const ea_var *out)
{
    return out->inputs[1] ? &out->inputs[1]->value : NULL;
}

static ea_status layer_norm_rule(ea_var *out)
{
    const row_norm_saved *s = out->saved;
    places to;
    EA_TRY(open_places(out, &to));
    EA_TRY(ea_layer_norm_backward(out->tape->ctx, &out->grad, &out->inputs[0]->value, (int)s->split,
                                  weight_of(out), &s->mean, &s->rstd, to.x.tensor, to.weight.tensor,
                                  to.bias.tensor));
    return close_places(&to);
}

static ea_status rms_norm_rule(ea_var *out)
{
    const row_norm_saved *s = out->saved;
    places to;
    EA_TRY(open_places(out, &to));
    EA_TRY(ea_rms_norm_backward(out->tape->ctx, &out->grad, &out->inputs[0]->value, (int)s->split,
                                weight_of(out), &s->rstd, to.x.tensor, to.weight.tensor));
    return close_places(&to);
}

static ea_status group_norm_rule(ea_var *out)
{
    const row_norm_saved *s = out->saved;
    places to;
    EA_TRY(open_places(out, &to));
    EA_TRY(ea_group_norm_backward(out->tape->ctx, &out->grad, &out->inputs[0]->value, s->split,
                                  weight_of(out), &s->mean, &s->rstd, to.x.tensor, to.weight.tensor,
                                  to.bias.tensor));
    return close_places(&to);
}

/* Layer and RMS norm's leading dimensions; 0 where the door will refuse. */
static int lead_of(const ea_var *x, int dims)
{
    return dims < 1 || dims > x->value.ndim ? 0 : x->value.ndim - dims;
}

ea_var *ea_var_layer_norm(ea_var *x, int dims, ea_var *weight, ea_var *bias, double eps)
{
    if (!x || !weight || !bias)
        return NULL;
    row_norm_saved *s;
    ea_var *out = start(x, weight, bias, layer_norm_rule, lead_of(x, dims), x->shape, dims, &s);
    if (!out)
        return NULL;
    return grad_done(out, ea_layer_norm(x->tape->ctx, &x->value, dims, value_of(weight),
                                        value_of(bias), eps, &out->value, &s->mean, &s->rstd));
}

ea_var *ea_var_rms_norm(ea_var *x, int dims, ea_var *weight, double eps)
{
    if (!x || !weight)
        return NULL;
    row_norm_saved *s;
    ea_var *out = start(x, weight, ea_no_bias, rms_norm_rule, lead_of(x, dims), x->shape, dims, &s);
    if (!out)
        return NULL;
    return grad_done(out, ea_rms_norm(x->tape->ctx, &x->value, dims, value_of(weight), eps,
                                      &out->value, &s->rstd));
}

ea_var *ea_var_group_norm(ea_var *x, int64_t groups, ea_var *weight, ea_var *bias, double eps)
{
    if (!x || !weight || !bias)
        return NULL;
    int64_t rows[2] = { x->value.ndim > 0 ? x->shape[0] : 0, groups < 0 ? 0 : groups };
    row_norm_saved *s;
    ea_var *out = start(x, weight, bias, group_norm_rule, 2, rows, groups, &s);
    if (!out)
        return NULL;
    return grad_done(out, ea_group_norm(x->tape->ctx, &x->value, groups, value_of(weight),
                                        value_of(bias), eps, &out->value, &s->mean, &s->rstd));
}
