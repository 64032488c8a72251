/* pool.c: cases of pooling. */
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

/* --- Other dimensions and kinds --------------------------------------------------------------- */

/* Maxima, their positions and the gradient of one kind, `call` filling the first two. */
typedef ea_status (*max_door)(ea_context *ctx, const DLTensor *x, DLTensor *out, DLTensor *indices);

static void run_max(conform *c, int dims, max_door call, const DLTensor *x, const int64_t *shape)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
    DLTensor *positions = conform_zeros(c, EA_INT64, x->ndim, shape);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    conform_check(c, call(ctx, x, out, positions));
    conform_check(c, ea_max_pool_backward(ctx, dims, conform_floats(c, 55, x->ndim, shape),
                                          positions, grad_x));
    conform_emit(c, out);
    conform_emit(c, positions);
    conform_emit(c, grad_x);
}

static ea_status line(ea_context *ctx, const DLTensor *x, DLTensor *out, DLTensor *indices)
{
    return ea_max_pool(ctx, 1, x, &(ea_pool_options){ .kernel = { 3 }, .stride = { 2 } }, out,
                       indices);
}

static ea_status cube(ea_context *ctx, const DLTensor *x, DLTensor *out, DLTensor *indices)
{
    return ea_max_pool(ctx, 3, x,
                       &(ea_pool_options){ .kernel = { 2, 3, 2 },
                                           .stride = { 1, 2, 3 },
                                           .padding = { 1, 1, 1 },
                                           .dilation = { 2, 1, 2 } },
                       out, indices);
}

static ea_status adaptive_plane(ea_context *ctx, const DLTensor *x, DLTensor *out,
                                DLTensor *indices)
{
    return ea_adaptive_max_pool(ctx, 2, x, out, indices);
}

static ea_status adaptive_cube(ea_context *ctx, const DLTensor *x, DLTensor *out, DLTensor *indices)
{
    return ea_adaptive_max_pool(ctx, 3, x, out, indices);
}

static void dimensions(conform *c)
{
    run_max(c, 1, line, conform_bits(c, 1, 3, (int64_t[]){ 2, 3, 17 }), (int64_t[]){ 2, 3, 8 });
    run_max(c, 3, cube, conform_floats(c, 2, 5, (int64_t[]){ 1, 2, 5, 6, 7 }),
            (int64_t[]){ 1, 2, 5, 3, 3 });
    run_max(c, 2, adaptive_plane, conform_floats(c, 3, 4, (int64_t[]){ 2, 2, 10, 7 }),
            (int64_t[]){ 2, 2, 4, 9 });
    run_max(c, 3, adaptive_cube, conform_bits(c, 4, 4, (int64_t[]){ 2, 5, 6, 7 }),
            (int64_t[]){ 2, 2, 5, 3 });
}

static ea_status fractional_plane(ea_context *ctx, const DLTensor *x, DLTensor *out,
                                  DLTensor *indices)
{
    float numbers[8] = { 0, 0.5f, 0.25f, 0.999f, 0.1f, 0.75f, 0.0001f, 0.625f };
    DLTensor samples = { .data = numbers,
                         .device = { kDLCPU, 0 },
                         .ndim = 3,
                         .dtype = EA_FLOAT32,
                         .shape = (int64_t[]){ 2, 2, 2 } };
    return ea_fractional_max_pool(ctx, 2, x, (int64_t[]){ 2, 3 }, &samples, out, indices);
}

static void fractional(conform *c)
{
    run_max(c, 2, fractional_plane, conform_floats(c, 5, 4, (int64_t[]){ 2, 2, 13, 11 }),
            (int64_t[]){ 2, 2, 7, 6 });
}

static void unpool(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t small[] = { 2, 3, 4, 5 }, large[] = { 2, 3, 9, 8 };
    DLTensor *x = conform_bits(c, 6, 4, small), *indices = conform_indices(c, 7, 72, 4, small);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 4, large);
    DLTensor *grad = conform_floats(c, 8, 4, large);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, 4, small);
    conform_check(c, ea_max_unpool(ctx, 2, x, indices, out));
    conform_check(c, ea_max_unpool_backward(ctx, 2, grad, indices, grad_x));
    conform_emit(c, out);
    conform_emit(c, grad_x);
}

/* options NULL: adaptive. */
static void run_average(conform *c, int dims, const DLTensor *x, const ea_pool_options *options,
                        const int64_t *shape)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
    DLTensor *grad = conform_floats(c, 66, x->ndim, shape);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    conform_check(c, options ? ea_avg_pool(ctx, dims, x, options, out)
                             : ea_adaptive_avg_pool(ctx, dims, x, out));
    conform_check(c, options ? ea_avg_pool_backward(ctx, dims, grad, options, grad_x)
                             : ea_adaptive_avg_pool_backward(ctx, dims, grad, grad_x));
    conform_emit(c, out);
    conform_emit(c, grad_x);
}

static void average(conform *c)
{
    DLTensor *plane = conform_floats(c, 1, 4, (int64_t[]){ 2, 2, 17, 33 });
    ea_pool_options overlapping = {
        .kernel = { 3, 4 }, .stride = { 2, 3 }, .padding = { 1, 2 }, .ceil_mode = 1
    };
    run_average(c, 2, plane, &overlapping, (int64_t[]){ 2, 2, 9, 12 });
    overlapping.exclude_padding = 1;
    run_average(c, 2, plane, &overlapping, (int64_t[]){ 2, 2, 9, 12 });
    overlapping.divisor_override = 5;
    run_average(c, 2, plane, &overlapping, (int64_t[]){ 2, 2, 9, 12 });
    run_average(c, 1, conform_bits(c, 2, 3, (int64_t[]){ 2, 1, 40 }),
                &(ea_pool_options){ .kernel = { 4 } }, (int64_t[]){ 2, 1, 10 });
    run_average(c, 3, conform_floats(c, 3, 5, (int64_t[]){ 1, 2, 4, 5, 6 }),
                &(ea_pool_options){ .kernel = { 2, 2, 3 }, .stride = { 1, 2, 1 } },
                (int64_t[]){ 1, 2, 3, 2, 4 });
    run_average(c, 2, plane, NULL, (int64_t[]){ 2, 2, 1, 1 });
    run_average(c, 2, conform_strided(c, plane, 3, -2), NULL, (int64_t[]){ 2, 2, 5, 20 });
}

/* More small planes than a vector has lanes, and some left over. */
static void small_planes(conform *c)
{
    DLTensor *planes = conform_floats(c, 1, 4, (int64_t[]){ 5, 7, 7, 6 });
    run_average(c, 2, planes, NULL, (int64_t[]){ 5, 7, 1, 1 });
    run_average(c, 2, planes, NULL, (int64_t[]){ 5, 7, 3, 4 });
    run_average(c, 2, planes, &(ea_pool_options){ .kernel = { 3, 2 }, .padding = { 1, 1 } },
                (int64_t[]){ 5, 7, 3, 4 });
    run_average(c, 1, conform_bits(c, 2, 3, (int64_t[]){ 9, 2, 11 }), NULL, (int64_t[]){ 9, 2, 4 });
}

static const conform_case cases[] = {
    { "two-by-two", two_by_two }, { "overlapping", overlapping },   { "options", options },
    { "specials", specials },     { "strides", strides },           { "storage", storage },
    { "dimensions", dimensions }, { "fractional", fractional },     { "unpool", unpool },
    { "average", average },       { "small-planes", small_planes },
};

const conform_family conform_pool = { "pool", cases, sizeof cases / sizeof cases[0] };
