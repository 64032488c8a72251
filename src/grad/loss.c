/* loss.c: backward rules of losses. */
#include "grad/tape.h"

typedef struct loss_saved {
    DLTensor target;
    int64_t shape[EA_MAX_DIMS];
    ea_reduction reduction;
} loss_saved;

static ea_status cross_entropy_rule(ea_var *out)
{
    const loss_saved *saved = out->saved;
    ea_var *x = out->inputs[0];
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_cross_entropy_backward(out->tape->ctx, &out->grad, &x->value, &saved->target,
                                         saved->reduction, place.tensor));
    return grad_close(&place);
}

/* The target is used in place, as ea_var_input()'s tensor is. */
ea_var *ea_var_cross_entropy(ea_var *x, const DLTensor *target, ea_reduction reduction)
{
    if (!x)
        return NULL;
    ea_tape *tape = x->tape;
    if (target->ndim < 0 || target->ndim > EA_MAX_DIMS)
        return grad_fail(tape,
                         core_fail(tape->ctx, EA_ERR_SHAPE,
                                   "ea_var_cross_entropy: target has %d dimensions", target->ndim));
    bool rows = reduction == EA_REDUCE_NONE && x->value.ndim > 0;
    ea_var *out = grad_var(tape, rows ? 1 : 0, x->shape, cross_entropy_rule, x, NULL, NULL);
    loss_saved *saved = out ? grad_alloc(tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    *saved = (loss_saved){ .target = *target, .reduction = reduction };
    if (target->ndim > 0)
        memcpy(saved->shape, target->shape, sizeof *target->shape * (size_t)target->ndim);
    saved->target.shape = saved->shape;
    out->saved = saved;
    return grad_done(out, ea_cross_entropy(tape->ctx, &x->value, target, reduction, &out->value));
}
