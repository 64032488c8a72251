/* pool.c: cases of max pooling. */
#include "conform/families.h"
#include "eadem/op.h"

/* Outputs, positions and the gradient. */
static void run(conform *c, const DLTensor *x, ea_pool_options o, int64_t oh, int64_t ow,
                DLDataType dtype)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    int64_t shape[] = { x->shape[0], x->shape[1], oh, ow };
    DLTensor *out = conform_zeros(c, dtype, 4, shape);
    DLTensor *positions = conform_zeros(c, EA_INT64, 4, shape);
    conform_check(c, ea_max_pool2d(ctx, x, &o, out, positions));
    DLTensor *grad = conform_floats(c, 55, 4, shape);
    DLTensor *grad_x = conform_zeros(c, dtype, 4, x->shape);
    conform_check(c, ea_max_pool2d_backward(ctx, grad, positions, grad_x));
    conform_emit(c, out);
    conform_emit(c, positions);
    conform_emit(c, grad_x);
}

static void two_by_two(conform *c)
{
    static const int64_t sizes[] = { 2, 3, 15, 16, 17, 28, 33 };
    for (int i = 0; i < 7; i++) {
        int64_t size = sizes[i];
        run(c, conform_floats(c, 1, 4, (int64_t[]){ 3, 2, size, size }),
            (ea_pool_options){ .kernel = { 2, 2 } }, size / 2, size / 2, EA_FLOAT32);
    }
}

/* Windows overlap: up to nine gradients for one element. */
static void overlapping(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 3, 13, 14 });
    run(c, x, (ea_pool_options){ .kernel = { 3, 3 }, .stride = { 1, 1 } }, 11, 12, EA_FLOAT32);
    run(c, x, (ea_pool_options){ .kernel = { 5, 4 }, .stride = { 1, 2 }, .padding = { 2, 2 } }, 13,
        8, EA_FLOAT32);
    DLTensor *flat = conform_zeros(c, EA_FLOAT32, 4, (int64_t[]){ 1, 1, 9, 9 });
    run(c, flat, (ea_pool_options){ .kernel = { 5, 5 }, .stride = { 1, 1 } }, 5, 5, EA_FLOAT32);
}

static void options(conform *c)
{
    DLTensor *x = conform_floats(c, 2, 4, (int64_t[]){ 2, 2, 11, 10 });
    run(c, x, (ea_pool_options){ .kernel = { 3, 2 }, .padding = { 1, 1 } }, 4, 6, EA_FLOAT32);
    run(c, x, (ea_pool_options){ .kernel = { 2, 3 }, .dilation = { 3, 2 } }, 4, 2, EA_FLOAT32);
    run(c, x, (ea_pool_options){ .kernel = { 2, 2 }, .ceil_mode = 1 }, 6, 5, EA_FLOAT32);
    run(c, x,
        (ea_pool_options){
            .kernel = { 3, 3 }, .stride = { 2, 2 }, .padding = { 1, 1 }, .ceil_mode = 1 },
        6, 6, EA_FLOAT32);
    run(c, conform_floats(c, 3, 4, (int64_t[]){ 1, 1, 2, 2 }),
        (ea_pool_options){
            .kernel = { 2, 2 }, .stride = { 1, 1 }, .padding = { 1, 1 }, .dilation = { 3, 3 } },
        1, 1, EA_FLOAT32);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 3, 4, (int64_t[]){ 2, 3, 16, 16 });
    run(c, x, (ea_pool_options){ .kernel = { 2, 2 } }, 8, 8, EA_FLOAT32);
    run(c, x, (ea_pool_options){ .kernel = { 3, 3 }, .stride = { 1, 1 } }, 14, 14, EA_FLOAT32);
}

static void strides(conform *c)
{
    DLTensor *x = conform_floats(c, 4, 4, (int64_t[]){ 4, 5, 12, 8 });
    run(c, conform_transposed(c, x, 1, 3), (ea_pool_options){ .kernel = { 2, 2 } }, 6, 2,
        EA_FLOAT32);
    run(c, conform_strided(c, x, 3, -2), (ea_pool_options){ .kernel = { 2, 2 } }, 6, 2, EA_FLOAT32);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 5, 4, (int64_t[]){ 2, 2, 9, 9 });
    run(c, conform_as(c, EA_FLOAT16, x), (ea_pool_options){ .kernel = { 2, 2 } }, 4, 4, EA_FLOAT16);
    run(c, conform_as(c, EA_BFLOAT16, x),
        (ea_pool_options){ .kernel = { 3, 3 }, .stride = { 1, 1 } }, 7, 7, EA_BFLOAT16);
}

static const conform_case cases[] = {
    { "two-by-two", two_by_two }, { "overlapping", overlapping }, { "options", options },
    { "specials", specials },     { "strides", strides },         { "storage", storage },
};

const conform_family conform_pool = { "pool", cases, sizeof cases / sizeof cases[0] };
