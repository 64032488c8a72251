/* Values and gradients of every tape operation against PyTorch's in float64
 * (tests/golden/make_torch_grad.py), and the tape's own promises: NULL propagates, the first
 * failure is kept, gradients accumulate in order, a steady state allocates nothing. */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/nn.h"
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

static ea_context *ctx;
static ea_tape *tape;

/* --- The operations by name ------------------------------------------------------------------ */

static int64_t target_data[] = { 2, 0, 4 };
static int64_t target_shape[] = { 3 };
static const DLTensor target = { .data = target_data,
                                 .device = { kDLCPU, 0 },
                                 .ndim = 1,
                                 .dtype = { kDLInt, 64, 1 },
                                 .shape = target_shape };

static ea_var *add(ea_var **x)
{
    return ea_var_add(x[0], x[1]);
}

static ea_var *sub(ea_var **x)
{
    return ea_var_sub(x[0], x[1]);
}

static ea_var *mul(ea_var **x)
{
    return ea_var_mul(x[0], x[1]);
}

static ea_var *quotient(ea_var **x)
{
    return ea_var_div(x[0], x[1]);
}

static ea_var *exponential(ea_var **x)
{
    return ea_var_exp(x[0]);
}

static ea_var *logarithm(ea_var **x)
{
    return ea_var_log(x[0]);
}

static ea_var *root(ea_var **x)
{
    return ea_var_sqrt(x[0]);
}

static ea_var *hyperbolic(ea_var **x)
{
    return ea_var_tanh(x[0]);
}

static ea_var *sigmoid(ea_var **x)
{
    return ea_var_sigmoid(x[0]);
}

static ea_var *relu(ea_var **x)
{
    return ea_var_relu(x[0]);
}

static ea_var *sum_all(ea_var **x)
{
    return ea_var_sum(x[0], NULL, 0, 0);
}

static ea_var *sum_middle(ea_var **x)
{
    return ea_var_sum(x[0], (int[]){ 1 }, 1, 0);
}

static ea_var *mean_ends_keep(ea_var **x)
{
    return ea_var_mean(x[0], (int[]){ 0, -1 }, 2, 1);
}

static ea_var *softmax(ea_var **x)
{
    return ea_var_softmax(x[0], 1);
}

static ea_var *log_softmax(ea_var **x)
{
    return ea_var_log_softmax(x[0], -1);
}

static ea_var *matmul(ea_var **x)
{
    return ea_var_matmul(x[0], x[1]);
}

static ea_var *linear(ea_var **x)
{
    return ea_var_linear(x[0], x[1], x[2]);
}

static ea_var *linear_no_bias(ea_var **x)
{
    return ea_var_linear(x[0], x[1], ea_no_bias);
}

static ea_var *conv2d(ea_var **x)
{
    return ea_var_conv2d(x[0], x[1], x[2], NULL);
}

static ea_var *conv2d_options(ea_var **x)
{
    return ea_var_conv2d(
        x[0], x[1], x[2],
        &(ea_conv_options){
            .stride = { 2, 1 }, .padding = { 1, 2 }, .dilation = { 1, 2 }, .groups = 2 });
}

static ea_var *conv2d_no_bias(ea_var **x)
{
    return ea_var_conv2d(x[0], x[1], ea_no_bias, NULL);
}

static ea_var *conv1d(ea_var **x)
{
    return ea_var_conv(x[0], 1, x[1], x[2], &(ea_conv_options){ .stride = { 2 } });
}

static ea_var *conv3d(ea_var **x)
{
    return ea_var_conv(x[0], 3, x[1], x[2], &(ea_conv_options){ .padding = { 1, 0, 1 } });
}

static ea_var *conv_transpose2d(ea_var **x)
{
    return ea_var_conv_transpose(x[0], 2, x[1], x[2],
                                 &(ea_conv_options){ .stride = { 2, 3 }, .groups = 2 },
                                 (int64_t[]){ 1, 0 });
}

