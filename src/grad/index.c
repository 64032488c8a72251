/* index.c: backward rules of reading and writing where an index says. What was read sends its
 * gradient back by a scatter that adds, what was written takes its own by a gather. */
#include "grad/tape.h"

typedef struct index_saved {
    const DLTensor *index;
    int dim;
    ea_scatter_kind kind;
    int include_self;
    double alpha;
} index_saved;

static float zero_value = 0;
static const DLTensor zero = { .data = &zero_value,
                               .device = { kDLCPU, 0 },
                               .dtype = { kDLFloat, 32, 1 } };

/* The tensor's elements set to +0; it is the tape's, contiguous. */
static void clear(const DLTensor *tensor)
{
    memset(tensor->data, 0, sizeof(float) * (size_t)ea_tensor_numel(tensor));
}

/* A tensor of the tape of `like`'s shape, which it shares. */
static ea_status temporary(ea_tape *tape, const DLTensor *like, DLTensor *tensor)
{
    grad_tensor(tape, EA_FLOAT32, like->ndim, like->shape, tensor);
    return tape->status;
}

static ea_var *with_saved(ea_var *out, const void *saved)
{
    if (out)
        out->saved = saved;
    return out;
}

static const index_saved *save(ea_tape *tape, const DLTensor *index, index_saved values)
{
    index_saved *saved = grad_alloc(tape, sizeof *saved);
    values.index = grad_keep(tape, index);
    if (!saved || !values.index)
        return NULL;
    *saved = values;
    return saved;
}

/* dim from the front; out of range it stays so, for the door to refuse. */
static int wrapped(const ea_var *x, int dim)
{
    return dim < 0 ? dim + x->value.ndim : dim;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static ea_status gather_rule(ea_var *out)
{
    const index_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor) {
        clear(place.tensor);
        EA_TRY(ea_scatter(out->tape->ctx, place.tensor, s->dim, s->index, &out->grad,
                          EA_SCATTER_SUM, 1, place.tensor));
    }
    return grad_close(&place);
}

ea_var *ea_var_gather(ea_var *x, int dim, const DLTensor *index)
{
    const index_saved *s = x ? save(x->tape, index, (index_saved){ .dim = dim }) : NULL;
    if (!s)
        return NULL;
    ea_var *out = grad_var(x->tape, s->index->ndim, s->index->shape, gather_rule, x, NULL, NULL);
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out, ea_gather(x->tape->ctx, &x->value, dim, index, &out->value));
}

static ea_status index_select_rule(ea_var *out)
{
    const index_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor) {
        clear(place.tensor);
        EA_TRY(ea_index_add(out->tape->ctx, place.tensor, s->dim, s->index, &out->grad, 1,
                            place.tensor));
    }
    return grad_close(&place);
}

ea_var *ea_var_index_select(ea_var *x, int dim, const DLTensor *index)
{
    const index_saved *s = x ? save(x->tape, index, (index_saved){ .dim = dim }) : NULL;
    if (!s)
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    int at = wrapped(x, dim);
    if (at >= 0 && at < x->value.ndim)
        shape[at] = ea_tensor_numel(s->index);
    ea_var *out = grad_var(x->tape, x->value.ndim, shape, index_select_rule, x, NULL, NULL);
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out, ea_index_select(x->tape->ctx, &x->value, dim, index, &out->value));
}

