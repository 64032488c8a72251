/* aggregate.c: backward rules of reductions, of scans and of order. What only chooses elements is a
 * gather at the places that the operation's door gives. */
#include "grad/tape.h"

typedef struct aggregate_saved {
    ea_aggregate aggregate;
    int dims[EA_MAX_DIMS], ndims;
    double parameter;
} aggregate_saved;

static ea_status reduce_rule(ea_var *out)
{
    const aggregate_saved *s = out->saved;
    ea_var *x = out->inputs[0];
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_reduce_backward(out->tape->ctx, s->aggregate, &out->grad, &x->value, &out->value,
                                  s->dims, s->ndims, s->parameter, place.tensor));
    return grad_close(&place);
}

/* The shape that is left; dimensions that x has not are left to the door to refuse. */
static int reduced_shape(const ea_var *x, const int *dims, int ndims, int keep_dims,
                         int64_t shape[EA_MAX_DIMS])
{
    bool reduced[EA_MAX_DIMS] = { false };
    int ndim = 0;
    for (int d = 0; d < x->value.ndim; d++)
        reduced[d] = ndims == 0;
    for (int i = 0; i < ndims; i++) {
        int d = dims[i] < 0 ? dims[i] + x->value.ndim : dims[i];
        if (d >= 0 && d < x->value.ndim)
            reduced[d] = true;
    }
    for (int d = 0; d < x->value.ndim; d++)
        if (!reduced[d] || keep_dims)
            shape[ndim++] = reduced[d] ? 1 : x->shape[d];
    return ndim;
}

ea_var *ea_var_reduce(ea_var *x, ea_aggregate aggregate, const int *dims, int ndims, int keep_dims,
                      double parameter)
{
    aggregate_saved *s = x ? grad_alloc(x->tape, sizeof *s) : NULL;
    int64_t shape[EA_MAX_DIMS];
    if (!s)
        return NULL;
    bool truth = aggregate == EA_AGG_ANY || aggregate == EA_AGG_ALL;
    *s = (aggregate_saved){ .aggregate = aggregate, .ndims = ndims, .parameter = parameter };
    for (int i = 0; i < ndims && i < EA_MAX_DIMS; i++)
        s->dims[i] = dims[i];
    int ndim = reduced_shape(x, dims, ndims, keep_dims, shape);
    ea_var *out = grad_var_view(x->tape, truth ? EA_BOOL : EA_FLOAT32, ndim, shape,
                                truth ? NULL : reduce_rule, x, NULL, NULL);
    if (!out || !grad_tensor(x->tape, out->value.dtype, ndim, out->shape, &out->value))
        return NULL;
    out->needs_grad &= !truth;
    out->saved = s;
    return grad_done(
        out, ea_reduce(x->tape->ctx, aggregate, &x->value, dims, ndims, parameter, &out->value));
}

/* --- Choosing: a gather at the places found --------------------------------------------------- */

/* dim from the front; out of range it stays so, for the door to refuse. */
static int wrapped(const ea_var *x, int dim)
{
    return dim < 0 ? dim + x->value.ndim : dim;
}

/* Places on the tape with `count` along dim, and the description that outlives the call. */
static DLTensor *places_for(ea_var *x, int dim, int64_t count)
{
    DLTensor *places = grad_alloc(x->tape, sizeof *places);
    int64_t *shape = grad_alloc(x->tape, sizeof *shape * EA_MAX_DIMS);
    if (!places || !shape)
        return NULL;
    memcpy(shape, x->shape, sizeof *shape * EA_MAX_DIMS);
    dim = wrapped(x, dim);
    if (dim >= 0 && dim < x->value.ndim)
        shape[dim] = count;
    return grad_tensor(x->tape, EA_INT64, x->value.ndim, shape, places) ? places : NULL;
}

/* What stands at `places`, which a door gave with `status`; without `dim` unless it is to be kept.
 */
static ea_var *choose(ea_var *x, int dim, DLTensor *places, ea_status status, bool keep_dim,
                      const DLTensor **indices)
{
    if (status != EA_OK)
        return grad_fail(x->tape, status);
    ea_var *out = ea_var_gather(x, dim, places);
    if (out && !keep_dim && x->value.ndim > 0) {
        int64_t shape[EA_MAX_DIMS];
        int ndim = 0;
        for (int d = 0; d < x->value.ndim; d++)
            if (d != wrapped(x, dim))
                shape[ndim++] = x->shape[d];
        out = ea_var_reshape(out, ndim, shape);
    }
    if (indices)
        *indices = places;
    return out;
}

