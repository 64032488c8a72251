/* What the doors refuse, and that each sentence names what was wrong. */
#include "core/context.h"
#include "eadem/eadem.h"
#include "test.h"

#include <string.h>

typedef struct fixture {
    ea_context *ctx;
    DLTensor *x, *y;     /* [4, 6] */
    DLTensor *out;       /* [4, 6] */
    DLTensor *row;       /* [6] */
    DLTensor *column;    /* [4] */
    DLTensor *scalar;    /* [] */
    DLTensor *integers;  /* [4] of int64 */
    DLTensor *image;     /* [1, 1, 6, 6] */
    DLTensor *pooled;    /* [1, 1, 3, 3] */
    DLTensor *positions; /* the same of int64 */
} fixture;

static DLTensor *new_tensor(ea_context *ctx, DLDataType dtype, int ndim, const int64_t *shape)
{
    DLTensor *t;
    assert_int_equal(ea_tensor_new(ctx, dtype, ndim, shape, &t), EA_OK);
    return t;
}

static int set_up(void **state)
{
    static fixture f;
    assert_int_equal(ea_context_create(NULL, &f.ctx), EA_OK);
    DLTensor **grids[] = { &f.x, &f.y, &f.out };
    for (int i = 0; i < 3; i++)
        *grids[i] = new_tensor(f.ctx, EA_FLOAT32, 2, (int64_t[]){ 4, 6 });
    f.row = new_tensor(f.ctx, EA_FLOAT32, 1, (int64_t[]){ 6 });
    f.column = new_tensor(f.ctx, EA_FLOAT32, 1, (int64_t[]){ 4 });
    f.scalar = new_tensor(f.ctx, EA_FLOAT32, 0, NULL);
    f.integers = new_tensor(f.ctx, EA_INT64, 1, (int64_t[]){ 4 });
    f.image = new_tensor(f.ctx, EA_FLOAT32, 4, (int64_t[]){ 1, 1, 6, 6 });
    f.pooled = new_tensor(f.ctx, EA_FLOAT32, 4, (int64_t[]){ 1, 1, 3, 3 });
    f.positions = new_tensor(f.ctx, EA_INT64, 4, (int64_t[]){ 1, 1, 3, 3 });
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    DLTensor *all[] = { f->x,      f->y,        f->out,   f->row,    f->column,
                        f->scalar, f->integers, f->image, f->pooled, f->positions };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ea_tensor_free(all[i]);
    ea_context_destroy(f->ctx);
    return 0;
}

static void refused(fixture *f, ea_status got, ea_status expected, const char *words)
{
    if (got != expected || !strstr(ea_error_text(f->ctx), words))
        fail_msg("got %s \"%s\", expected %s and the words \"%s\"", ea_status_name(got),
                 ea_error_text(f->ctx), ea_status_name(expected), words);
}

static void test_elementwise(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    refused(f, ea_add(c, NULL, f->y, f->out), EA_ERR_ARGUMENT, "ea_add: a is NULL");
    refused(f, ea_add(c, f->x, f->column, f->out), EA_ERR_SHAPE, "[4, 6] and [4] do not broadcast");
    refused(f, ea_mul(c, f->x, f->y, f->row), EA_ERR_SHAPE, "out has shape [6]: expected [4, 6]");
    refused(f, ea_exp(c, f->integers, f->column), EA_ERR_DTYPE, "x has type int64");
    refused(f, ea_exp(c, f->x, f->integers), EA_ERR_DTYPE, "out has type int64");
    refused(f, ea_relu_backward(c, f->row, f->x, f->out), EA_ERR_SHAPE, "grad_out has shape [6]");
    DLTensor shifted = *f->x;
    shifted.byte_offset = 4;
    shifted.shape = (int64_t[]){ 3, 6 };
    refused(f, ea_tanh(c, &shifted, f->x), EA_ERR_ARGUMENT, "out overlaps x");
    DLTensor stretched = *f->out;
    stretched.strides = (int64_t[]){ 0, 1 };
    refused(f, ea_add(c, f->x, f->y, &stretched), EA_ERR_ARGUMENT, "stride 0 in dimension 0");
    DLTensor device = *f->x;
    device.device.device_type = kDLCUDA;
    refused(f, ea_add(c, &device, f->y, f->out), EA_ERR_DEVICE, "ea_add: a is on device type 2");
}

