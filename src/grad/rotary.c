/* rotary.c: rotary position embedding as products, a difference and a sum of halves. */
#include "grad/tape.h"

static ea_var *turned(ea_var *a, ea_var *b, ea_var *cosine, ea_var *sine, bool first)
{
    return first ? ea_var_sub(ea_var_mul(a, cosine), ea_var_mul(b, sine))
                 : ea_var_add(ea_var_mul(b, cosine), ea_var_mul(a, sine));
}

/* Elements 2i + which of the last dimension. */
static ea_var *every_other(ea_var *x, int64_t which)
{
    int64_t shape[EA_MAX_DIMS];
    int n = x->value.ndim;
    memcpy(shape, x->shape, sizeof shape);
    shape[n - 1] /= 2;
    shape[n] = 2;
    return ea_var_reshape(ea_var_narrow(ea_var_reshape(x, n + 1, shape), n, which, 1), n, shape);
}

ea_var *ea_var_rotary(ea_var *x, const DLTensor *cosine, const DLTensor *sine, int adjacent)
{
    if (!x)
        return NULL;
    int n = x->value.ndim, last = n - 1;
    if (n < 2 || n == EA_MAX_DIMS || x->shape[last] % 2)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_rotary: give x [..., steps, dim] with an even "
                                            "dim and at most %d dimensions",
                                            EA_MAX_DIMS - 1));
    int64_t half = x->shape[last] / 2;
    ea_var *a = adjacent ? every_other(x, 0) : ea_var_narrow(x, last, 0, half);
    ea_var *b = adjacent ? every_other(x, 1) : ea_var_narrow(x, last, half, half);
    ea_var *c = ea_var_input(x->tape, cosine), *s = ea_var_input(x->tape, sine);
    ea_var *parts[] = { turned(a, b, c, s, true), turned(a, b, c, s, false) };
    if (!adjacent)
        return ea_var_cat(parts, 2, last);
    return ea_var_reshape(ea_var_stack(parts, 2, n), n, x->shape);
}
