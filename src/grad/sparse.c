/* sparse.c: backward rule of sparse × dense. */
#include "grad/tape.h"

static ea_status sparse_rule(ea_var *out)
{
    const ea_sparse *matrix = out->saved;
    ea_var *values = out->inputs[0], *dense = out->inputs[1];
    grad_place to_values, to_dense;
    EA_TRY(grad_open(values, &to_values));
    EA_TRY(grad_open(dense, &to_dense));
    EA_TRY(ea_sparse_mm_backward(out->tape->ctx, matrix, &out->grad, &values->value, &dense->value,
                                 to_values.tensor, to_dense.tensor));
    EA_TRY(grad_close(&to_values));
    return grad_close(&to_dense);
}

ea_var *ea_var_sparse_mm(const ea_sparse *matrix, ea_var *values, ea_var *dense)
{
    if (!values || !dense || !(values = grad_contiguous(values)) ||
        !(dense = grad_contiguous(dense)))
        return NULL;
    ea_tape *tape = values->tape;
    if (dense->value.ndim < 2)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                         "ea_var_sparse_mm: dense has %d dimensions: give 2 or 3",
                                         dense->value.ndim));
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, dense->shape, sizeof shape);
    shape[dense->value.ndim - 2] = matrix->rows;
    ea_sparse *saved = grad_alloc(tape, sizeof *saved);
    if (!saved)
        return NULL;
    *saved = *matrix;
    ea_var *out = grad_var(tape, dense->value.ndim, shape, sparse_rule, values, dense, NULL);
    if (!out)
        return NULL;
    saved->row_start = matrix->row_start ? grad_keep(tape, matrix->row_start) : NULL;
    saved->column = matrix->column ? grad_keep(tape, matrix->column) : NULL;
    saved->indices = matrix->indices ? grad_keep(tape, matrix->indices) : NULL;
    out->saved = saved;
    return grad_done(out,
                     ea_sparse_mm(tape->ctx, saved, &values->value, &dense->value, &out->value));
}
