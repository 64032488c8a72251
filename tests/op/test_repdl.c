/* Contract repdl against Microsoft's RepDL itself: every bit of what tests/golden/repdl_ops.json
 * holds (make_repdl_ops.py made it), on every instruction set. */
#include "core/view.h"
#include "eadem/eadem.h"
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ea_context *ctx;
    json_t *test; /* one case */
    DLTensor *made[64];
    int count;
} fixture;

static DLTensor *keep(fixture *f, DLTensor *tensor)
{
    f->made[f->count++] = tensor;
    return tensor;
}

static DLTensor *zeros(fixture *f, int ndim, const int64_t *shape)
{
    DLTensor *t;
    assert_int_equal(ea_tensor_new(f->ctx, EA_FLOAT32, ndim, shape, &t), EA_OK);
    return keep(f, t);
}

static DLTensor *zeros_like(fixture *f, const DLTensor *like)
{
    return like ? zeros(f, like->ndim, like->shape) : NULL;
}

/* A tensor of the case, from its hexadecimal little-endian bytes; NULL when the case lacks it. */
static DLTensor *tensor(fixture *f, const char *name, DLDataType dtype)
{
    json_t *packed = json_object_get(f->test, name), *sizes = json_object_get(packed, "shape");
    if (!packed)
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    for (size_t d = 0; d < json_array_size(sizes); d++)
        shape[d] = json_integer_value(json_array_get(sizes, d));
    DLTensor *t;
    assert_int_equal(ea_tensor_new(f->ctx, dtype, (int)json_array_size(sizes), shape, &t), EA_OK);
    const char *hex = json_string_value(json_object_get(packed, "data"));
    int64_t size = dtype.bits / 8, n = ea_tensor_numel(t);
    assert_int_equal(strlen(hex), n * size * 2);
    for (int64_t i = 0; i < n; i++) {
        uint64_t value = 0;
        for (int64_t byte = 0; byte < size; byte++) {
            unsigned digits;
            sscanf(hex + 2 * (i * size + byte), "%2x", &digits);
            value |= (uint64_t)digits << 8 * byte;
        }
        if (size == 4)
            ((uint32_t *)t->data)[i] = (uint32_t)value;
        else
            ((uint64_t *)t->data)[i] = value;
    }
    return keep(f, t);
}

static DLTensor *floats(fixture *f, const char *name)
{
    return tensor(f, name, EA_FLOAT32);
}

static void check(fixture *f, ea_status status)
{
    if (status != EA_OK)
        fail_msg("%s", ea_error_text(f->ctx));
}

static void assert_bits(fixture *f, const DLTensor *got, const char *name)
{
    DLTensor *expected = floats(f, name);
    if (!expected)
        return;
    const float *a = got->data, *b = expected->data;
    for (int64_t i = 0; i < ea_tensor_numel(expected); i++)
        if (core_float_bits(a[i]) != core_float_bits(b[i]))
            fail_msg("%s of %s on %s, element %lld: got %a, RepDL has %a", name,
                     json_string_value(json_object_get(f->test, "op")), ea_context_isa(f->ctx),
                     (long long)i, a[i], b[i]);
}

static json_t *option(fixture *f, const char *name)
{
    return json_object_get(json_object_get(f->test, "options"), name);
}

static void run_reduce(fixture *f, bool mean)
{
    DLTensor *x = floats(f, "x"), *out = zeros_like(f, floats(f, "out"));
    int dims[4], count = (int)json_array_size(option(f, "dims"));
    for (int i = 0; i < count; i++)
        dims[i] = (int)json_integer_value(json_array_get(option(f, "dims"), (size_t)i));
    check(f, (mean ? ea_mean : ea_sum)(f->ctx, x, dims, count, out));
    assert_bits(f, out, "out");
}

static void run_sum(fixture *f)
{
    run_reduce(f, false);
}

static void run_mean(fixture *f)
{
    run_reduce(f, true);
}

static void run_softmax(fixture *f)
{
    DLTensor *x = floats(f, "x"), *out = zeros_like(f, x);
    check(f, ea_softmax(f->ctx, x, 1, out));
    assert_bits(f, out, "out");
}

static void run_cross_entropy(fixture *f)
{
    DLTensor *x = floats(f, "x"), *target = tensor(f, "target", EA_INT64);
    DLTensor *out = zeros(f, 0, NULL), *grad_x = zeros_like(f, x);
    check(f, ea_cross_entropy(f->ctx, x, target, EA_REDUCE_MEAN, out));
    check(f, ea_cross_entropy_backward(f->ctx, floats(f, "grad_out"), x, target, EA_REDUCE_MEAN,
                                       grad_x));
    assert_bits(f, out, "out");
    assert_bits(f, grad_x, "grad_x");
}

