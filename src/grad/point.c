/* point.c: backward rule of the functions by number. */
#include "grad/tape.h"

typedef struct point_saved {
    ea_point_function function;
    bool given; /* the parameters; else the defaults */
    double parameters[3];
    int inputs;
} point_saved;

static ea_status give(ea_var *out, int which, const DLTensor *const *inputs)
{
    const point_saved *s = out->saved;
    const double *parameters = s->given ? s->parameters : NULL;
    grad_place place;
    EA_TRY(grad_open_full(out->inputs[which], out->value.ndim, out->shape, &place));
    if (place.tensor)
        EA_TRY(ea_point_backward(out->tape->ctx, s->function, which, &out->grad, inputs, parameters,
                                 place.tensor));
    return grad_close(&place);
}

static ea_status point_rule(ea_var *out)
{
    const point_saved *s = out->saved;
    const DLTensor *inputs[GRAD_MAX_INPUTS] = { NULL };
    for (int k = 0; k < s->inputs; k++)
        inputs[k] = &out->inputs[k]->value;
    for (int k = 0; k < s->inputs; k++)
        EA_TRY(give(out, k, inputs));
    return EA_OK;
}

/* The shape of the broadcast inputs; where they do not fit, the door refuses. */
static int joint_shape(ea_var *const *inputs, int count, int64_t *shape)
{
    int ndim = 0;
    for (int k = 0; k < count; k++)
        ndim = inputs[k]->value.ndim > ndim ? inputs[k]->value.ndim : ndim;
    for (int d = 0; d < ndim; d++) {
        shape[d] = 1;
        for (int k = 0; k < count; k++) {
            int at = d - (ndim - inputs[k]->value.ndim);
            if (at >= 0 && inputs[k]->shape[at] != 1)
                shape[d] = inputs[k]->shape[at];
        }
    }
    return ndim;
}

ea_var *ea_var_point(ea_point_function function, ea_var *const *inputs, const double *parameters)
{
    int count = ea_point_inputs(function);
    ea_var *var[GRAD_MAX_INPUTS] = { NULL };
    const DLTensor *values[GRAD_MAX_INPUTS] = { NULL };
    int64_t shape[EA_MAX_DIMS];
    for (int k = 0; k < count; k++) {
        if (!(var[k] = inputs[k]))
            return NULL;
        values[k] = &var[k]->value;
    }
    if (count == 0)
        return NULL;
    ea_tape *tape = var[0]->tape;
    point_saved *s = grad_alloc(tape, sizeof *s);
    if (!s)
        return NULL;
    *s = (point_saved){ .function = function, .given = parameters != NULL, .inputs = count };
    for (int k = 0; parameters && k < ea_point_parameters(function); k++)
        s->parameters[k] = parameters[k];
    bool truth = function >= EA_FN_ISNAN && function <= EA_FN_LOGICAL_XOR;
    int ndim = joint_shape(var, count, shape);
    ea_var *out = grad_var_view(tape, truth ? EA_BOOL : EA_FLOAT32, ndim, shape,
                                truth ? NULL : point_rule, var[0], var[1], var[2]);
    if (!out || !grad_tensor(tape, out->value.dtype, ndim, out->shape, &out->value))
        return NULL;
    out->needs_grad &= !truth;
    out->saved = s;
    return grad_done(out, ea_point(tape->ctx, function, values, parameters, &out->value));
}
