/* order.c: cases of scans, of order along a dimension, of finding and counting. */
#include "conform/families.h"
#include "eadem/op.h"

#include <stdbool.h>

static void scans(conform *c, const DLTensor *x, int dim)
{
    ea_context *ctx = conform_context(c);
    if (!x)
        return;
    DLTensor *grad = conform_floats(c, 9, x->ndim, x->shape);
    DLTensor *out[6];
    for (int i = 0; i < 6; i++)
        out[i] = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    conform_check(c, ea_cumsum(ctx, x, dim, out[0]));
    conform_check(c, ea_cumprod(ctx, x, dim, out[1]));
    conform_check(c, ea_cumsum_backward(ctx, grad, dim, out[2]));
    conform_check(c, ea_cumprod_backward(ctx, grad, x, dim, out[3]));
    for (int smallest = 0; smallest < 2; smallest++) {
        DLTensor *places = conform_zeros(c, EA_INT64, x->ndim, x->shape);
        conform_check(c,
                      (smallest ? ea_cummin : ea_cummax)(ctx, x, dim, out[4 + smallest], places));
        conform_emit(c, places);
    }
    for (int i = 0; i < 6; i++)
        conform_emit(c, out[i]);
}

/* Values and places of one call each, `count` of them along dim. */
typedef struct results {
    DLTensor *values, *places;
} results;

static results make(conform *c, const DLTensor *x, int dim, int64_t count)
{
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++)
        shape[d] = d == dim ? count : x->shape[d];
    return (results){ conform_zeros(c, x->dtype, x->ndim, shape),
                      conform_zeros(c, EA_INT64, x->ndim, shape) };
}

static void emit(conform *c, const results *r, ea_status status)
{
    conform_check(c, status);
    conform_emit(c, r->values);
    conform_emit(c, r->places);
}

static void order(conform *c, const DLTensor *x, int dim)
{
    ea_context *ctx = conform_context(c);
    if (!x)
        return;
    int64_t n = x->shape[dim];
    for (int turn = 0; turn < 2; turn++) {
        results sorted = make(c, x, dim, n), few = make(c, x, dim, n / 3);
        emit(c, &sorted, ea_sort(ctx, x, dim, turn, sorted.values, sorted.places));
        emit(c, &few, ea_topk(ctx, x, dim, turn, few.values, few.places));
        results middle = make(c, x, dim, 1), kth = make(c, x, dim, 1);
        emit(c, &middle, ea_median(ctx, x, dim, turn, middle.values, middle.places));
        int64_t k = turn ? n : (n + 2) / 3;
        emit(c, &kth, ea_kthvalue(ctx, x, dim, k, kth.values, kth.places));
    }
    results mode = make(c, x, dim, 1);
    emit(c, &mode, ea_mode(ctx, x, dim, mode.values, mode.places));
}

/* Few of each line. */
static void tops(conform *c, const DLTensor *x)
{
    ea_context *ctx = conform_context(c);
    for (int turn = 0; x && turn < 2; turn++) {
        results few = make(c, x, x->ndim - 1, 9 + 60 * turn);
        emit(c, &few, ea_topk(ctx, x, x->ndim - 1, turn, few.values, few.places));
    }
}

static void unique(conform *c, const DLTensor *x)
{
    if (!x)
        return;
    int64_t n = ea_tensor_numel(x), count = 0;
    DLTensor *values = conform_zeros(c, x->dtype, 1, &n),
             *counts = conform_zeros(c, EA_INT64, 1, &n);
    DLTensor *inverse = conform_zeros(c, EA_INT64, x->ndim, x->shape);
    conform_check(c, ea_unique(conform_context(c), x, values, inverse, counts, &count));
    conform_emit(c, values); /* zeros behind the last */
    conform_emit(c, counts);
    conform_emit(c, inverse);
}

/* Along each dimension; bits bring NaN and zeros of both signs. */
static void slices(conform *c)
{
    int64_t shape[] = { 6, 31, 4 };
    DLTensor *const all[] = {
        conform_indices(c, 1, 2, 3, shape), conform_bits(c, 2, 3, shape),
        conform_transposed(
            c, conform_as(c, EA_FLOAT16, conform_floats(c, 3, 3, (int64_t[]){ 4, 31, 6 })), 0, 2)
    };
    for (int i = 0; i < 3 && all[0] && all[1] && all[2]; i++)
        for (int dim = 0; dim < 3; dim++) {
            int64_t count = 0, n = shape[dim];
            DLTensor *values = conform_zeros(c, all[i]->dtype, 3, shape);
            DLTensor *counts = conform_zeros(c, EA_INT64, 1, &n),
                     *inverse = conform_zeros(c, EA_INT64, 1, &n);
            conform_check(
                c, ea_unique_dim(conform_context(c), all[i], dim, values, inverse, counts, &count));
            conform_emit(c, values);
            conform_emit(c, counts);
            conform_emit(c, inverse);
        }
}

