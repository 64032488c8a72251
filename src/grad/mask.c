/* mask.c: backward rules of choosing by a mask. */
#include "grad/tape.h"

static float zero_value = 0;
static const DLTensor zero = { .data = &zero_value,
                               .device = { kDLCPU, 0 },
                               .dtype = { kDLFloat, 32, 1 } };

/* The shape that two tensors' shapes broadcast to; where they do not, the door refuses. */
static int broadcast(int an, const int64_t *a, int bn, const int64_t *b, int64_t *shape)
{
    int ndim = an > bn ? an : bn;
    for (int d = ndim - 1; d >= 0; d--) {
        int ad = d - (ndim - an), bd = d - (ndim - bn);
        int64_t m = ad < 0 ? 1 : a[ad], n = bd < 0 ? 1 : b[bd];
        shape[d] = m == 1 ? n : m;
    }
    return ndim;
}

/* Gives the gradient where the mask is true (or false), 0 elsewhere, summed to the operand's shape.
 */
static ea_status give_where(ea_var *out, ea_var *operand, bool when)
{
    const DLTensor *mask = out->saved;
    const DLTensor *a = when ? &out->grad : &zero, *b = when ? &zero : &out->grad;
    grad_place place;
    EA_TRY(grad_open_full(operand, out->value.ndim, out->shape, &place));
    if (place.tensor)
        EA_TRY(ea_where(out->tape->ctx, mask, a, b, place.tensor));
    return grad_close(&place);
}

static ea_status where_rule(ea_var *out)
{
    EA_TRY(give_where(out, out->inputs[0], true));
    return give_where(out, out->inputs[1], false);
}

/* a and b are values, or NULL for the constant `value`. */
static ea_var *choose(ea_tape *tape, const DLTensor *mask, ea_var *a, ea_var *b,
                      const DLTensor *value)
{
    const DLTensor *kept = grad_keep(tape, mask);
    if (!kept)
        return NULL;
    const DLTensor *first = a ? &a->value : value, *second = &b->value;
    int64_t both[EA_MAX_DIMS], shape[EA_MAX_DIMS];
    int ndim = broadcast(first->ndim, first->shape, second->ndim, second->shape, both);
    ndim = broadcast(ndim, both, kept->ndim, kept->shape, shape);
    ea_var *out = grad_var(tape, ndim, shape, where_rule, a, b, NULL);
    if (!out)
        return NULL;
    out->saved = kept;
    return grad_done(out, ea_where(tape->ctx, mask, first, second, &out->value));
}

ea_var *ea_var_where(const DLTensor *mask, ea_var *a, ea_var *b)
{
    return a && b ? choose(a->tape, mask, a, b, NULL) : NULL;
}

ea_var *ea_var_masked_fill(ea_var *x, const DLTensor *mask, double value)
{
    float constant = (float)value;
    DLTensor scalar = zero;
    scalar.data = &constant;
    return x ? choose(x->tape, mask, NULL, x, &scalar) : NULL;
}

/* --- Select and scatter ----------------------------------------------------------------------- */

