/* attention.c: attention, its rotary positions, and sparse times dense matrices. */
#include "native.h"

/* --- attention.h: integer is causal; floats the scale and the dropout, whose generator is the last
 * tensor or absent --- */

static ea_status read_options(const native_call *call, int state, ea_generator *generator,
                              ea_attention_options *options)
{
    *options = (ea_attention_options){ .causal = (int)I(0), .scale = F(0) };
    if (!T(state))
        return EA_OK;
    options->dropout = F(1);
    options->generator = generator;
    return native_generator_load(call, state, generator);
}

/* Tensors: q, k, v, mask, out, the generator. */
static ea_status run_attention(const native_call *call)
{
    ea_generator generator;
    ea_attention_options options;
    ea_status status = read_options(call, 5, &generator, &options);
    if (status == EA_OK)
        status = ea_attention(call->ctx, T(0), T(1), T(2), T(3), &options, T(4));
    if (status == EA_OK && options.generator)
        native_generator_save(call, 5, &generator);
    return status;
}

/* Tensors: grad_out, q, k, v, mask, the gradients of q, k and v, the generator as it stood before
 * the forward. */
static ea_status run_attention_backward(const native_call *call)
{
    ea_generator generator;
    ea_attention_options options;
    ea_status status = read_options(call, 8, &generator, &options);
    if (status != EA_OK)
        return status;
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
    { "attention", 6, run_attention },
    { "attention_backward", 9, run_attention_backward },
    { "rotary_table", 2, run_rotary_table },
    { "sparse_mm", 6, run_sparse_mm },
    { "sparse_mm_backward", 8, run_sparse_mm_backward },
};

const native_family native_attention = { ops, sizeof ops / sizeof ops[0] };