static ea_var *max_pool2d(ea_var **x)
{
    return ea_var_max_pool2d(x[0], &(ea_pool_options){ .kernel = { 2, 2 } });
}

static ea_var *max_pool2d_overlapping(ea_var **x)
{
    return ea_var_max_pool2d(
        x[0], &(ea_pool_options){ .kernel = { 3, 3 }, .stride = { 2, 2 }, .padding = { 1, 1 } });
}

static ea_var *max_pool2d_ceil(ea_var **x)
{
    return ea_var_max_pool2d(x[0], &(ea_pool_options){ .kernel = { 2, 2 }, .ceil_mode = 1 });
}

static ea_var *max_pool3d(ea_var **x)
{
    return ea_var_max_pool(x[0], 3, &(ea_pool_options){ .kernel = { 2, 2, 3 } });
}

static ea_var *avg_pool1d(ea_var **x)
{
    return ea_var_avg_pool(x[0], 1, &(ea_pool_options){ .kernel = { 3 }, .stride = { 2 } });
}

static ea_var *avg_pool2d(ea_var **x)
{
    return ea_var_avg_pool(
        x[0], 2, &(ea_pool_options){ .kernel = { 3, 2 }, .padding = { 1, 1 }, .ceil_mode = 1 });
}

static ea_var *adaptive_max_pool2d(ea_var **x)
{
    return ea_var_adaptive_max_pool(x[0], 2, (int64_t[]){ 2, 3 });
}

static ea_var *adaptive_avg_pool2d(ea_var **x)
{
    return ea_var_adaptive_avg_pool(x[0], 2, (int64_t[]){ 3, 2 });
}

static ea_var *fractional_max_pool2d(ea_var **x)
{
    static float numbers[2] = { 0.25f, 0.75f };
    static int64_t shape[3] = { 1, 1, 2 };
    static const DLTensor samples = { .data = numbers,
                                      .device = { kDLCPU, 0 },
                                      .ndim = 3,
                                      .dtype = { kDLFloat, 32, 1 },
                                      .shape = shape };
    return ea_var_fractional_max_pool(x[0], 2, (int64_t[]){ 2, 2 }, (int64_t[]){ 3, 3 }, &samples);
}

static ea_var *max_unpool1d(ea_var **x)
{
    static int64_t places[3] = { 5, 0, 3 }, shape[3] = { 1, 1, 3 };
    static const DLTensor indices = { .data = places,
                                      .device = { kDLCPU, 0 },
                                      .ndim = 3,
                                      .dtype = { kDLInt, 64, 1 },
                                      .shape = shape };
    return ea_var_max_unpool(x[0], 1, &indices, (int64_t[]){ 6 });
}

static ea_var *pad_reflect(ea_var **x)
{
    return ea_var_pad(
        x[0], 2,
        &(ea_pad_options){ .mode = EA_PAD_REFLECT, .before = { 2, 1 }, .after = { 0, 3 } });
}

static ea_var *unfold(ea_var **x)
{
    return ea_var_unfold(x[0], &(ea_unfold_options){ .kernel = { 2, 3 }, .padding = { 1, 0 } });
}

static ea_var *fold(ea_var **x)
{
    return ea_var_fold(x[0], (int64_t[]){ 3, 4 }, &(ea_unfold_options){ .kernel = { 2, 2 } });
}

static ea_var *pixel_shuffle(ea_var **x)
{
    return ea_var_pixel_shuffle(x[0], 2);
}

static ea_var *pixel_unshuffle(ea_var **x)
{
    return ea_var_pixel_unshuffle(x[0], 2);
}

static ea_var *interpolate_bicubic(ea_var **x)
{
    return ea_var_interpolate(x[0], 2, (int64_t[]){ 7, 3 },
                              &(ea_interpolate_options){ .mode = EA_INTERPOLATE_CUBIC });
}

static ea_var *interpolate_linear(ea_var **x)
{
    return ea_var_interpolate(
        x[0], 1, NULL,
        &(ea_interpolate_options){ .mode = EA_INTERPOLATE_LINEAR, .scale = { 2.5 } });
}

