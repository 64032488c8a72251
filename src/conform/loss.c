/* loss.c: cases of cross entropy. */
#include "conform/families.h"
#include "eadem/op.h"

/* The loss and its gradient, each reduction. */
static void run(conform *c, const DLTensor *x, DLDataType dtype)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *target = conform_indices(c, 77, x->shape[1], 1, x->shape);
    for (int reduction = EA_REDUCE_MEAN; reduction <= EA_REDUCE_NONE; reduction++) {
        int ndim = reduction == EA_REDUCE_NONE;
        DLTensor *loss = conform_zeros(c, dtype, ndim, x->shape);
        DLTensor *grad = conform_floats(c, 88, ndim, x->shape);
        DLTensor *grad_x = conform_zeros(c, dtype, 2, x->shape);
        conform_check(c, ea_cross_entropy(ctx, x, target, (ea_reduction)reduction, loss));
        conform_check(
            c, ea_cross_entropy_backward(ctx, grad, x, target, (ea_reduction)reduction, grad_x));
        conform_emit(c, loss);
        conform_emit(c, grad_x);
    }
}

static void class_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        run(c, conform_floats(c, 1, 2, (int64_t[]){ 7, conform_sizes[i] }), EA_FLOAT32);
}

static void batch_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        run(c, conform_floats(c, 2, 2, (int64_t[]){ conform_sizes[i], 10 }), EA_FLOAT32);
}

static void strides(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 30, 20 });
    run(c, conform_transposed(c, x, 0, 1), EA_FLOAT32);
    run(c, conform_strided(c, x, 1, -3), EA_FLOAT32);
}

static void specials(conform *c)
{
    run(c, conform_bits(c, 1, 2, (int64_t[]){ 50, 5 }), EA_FLOAT32);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 30, 20 });
    run(c, conform_as(c, EA_FLOAT16, x), EA_BFLOAT16);
    run(c, conform_as(c, EA_BFLOAT16, x), EA_FLOAT16);
}

static const conform_case cases[] = {
    { "class-sizes", class_sizes }, { "batch-sizes", batch_sizes }, { "strides", strides },
    { "specials", specials },       { "storage", storage },
};

const conform_family conform_loss = { "loss", cases, sizeof cases / sizeof cases[0] };
