/* matmul.c: backward rules of matmul and linear: contractions with one operand transposed. */
#include "grad/tape.h"

/* `tensor` with its last two dimensions swapped, by strides in `shape` and `stride`. */
static DLTensor transposed(const DLTensor *tensor, int64_t *shape, int64_t *stride)
{
    DLTensor result = *tensor;
    int n = tensor->ndim;
    int64_t step = 1;
    for (int d = n - 1; d >= 0; d--) {
        shape[d] = tensor->shape[d];
        stride[d] = tensor->strides ? tensor->strides[d] : step;
        step *= tensor->shape[d];
    }
    int64_t size = shape[n - 1], by = stride[n - 1];
    shape[n - 1] = shape[n - 2];
    stride[n - 1] = stride[n - 2];
    shape[n - 2] = size;
    stride[n - 2] = by;
    result.shape = shape;
    result.strides = stride;
    return result;
}

/* --- matmul ---------------------------------------------------------------------------------- */

/* Gives a · b, whose shape is `shape`, to `operand`, summed over broadcast leading dimensions. */
static ea_status give_product(ea_var *operand, const DLTensor *a, const DLTensor *b, int ndim,
                              const int64_t *shape)
{
    grad_place place;
    EA_TRY(grad_open_full(operand, ndim, shape, &place));
    EA_TRY(ea_matmul(operand->tape->ctx, a, b, place.tensor));
    return grad_close(&place);
}

static ea_status matmul_rule(ea_var *out)
{
    ea_var *a = out->inputs[0], *b = out->inputs[1];
    int64_t shape[EA_MAX_DIMS], swapped[EA_MAX_DIMS], stride[EA_MAX_DIMS];
    int last = out->value.ndim - 1;
    if (a->needs_grad) {
        DLTensor bt = transposed(&b->value, swapped, stride);
        memcpy(shape, out->shape, sizeof shape);
        shape[last] = bt.shape[bt.ndim - 1];
        EA_TRY(give_product(a, &out->grad, &bt, last + 1, shape));
    }
    if (b->needs_grad) {
        DLTensor at = transposed(&a->value, swapped, stride);
        memcpy(shape, out->shape, sizeof shape);
        shape[last - 1] = at.shape[at.ndim - 2];
        EA_TRY(give_product(b, &at, &out->grad, last + 1, shape));
    }
    return EA_OK;
}

/* Both operands have two dimensions or more. */
static ea_var *matrices(ea_var *a, ea_var *b)
{
    int ndim = a->value.ndim > b->value.ndim ? a->value.ndim : b->value.ndim;
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < ndim - 2; d++) {
        int ad = d - (ndim - a->value.ndim), bd = d - (ndim - b->value.ndim);
        int64_t m = ad < 0 ? 1 : a->shape[ad], n = bd < 0 ? 1 : b->shape[bd];
        shape[d] = m == 1 ? n : m;
    }
    shape[ndim - 2] = a->shape[a->value.ndim - 2];
    shape[ndim - 1] = b->shape[b->value.ndim - 1];
    ea_var *out = grad_var(a->tape, ndim, shape, matmul_rule, a, b, NULL);
    return out ? grad_done(out, ea_matmul(a->tape->ctx, &a->value, &b->value, &out->value)) : NULL;
}

/* A one-dimensional operand is a row or a column whose dimension is dropped from the result. */
ea_var *ea_var_matmul(ea_var *a, ea_var *b)
{
    if (!a || !b)
        return NULL;
    bool row = a->value.ndim == 1, column = b->value.ndim == 1;
    if (row)
        a = ea_var_reshape(a, 2, (int64_t[]){ 1, a->shape[0] });
    if (column)
        b = ea_var_reshape(b, 2, (int64_t[]){ b->shape[0], 1 });
    if (!a || !b)
        return NULL;
    if (a->value.ndim == 0 || b->value.ndim == 0)
        return grad_fail(a->tape, core_fail(a->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_matmul: give one dimension or more"));
    ea_var *out = matrices(a, b);
    if (!out || (!row && !column))
        return out;
    int64_t shape[EA_MAX_DIMS];
    int ndim = 0;
    for (int d = 0; d < out->value.ndim; d++) {
        bool dropped = (row && d == out->value.ndim - 2) || (column && d == out->value.ndim - 1);
        if (!dropped)
            shape[ndim++] = out->shape[d];
    }
    return ea_var_reshape(out, ndim, shape);
}

/* --- linear ---------------------------------------------------------------------------------- */

/* Rows joined: [..., n] as [everything, n]. The tensor is contiguous. */
static DLTensor as_rows(const DLTensor *tensor, int64_t shape[2])
{
    DLTensor rows = *tensor;
    int64_t columns = tensor->shape[tensor->ndim - 1];
    shape[0] = columns ? ea_tensor_numel(tensor) / columns : 0;
    shape[1] = columns;
    rows.ndim = 2;
    rows.shape = shape;
    rows.strides = NULL;
    return rows;
}

static ea_status linear_rule(ea_var *out)
{
    ea_var *x = out->inputs[0], *weight = out->inputs[1], *bias = out->inputs[2];
    ea_context *ctx = out->tape->ctx;
    int64_t shape[2], swapped[2], stride[2], x_shape[2];
    DLTensor grad = as_rows(&out->grad, shape);
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor) {
        DLTensor rows = as_rows(place.tensor, x_shape);
        EA_TRY(ea_matmul(ctx, &grad, &weight->value, &rows));
    }
    EA_TRY(grad_close(&place));
    EA_TRY(grad_open(weight, &place));
    if (place.tensor) {
        DLTensor gt = transposed(&grad, swapped, stride), rows = as_rows(&x->value, x_shape);
        EA_TRY(ea_matmul(ctx, &gt, &rows, place.tensor));
    }
    EA_TRY(grad_close(&place));
    EA_TRY(grad_open(bias, &place));
    if (place.tensor)
        EA_TRY(ea_sum(ctx, &grad, (int[]){ 0 }, 1, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_linear(ea_var *x, ea_var *weight, ea_var *bias)
{
    if (!x || !weight || !bias)
        return NULL;
    x = grad_contiguous(x);
    if (!x)
        return NULL;
    if (x->value.ndim == 0 || weight->value.ndim != 2)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_linear: x needs a dimension and weight two"));
    if (bias == ea_no_bias)
        bias = NULL;
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->value.ndim - 1] = weight->shape[0];
    ea_var *out = grad_var(x->tape, x->value.ndim, shape, linear_rule, x, weight, bias);
    return out ? grad_done(out, ea_linear(x->tape->ctx, &x->value, &weight->value,
                                          bias ? &bias->value : NULL, &out->value))
               : NULL;
}
