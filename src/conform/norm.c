/* norm.c: cases of batch normalisation. */
#include "conform/families.h"
#include "eadem/op.h"

typedef struct setting {
    int training;
    int affine; /* with weight and bias */
    double momentum, eps;
} setting;

/* Forward, statistics and all gradients. */
static void run(conform *c, const DLTensor *x, setting s, DLDataType dtype)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    const int64_t *channels = &x->shape[1];
    DLTensor *weight = s.affine ? conform_floats(c, 11, 1, channels) : NULL;
    DLTensor *bias = s.affine ? conform_floats(c, 12, 1, channels) : NULL;
    DLTensor *mean = conform_floats(c, 13, 1, channels), *var = conform_floats(c, 14, 1, channels);
    conform_check(c, ea_mul(ctx, var, var, var));
    DLTensor *save_mean = conform_zeros(c, EA_FLOAT32, 1, channels);
    DLTensor *save_std = conform_zeros(c, EA_FLOAT32, 1, channels);
    DLTensor *out = conform_zeros(c, dtype, x->ndim, x->shape);
    ea_batch_norm_options o = { .training = s.training, .momentum = s.momentum, .eps = s.eps };
    conform_check(c, ea_batch_norm(ctx, x, weight, bias, mean, var, &o, out, save_mean, save_std));

    DLTensor *grad = conform_floats(c, 15, x->ndim, x->shape);
    DLTensor *grad_x = conform_zeros(c, dtype, x->ndim, x->shape);
    DLTensor *grad_weight = conform_zeros(c, EA_FLOAT32, 1, channels);
    DLTensor *grad_bias = conform_zeros(c, EA_FLOAT32, 1, channels);
    conform_check(c, ea_batch_norm_backward(ctx, grad, x, weight, save_mean, save_std, &o, grad_x,
                                            grad_weight, grad_bias));
    const DLTensor *const emitted[] = { out, save_mean, save_std,    mean,
                                        var, grad_x,    grad_weight, grad_bias };
    for (int i = 0; i < 8; i++)
        conform_emit(c, emitted[i]);
}

static void two_dimensions(conform *c)
{
    for (int i = 1; i < CONFORM_SIZE_COUNT; i++) {
        DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ conform_sizes[i], 5 });
        run(c, x, (setting){ .training = 1, .affine = 1 }, EA_FLOAT32);
        run(c, x, (setting){ .training = 0, .affine = 1 }, EA_FLOAT32);
    }
}

static void four_dimensions(conform *c)
{
    for (int64_t n = 1; n <= 33; n += 16) {
        DLTensor *x = conform_floats(c, 2, 4, (int64_t[]){ n, 9, 6, 11 });
        run(c, x, (setting){ .training = 1, .affine = 1 }, EA_FLOAT32);
        run(c, x, (setting){ .training = 0, .affine = 1 }, EA_FLOAT32);
    }
}

static void options(conform *c)
{
    DLTensor *x = conform_floats(c, 3, 3, (int64_t[]){ 6, 3, 50 });
    run(c, x, (setting){ .training = 1 }, EA_FLOAT32);
    run(c, x, (setting){ .training = 0 }, EA_FLOAT32);
    run(c, x, (setting){ .training = 1, .momentum = 0.37, .eps = 0.01 }, EA_FLOAT32);
    run(c, x, (setting){ .training = 1, .momentum = -1 }, EA_FLOAT32);
}

static void strides(conform *c)
{
    DLTensor *x = conform_floats(c, 4, 4, (int64_t[]){ 8, 6, 7, 9 });
    run(c, conform_transposed(c, x, 1, 3), (setting){ .training = 1, .affine = 1 }, EA_FLOAT32);
    run(c, conform_strided(c, x, 2, -2), (setting){ .training = 1, .affine = 1 }, EA_FLOAT32);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 5, 2, (int64_t[]){ 6, 40 });
    run(c, x, (setting){ .training = 1, .affine = 1 }, EA_FLOAT32);
    run(c, x, (setting){ .training = 0, .affine = 1 }, EA_FLOAT32);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 6, 4, (int64_t[]){ 8, 6, 7, 9 });
    run(c, conform_as(c, EA_FLOAT16, x), (setting){ .training = 1, .affine = 1 }, EA_BFLOAT16);
}

static const conform_case cases[] = {
    { "two-dimensions", two_dimensions },
    { "four-dimensions", four_dimensions },
    { "options", options },
    { "strides", strides },
    { "specials", specials },
    { "storage", storage },
};

const conform_family conform_norm = { "norm", cases, sizeof cases / sizeof cases[0] };
