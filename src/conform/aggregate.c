/* aggregate.c: cases of the reductions beside sum and mean. */
#include "conform/families.h"
#include "eadem/op.h"

#include <math.h>
#include <stdbool.h>

/* Values and gradients of every aggregate over the dimensions whose bits are set. */
static void run(conform *c, const DLTensor *x, unsigned set)
{
    static const double norms[] = { 0, 1, 2, 3.5, 0.5, INFINITY, -INFINITY };
    int64_t shape[EA_MAX_DIMS];
    int dims[EA_MAX_DIMS], count = 0;
    ea_context *ctx = conform_context(c);
    for (int d = 0; x && d < x->ndim; d++) {
        shape[d] = set & 1u << d ? 1 : x->shape[d];
        if (set & 1u << d)
            dims[count++] = d;
    }
    for (int step = 0; x && step < EA_AGG_COUNT + 6; step++) {
        ea_aggregate aggregate = step < EA_AGG_COUNT ? (ea_aggregate)step : EA_AGG_NORM;
        double parameter =
            aggregate == EA_AGG_NORM ? norms[step < EA_AGG_COUNT ? 0 : step - EA_AGG_COUNT + 1] : 1;
        bool truth = aggregate == EA_AGG_ANY || aggregate == EA_AGG_ALL;
        DLTensor *out = conform_zeros(c, truth ? EA_BOOL : EA_FLOAT32, x->ndim, shape);
        conform_check(c, ea_reduce(ctx, aggregate, x, dims, count, parameter, out));
        conform_emit(c, out);
        if (truth)
            continue;
        DLTensor *grad = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
        conform_check(c, ea_reduce_backward(ctx, aggregate, conform_floats(c, 9, x->ndim, shape), x,
                                            out, dims, count, parameter, grad));
        conform_emit(c, grad);
    }
    for (int smallest = 0; x && smallest < 2; smallest++) {
        DLTensor *values = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
        DLTensor *places = conform_zeros(c, EA_INT64, x->ndim, shape);
        conform_check(c, (smallest ? ea_min : ea_max)(ctx, x, dims, count, values, places));
        conform_emit(c, values);
        conform_emit(c, places);
    }
}

static void sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        if (conform_sizes[i] > 0)
            run(c, conform_floats(c, 1, 2, (int64_t[]){ 3, conform_sizes[i] }), 2);
    run(c, conform_floats(c, 2, 2, (int64_t[]){ 1025, 19 }), 1);
    run(c, conform_floats(c, 3, 1, (int64_t[]){ 2500 }), 1);
}

static void shapes(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 3, (int64_t[]){ 5, 6, 18 });
    for (unsigned set = 1; set < 8; set++) {
        run(c, conform_transposed(c, x, 0, 2), set);
        run(c, conform_strided(c, x, 2, -2), set);
    }
    run(c, conform_as(c, EA_FLOAT16, x), 5);
    run(c, conform_as(c, EA_BFLOAT16, x), 4);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 1, 2, (int64_t[]){ 40, 19 });
    run(c, x, 1);
    run(c, x, 2);
    DLTensor *zeros = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 3, 4 });
    for (int i = 0; zeros && i < 12; i++)
        ((float *)zeros->data)[i] = i % 5 == 2 ? -0.0f : 0.0f;
    run(c, zeros, 1);
    run(c, zeros, 2);
}

static const conform_case cases[] = {
    { "sizes", sizes },
    { "shapes", shapes },
    { "specials", specials },
};

const conform_family conform_aggregate = { "aggregate", cases, sizeof cases / sizeof cases[0] };
