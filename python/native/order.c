/* order.c: reductions beside sum and mean, scans, sorting, searching. */
#include "native.h"

/* --- aggregate.h. Integers are the dimensions, for "reduce" after the aggregate's number; the
 * float is its parameter --- */

static ea_status run_reduce(const native_call *call)
{
    int dims[CALL_INTEGERS];
    for (int i = 1; i < call->integer_count; i++)
        dims[i - 1] = (int)I(i);
    return ea_reduce(call->ctx, (ea_aggregate)I(0), T(0), dims, call->integer_count - 1, F(0),
                     T(1));
}

/* Tensors: grad_out, x, out, grad_x. */
static ea_status run_reduce_backward(const native_call *call)
{
    int dims[CALL_INTEGERS];
    for (int i = 1; i < call->integer_count; i++)
        dims[i - 1] = (int)I(i);
    return ea_reduce_backward(call->ctx, (ea_aggregate)I(0), T(0), T(1), T(2), dims,
                              call->integer_count - 1, F(0), T(3));
}

static ea_status extremum(const native_call *call,
                          ea_status (*run)(ea_context *, const DLTensor *, const int *, int,
                                           DLTensor *, DLTensor *))
{
    int dims[CALL_INTEGERS];
    for (int i = 0; i < call->integer_count; i++)
        dims[i] = (int)I(i);
    return run(call->ctx, T(0), dims, call->integer_count, T(1), T(2));
}

static ea_status run_max(const native_call *call)
{
    return extremum(call, ea_max);
}

static ea_status run_min(const native_call *call)
{
    return extremum(call, ea_min);
}

/* --- scan.h: the integer is the dimension --- */

static ea_status run_cumsum(const native_call *call)
{
    return ea_cumsum(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_cumprod(const native_call *call)
{
    return ea_cumprod(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_cummax(const native_call *call)
{
    return ea_cummax(call->ctx, T(0), (int)I(0), T(1), T(2));
}

static ea_status run_cummin(const native_call *call)
{
    return ea_cummin(call->ctx, T(0), (int)I(0), T(1), T(2));
}

static ea_status run_cumsum_backward(const native_call *call)
{
    return ea_cumsum_backward(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_cumprod_backward(const native_call *call)
{
    return ea_cumprod_backward(call->ctx, T(0), T(1), (int)I(0), T(2));
}

/* --- sort.h: integers are the dimension and what else the function takes --- */

static ea_status run_sort(const native_call *call)
{
    return ea_sort(call->ctx, T(0), (int)I(0), (int)I(1), T(1), T(2));
}

static ea_status run_topk(const native_call *call)
{
    return ea_topk(call->ctx, T(0), (int)I(0), (int)I(1), T(1), T(2));
}

static ea_status run_kthvalue(const native_call *call)
{
    return ea_kthvalue(call->ctx, T(0), (int)I(0), I(1), T(1), T(2));
}

static ea_status run_median(const native_call *call)
{
    return ea_median(call->ctx, T(0), (int)I(0), (int)I(1), T(1), T(2));
}

static ea_status run_mode(const native_call *call)
{
    return ea_mode(call->ctx, T(0), (int)I(0), T(1), T(2));
}

/* The last tensor, [] of int64, takes the number of different elements. */
static ea_status run_unique(const native_call *call)
{
    return ea_unique(call->ctx, T(0), T(1), T(2), T(3), native_count(call, 4));
}

static ea_status run_unique_dim(const native_call *call)
{
    return ea_unique_dim(call->ctx, T(0), (int)I(0), T(1), T(2), T(3), native_count(call, 4));
}

/* --- search.h --- */

static ea_status run_searchsorted(const native_call *call)
{
    return ea_searchsorted(call->ctx, T(0), T(1), (int)I(0), T(2));
}

static ea_status run_bincount(const native_call *call)
{
    return ea_bincount(call->ctx, T(0), T(1), T(2));
}

static ea_status run_histc(const native_call *call)
{
    return ea_histc(call->ctx, T(0), F(0), F(1), T(1));
}

static const native_op ops[] = {
    { "reduce", 2, run_reduce },
    { "reduce_backward", 4, run_reduce_backward },
    { "max", 3, run_max },
    { "min", 3, run_min },
    { "cumsum", 2, run_cumsum },
    { "cumprod", 2, run_cumprod },
    { "cumsum_backward", 2, run_cumsum_backward },
    { "cumprod_backward", 3, run_cumprod_backward },
    { "cummax", 3, run_cummax },
    { "cummin", 3, run_cummin },
    { "sort", 3, run_sort },
    { "topk", 3, run_topk },
    { "kthvalue", 3, run_kthvalue },
    { "median", 3, run_median },
    { "mode", 3, run_mode },
    { "unique", 5, run_unique },
    { "unique_dim", 5, run_unique_dim },
    { "searchsorted", 3, run_searchsorted },
    { "bincount", 3, run_bincount },
    { "histc", 2, run_histc },
};

const native_family native_order = { ops, sizeof ops / sizeof ops[0] };