/* As gather with the index made to fit: from the end counted values, broadcast sizes. */
ea_var *ea_var_take_along_dim(ea_var *x, const DLTensor *index, int dim)
{
    if (!x)
        return NULL;
    ea_tape *tape = x->tape;
    const DLTensor *kept = grad_keep(tape, index);
    int at = wrapped(x, dim);
    if (!kept)
        return NULL;
    if (kept->ndim != x->value.ndim || at < 0 || at >= kept->ndim)
        return grad_fail(tape,
                         core_fail(tape->ctx, EA_ERR_SHAPE,
                                   "ea_var_take_along_dim: dim %d, index has %d dimensions, x %d",
                                   dim, kept->ndim, x->value.ndim));
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < kept->ndim; d++)
        shape[d] = d == at || kept->shape[d] != 1 ? kept->shape[d] : x->shape[d];
    int64_t numbers_shape[] = { x->shape[at] };
    DLTensor numbers, full;
    if (!grad_tensor(tape, EA_INT64, 1, numbers_shape, &numbers))
        return NULL;
    for (int64_t k = 0; k < x->shape[at]; k++)
        ((int64_t *)numbers.data)[k] = k;
    /* The places themselves, taken along dim, are the index that gather understands. */
    int64_t stride[EA_MAX_DIMS] = { 0 };
    stride[at] = 1;
    DLTensor places = numbers;
    places.ndim = x->value.ndim;
    places.shape = x->shape;
    places.strides = stride;
    if (!grad_tensor(tape, EA_INT64, kept->ndim, shape, &full))
        return NULL;
    ea_status status = ea_take_along_dim(tape->ctx, &places, index, dim, &full);
    if (status != EA_OK)
        return grad_fail(tape, status);
    return ea_var_gather(x, dim, &full);
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* The gradient at the places that src went to, for as much of src as the index has. */
static ea_status give_source(ea_var *out, const DLTensor *grad)
{
    const index_saved *s = out->saved;
    ea_context *ctx = out->tape->ctx;
    ea_var *src = out->inputs[1];
    grad_place place;
    EA_TRY(grad_open(src, &place));
    if (!place.tensor)
        return EA_OK;
    if (src->value.ndim == 0 && s->index->ndim > 0) {
        DLTensor all;
        EA_TRY(temporary(out->tape, s->index, &all));
        EA_TRY(ea_gather(ctx, grad, s->dim, s->index, &all));
        EA_TRY(ea_sum(ctx, &all, NULL, 0, place.tensor));
        return grad_close(&place);
    }
    int64_t stride[EA_MAX_DIMS], step = 1;
    for (int d = src->value.ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step *= src->shape[d];
    }
    DLTensor part = *place.tensor;
    part.shape = s->index->shape;
    part.strides = stride;
    clear(place.tensor);
    EA_TRY(ea_gather(ctx, grad, s->dim, s->index, &part));
    return grad_close(&place);
}

/* x's gradient is 0 where something was written. */
static ea_status give_unwritten(ea_var *out, const DLTensor *grad)
{
    const index_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_scatter(out->tape->ctx, grad, s->dim, s->index, &zero, EA_SCATTER_COPY, 1,
                          place.tensor));
    return grad_close(&place);
}

/* The gradient divided by how many elements make each mean. */
static ea_status divided_by_counts(ea_var *out, DLTensor *divided)
{
    const index_saved *s = out->saved;
    float one_value = 1;
    DLTensor one = zero, counts;
    one.data = &one_value;
    EA_TRY(temporary(out->tape, &out->value, &counts));
    EA_TRY(temporary(out->tape, &out->value, divided));
    float *count = counts.data;
    int64_t n = ea_tensor_numel(&counts);
    for (int64_t i = 0; i < n; i++)
        count[i] = s->include_self ? 1 : 0;
    EA_TRY(ea_scatter(out->tape->ctx, &counts, s->dim, s->index, &one, EA_SCATTER_SUM, 1, &counts));
    for (int64_t i = 0; i < n; i++)
        count[i] = count[i] > 0 ? count[i] : 1;
    return ea_div(out->tape->ctx, &out->grad, &counts, divided);
}

static ea_status scatter_rule(ea_var *out)
{
    const index_saved *s = out->saved;
    DLTensor grad = out->grad;
    if (s->kind == EA_SCATTER_MEAN)
        EA_TRY(divided_by_counts(out, &grad));
    if (s->kind == EA_SCATTER_COPY || !s->include_self)
        EA_TRY(give_unwritten(out, &grad));
    else
        EA_TRY(grad_give(out->inputs[0], &grad));
    return give_source(out, &grad);
}