static ea_var *batch_norm(ea_var **x)
{
    return ea_var_batch_norm(x[0], x[1], x[2], NULL, NULL,
                             &(ea_batch_norm_options){ .training = 1 });
}

static ea_var *cross_entropy_mean(ea_var **x)
{
    return ea_var_cross_entropy(x[0], &target, EA_REDUCE_MEAN);
}

static ea_var *cross_entropy_sum(ea_var **x)
{
    return ea_var_cross_entropy(x[0], &target, EA_REDUCE_SUM);
}

static ea_var *cross_entropy_none(ea_var **x)
{
    return ea_var_cross_entropy(x[0], &target, EA_REDUCE_NONE);
}

static ea_var *reshape(ea_var **x)
{
    return ea_var_reshape(x[0], 2, (int64_t[]){ 2, -1 });
}

static ea_var *flatten(ea_var **x)
{
    return ea_var_flatten(x[0], 1);
}

static ea_var *reuse(ea_var **x)
{
    return ea_var_sub(ea_var_add(ea_var_mul(x[0], x[0]), ea_var_tanh(x[0])), x[0]);
}

static ea_var *reuse_broadcast(ea_var **x)
{
    return ea_var_mul(ea_var_add(x[0], ea_var_sum(x[0], (int[]){ 0 }, 1, 0)), x[0]);
}

static const struct {
    const char *name;
    ea_var *(*function)(ea_var **inputs);
} functions[] = {
    { "add", add },
    { "add broadcast", add },
    { "sub broadcast", sub },
    { "mul", mul },
    { "mul broadcast", mul },
    { "div broadcast", quotient },
    { "div scalar", quotient },
    { "exp", exponential },
    { "log", logarithm },
    { "sqrt", root },
    { "tanh", hyperbolic },
    { "sigmoid", sigmoid },
    { "relu", relu },
    { "sum all", sum_all },
    { "sum middle", sum_middle },
    { "mean ends keep", mean_ends_keep },
    { "softmax", softmax },
    { "log_softmax", log_softmax },
    { "matmul", matmul },
    { "matmul batches", matmul },
    { "matmul row", matmul },
    { "matmul column", matmul },
    { "matmul dot", matmul },
    { "linear", linear },
    { "linear deep", linear },
    { "linear no bias", linear_no_bias },
    { "conv2d", conv2d },
    { "conv2d options", conv2d_options },
    { "conv2d no bias", conv2d_no_bias },
    { "conv1d", conv1d },
    { "conv3d", conv3d },
    { "conv_transpose2d", conv_transpose2d },
    { "max_pool2d", max_pool2d },
    { "max_pool2d overlapping", max_pool2d_overlapping },
    { "max_pool2d ceil", max_pool2d_ceil },
    { "max_pool3d", max_pool3d },
    { "avg_pool1d", avg_pool1d },
    { "avg_pool2d", avg_pool2d },
    { "adaptive_max_pool2d", adaptive_max_pool2d },
    { "adaptive_avg_pool2d", adaptive_avg_pool2d },
    { "fractional_max_pool2d", fractional_max_pool2d },
    { "max_unpool1d", max_unpool1d },
    { "pad reflect", pad_reflect },
    { "unfold", unfold },
    { "fold", fold },
    { "pixel_shuffle", pixel_shuffle },
    { "pixel_unshuffle", pixel_unshuffle },
    { "interpolate bicubic", interpolate_bicubic },
    { "interpolate linear", interpolate_linear },
    { "batch_norm 2d", batch_norm },
    { "batch_norm 1d", batch_norm },
    { "cross_entropy mean", cross_entropy_mean },
    { "cross_entropy sum", cross_entropy_sum },
    { "cross_entropy none", cross_entropy_none },
    { "reshape", reshape },
    { "flatten", flatten },
    { "reuse", reuse },
    { "reuse broadcast", reuse_broadcast },
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

/* --- Against PyTorch ------------------------------------------------------------------------- */

static DLTensor *tensor_of(json_t *shape, json_t *data)
{
    int64_t sizes[EA_MAX_DIMS];
    for (size_t d = 0; d < json_array_size(shape); d++)
        sizes[d] = json_integer_value(json_array_get(shape, d));
    DLTensor *tensor;
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, (int)json_array_size(shape), sizes, &tensor),
                     EA_OK);
    assert_int_equal(ea_tensor_numel(tensor), json_array_size(data));
    for (size_t i = 0; i < json_array_size(data); i++)
        ((float *)tensor->data)[i] = (float)json_number_value(json_array_get(data, i));
    return tensor;
}

