/* index.c: indexing, masks and arrangement. */
#include "native.h"

/* --- index.h: integers are the dimension and what else the function takes as one --- */

static ea_status run_gather(const native_call *call)
{
    return ea_gather(call->ctx, T(0), (int)I(0), T(1), T(2));
}

static ea_status run_scatter(const native_call *call)
{
    return ea_scatter(call->ctx, T(0), (int)I(0), T(1), T(2), (ea_scatter_kind)I(1), (int)I(2),
                      T(3));
}

static ea_status run_index_select(const native_call *call)
{
    return ea_index_select(call->ctx, T(0), (int)I(0), T(1), T(2));
}

static ea_status run_index_add(const native_call *call)
{
    return ea_index_add(call->ctx, T(0), (int)I(0), T(1), T(2), F(0), T(3));
}

static ea_status run_index_copy(const native_call *call)
{
    return ea_index_copy(call->ctx, T(0), (int)I(0), T(1), T(2), T(3));
}

static ea_status run_take_along_dim(const native_call *call)
{
    return ea_take_along_dim(call->ctx, T(0), T(1), (int)I(0), T(2));
}

/* How many tensors were given beside those that the operation always takes. */
static int beside(const native_call *call, int always)
{
    return call->tensor_count > always ? call->tensor_count - always : 0;
}

/* Tensors: x, the indices, out. */
static ea_status run_index(const native_call *call)
{
    int count = beside(call, 2);
    return ea_index(call->ctx, T(0), (const DLTensor *const *)call->tensors + 1, count,
                    T(count + 1));
}

/* Tensors: x, the indices, values, out; integer: accumulate. */
static ea_status run_index_put(const native_call *call)
{
    int count = beside(call, 3);
    return ea_index_put(call->ctx, T(0), (const DLTensor *const *)call->tensors + 1, count,
                        T(count + 1), (int)I(0), T(count + 2));
}

static ea_status run_embedding(const native_call *call)
{
    return ea_embedding(call->ctx, T(0), T(1), T(2));
}

static ea_status run_embedding_backward(const native_call *call)
{
    return ea_embedding_backward(call->ctx, T(0), T(1), I(0), T(2));
}

/* Integers: mode, padding index. */
static ea_status run_embedding_bag(const native_call *call)
{
    return ea_embedding_bag(call->ctx, T(0), T(1), T(2), T(3), (ea_bag_mode)I(0), I(1), T(4), T(5));
}

static ea_status run_embedding_bag_backward(const native_call *call)
{
    return ea_embedding_bag_backward(call->ctx, T(0), T(1), T(2), T(3), T(4), (ea_bag_mode)I(0),
                                     I(1), T(5), T(6), T(7));
}

static ea_status run_one_hot(const native_call *call)
{
    return ea_one_hot(call->ctx, T(0), T(1));
}

/* --- mask.h --- */

static ea_status run_where(const native_call *call)
{
    return ea_where(call->ctx, T(0), T(1), T(2), T(3));
}

/* The second tensor, [] of int64, takes the number. */
static ea_status run_count_nonzero(const native_call *call)
{
    return ea_count_nonzero(call->ctx, T(0), native_count(call, 1));
}

static ea_status run_nonzero(const native_call *call)
{
    return ea_nonzero(call->ctx, T(0), T(1));
}

static ea_status run_masked_select(const native_call *call)
{
    return ea_masked_select(call->ctx, T(0), T(1), T(2));
}

static ea_status run_masked_scatter(const native_call *call)
{
    return ea_masked_scatter(call->ctx, T(0), T(1), T(2), T(3));
}

static ea_status run_tril(const native_call *call)
{
    return ea_tril(call->ctx, T(0), I(0), T(1));
}

static ea_status run_triu(const native_call *call)
{
    return ea_triu(call->ctx, T(0), I(0), T(1));
}

/* --- arrange.h --- */

/* Tensors: the pieces, out; integer: the dimension. */
static ea_status run_cat(const native_call *call)
{
    int count = beside(call, 1);
    return ea_cat(call->ctx, (const DLTensor *const *)call->tensors, count, (int)I(0), T(count));
}

static ea_status run_stack(const native_call *call)
{
    int count = beside(call, 1);
    return ea_stack(call->ctx, (const DLTensor *const *)call->tensors, count, (int)I(0), T(count));
}

/* Tensors: x, the pieces; integer: the dimension. */
static ea_status run_split(const native_call *call)
{
    DLTensor *const *pieces = (DLTensor *const *)call->tensors + 1;
    return ea_split(call->ctx, T(0), (int)I(0), pieces, beside(call, 1));
}

/* Integers: the shifts, then the dimensions. */
static ea_status run_roll(const native_call *call)
{
    int count = call->integer_count / 2, dims[CALL_INTEGERS];
    for (int i = 0; i < count; i++)
        dims[i] = (int)I(count + i);
    return ea_roll(call->ctx, T(0), call->integers, dims, count, T(1));
}

static ea_status run_flip(const native_call *call)
{
    int dims[CALL_INTEGERS];
    for (int i = 0; i < call->integer_count; i++)
        dims[i] = (int)I(i);
    return ea_flip(call->ctx, T(0), dims, call->integer_count, T(1));
}

static ea_status run_repeat_interleave(const native_call *call)
{
    return ea_repeat_interleave(call->ctx, T(0), T(1), (int)I(0), T(2));
}

static const native_op ops[] = {
    { "gather", 3, run_gather },
    { "scatter", 4, run_scatter },
    { "index_select", 3, run_index_select },
    { "index_add", 4, run_index_add },
    { "index_copy", 4, run_index_copy },
    { "take_along_dim", 3, run_take_along_dim },
    { "index", ANY_TENSORS, run_index },
    { "index_put", ANY_TENSORS, run_index_put },
    { "embedding", 3, run_embedding },
    { "embedding_backward", 3, run_embedding_backward },
    { "embedding_bag", 6, run_embedding_bag },
    { "embedding_bag_backward", 8, run_embedding_bag_backward },
    { "one_hot", 2, run_one_hot },
    { "where", 4, run_where },
    { "count_nonzero", 2, run_count_nonzero },
    { "nonzero", 2, run_nonzero },
    { "masked_select", 3, run_masked_select },
    { "masked_scatter", 4, run_masked_scatter },
    { "tril", 2, run_tril },
    { "triu", 2, run_triu },
    { "cat", ANY_TENSORS, run_cat },
    { "stack", ANY_TENSORS, run_stack },
    { "split", ANY_TENSORS, run_split },
    { "roll", 2, run_roll },
    { "flip", 2, run_flip },
    { "repeat_interleave", 3, run_repeat_interleave },
};

const native_family native_index = { ops, sizeof ops / sizeof ops[0] };
