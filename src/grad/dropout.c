/* dropout.c: dropout and its relatives: a mask from the generator, then products and sums. */
#include "core/fp.h"
#include "grad/tape.h"

#include <math.h>

/* 1 where x is kept, with probability 1 − p, else 0; `channels`: one number for each [n, c]. */
static ea_var *kept_places(ea_var *x, double p, bool channels, ea_generator *generator)
{
    ea_tape *tape = x->tape;
    int64_t *shape = grad_alloc(tape, sizeof *shape * EA_MAX_DIMS);
    DLTensor mask;
    if (!shape)
        return NULL;
    for (int d = 0; d < x->value.ndim; d++)
        shape[d] = channels && d >= 2 ? 1 : x->shape[d];
    if (!grad_tensor(tape, EA_FLOAT32, x->value.ndim, shape, &mask))
        return NULL;
    ea_status status = ea_bernoulli(tape->ctx, generator, 1 - p, &mask);
    return status == EA_OK ? ea_var_input(tape, &mask) : grad_fail(tape, status);
}

/* True when there is something to do; false and *out is the result. */
static bool begin(ea_var *x, double p, const ea_generator *generator, ea_var **out)
{
    *out = x;
    if (!x || (p >= 0 && p <= 1 && (p == 0 || !generator)))
        return false;
    if (p >= 0 && p <= 1)
        return true;
    *out = grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                        "dropout: p is %g: give a probability", p));
    return false;
}

static ea_var *dropout(ea_var *x, double p, bool channels, ea_generator *generator)
{
    ea_var *out;
    if (!begin(x, p, generator, &out))
        return out;
    ea_var *kept = kept_places(x, p, channels, generator);
    core_fp saved = core_fp_enter();
    double factor = p == 1 ? 0 : 1 / (1 - p);
    core_fp_leave(saved);
    ea_var *scale = grad_number(x->tape, factor);
    return ea_var_mul(x, ea_var_mul(kept, scale));
}

/* torch's constants: what SELU saturates at, and the scale and shift that keep mean and variance.
 */
static ea_var *alpha_dropout(ea_var *x, double p, bool channels, ea_generator *generator)
{
    static const double alpha = 1.7580993408473766;
    ea_var *out;
    if (!begin(x, p, generator, &out))
        return out;
    core_fp saved = core_fp_enter();
    double scale = p == 1 ? 0 : 1 / sqrt((alpha * alpha * p + 1) * (1 - p));
    double dropped = alpha * scale * p - alpha * scale, range = alpha * scale;
    core_fp_leave(saved);
    ea_tape *tape = x->tape;
    ea_var *kept = kept_places(x, p, channels, generator);
    ea_var *shift =
        ea_var_add(ea_var_mul(kept, grad_number(tape, range)), grad_number(tape, dropped));
    return ea_var_add(ea_var_mul(x, ea_var_mul(kept, grad_number(tape, scale))), shift);
}

ea_var *ea_var_dropout(ea_var *x, double p, ea_generator *generator)
{
    return dropout(x, p, false, generator);
}

ea_var *ea_var_feature_dropout(ea_var *x, double p, ea_generator *generator)
{
    return dropout(x, p, true, generator);
}

ea_var *ea_var_alpha_dropout(ea_var *x, double p, ea_generator *generator)
{
    return alpha_dropout(x, p, false, generator);
}

ea_var *ea_var_feature_alpha_dropout(ea_var *x, double p, ea_generator *generator)
{
    return alpha_dropout(x, p, true, generator);
}
