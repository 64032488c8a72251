/* arrange.c: backward rules of bringing elements into another order: the gradient goes the way
 * back. */
#include "grad/tape.h"

/* --- Joining and cutting ---------------------------------------------------------------------- */

typedef struct join_saved {
    ea_var **parts;
    int count, dim;
    bool new_dimension; /* a stack: a part has no `dim` */
} join_saved;

/* The slices of `whole` that part number i became. */
static DLTensor part_of(const DLTensor *whole, const join_saved *s, int i, int64_t *at,
                        int64_t shape[EA_MAX_DIMS], int64_t stride[EA_MAX_DIMS])
{
    int64_t step = 1, size = s->new_dimension ? 1 : s->parts[i]->shape[s->dim];
    DLTensor part = *whole;
    for (int d = whole->ndim - 1; d >= 0; d--) {
        shape[d] = d == s->dim ? size : whole->shape[d];
        stride[d] = step;
        step *= whole->shape[d];
    }
    part.shape = shape;
    part.strides = stride;
    part.data = (float *)whole->data + *at * stride[s->dim];
    *at += size;
    return part;
}

static ea_status join_rule(ea_var *out)
{
    const join_saved *s = out->saved;
    int64_t at = 0, shape[EA_MAX_DIMS], stride[EA_MAX_DIMS];
    for (int i = 0; i < s->count; i++) {
        DLTensor part = part_of(&out->grad, s, i, &at, shape, stride);
        grad_place place;
        EA_TRY(grad_open(s->parts[i], &place));
        if (!place.tensor)
            continue;
        DLTensor to = *place.tensor;
        to.ndim = part.ndim;
        to.shape = shape;
        EA_TRY(ea_copy(out->tape->ctx, &part, &to));
        EA_TRY(grad_close(&place));
    }
    return EA_OK;
}

static ea_var *refuse(ea_tape *tape, const char *function, int dim)
{
    return grad_fail(tape, core_fail(tape->ctx, EA_ERR_ARGUMENT,
                                     "%s: dim %d is none, or the tensors' dimensions differ",
                                     function, dim));
}

static ea_var *join(ea_var *const *tensors, int count, int dim, bool new_dimension,
                    const char *function)
{
    for (int i = 0; i < count; i++)
        if (!tensors[i])
            return NULL;
    if (count < 1)
        return NULL;
    ea_tape *tape = tensors[0]->tape;
    join_saved *s = grad_alloc(tape, sizeof *s);
    const DLTensor **values = s ? grad_alloc(tape, sizeof *values * (size_t)count) : NULL;
    ea_var **parts = values ? grad_alloc(tape, sizeof *parts * (size_t)count) : NULL;
    if (!parts)
        return NULL;
    int ndim = tensors[0]->value.ndim + new_dimension;
    int64_t shape[EA_MAX_DIMS];
    dim += dim < 0 ? ndim : 0;
    if (dim < 0 || dim >= ndim || ndim > EA_MAX_DIMS)
        return refuse(tape, function, dim);
    for (int d = 0; d < ndim; d++)
        shape[d] = d == dim ? 0 : tensors[0]->shape[new_dimension && d > dim ? d - 1 : d];
    for (int i = 0; i < count; i++) {
        if (tensors[i]->value.ndim != tensors[0]->value.ndim)
            return refuse(tape, function, dim);
        shape[dim] += new_dimension ? 1 : tensors[i]->shape[dim];
        values[i] = &tensors[i]->value;
        parts[i] = tensors[i];
    }
    ea_var *out = grad_var(tape, ndim, shape, join_rule, NULL, NULL, NULL);
    if (!out)
        return NULL;
    for (int i = 0; i < count; i++)
        out->needs_grad |= tensors[i]->needs_grad && !tape->no_grad;
    *s = (join_saved){ parts, count, dim, new_dimension };
    out->saved = s;
    return grad_done(
        out, (new_dimension ? ea_stack : ea_cat)(tape->ctx, values, count, dim, &out->value));
}

ea_var *ea_var_cat(ea_var *const *tensors, int count, int dim)
{
    return join(tensors, count, dim, false, "ea_var_cat");
}

ea_var *ea_var_stack(ea_var *const *tensors, int count, int dim)
{
    return join(tensors, count, dim, true, "ea_var_stack");
}

typedef struct narrow_saved {
    int dim;
    int64_t start;
} narrow_saved;

/* Where the part lies in a contiguous tensor of x's shape. */
static DLTensor narrowed(const DLTensor *whole, const narrow_saved *s, int64_t *part_shape,
                         int64_t stride[EA_MAX_DIMS])
{
    int64_t step = 1;
    for (int d = whole->ndim - 1; d >= 0; d--) {
        stride[d] = whole->strides ? whole->strides[d] : step;
        step *= whole->shape[d];
    }
    DLTensor part = *whole;
    part.byte_offset += (uint64_t)(s->start * stride[s->dim] * (whole->dtype.bits / 8));
    part.shape = part_shape;
    part.strides = stride;
    return part;
}