static ea_status select_rule(ea_var *out)
{
    const DLTensor *mask = out->saved;
    ea_var *x = out->inputs[0];
    int64_t shape[EA_MAX_DIMS];
    int ndim = broadcast(x->value.ndim, x->shape, mask->ndim, mask->shape, shape);
    grad_place place;
    EA_TRY(grad_open_full(x, ndim, shape, &place));
    if (!place.tensor)
        return EA_OK;
    memset(place.tensor->data, 0, sizeof(float) * (size_t)ea_tensor_numel(place.tensor));
    EA_TRY(ea_masked_scatter(out->tape->ctx, place.tensor, mask, &out->grad, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_masked_select(ea_var *x, const DLTensor *mask)
{
    const DLTensor *kept = x ? grad_keep(x->tape, mask) : NULL;
    if (!kept)
        return NULL;
    ea_context *ctx = x->tape->ctx;
    int64_t shape[EA_MAX_DIMS], true_places = 0, repeats = 1;
    int ndim = broadcast(x->value.ndim, x->shape, kept->ndim, kept->shape, shape);
    ea_status status = ea_count_nonzero(ctx, mask, &true_places);
    if (status != EA_OK)
        return grad_fail(x->tape, status);
    for (int d = 0; d < ndim; d++) {
        int at = d - (ndim - kept->ndim);
        repeats *= at < 0 || kept->shape[at] != shape[d] ? shape[d] : 1;
    }
    true_places *= repeats;
    ea_var *out = grad_var(x->tape, 1, &true_places, select_rule, x, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = kept;
    return grad_done(out, ea_masked_select(ctx, &x->value, mask, &out->value));
}

static ea_status scatter_rule(ea_var *out)
{
    const DLTensor *mask = out->saved;
    ea_var *src = out->inputs[1];
    EA_TRY(give_where(out, out->inputs[0], false));
    grad_place place;
    EA_TRY(grad_open(src, &place));
    if (!place.tensor)
        return EA_OK;
    int64_t shape[EA_MAX_DIMS], stride[EA_MAX_DIMS] = { 0 }, count, step = 1;
    DLTensor wide = *mask, taken = *place.tensor;
    wide.ndim = out->value.ndim;
    wide.shape = out->shape;
    for (int d = mask->ndim - 1; d >= 0; d--) { /* the mask, stretched to x's shape */
        int at = d + out->value.ndim - mask->ndim;
        int64_t own = mask->strides ? mask->strides[d] : step;
        stride[at] = mask->shape[d] == out->shape[at] ? own : 0;
        step *= mask->shape[d];
    }
    wide.strides = stride;
    EA_TRY(ea_count_nonzero(out->tape->ctx, &wide, &count));
    memset(place.tensor->data, 0, sizeof(float) * (size_t)ea_tensor_numel(place.tensor));
    taken.ndim = 1;
    taken.shape = shape;
    shape[0] = count;
    EA_TRY(ea_masked_select(out->tape->ctx, &out->grad, mask, &taken));
    return grad_close(&place);
}

ea_var *ea_var_masked_scatter(ea_var *x, const DLTensor *mask, ea_var *src)
{
    const DLTensor *kept = x && src ? grad_keep(x->tape, mask) : NULL;
    if (!kept)
        return NULL;
    ea_var *out = grad_var(x->tape, x->value.ndim, x->shape, scatter_rule, x, src, NULL);
    if (!out)
        return NULL;
    out->saved = kept;
    return grad_done(out,
                     ea_masked_scatter(x->tape->ctx, &x->value, mask, &src->value, &out->value));
}

/* --- Triangles -------------------------------------------------------------------------------- */

typedef ea_status (*triangle_door)(ea_context *ctx, const DLTensor *x, int64_t diagonal,
                                   DLTensor *out);

typedef struct triangle_saved {
    triangle_door door;
    int64_t diagonal;
} triangle_saved;

static ea_status triangle_rule(ea_var *out)
{
    const triangle_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(s->door(out->tape->ctx, &out->grad, s->diagonal, place.tensor));
    return grad_close(&place);
}

static ea_var *triangle(ea_var *x, triangle_door door, int64_t diagonal)
{
    ea_var *out =
        x ? grad_var(x->tape, x->value.ndim, x->shape, triangle_rule, x, NULL, NULL) : NULL;
    triangle_saved *s = out ? grad_alloc(x->tape, sizeof *s) : NULL;
    if (!s)
        return NULL;
    *s = (triangle_saved){ door, diagonal };
    out->saved = s;
    return grad_done(out, door(x->tape->ctx, &x->value, diagonal, &out->value));
}

ea_var *ea_var_tril(ea_var *x, int64_t diagonal)
{
    return triangle(x, ea_tril, diagonal);
}

ea_var *ea_var_triu(ea_var *x, int64_t diagonal)
{
    return triangle(x, ea_triu, diagonal);
}