static void test_reduce(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    refused(f, ea_sum(c, f->x, (int[]){ 2 }, 1, f->row), EA_ERR_ARGUMENT, "dims[0] is 2");
    refused(f, ea_sum(c, f->x, (int[]){ -3 }, 1, f->row), EA_ERR_ARGUMENT, "dims[0] is -3");
    refused(f, ea_sum(c, f->x, (int[]){ 1, -1 }, 2, f->row), EA_ERR_ARGUMENT, "named twice");
    refused(f, ea_mean(c, f->x, (int[]){ 0 }, 1, f->column), EA_ERR_SHAPE,
            "out has shape [4]: expected [6]");
    refused(f, ea_mean(c, f->x, NULL, 1, f->row), EA_ERR_ARGUMENT, "ndims is 1 without dims");
    refused(f, ea_sum_to_shape(c, f->x, f->column), EA_ERR_SHAPE, "shape [4] does not broadcast");
}

static void test_softmax_and_loss(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    refused(f, ea_softmax(c, f->x, 2, f->out), EA_ERR_ARGUMENT, "dim is 2: give -2 to 1");
    refused(f, ea_log_softmax(c, f->x, 0, f->x), EA_ERR_ARGUMENT, "out overlaps x");
    int64_t *target = f->integers->data;
    target[2] = 6;
    refused(f, ea_cross_entropy(c, f->x, f->integers, EA_REDUCE_MEAN, f->scalar), EA_ERR_ARGUMENT,
            "target[2] is 6: there are 6 classes");
    target[2] = -1;
    refused(f, ea_cross_entropy_backward(c, f->scalar, f->x, f->integers, EA_REDUCE_MEAN, f->out),
            EA_ERR_ARGUMENT, "target[2] is -1");
    target[2] = 0;
    refused(f, ea_cross_entropy(c, f->x, f->integers, EA_REDUCE_NONE, f->scalar), EA_ERR_SHAPE,
            "out has shape []: expected [4]");
    refused(f, ea_cross_entropy(c, f->row, f->integers, EA_REDUCE_SUM, f->scalar), EA_ERR_SHAPE,
            "x has 1 dimensions");
    refused(f, ea_cross_entropy(c, f->x, f->column, EA_REDUCE_SUM, f->scalar), EA_ERR_DTYPE,
            "target has type float32");
    refused(f, ea_cross_entropy(c, f->x, f->integers, (ea_reduction)7, f->scalar), EA_ERR_ARGUMENT,
            "reduction 7");
}

static void test_norm(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    ea_batch_norm_options training = { .training = 1 };
    refused(f, ea_batch_norm(c, f->x, NULL, NULL, NULL, NULL, NULL, f->out, NULL, NULL),
            EA_ERR_ARGUMENT, "running_mean and running_var are needed");
    refused(f, ea_batch_norm(c, f->x, f->column, NULL, NULL, NULL, &training, f->out, NULL, NULL),
            EA_ERR_SHAPE, "weight has shape [4]: expected [6]");
    refused(f, ea_batch_norm(c, f->row, NULL, NULL, NULL, NULL, &training, f->out, NULL, NULL),
            EA_ERR_SHAPE, "x has 1 dimensions");
    refused(f, ea_batch_norm(c, f->x, NULL, NULL, NULL, NULL, &training, f->x, NULL, NULL),
            EA_ERR_ARGUMENT, "overlaps");
    refused(f,
            ea_batch_norm_backward(c, f->y, f->x, NULL, NULL, NULL, &training, f->out, NULL, NULL),
            EA_ERR_ARGUMENT, "save_mean or save_std is NULL");
    DLTensor single = *f->x;
    single.shape = (int64_t[]){ 1, 6 };
    DLTensor single_out = *f->out;
    single_out.shape = single.shape;
    refused(f,
            ea_batch_norm(c, &single, NULL, NULL, NULL, NULL, &training, &single_out, NULL, NULL),
            EA_ERR_SHAPE, "one value a channel");
}