static ea_status narrow_rule(ea_var *out)
{
    const narrow_saved *s = out->saved;
    int64_t stride[EA_MAX_DIMS];
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor) {
        memset(place.tensor->data, 0, sizeof(float) * (size_t)ea_tensor_numel(place.tensor));
        DLTensor part = narrowed(place.tensor, s, out->shape, stride);
        EA_TRY(ea_copy(out->tape->ctx, &out->grad, &part));
    }
    return grad_close(&place);
}

ea_var *ea_var_narrow(ea_var *x, int dim, int64_t start, int64_t length)
{
    if (!x)
        return NULL;
    dim += dim < 0 ? x->value.ndim : 0;
    if (dim < 0 || dim >= x->value.ndim || start < 0 || length < 0 ||
        start > x->shape[dim] - length)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                            "ea_var_narrow: dim %d has no %lld places from %lld",
                                            dim, (long long)length, (long long)start));
    int64_t shape[EA_MAX_DIMS], stride[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[dim] = length;
    narrow_saved *s = grad_alloc(x->tape, sizeof *s);
    ea_var *out = s ? grad_var(x->tape, x->value.ndim, shape, narrow_rule, x, NULL, NULL) : NULL;
    if (!out)
        return NULL;
    *s = (narrow_saved){ dim, start };
    out->saved = s;
    DLTensor part = narrowed(&x->value, s, out->shape, stride);
    return grad_done(out, ea_copy(x->tape->ctx, &part, &out->value));
}

/* --- Turning and mirroring -------------------------------------------------------------------- */

typedef struct turn_saved {
    int dims[EA_MAX_DIMS], count;
    int64_t back[EA_MAX_DIMS]; /* shifts of the way back */
} turn_saved;

static ea_status roll_rule(ea_var *out)
{
    const turn_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_roll(out->tape->ctx, &out->grad, s->back, s->dims, s->count, place.tensor));
    return grad_close(&place);
}

static ea_status flip_rule(ea_var *out)
{
    const turn_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_flip(out->tape->ctx, &out->grad, s->dims, s->count, place.tensor));
    return grad_close(&place);
}

static ea_var *turned(ea_var *x, const int64_t *shifts, const int *dims, int count, grad_rule rule)
{
    if (!x)
        return NULL;
    if (count < 0 || count > EA_MAX_DIMS)
        return grad_fail(x->tape,
                         core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                   "%d dimensions are named: at most %d", count, EA_MAX_DIMS));
    turn_saved *s = grad_alloc(x->tape, sizeof *s);
    ea_var *out = s ? grad_var(x->tape, x->value.ndim, x->shape, rule, x, NULL, NULL) : NULL;
    if (!out)
        return NULL;
    s->count = count;
    for (int i = 0; i < count; i++) {
        s->dims[i] = dims[i];
        s->back[i] = shifts ? -shifts[i] : 0;
    }
    out->saved = s;
    return out;
}

ea_var *ea_var_roll(ea_var *x, const int64_t *shifts, const int *dims, int count)
{
    ea_var *out = turned(x, shifts, dims, count, roll_rule);
    return out ? grad_done(out, ea_roll(x->tape->ctx, &x->value, shifts, dims, count, &out->value))
               : NULL;
}

ea_var *ea_var_flip(ea_var *x, const int *dims, int count)
{
    ea_var *out = turned(x, NULL, dims, count, flip_rule);
    return out ? grad_done(out, ea_flip(x->tape->ctx, &x->value, dims, count, &out->value)) : NULL;
}

/* Repeats name each slice's place: an index_select whose index is the numbers repeated. */
ea_var *ea_var_repeat_interleave(ea_var *x, const DLTensor *repeats, int dim)
{
    if (!x)
        return NULL;
    ea_tape *tape = x->tape;
    ea_view counts;
    ea_status status = core_view_of(tape->ctx, "ea_var_repeat_interleave", "repeats", repeats,
                                    CORE_INDICES, &counts);
    if (status != EA_OK)
        return grad_fail(tape, status);
    int at = dim < 0 ? dim + x->value.ndim : dim;
    if (at < 0 || at >= x->value.ndim)
        return refuse(tape, "ea_var_repeat_interleave", dim);
    int64_t size = x->shape[at], total = 0, given = core_numel(&counts);
    for (int64_t k = 0; k < size && given > 0; k++)
        total += core_load_index(&counts, core_offset(&counts, k % given));
    int64_t shape[] = { total };
    DLTensor numbers, index;
    if (!grad_tensor(tape, EA_INT64, 1, &x->shape[at], &numbers) ||
        !grad_tensor(tape, EA_INT64, 1, shape, &index))
        return NULL;
    for (int64_t k = 0; k < size; k++)
        ((int64_t *)numbers.data)[k] = k;
    status = ea_repeat_interleave(tape->ctx, &numbers, repeats, 0, &index);
    return status == EA_OK ? ea_var_index_select(x, dim, &index) : grad_fail(tape, status);
}