static void assert_near(const char *name, const char *what, const DLTensor *got, json_t *wanted)
{
    if (!got)
        fail_msg("%s: no %s: %s", name, what, ea_error_text(ctx));
    assert_int_equal(ea_tensor_numel(got), json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        double x = (double)((const float *)got->data)[i];
        double y = json_number_value(json_array_get(wanted, i));
        if (!(fabs(x - y) <= 4e-6 * (1 + fabs(y))))
            fail_msg("%s: %s[%zu] is %.9g, PyTorch has %.9g", name, what, i, x, y);
    }
}

static void check_case(json_t *golden, ea_var *(*function)(ea_var **))
{
    const char *name = json_string_value(json_object_get(golden, "name"));
    json_t *inputs = json_object_get(golden, "inputs"), *out = json_object_get(golden, "out");
    DLTensor *tensors[3] = { NULL };
    ea_var *vars[3] = { NULL };
    size_t count = json_array_size(inputs);
    ea_tape_begin(tape);
    for (size_t i = 0; i < count; i++) {
        json_t *input = json_array_get(inputs, i);
        tensors[i] = tensor_of(json_object_get(input, "shape"), json_object_get(input, "data"));
        vars[i] = ea_var_leaf(tape, tensors[i]);
    }
    DLTensor *weights =
        tensor_of(json_object_get(out, "shape"), json_object_get(golden, "weights"));
    ea_var *value = function(vars);
    assert_near(name, "out", ea_var_value(value), json_object_get(out, "data"));
    ea_var *loss = ea_var_sum(ea_var_mul(value, ea_var_input(tape, weights)), NULL, 0, 0);
    if (ea_backward(tape, loss) != EA_OK)
        fail_msg("%s: %s", name, ea_error_text(ctx));
    for (size_t i = 0; i < count; i++) {
        char what[32];
        snprintf(what, sizeof what, "grad %zu", i);
        assert_near(name, what, ea_var_grad(vars[i]),
                    json_object_get(json_array_get(inputs, i), "grad"));
        ea_tensor_free(tensors[i]);
    }
    ea_tensor_free(weights);
}

static void check_golden(ea_contract contract)
{
    ea_context_set_contract(ctx, contract);
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/torch_grad.json", 0, NULL);
    json_t *cases = json_object_get(golden, "cases");
    assert_int_equal(json_array_size(cases), FUNCTIONS);
    for (int i = 0; i < FUNCTIONS; i++) {
        json_t *one = json_array_get(cases, (size_t)i);
        assert_string_equal(json_string_value(json_object_get(one, "name")), functions[i].name);
        check_case(one, functions[i].function);
    }
    json_decref(golden);
}

static void test_values_and_gradients_chain(void **state)
{
    (void)state;
    check_golden(EA_CONTRACT_CHAIN);
}

static void test_values_and_gradients_repdl(void **state)
{
    (void)state;
    check_golden(EA_CONTRACT_REPDL);
    ea_context_set_contract(ctx, EA_CONTRACT_CHAIN);
}

/* --- The tape's promises --------------------------------------------------------------------- */

static DLTensor *filled(int ndim, const int64_t *shape, float value)
{
    DLTensor *tensor;
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, ndim, shape, &tensor), EA_OK);
    for (int64_t i = 0; i < ea_tensor_numel(tensor); i++)
        ((float *)tensor->data)[i] = value;
    return tensor;
}

