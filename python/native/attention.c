/* attention.c: attention, its rotary positions, and sparse times dense matrices. */
#include "native.h"

/* --- attention.h: integer is causal; float the scale --- */

static ea_attention_options attention_options(const native_call *call)
{
    return (ea_attention_options){ .causal = (int)I(0), .scale = F(0) };
}

/* Tensors: q, k, v, mask, out. */
static ea_status run_attention(const native_call *call)
{
    ea_attention_options options = attention_options(call);
    return ea_attention(call->ctx, T(0), T(1), T(2), T(3), &options, T(4));
}

/* Tensors: grad_out, q, k, v, mask, the gradients of q, k and v. */
static ea_status run_attention_backward(const native_call *call)
{
    ea_attention_options options = attention_options(call);
    return ea_attention_backward(call->ctx, T(0), T(1), T(2), T(3), T(4), &options, T(5), T(6),
                                 T(7));
}

/* --- rotary.h: float is theta; integer the first position --- */

static ea_status run_rotary_table(const native_call *call)
{
    return ea_rotary_table(call->ctx, F(0), I(0), T(0), T(1));
}

/* --- sparse.h: the first tensors are row starts and columns, or indices; integers batch, rows,
 * columns --- */

static ea_sparse sparse_matrix(const native_call *call)
{
    return (ea_sparse){ .batch = I(0),
                        .rows = I(1),
                        .columns = I(2),
                        .row_start = T(0),
                        .column = T(1),
                        .indices = T(2) };
}

static ea_status run_sparse_mm(const native_call *call)
{
    ea_sparse matrix = sparse_matrix(call);
    return ea_sparse_mm(call->ctx, &matrix, T(3), T(4), T(5));
}

/* Then grad_out, values, dense, their gradients. */
static ea_status run_sparse_mm_backward(const native_call *call)
{
    ea_sparse matrix = sparse_matrix(call);
    return ea_sparse_mm_backward(call->ctx, &matrix, T(3), T(4), T(5), T(6), T(7));
}

static const native_op ops[] = {
    { "attention", 5, run_attention },
    { "attention_backward", 8, run_attention_backward },
    { "rotary_table", 2, run_rotary_table },
    { "sparse_mm", 6, run_sparse_mm },
    { "sparse_mm_backward", 8, run_sparse_mm_backward },
};

const native_family native_attention = { ops, sizeof ops / sizeof ops[0] };