ea_var *ea_var_scatter(ea_var *x, int dim, const DLTensor *index, ea_var *src, ea_scatter_kind kind,
                       int include_self)
{
    if (!x || !src)
        return NULL;
    const index_saved *s = save(
        x->tape, index, (index_saved){ .dim = dim, .kind = kind, .include_self = include_self });
    if (!s)
        return NULL;
    ea_var *out = grad_var(x->tape, x->value.ndim, x->shape, scatter_rule, x, src, NULL);
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out, ea_scatter(x->tape->ctx, &x->value, dim, index, &src->value, kind,
                                     include_self, &out->value));
}

static ea_status give_slices(ea_var *out, double alpha)
{
    const index_saved *s = out->saved;
    ea_context *ctx = out->tape->ctx;
    ea_var *src = out->inputs[1];
    float factor_value = (float)alpha;
    DLTensor factor = zero, all;
    factor.data = &factor_value;
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, out->shape, sizeof shape);
    if (out->value.ndim > 0)
        shape[wrapped(out, s->dim)] = ea_tensor_numel(s->index);
    grad_place place;
    EA_TRY(grad_open(src, &place));
    if (!place.tensor)
        return EA_OK;
    bool scalar = src->value.ndim == 0 && out->value.ndim > 0;
    if (scalar && !grad_tensor(out->tape, EA_FLOAT32, out->value.ndim, shape, &all))
        return out->tape->status;
    DLTensor *slices = scalar ? &all : place.tensor;
    EA_TRY(ea_index_select(ctx, &out->grad, s->dim, s->index, slices));
    if (factor_value != 1)
        EA_TRY(ea_mul(ctx, slices, &factor, slices));
    if (scalar)
        EA_TRY(ea_sum(ctx, slices, NULL, 0, place.tensor));
    return grad_close(&place);
}

static ea_status index_add_rule(ea_var *out)
{
    EA_TRY(grad_give(out->inputs[0], &out->grad));
    return give_slices(out, ((const index_saved *)out->saved)->alpha);
}

static ea_status index_copy_rule(ea_var *out)
{
    const index_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_index_copy(out->tape->ctx, &out->grad, s->dim, s->index, &zero, place.tensor));
    EA_TRY(grad_close(&place));
    return give_slices(out, 1);
}

ea_var *ea_var_index_add(ea_var *x, int dim, const DLTensor *index, ea_var *src, double alpha)
{
    if (!x || !src)
        return NULL;
    const index_saved *s = save(x->tape, index, (index_saved){ .dim = dim, .alpha = alpha });
    ea_var *out =
        s ? grad_var(x->tape, x->value.ndim, x->shape, index_add_rule, x, src, NULL) : NULL;
    if (!with_saved(out, s))
        return NULL;
    return grad_done(
        out, ea_index_add(x->tape->ctx, &x->value, dim, index, &src->value, alpha, &out->value));
}

ea_var *ea_var_index_copy(ea_var *x, int dim, const DLTensor *index, ea_var *src)
{
    if (!x || !src)
        return NULL;
    const index_saved *s = save(x->tape, index, (index_saved){ .dim = dim });
    ea_var *out =
        s ? grad_var(x->tape, x->value.ndim, x->shape, index_copy_rule, x, src, NULL) : NULL;
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out,
                     ea_index_copy(x->tape->ctx, &x->value, dim, index, &src->value, &out->value));
}

/* --- Several indices -------------------------------------------------------------------------- */

typedef struct indices_saved {
    const DLTensor *indices[EA_MAX_DIMS];
    int count, accumulate;
} indices_saved;

static const indices_saved *save_indices(ea_tape *tape, const DLTensor *const *indices, int count)
{
    indices_saved *saved = grad_alloc(tape, sizeof *saved);
    if (!saved)
        return NULL;
    if (count < 1 || count > EA_MAX_DIMS) {
        grad_fail(tape, core_fail(tape->ctx, EA_ERR_ARGUMENT, "%d indices: give 1 to %d", count,
                                  EA_MAX_DIMS));
        return NULL;
    }
    *saved = (indices_saved){ .count = count };
    for (int i = 0; i < count; i++)
        if (indices[i] && !(saved->indices[i] = grad_keep(tape, indices[i])))
            return NULL;
    return saved;
}