static void test_first_failure_is_kept(void **state)
{
    (void)state;
    DLTensor *a = filled(1, (int64_t[]){ 3 }, 1), *b = filled(1, (int64_t[]){ 4 }, 1);
    ea_tape_begin(tape);
    ea_var *x = ea_var_leaf(tape, a);
    ea_var *wrong = ea_var_add(x, ea_var_leaf(tape, b));
    assert_null(wrong);
    assert_null(ea_var_relu(wrong));
    assert_null(ea_var_value(wrong));
    assert_true(isnan(ea_var_item(wrong)));
    assert_int_equal(ea_backward(tape, ea_var_sum(wrong, NULL, 0, 0)), EA_ERR_SHAPE);
    assert_int_equal(ea_tape_status(tape), EA_ERR_SHAPE);
    assert_non_null(strstr(ea_error_text(ctx), "[3]"));
    ea_tape_begin(tape);
    assert_int_equal(ea_tape_status(tape), EA_OK);
    ea_tensor_free(a);
    ea_tensor_free(b);
}

static void test_backward_needs_a_loss(void **state)
{
    (void)state;
    DLTensor *a = filled(1, (int64_t[]){ 3 }, 1);
    ea_tape_begin(tape);
    assert_int_equal(ea_backward(tape, NULL), EA_ERR_STATE);
    ea_tape_begin(tape);
    assert_int_equal(ea_backward(tape, ea_var_leaf(tape, a)), EA_ERR_ARGUMENT);
    ea_tape_begin(tape);
    assert_int_equal(ea_backward(tape, ea_var_sum(ea_var_input(tape, a), NULL, 0, 0)),
                     EA_ERR_ARGUMENT);
    ea_tape_begin_no_grad(tape);
    assert_int_equal(ea_backward(tape, ea_var_sum(ea_var_leaf(tape, a), NULL, 0, 0)),
                     EA_ERR_ARGUMENT);
    ea_tensor_free(a);
}

/* The values 1, 2^-24 and 2^-24 show the order: fl(fl(1 + e) + e) = 1 but fl(1 + fl(e + e)) is not.
 * The last operation on the tape comes first. */
static void test_gradients_are_added_last_operation_first(void **state)
{
    (void)state;
    const float e = 0x1p-24f;
    DLTensor *a = filled(0, NULL, 1);
    float factors[][3] = { { 1, e, e }, { e, e, 1 } };
    float expected[] = { 1 + 2 * e, 1 };
    for (int order = 0; order < 2; order++) {
        DLTensor scalar = { .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 };
        ea_tape_begin(tape);
        ea_var *x = ea_var_leaf(tape, a), *loss = NULL;
        for (int i = 0; i < 3; i++) {
            scalar.data = &factors[order][i];
            ea_var *term = ea_var_mul(x, ea_var_input(tape, &scalar));
            loss = loss ? ea_var_add(loss, term) : term;
        }
        assert_int_equal(ea_backward(tape, loss), EA_OK);
        assert_true(*(float *)ea_var_grad(x)->data == expected[order]);
    }
    ea_tensor_free(a);
}

static ea_module *small_net(void)
{
    ea_module *net = ea_nn_sequential(
        ctx, ea_nn_conv2d(ctx, 1, 2, &(ea_nn_conv2d_options){ .kernel = { 3, 3 } }),
        ea_nn_batch_norm(ctx, 2, NULL), ea_nn_relu(ctx),
        ea_nn_residual(ctx, ea_nn_sequential(ctx, ea_nn_tanh(ctx), ea_nn_sigmoid(ctx)),
                       ea_nn_identity(ctx)),
        ea_nn_max_pool2d(ctx, &(ea_pool_options){ .kernel = { 2, 2 } }), ea_nn_flatten(ctx),
        ea_nn_linear(ctx, 8, 5, NULL));
    assert_non_null(net);
    ea_generator generator;
    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 3);
    assert_int_equal(ea_module_init(net, &generator), EA_OK);
    return net;
}