static void run_batch_norm(fixture *f)
{
    DLTensor *x = floats(f, "x"), *weight = floats(f, "weight"), *grad = floats(f, "grad_out");
    DLTensor *out = zeros_like(f, x), *grad_x = zeros_like(f, x);
    DLTensor *mean = zeros_like(f, weight), *std = zeros_like(f, weight);
    DLTensor *grad_weight = zeros_like(f, weight), *grad_bias = zeros_like(f, weight);
    ea_batch_norm_options o = { .training = json_is_true(option(f, "training")) };
    check(f, ea_batch_norm(f->ctx, x, weight, floats(f, "bias"), floats(f, "running_mean"),
                           floats(f, "running_var"), &o, out, mean, std));
    assert_bits(f, out, "out");
    if (!grad)
        return;
    check(f, ea_batch_norm_backward(f->ctx, grad, x, weight, mean, std, &o, grad_x, grad_weight,
                                    grad_bias));
    assert_bits(f, grad_bias, "grad_bias");
    assert_bits(f, grad_weight, "grad_weight");
    assert_bits(f, grad_x, "grad_x");
}

static void run_adam(fixture *f)
{
    DLTensor *param = floats(f, "param"), *grads = floats(f, "grads");
    DLTensor *m = zeros_like(f, param), *v = zeros_like(f, param), *most = zeros_like(f, param);
    json_t *betas = option(f, "betas");
    ea_adam_options o = { .lr = json_number_value(option(f, "lr")),
                          .beta1 = json_number_value(json_array_get(betas, 0)),
                          .beta2 = json_number_value(json_array_get(betas, 1)),
                          .eps = json_number_value(option(f, "eps")),
                          .weight_decay = json_number_value(option(f, "weight_decay")),
                          .amsgrad = json_is_true(option(f, "amsgrad")) };
    DLTensor grad = *grads;
    grad.ndim = 1;
    grad.shape = grads->shape + 1;
    for (int64_t step = 1; step <= grads->shape[0]; step++) {
        grad.byte_offset = (uint64_t)((step - 1) * grads->shape[1] * 4);
        check(f, ea_adam(f->ctx, &o, step, &grad, param, m, v, most));
    }
    assert_bits(f, m, "exp_avg");
    assert_bits(f, v, "exp_avg_sq");
    assert_bits(f, param, "out");
}

static void run_matmul(fixture *f)
{
    DLTensor *out = zeros_like(f, floats(f, "out"));
    check(f, ea_matmul(f->ctx, floats(f, "a"), floats(f, "b"), out));
    assert_bits(f, out, "out");
}

static void run_conv2d(fixture *f)
{
    DLTensor *x = floats(f, "x"), *weight = floats(f, "weight"), *grad = floats(f, "grad_out");
    DLTensor *out = zeros_like(f, floats(f, "out")), *grad_x = zeros_like(f, x);
    DLTensor *grad_weight = zeros_like(f, weight);
    int64_t stride = json_integer_value(option(f, "stride"));
    int64_t padding = json_integer_value(option(f, "padding"));
    ea_conv_options o = { .stride = { stride, stride },
                          .padding = { padding, padding },
                          .groups = json_integer_value(option(f, "groups")) };
    check(f, ea_conv2d(f->ctx, x, weight, floats(f, "bias"), &o, out));
    assert_bits(f, out, "out");
    if (!grad)
        return;
    check(f, ea_conv2d_backward_input(f->ctx, grad, weight, &o, grad_x));
    check(f, ea_conv2d_backward_weight(f->ctx, grad, x, &o, grad_weight));
    assert_bits(f, grad_x, "grad_x");
    assert_bits(f, grad_weight, "grad_weight");
}

static const struct {
    const char *op;
    void (*run)(fixture *f);
} runs[] = {
    { "sum", run_sum },         { "mean", run_mean },
    { "softmax", run_softmax }, { "cross_entropy", run_cross_entropy },
    { "adam", run_adam },       { "batch_norm", run_batch_norm },
    { "matmul", run_matmul },   { "conv2d", run_conv2d },
};

/* Returns whether the operation is known. */
static bool run_case(fixture *f)
{
    const char *op = json_string_value(json_object_get(f->test, "op"));
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (strcmp(op, runs[i].op) == 0) {
            runs[i].run(f);
            return true;
        }
    return false;
}

static void test_equals_repdl(void **state)
{
    (void)state;
    json_error_t error;
    json_t *root = json_load_file(EADEM_SOURCE_DIR "/tests/golden/repdl_ops.json", 0, &error);
    assert_non_null(root);
    json_t *cases = json_object_get(root, "cases");
    assert_true(json_array_size(cases) >= 30);
    for (int isa = 0; ea_isa_available(isa); isa++) {
        fixture f = { 0 };
        ea_context_options options = { .isa = ea_isa_available(isa),
                                       .contract = EA_CONTRACT_REPDL };
        assert_int_equal(ea_context_create(&options, &f.ctx), EA_OK);
        for (size_t i = 0; i < json_array_size(cases); i++) {
            f.test = json_array_get(cases, i);
            assert_true(run_case(&f));
            while (f.count > 0)
                ea_tensor_free(f.made[--f.count]);
        }
        ea_context_destroy(f.ctx);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_equals_repdl) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