/* The shape of x[indices]; −1 when it has too many dimensions. Sizes that do not broadcast are left
 * to the door. */
static int indexed_shape(const ea_var *x, const indices_saved *s, int64_t *shape)
{
    int64_t joint[EA_MAX_DIMS];
    int tail = 0, first = -1, last = -1, ndim = 0;
    bool apart = false;
    for (int i = 0; i < s->count; i++)
        if (s->indices[i]) {
            tail = s->indices[i]->ndim > tail ? s->indices[i]->ndim : tail;
            apart |= last >= 0 && last != i - 1;
            first = first < 0 ? i : first;
            last = i;
        }
    for (int d = 0; d < tail; d++)
        joint[d] = 1;
    for (int i = 0; i < s->count; i++)
        for (int d = 0; s->indices[i] && d < s->indices[i]->ndim; d++)
            if (s->indices[i]->shape[d] != 1)
                joint[d + tail - s->indices[i]->ndim] = s->indices[i]->shape[d];
    first = apart ? 0 : first;
    for (int d = 0, whole = 0; d <= x->value.ndim; d++) {
        if (whole == first) {
            for (int k = 0; k < tail && ndim < EA_MAX_DIMS; k++)
                shape[ndim++] = joint[k];
            first = -1;
        }
        if (d == x->value.ndim || (d < s->count && s->indices[d]))
            continue;
        if (ndim == EA_MAX_DIMS)
            return -1;
        shape[ndim++] = x->shape[d];
        whole++;
    }
    return ndim;
}

static ea_status index_rule(ea_var *out)
{
    const indices_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor) {
        clear(place.tensor);
        EA_TRY(ea_index_put(out->tape->ctx, place.tensor, s->indices, s->count, &out->grad, 1,
                            place.tensor));
    }
    return grad_close(&place);
}

ea_var *ea_var_index(ea_var *x, const DLTensor *const *indices, int count)
{
    const indices_saved *s = x ? save_indices(x->tape, indices, count) : NULL;
    if (!s)
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    int ndim = indexed_shape(x, s, shape);
    if (ndim < 0)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_index: the result has more than %d dimensions",
                                            EA_MAX_DIMS));
    ea_var *out = grad_var(x->tape, ndim, shape, index_rule, x, NULL, NULL);
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out, ea_index(x->tape->ctx, &x->value, indices, count, &out->value));
}

static ea_status index_put_rule(ea_var *out)
{
    const indices_saved *s = out->saved;
    ea_context *ctx = out->tape->ctx;
    ea_var *x = out->inputs[0], *values = out->inputs[1];
    grad_place place;
    if (s->accumulate) {
        EA_TRY(grad_give(x, &out->grad));
    } else {
        EA_TRY(grad_open(x, &place));
        if (place.tensor)
            EA_TRY(ea_index_put(ctx, &out->grad, s->indices, s->count, &zero, 0, place.tensor));
        EA_TRY(grad_close(&place));
    }
    int64_t shape[EA_MAX_DIMS];
    EA_TRY(grad_open_full(values, indexed_shape(x, s, shape), shape, &place));
    if (place.tensor)
        EA_TRY(ea_index(ctx, &out->grad, s->indices, s->count, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_index_put(ea_var *x, const DLTensor *const *indices, int count, ea_var *values,
                         int accumulate)
{
    if (!x || !values)
        return NULL;
    indices_saved *s = (indices_saved *)save_indices(x->tape, indices, count);
    if (!s)
        return NULL;
    s->accumulate = accumulate;
    ea_var *out = grad_var(x->tape, x->value.ndim, x->shape, index_put_rule, x, values, NULL);
    if (!with_saved(out, s))
        return NULL;
    return grad_done(out, ea_index_put(x->tape->ctx, &x->value, indices, count, &values->value,
                                       accumulate, &out->value));
}
