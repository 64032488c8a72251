/* reduce.c: backward rules of sums and means over dimensions: the gradient, repeated. */
#include "grad/tape.h"

typedef struct reduce_saved {
    bool reduced[EA_MAX_DIMS]; /* by dimension of x */
    int64_t terms;             /* elements that make one result */
} reduce_saved;

/* Gives `grad`, one element for each result, to x, repeated over the reduced dimensions. */
static ea_status give_repeated(ea_var *out, const DLTensor *grad)
{
    const reduce_saved *saved = out->saved;
    ea_var *x = out->inputs[0];
    int64_t stride[EA_MAX_DIMS], step = 1;
    for (int d = x->value.ndim - 1; d >= 0; d--) {
        stride[d] = saved->reduced[d] ? 0 : step;
        step *= saved->reduced[d] ? 1 : x->shape[d];
    }
    DLTensor repeated = *grad;
    repeated.ndim = x->value.ndim;
    repeated.shape = x->shape;
    repeated.strides = stride;
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_copy(out->tape->ctx, &repeated, place.tensor));
    return grad_close(&place);
}

static ea_status sum_rule(ea_var *out)
{
    return give_repeated(out, &out->grad);
}

/* chain: fl(grad / n), as PyTorch; repdl: fl(grad · fl(1/n)), as RepDL. */
static ea_status mean_rule(ea_var *out)
{
    const reduce_saved *saved = out->saved;
    ea_context *ctx = out->tape->ctx;
    bool divides = ctx->contract == EA_CONTRACT_CHAIN;
    float factor = divides ? (float)saved->terms : (float)(1.0 / (double)saved->terms);
    DLTensor scalar = { .data = &factor, .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 };
    DLTensor scaled;
    if (!grad_tensor(out->tape, EA_FLOAT32, out->value.ndim, out->shape, &scaled))
        return out->tape->status;
    EA_TRY((divides ? ea_div : ea_mul)(ctx, &out->grad, &scalar, &scaled));
    return give_repeated(out, &scaled);
}

/* Which dimensions are summed; false when one is out of range or named twice. */
static bool mark_reduced(const ea_var *x, const int *dims, int ndims, reduce_saved *saved)
{
    *saved = (reduce_saved){ .terms = 1 };
    for (int d = 0; ndims == 0 && d < x->value.ndim; d++)
        saved->reduced[d] = true;
    for (int i = 0; i < ndims; i++) {
        int d = dims[i] < 0 ? dims[i] + x->value.ndim : dims[i];
        if (d < 0 || d >= x->value.ndim || saved->reduced[d])
            return false;
        saved->reduced[d] = true;
    }
    for (int d = 0; d < x->value.ndim; d++)
        saved->terms *= saved->reduced[d] ? x->shape[d] : 1;
    return true;
}

typedef ea_status (*reduce_door)(ea_context *ctx, const DLTensor *x, const int *dims, int ndims,
                                 DLTensor *out);

static ea_var *reduce(ea_var *x, const int *dims, int ndims, int keep_dims, reduce_door door,
                      grad_rule rule)
{
    if (!x)
        return NULL;
    reduce_saved *saved = grad_alloc(x->tape, sizeof *saved);
    if (!saved)
        return NULL;
    if (!mark_reduced(x, dims, ndims, saved))
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                            "dims name a dimension twice or one that x, which has "
                                            "%d, has not",
                                            x->value.ndim));
    int64_t shape[EA_MAX_DIMS];
    int ndim = 0;
    for (int d = 0; d < x->value.ndim; d++)
        if (!saved->reduced[d] || keep_dims)
            shape[ndim++] = saved->reduced[d] ? 1 : x->shape[d];
    ea_var *out = grad_var(x->tape, ndim, shape, rule, x, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = saved;
    return grad_done(out, door(x->tape->ctx, &x->value, dims, ndims, &out->value));
}

ea_var *ea_var_sum(ea_var *x, const int *dims, int ndims, int keep_dims)
{
    return reduce(x, dims, ndims, keep_dims, ea_sum, sum_rule);
}

ea_var *ea_var_mean(ea_var *x, const int *dims, int ndims, int keep_dims)
{
    return reduce(x, dims, ndims, keep_dims, ea_mean, mean_rule);
}