static ea_status step(ea_module *net, ea_optimizer *optimizer, const DLTensor *images)
{
    ea_tape_begin(tape);
    ea_var *logits = ea_module_forward(net, ea_var_input(tape, images));
    ea_var *loss = ea_var_cross_entropy(logits, &target, EA_REDUCE_MEAN);
    ea_optimizer_zero_grad(optimizer);
    ea_status status = ea_backward(tape, loss);
    return status == EA_OK ? ea_optimizer_step(optimizer) : status;
}

static void test_a_steady_state_allocates_nothing(void **state)
{
    (void)state;
    ea_module *net = small_net();
    ea_optimizer *adam = ea_optimizer_adam(ctx, net, &(ea_adam_options){ .lr = 0.01 });
    DLTensor *images = filled(4, (int64_t[]){ 3, 1, 6, 6 }, 0.5f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(step(net, adam, images), EA_OK);
    core_alloc_fail_at(0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(step(net, adam, images), EA_OK);
    assert_int_equal(core_alloc_count(), 0);
    ea_tensor_free(images);
    ea_optimizer_destroy(adam);
    ea_module_destroy(net);
}

/* Two backward passes without zero_grad between them add up; zero_grad forgets. */
static void test_gradients_accumulate(void **state)
{
    (void)state;
    ea_module *net = ea_nn_linear(ctx, 2, 1, NULL);
    ea_optimizer *sgd = ea_optimizer_sgd(ctx, net, &(ea_sgd_options){ .lr = 1 });
    DLTensor *x = filled(2, (int64_t[]){ 1, 2 }, 3);
    const float *grad = ea_module_parameter(net, 0)->grad->data;
    for (int pass = 1; pass <= 4; pass++) {
        if (pass == 3)
            ea_optimizer_zero_grad(sgd);
        ea_tape_begin(tape);
        ea_var *loss = ea_var_sum(ea_module_forward(net, ea_var_input(tape, x)), NULL, 0, 0);
        assert_int_equal(ea_backward(tape, loss), EA_OK);
        assert_true(grad[0] == (float)(pass < 3 ? 3 * pass : 3 * (pass - 2)));
    }
    ea_optimizer_zero_grad(sgd);
    assert_int_equal(ea_optimizer_step(sgd), EA_OK); /* nothing has a gradient: nothing moves */
    assert_int_equal(*(int64_t *)ea_optimizer_state(sgd, 0)->value->data, 0);
    ea_tensor_free(x);
    ea_optimizer_destroy(sgd);
    ea_module_destroy(net);
}

/* --- Modules --------------------------------------------------------------------------------- */

static void test_names_are_those_of_a_state_dict(void **state)
{
    (void)state;
    static const char *const names[] = {
        "net.0.weight",
        "net.0.bias",
        "net.1.weight",
        "net.1.bias",
        "net.1.running_mean",
        "net.1.running_var",
        "net.1.num_batches_tracked",
        "net.6.weight",
        "net.6.bias",
    };
    ea_module *net = small_net();
    assert_int_equal(ea_module_prefix(net, "net"), EA_OK);
    for (int i = 0; i < 9; i++)
        assert_string_equal(ea_module_parameter(net, i)->name, names[i]);
    assert_null(ea_module_parameter(net, 9));
    assert_null(ea_module_parameter(net, -1));
    ea_module_destroy(net);
}

static void test_a_failing_layer_is_named(void **state)
{
    (void)state;
    ea_module *net =
        ea_nn_sequential(ctx, ea_nn_relu(ctx),
                         ea_nn_sequential(ctx, ea_nn_flatten(ctx), ea_nn_linear(ctx, 7, 2, NULL)));
    assert_int_equal(ea_module_prefix(net, "net"), EA_OK);
    DLTensor *x = filled(2, (int64_t[]){ 3, 8 }, 1);
    ea_tape_begin(tape);
    assert_null(ea_module_forward(net, ea_var_input(tape, x)));
    const char *text = ea_error_text(ctx);
    assert_non_null(strstr(text, "layer net.1.1, linear: "));
    assert_null(strstr(text + 1, "layer "));
    assert_non_null(strstr(text, "8"));
    assert_non_null(strstr(text, "7"));
    ea_tensor_free(x);
    ea_module_destroy(net);
}

static void test_a_missing_child_fails_the_parent(void **state)
{
    (void)state;
    assert_null(ea_nn_sequential(
        ctx, ea_nn_relu(ctx),
        ea_nn_conv2d(ctx, 3, 4, &(ea_nn_conv2d_options){ .kernel = { 1, 1 }, .groups = 2 }),
        ea_nn_flatten(ctx)));
    assert_non_null(strstr(ea_error_text(ctx), "groups"));
}

/* Every allocation of building a net, its optimizer and a tape, and of one step, fails in turn: an
 * error with a sentence, and nothing leaks (the address sanitizer watches). */
static ea_status build_and_step(void)
{
    ea_context *own;
    ea_status status = ea_context_create(&(ea_context_options){ .threads = 2 }, &own);
    if (status != EA_OK)
        return status;
    ea_tape *own_tape = NULL;
    DLTensor *images = NULL;
    ea_module *net = ea_nn_sequential(
        own, ea_nn_conv2d(own, 1, 2, &(ea_nn_conv2d_options){ .kernel = { 3, 3 } }),
        ea_nn_batch_norm(own, 2, NULL), ea_nn_relu(own),
        ea_nn_max_pool2d(own, &(ea_pool_options){ .kernel = { 2, 2 } }), ea_nn_flatten(own),
        ea_nn_linear(own, 8, 5, NULL));
    ea_optimizer *adam =
        net ? ea_optimizer_adam(own, net, &(ea_adam_options){ .lr = 0.01, .amsgrad = 1 }) : NULL;
    status = adam ? ea_tape_create(own, &own_tape) : EA_ERR_MEMORY;
    if (status == EA_OK)
        status = ea_tensor_new(own, EA_FLOAT32, 4, (int64_t[]){ 3, 1, 6, 6 }, &images);
    if (status == EA_OK) {
        ea_tape_begin(own_tape);
        ea_var *logits = ea_module_forward(net, ea_var_input(own_tape, images));
        ea_var *loss = ea_var_cross_entropy(logits, &target, EA_REDUCE_MEAN);
        status = ea_backward(own_tape, loss);
    }
    if (status == EA_OK)
        status = ea_optimizer_step(adam);
    if (status != EA_OK)
        assert_true(strlen(ea_error_text(own)) > 0);
    ea_tensor_free(images);
    ea_tape_destroy(own_tape);
    ea_optimizer_destroy(adam);
    ea_module_destroy(net);
    ea_context_destroy(own);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int64_t n = 1;
    ea_status status;
    do {
        core_alloc_fail_at(n);
        status = build_and_step();
        bool failed = core_alloc_count() >= n;
        core_alloc_fail_at(0);
        assert_int_equal(status, failed ? EA_ERR_MEMORY : EA_OK);
        n++;
    } while (status != EA_OK);
    assert_true(n > 20);
}

static int start(void **state)
{
    (void)state;
    return ea_context_create(NULL, &ctx) != EA_OK || ea_tape_create(ctx, &tape) != EA_OK;
}

static int finish(void **state)
{
    (void)state;
    ea_tape_destroy(tape);
    ea_context_destroy(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_gradients_chain),
        cmocka_unit_test(test_values_and_gradients_repdl),
        cmocka_unit_test(test_first_failure_is_kept),
        cmocka_unit_test(test_backward_needs_a_loss),
        cmocka_unit_test(test_gradients_are_added_last_operation_first),
        cmocka_unit_test(test_a_steady_state_allocates_nothing),
        cmocka_unit_test(test_gradients_accumulate),
        cmocka_unit_test(test_names_are_those_of_a_state_dict),
        cmocka_unit_test(test_a_failing_layer_is_named),
        cmocka_unit_test(test_a_missing_child_fails_the_parent),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
