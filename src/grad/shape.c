/* shape.c: the same elements under another shape. */
#include "grad/tape.h"

static bool is_contiguous(const DLTensor *tensor)
{
    int64_t step = 1;
    for (int d = tensor->ndim - 1; tensor->strides && d >= 0; d--) {
        if (tensor->shape[d] != 1 && tensor->strides[d] != step)
            return false;
        step *= tensor->shape[d];
    }
    return true;
}

static ea_status same_elements_rule(ea_var *out)
{
    return grad_give(out->inputs[0], &out->grad);
}

ea_var *grad_contiguous(ea_var *x)
{
    if (is_contiguous(&x->value))
        return x;
    ea_var *out = grad_var_view(x->tape, x->value.dtype, x->value.ndim, x->shape,
                                same_elements_rule, x, NULL, NULL);
    if (!out || !grad_tensor(x->tape, x->value.dtype, x->value.ndim, out->shape, &out->value))
        return NULL;
    return grad_done(out, ea_copy(x->tape->ctx, &x->value, &out->value));
}

/* Replaces a size of −1 by what is left; false when the sizes do not hold `numel` elements. */
static bool fit_shape(int64_t numel, int ndim, int64_t *shape)
{
    int64_t known = 1;
    int free_dim = -1;
    for (int d = 0; d < ndim; d++)
        if (shape[d] == -1 && free_dim < 0)
            free_dim = d;
        else if (shape[d] < 0 || __builtin_mul_overflow(known, shape[d], &known))
            return false;
    if (free_dim >= 0) {
        if (known == 0 || numel % known != 0)
            return false;
        shape[free_dim] = numel / known;
        return true;
    }
    return known == numel;
}

ea_var *ea_var_reshape(ea_var *x, int ndim, const int64_t *shape)
{
    if (!x || !(x = grad_contiguous(x)))
        return NULL;
    int64_t sizes[EA_MAX_DIMS];
    bool fits = ndim >= 0 && ndim <= EA_MAX_DIMS;
    if (fits && ndim > 0)
        memcpy(sizes, shape, sizeof *shape * (size_t)ndim);
    if (!fits || !fit_shape(ea_tensor_numel(&x->value), ndim, sizes))
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_reshape: %lld elements do not fit the shape",
                                            (long long)ea_tensor_numel(&x->value)));
    ea_var *out =
        grad_var_view(x->tape, x->value.dtype, ndim, sizes, same_elements_rule, x, NULL, NULL);
    if (out) {
        out->value.data = x->value.data;
        out->value.byte_offset = x->value.byte_offset;
    }
    return out;
}

ea_var *ea_var_flatten(ea_var *x, int first_dim)
{
    if (!x)
        return NULL;
    if (first_dim < 0 || first_dim > x->value.ndim)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                            "ea_var_flatten: first_dim is %d of %d dimensions",
                                            first_dim, x->value.ndim));
    int64_t shape[EA_MAX_DIMS], rest = 1;
    for (int d = 0; d < x->value.ndim; d++)
        if (d < first_dim)
            shape[d] = x->shape[d];
        else
            rest *= x->shape[d];
    if (first_dim == EA_MAX_DIMS)
        return x;
    shape[first_dim] = rest;
    return ea_var_reshape(x, first_dim + 1, shape);
}
