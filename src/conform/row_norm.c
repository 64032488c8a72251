/* row_norm.c: cases of layer, RMS and group norm: forward, statistics and all gradients. */
#include "conform/families.h"
#include "eadem/op.h"

typedef struct outputs {
    DLTensor *out, *mean, *rstd, *grad, *grad_x, *grad_weight, *grad_bias;
} outputs;

static outputs prepare(conform *c, const DLTensor *x, DLDataType dtype, int rows,
                       const int64_t *row_shape, int weights, const int64_t *weight_shape)
{
    return (outputs){ conform_zeros(c, dtype, x->ndim, x->shape),
                      conform_zeros(c, EA_FLOAT32, rows, row_shape),
                      conform_zeros(c, EA_FLOAT32, rows, row_shape),
                      conform_floats(c, 15, x->ndim, x->shape),
                      conform_zeros(c, dtype, x->ndim, x->shape),
                      conform_zeros(c, EA_FLOAT32, weights, weight_shape),
                      conform_zeros(c, EA_FLOAT32, weights, weight_shape) };
}

static void emit(conform *c, const outputs *o)
{
    const DLTensor *const all[] = { o->out,    o->mean,        o->rstd,
                                    o->grad_x, o->grad_weight, o->grad_bias };
    for (int i = 0; i < 6; i++)
        conform_emit(c, all[i]);
}

static void run_layer(conform *c, const DLTensor *x, int dims, bool affine, DLDataType dtype)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    int lead = x->ndim - dims;
    const int64_t *inner = x->shape + lead;
    DLTensor *weight = affine ? conform_floats(c, 11, dims, inner) : NULL;
    DLTensor *bias = affine ? conform_floats(c, 12, dims, inner) : NULL;
    outputs o = prepare(c, x, dtype, lead, x->shape, dims, inner);
    conform_check(c, ea_layer_norm(ctx, x, dims, weight, bias, 0, o.out, o.mean, o.rstd));
    conform_check(c, ea_layer_norm_backward(ctx, o.grad, x, dims, weight, o.mean, o.rstd, o.grad_x,
                                            o.grad_weight, o.grad_bias));
    emit(c, &o);
    outputs r = prepare(c, x, dtype, lead, x->shape, dims, inner);
    conform_check(c, ea_rms_norm(ctx, x, dims, weight, 1e-6, r.out, r.rstd));
    conform_check(
        c, ea_rms_norm_backward(ctx, r.grad, x, dims, weight, r.rstd, r.grad_x, r.grad_weight));
    emit(c, &r);
}

static void run_group(conform *c, const DLTensor *x, int64_t groups, bool affine)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    const int64_t *channels = &x->shape[1];
    DLTensor *weight = affine ? conform_floats(c, 11, 1, channels) : NULL;
    DLTensor *bias = affine ? conform_floats(c, 12, 1, channels) : NULL;
    outputs o = prepare(c, x, EA_FLOAT32, 2, (int64_t[]){ x->shape[0], groups }, 1, channels);
    conform_check(c, ea_group_norm(ctx, x, groups, weight, bias, 0.01, o.out, o.mean, o.rstd));
    conform_check(c, ea_group_norm_backward(ctx, o.grad, x, groups, weight, o.mean, o.rstd,
                                            o.grad_x, o.grad_weight, o.grad_bias));
    emit(c, &o);
}

static void lengths(conform *c)
{
    for (int i = 1; i < CONFORM_SIZE_COUNT; i++) {
        DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 5, conform_sizes[i] });
        run_layer(c, x, 1, true, EA_FLOAT32);
        run_layer(c, conform_transposed(c, x, 0, 1), 1, i % 2, EA_FLOAT32);
    }
}

static void dimensions(conform *c)
{
    DLTensor *x = conform_floats(c, 2, 4, (int64_t[]){ 4, 3, 17, 29 });
    for (int dims = 1; dims <= 4; dims++)
        run_layer(c, x, dims, true, EA_FLOAT32);
    run_layer(c, conform_strided(c, x, 3, -2), 2, true, EA_FLOAT32);
}

static void groups(conform *c)
{
    DLTensor *x = conform_floats(c, 3, 4, (int64_t[]){ 3, 12, 9, 13 });
    for (int64_t g = 1; g <= 12; g++)
        if (12 % g == 0)
            run_group(c, x, g, g != 4);
    run_group(c, conform_transposed(c, x, 1, 3), 13, true);
    run_group(c, conform_floats(c, 4, 2, (int64_t[]){ 1030, 6 }), 2, true);
}

/* Channels of a multiple of 16 elements, whose chunks go on from image to image. */
static void channels(conform *c)
{
    DLTensor *x = conform_floats(c, 7, 4, (int64_t[]){ 5, 12, 16, 17 });
    for (int64_t g = 1; g <= 12; g++)
        if (12 % g == 0)
            run_group(c, x, g, g != 3);
    run_group(c, conform_strided(c, x, 2, -2), 6, true);
    run_group(c, conform_bits(c, 8, 3, (int64_t[]){ 3, 9, 1040 }), 9, true);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 5, 2, (int64_t[]){ 60, 7 });
    run_layer(c, x, 1, true, EA_FLOAT32);
    run_group(c, x, 7, true);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 6, 3, (int64_t[]){ 3, 7, 50 });
    run_layer(c, conform_as(c, EA_FLOAT16, x), 1, true, EA_BFLOAT16);
}

static const conform_case cases[] = {
    { "lengths", lengths },   { "dimensions", dimensions }, { "groups", groups },
    { "specials", specials }, { "storage", storage },       { "channels", channels },
};

const conform_family conform_row_norm = { "row-norm", cases, sizeof cases / sizeof cases[0] };
