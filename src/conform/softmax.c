/* softmax.c: cases of softmax and its logarithm. */
#include "conform/families.h"
#include "eadem/op.h"

/* Both functions and their gradients along `dim`. */
static void run(conform *c, const DLTensor *x, int dim, DLDataType dtype)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *grad = conform_floats(c, 99, x->ndim, x->shape);
    DLTensor *out[4];
    for (int i = 0; i < 4; i++)
        out[i] = conform_zeros(c, dtype, x->ndim, x->shape);
    conform_check(c, ea_softmax(ctx, x, dim, out[0]));
    conform_check(c, ea_log_softmax(ctx, x, dim, out[1]));
    conform_check(c, ea_softmax_backward(ctx, grad, out[0], dim, out[2]));
    conform_check(c, ea_log_softmax_backward(ctx, grad, out[1], dim, out[3]));
    for (int i = 0; i < 4; i++)
        conform_emit(c, out[i]);
}

static void row_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        run(c, conform_floats(c, 1, 2, (int64_t[]){ 5, conform_sizes[i] }), 1, EA_FLOAT32);
}

static void row_counts(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        run(c, conform_floats(c, 1, 2, (int64_t[]){ conform_sizes[i], 3 }), -1, EA_FLOAT32);
}

static void other_dims(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 3, (int64_t[]){ 4, 19, 7 });
    for (int dim = 0; dim < 3; dim++) {
        run(c, x, dim, EA_FLOAT32);
        run(c, conform_strided(c, x, 1, -2), dim, EA_FLOAT32);
    }
    run(c, conform_floats(c, 2, 0, NULL), 0, EA_FLOAT32);
}

static void specials(conform *c)
{
    run(c, conform_bits(c, 1, 2, (int64_t[]){ 40, 3 }), 1, EA_FLOAT32);
    run(c, conform_bits(c, 2, 2, (int64_t[]){ 9, 40 }), 1, EA_FLOAT32);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 6, 50 });
    run(c, conform_as(c, EA_FLOAT16, x), 1, EA_FLOAT16);
    run(c, conform_as(c, EA_BFLOAT16, x), 0, EA_BFLOAT16);
}

static void empty(conform *c)
{
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 0, 3 }), 1, EA_FLOAT32);
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 3, 0 }), 1, EA_FLOAT32);
}

static const conform_case cases[] = {
    { "row-sizes", row_sizes }, { "row-counts", row_counts }, { "other-dims", other_dims },
    { "specials", specials },   { "storage", storage },       { "empty", empty },
};

const conform_family conform_softmax = { "softmax", cases, sizeof cases / sizeof cases[0] };