static void test_pool(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    refused(f, ea_max_pool2d(c, f->image, NULL, f->pooled, NULL), EA_ERR_ARGUMENT,
            "options is NULL");
    ea_pool_options none = { .kernel = { 0, 2 } },
                    padded = { .kernel = { 2, 2 }, .padding = { 2 } };
    ea_pool_options large = { .kernel = { 7, 7 } }, fine = { .kernel = { 2, 2 } };
    refused(f, ea_max_pool2d(c, f->image, &none, f->pooled, NULL), EA_ERR_ARGUMENT, "kernel 0");
    refused(f, ea_max_pool2d(c, f->image, &padded, f->pooled, NULL), EA_ERR_ARGUMENT,
            "padding 2 is more than half");
    refused(f, ea_max_pool2d(c, f->image, &large, f->pooled, NULL), EA_ERR_SHAPE, "no window fits");
    refused(f, ea_max_pool2d(c, f->x, &fine, f->pooled, NULL), EA_ERR_SHAPE, "x has 2 dimensions");
    refused(f, ea_max_pool2d(c, f->image, &fine, f->image, NULL), EA_ERR_ARGUMENT, "overlaps");
    refused(f, ea_max_pool2d(c, f->image, &fine, f->pooled, f->pooled), EA_ERR_DTYPE,
            "indices has type float32");
    ((int64_t *)f->positions->data)[4] = 36;
    refused(f, ea_max_pool2d_backward(c, f->pooled, f->positions, f->image), EA_ERR_ARGUMENT,
            "indices[4] is 36: a plane has 36 positions");
    ((int64_t *)f->positions->data)[4] = 0;
}

static void test_optimisers(void **state)
{
    fixture *f = *state;
    ea_context *c = f->ctx;
    ea_sgd_options sgd = { .lr = 1, .momentum = 0.5 }, nesterov = { .lr = 1, .nesterov = 1 };
    ea_adam_options adam = { .lr = 1 }, beta = { .lr = 1, .beta1 = 1 };
    refused(f, ea_sgd(c, NULL, 1, f->x, f->y, NULL), EA_ERR_ARGUMENT, "options is NULL");
    refused(f, ea_sgd(c, &sgd, 0, f->x, f->y, f->out), EA_ERR_ARGUMENT, "step is 0");
    refused(f, ea_sgd(c, &sgd, 1, f->x, f->y, NULL), EA_ERR_ARGUMENT, "momentum_buffer is NULL");
    refused(f, ea_sgd(c, &nesterov, 1, f->x, f->y, NULL), EA_ERR_ARGUMENT, "nesterov needs");
    refused(f, ea_sgd(c, &sgd, 1, f->row, f->y, f->out), EA_ERR_SHAPE, "grad has shape [6]");
    refused(f, ea_adam(c, &beta, 1, f->x, f->y, f->out, f->out, NULL), EA_ERR_ARGUMENT, "beta1");
    refused(f, ea_adam(c, &adam, 1, f->x, f->y, f->out, f->out, NULL), EA_ERR_ARGUMENT,
            "share memory");
    DLTensor turned = *f->x;
    turned.shape = (int64_t[]){ 6, 4 };
    turned.strides = (int64_t[]){ 1, 6 };
    refused(f, ea_sgd(c, &sgd, 1, f->x, &turned, f->out), EA_ERR_ARGUMENT,
            "param is not contiguous");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_softmax_and_loss),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_optimisers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