static ea_var *extreme(ea_var *x, int dim, int keep_dim, const DLTensor **indices,
                       ea_status (*door)(ea_context *, const DLTensor *, const int *, int,
                                         DLTensor *, DLTensor *))
{
    DLTensor *places = x ? places_for(x, dim, 1) : NULL;
    if (!places)
        return NULL;
    ea_status status = door(x->tape->ctx, &x->value, &dim, x->value.ndim > 0, NULL, places);
    return choose(x, dim, places, status, keep_dim, indices);
}

ea_var *ea_var_max(ea_var *x, int dim, int keep_dim, const DLTensor **indices)
{
    return extreme(x, dim, keep_dim, indices, ea_max);
}

ea_var *ea_var_min(ea_var *x, int dim, int keep_dim, const DLTensor **indices)
{
    return extreme(x, dim, keep_dim, indices, ea_min);
}

static int64_t size_along(const ea_var *x, int dim)
{
    int d = wrapped(x, dim);
    return d >= 0 && d < x->value.ndim ? x->shape[d] : 1;
}

ea_var *ea_var_sort(ea_var *x, int dim, int descending, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, size_along(x, dim)) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_sort(x->tape->ctx, &x->value, dim, descending, NULL, places);
    return choose(x, dim, places, status, true, indices);
}

ea_var *ea_var_topk(ea_var *x, int dim, int64_t k, int largest, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, k) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_topk(x->tape->ctx, &x->value, dim, largest, NULL, places);
    return choose(x, dim, places, status, true, indices);
}

ea_var *ea_var_kthvalue(ea_var *x, int dim, int64_t k, int keep_dim, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, 1) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_kthvalue(x->tape->ctx, &x->value, dim, k, NULL, places);
    return choose(x, dim, places, status, keep_dim, indices);
}

ea_var *ea_var_median(ea_var *x, int dim, int keep_dim, int ignore_nan, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, 1) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_median(x->tape->ctx, &x->value, dim, ignore_nan, NULL, places);
    return choose(x, dim, places, status, keep_dim, indices);
}

ea_var *ea_var_mode(ea_var *x, int dim, int keep_dim, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, 1) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_mode(x->tape->ctx, &x->value, dim, NULL, places);
    return choose(x, dim, places, status, keep_dim, indices);
}

ea_var *ea_var_cummax(ea_var *x, int dim, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, size_along(x, dim)) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_cummax(x->tape->ctx, &x->value, dim, NULL, places);
    return choose(x, dim, places, status, true, indices);
}

ea_var *ea_var_cummin(ea_var *x, int dim, const DLTensor **indices)
{
    DLTensor *places = x ? places_for(x, dim, size_along(x, dim)) : NULL;
    if (!places)
        return NULL;
    ea_status status = ea_cummin(x->tape->ctx, &x->value, dim, NULL, places);
    return choose(x, dim, places, status, true, indices);
}

/* --- Running sums and products ---------------------------------------------------------------- */

static ea_status cumsum_rule(ea_var *out)
{
    const int *dim = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_cumsum_backward(out->tape->ctx, &out->grad, *dim, place.tensor));
    return grad_close(&place);
}

static ea_status cumprod_rule(ea_var *out)
{
    const int *dim = out->saved;
    ea_var *x = out->inputs[0];
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_cumprod_backward(out->tape->ctx, &out->grad, &x->value, *dim, place.tensor));
    return grad_close(&place);
}

static ea_var *cumulate(ea_var *x, int dim, grad_rule rule,
                        ea_status (*door)(ea_context *, const DLTensor *, int, DLTensor *))
{
    int *saved = x ? grad_alloc(x->tape, sizeof *saved) : NULL;
    ea_var *out = saved ? grad_var(x->tape, x->value.ndim, x->shape, rule, x, NULL, NULL) : NULL;
    if (!out)
        return NULL;
    *saved = dim;
    out->saved = saved;
    return grad_done(out, door(x->tape->ctx, &x->value, dim, &out->value));
}

ea_var *ea_var_cumsum(ea_var *x, int dim)
{
    return cumulate(x, dim, cumsum_rule, ea_cumsum);
}

ea_var *ea_var_cumprod(ea_var *x, int dim)
{
    return cumulate(x, dim, cumprod_rule, ea_cumprod);
}