static void sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        if (conform_sizes[i] == 0)
            continue;
        int64_t shape[] = { 3, conform_sizes[i] };
        scans(c, conform_floats(c, 1, 2, shape), 1);
        order(c, conform_floats(c, 1, 2, shape), 1);
        order(c, conform_indices(c, 2, 20, 2, shape), 1);
        unique(c, conform_floats(c, 1, 2, shape));
        unique(c, conform_indices(c, 3, 50, 2, shape));
    }
    int64_t length = 9000;
    order(c, conform_floats(c, 4, 1, &length), 0);
    order(c, conform_indices(c, 5, 1 << 30, 1, &length), 0);
}

static void shapes(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 3, (int64_t[]){ 5, 40, 18 });
    for (int dim = 0; dim < 3; dim++) {
        scans(c, conform_transposed(c, x, 0, 2), dim);
        order(c, conform_transposed(c, x, 0, 2), dim);
        order(c, conform_strided(c, x, 2, -2), dim);
    }
    scans(c, conform_as(c, EA_FLOAT16, x), 1);
    order(c, conform_as(c, EA_FLOAT16, x), 1);
    order(c, conform_as(c, EA_BFLOAT16, x), 0);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 1, 2, (int64_t[]){ 40, 119 });
    for (int dim = 0; dim < 2; dim++) {
        scans(c, x, dim);
        order(c, x, dim);
    }
    unique(c, x);
}

static void searches(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t shape[] = { 7, 130 }, bins = 50;
    DLTensor *x = conform_floats(c, 1, 2, shape), *sorted = conform_zeros(c, EA_FLOAT32, 2, shape);
    conform_check(c, ea_sort(ctx, x, 1, 0, sorted, NULL));
    for (int right = 0; right < 2; right++) {
        DLTensor *places = conform_zeros(c, EA_INT64, 2, shape);
        conform_check(c, ea_searchsorted(ctx, sorted, conform_bits(c, 2, 2, shape), right, places));
        conform_emit(c, places);
        conform_check(c, ea_searchsorted(ctx, sorted, x, right, places));
        conform_emit(c, places);
    }
    DLTensor *indices = conform_indices(c, 3, bins, 1, &shape[1]);
    DLTensor *counts = conform_zeros(c, EA_INT64, 1, &bins);
    DLTensor *sums = conform_zeros(c, EA_FLOAT32, 1, &bins);
    conform_check(c, ea_bincount(ctx, indices, NULL, counts));
    conform_check(c, ea_bincount(ctx, indices, conform_floats(c, 4, 1, &shape[1]), sums));
    conform_emit(c, counts);
    conform_emit(c, sums);
    conform_check(c, ea_histc(ctx, conform_bits(c, 5, 2, shape), -3, 5, sums));
    conform_emit(c, sums);
    conform_check(c, ea_histc(ctx, x, -8, 8, sums));
    conform_emit(c, sums);
}

static void search_line(conform *c, const DLTensor *line, const DLTensor *values)
{
    for (int right = 0; line && values && right < 2; right++) {
        DLTensor *places = conform_zeros(c, EA_INT64, values->ndim, values->shape);
        conform_check(c, ea_searchsorted(conform_context(c), line, values, right, places));
        conform_emit(c, places);
    }
}

/* Long lines, with few that are wanted, with new extremes early and late, with many that tie. */
static void lines(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t shape[] = { 2, 5003 }, bins = 41, many = 4001;
    DLTensor *x = conform_floats(c, 1, 2, shape), *bits = conform_bits(c, 2, 2, shape);
    DLTensor *rising = conform_zeros(c, EA_FLOAT32, 2, shape);
    conform_check(c, ea_sort(ctx, x, 1, 0, rising, NULL));
    DLTensor *const all[] = { x, bits, rising };
    for (int i = 0; i < 3; i++) {
        tops(c, all[i]);
        tops(c, conform_strided(c, all[i], 1, -2));
        scans(c, all[i], 1);
    }
    tops(c, conform_as(c, EA_BFLOAT16, x));
    DLTensor *edges = conform_zeros(c, EA_FLOAT32, 1, &many), *from = conform_bits(c, 3, 1, &many);
    conform_check(c, ea_sort(ctx, from, 0, 0, edges, NULL));
    search_line(c, edges, x);
    search_line(c, edges, bits);
    search_line(c, from, bits);
    DLTensor *counts = conform_zeros(c, EA_INT64, 1, &bins);
    conform_check(c, ea_bincount(ctx, conform_indices(c, 4, bins, 1, &many), NULL, counts));
    conform_emit(c, counts);
    DLTensor *bars = conform_zeros(c, EA_FLOAT32, 1, &bins);
    conform_check(c, ea_histc(ctx, conform_strided(c, bits, 1, -2), -1e30, 1e30, bars));
    conform_emit(c, bars);
}

static const conform_case cases[] = {
    { "sizes", sizes },       { "shapes", shapes }, { "specials", specials },
    { "searches", searches }, { "lines", lines },   { "slices", slices },
};

const conform_family conform_order = { "order", cases, sizeof cases / sizeof cases[0] };
