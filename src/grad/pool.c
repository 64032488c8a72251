/* pool.c: backward rules of pooling. */
#include "op/pool.h"
#include "grad/tape.h"
#include "ref/pool.h"

/* What a rule needs besides: the forward's options or the indices of its maxima. */
typedef struct pool_saved {
    int dims;
    ea_pool_options options;
    DLTensor indices;
} pool_saved;

/* Three dimensions' sizes of a result, or of x. */
static const int64_t *spatial(const ea_var *x, int dims)
{
    return x->shape + x->value.ndim - dims;
}

/* A value with x's first dimensions and these last ones. NULL on failure. */
static ea_var *new_out(ea_var *x, int dims, const int64_t *sizes, grad_rule rule,
                       pool_saved **saved)
{
    ea_tape *tape = x->tape;
    int first = x->value.ndim - dims;
    if (dims < 1 || dims > 3 || first < 1 || first > 2)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                         "pooling over %d dimensions of %d: give [n, c, …] or "
                                         "[c, …] with 1 to 3 more",
                                         dims, x->value.ndim));
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof *shape * (size_t)first);
    memcpy(shape + first, sizes, sizeof *shape * (size_t)dims);
    ea_var *out = grad_var(tape, x->value.ndim, shape, rule, x, NULL, NULL);
    *saved = out ? grad_alloc(tape, sizeof **saved) : NULL;
    if (!*saved)
        return NULL;
    **saved = (pool_saved){ .dims = dims };
    out->saved = *saved;
    return out;
}

/* --- Max pooling ------------------------------------------------------------------------------ */

static ea_status max_pool_rule(ea_var *out)
{
    const pool_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_max_pool_backward(out->tape->ctx, saved->dims, &out->grad, &saved->indices,
                                    place.tensor));
    return grad_close(&place);
}

/* The indices are kept for the backward pass; without gradients they are not computed: *indices is
 * NULL. False: the tape failed. */
static bool new_indices(ea_var *out, pool_saved *saved, DLTensor **indices)
{
    *indices = out->needs_grad ? &saved->indices : NULL;
    return !*indices ||
           grad_tensor(out->tape, EA_INT64, out->value.ndim, out->shape, &saved->indices);
}

/* The number of windows along each dimension; false: the tape failed. */
static bool window_counts(ea_var *x, int dims, const ea_pool_options *options, int64_t sizes[3])
{
    ea_pool_options o;
    ea_status status = op_pool_options(x->tape->ctx, "pooling", dims, options, &o);
    if (status != EA_OK)
        return grad_fail(x->tape, status) != NULL;
    for (int d = 0; d < dims && x->value.ndim >= dims; d++)
        sizes[d] = ref_pool_size(&o, 3 - dims + d, spatial(x, dims)[d]);
    return true;
}

ea_var *ea_var_max_pool(ea_var *x, int dims, const ea_pool_options *options)
{
    int64_t sizes[3];
    pool_saved *saved;
    DLTensor *indices;
    if (!x || !window_counts(x, dims, options, sizes))
        return NULL;
    ea_var *out = new_out(x, dims, sizes, max_pool_rule, &saved);
    if (!out || !new_indices(out, saved, &indices))
        return NULL;
    return grad_done(out,
                     ea_max_pool(x->tape->ctx, dims, &x->value, options, &out->value, indices));
}

ea_var *ea_var_max_pool2d(ea_var *x, const ea_pool_options *options)
{
    return ea_var_max_pool(x, 2, options);
}

ea_var *ea_var_adaptive_max_pool(ea_var *x, int dims, const int64_t *sizes)
{
    pool_saved *saved;
    DLTensor *indices;
    ea_var *out = x ? new_out(x, dims, sizes, max_pool_rule, &saved) : NULL;
    if (!out || !new_indices(out, saved, &indices))
        return NULL;
    return grad_done(out,
                     ea_adaptive_max_pool(x->tape->ctx, dims, &x->value, &out->value, indices));
}

ea_var *ea_var_fractional_max_pool(ea_var *x, int dims, const int64_t *kernel, const int64_t *sizes,
                                   const DLTensor *samples)
{
    pool_saved *saved;
    DLTensor *indices;
    ea_var *out = x ? new_out(x, dims, sizes, max_pool_rule, &saved) : NULL;
    if (!out || !new_indices(out, saved, &indices))
        return NULL;
    return grad_done(out, ea_fractional_max_pool(x->tape->ctx, dims, &x->value, kernel, samples,
                                                 &out->value, indices));
}

static ea_status max_unpool_rule(ea_var *out)
{
    const pool_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_max_unpool_backward(out->tape->ctx, saved->dims, &out->grad, &saved->indices,
                                      place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_max_unpool(ea_var *x, int dims, const DLTensor *indices, const int64_t *sizes)
{
    pool_saved *saved;
    ea_var *out = x ? new_out(x, dims, sizes, max_unpool_rule, &saved) : NULL;
    if (!out)
        return NULL;
    saved->indices = *indices;
    return grad_done(out, ea_max_unpool(x->tape->ctx, dims, &x->value, indices, &out->value));
}

/* --- Average pooling -------------------------------------------------------------------------- */

static ea_status avg_pool_rule(ea_var *out)
{
    const pool_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_avg_pool_backward(out->tape->ctx, saved->dims, &out->grad, &saved->options,
                                    place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_avg_pool(ea_var *x, int dims, const ea_pool_options *options)
{
    int64_t sizes[3];
    pool_saved *saved;
    if (!x || !window_counts(x, dims, options, sizes))
        return NULL;
    ea_var *out = new_out(x, dims, sizes, avg_pool_rule, &saved);
    if (!out)
        return NULL;
    saved->options = *options;
    return grad_done(out, ea_avg_pool(x->tape->ctx, dims, &x->value, options, &out->value));
}

static ea_status adaptive_avg_pool_rule(ea_var *out)
{
    const pool_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(
            ea_adaptive_avg_pool_backward(out->tape->ctx, saved->dims, &out->grad, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_adaptive_avg_pool(ea_var *x, int dims, const int64_t *sizes)
{
    pool_saved *saved;
    ea_var *out = x ? new_out(x, dims, sizes, adaptive_avg_pool_rule, &saved) : NULL;
    return out ? grad_done(out, ea_adaptive_avg_pool(x->tape->ctx, dims, &x->value, &out->value))
               : NULL;
}
