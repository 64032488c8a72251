/* Memory that runs out at every place of a forward and backward pass: an error that says so, no
 * leak (the address sanitizer watches), and the same bits once there is enough. */
#include "core/memory.h"
#include "eadem/nn.h"
#include "test.h"

#include <string.h>

static ea_context *ctx;
static ea_tape *tape;
static float numbers[4096];
static int64_t indices[4096];

static DLTensor floats(int ndim, int64_t *shape)
{
    return (DLTensor){
        .data = numbers, .device = { kDLCPU, 0 }, .ndim = ndim, .dtype = EA_FLOAT32, .shape = shape
    };
}

static DLTensor *integers(DLTensor *room, int ndim, int64_t *shape)
{
    *room = (DLTensor){
        .data = indices, .device = { kDLCPU, 0 }, .ndim = ndim, .dtype = EA_INT64, .shape = shape
    };
    return room;
}

#define SHAPE(...)                                             \
    (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / 8), (int64_t[]) \
    {                                                          \
        __VA_ARGS__                                            \
    }

static ea_var *leaf(int ndim, int64_t *shape)
{
    DLTensor tensor = floats(ndim, shape);
    return ea_var_leaf(tape, &tensor);
}

/* --- The passes ------------------------------------------------------------------------------- */

static ea_var *classes(void)
{
    static int64_t rows[] = { 6 };
    static DLTensor target;
    return ea_var_cross_entropy_of(leaf(SHAPE(6, 4)), integers(&target, 1, rows), NULL,
                                   &(ea_nll_options){ .label_smoothing = 0.1 });
}

static ea_var *probabilities(void)
{
    return ea_var_soft_cross_entropy(leaf(SHAPE(6, 4)), leaf(SHAPE(6, 4)), NULL, NULL);
}

static ea_var *alignments(void)
{
    static int64_t images[] = { 2 }, labels[] = { 2, 3 }, lengths[] = { 3, 2 }, times[] = { 8, 7 };
    static DLTensor targets, of_input, of_target;
    integers(&targets, 2, labels);
    integers(&of_input, 1, images)->data = times;
    integers(&of_target, 1, images)->data = lengths;
    return ea_var_ctc_loss(ea_var_log_softmax(leaf(SHAPE(8, 2, 5)), 2), &targets, &of_input,
                           &of_target, 4, 1, EA_REDUCE_SUM);
}

static ea_var *attention(void)
{
    static ea_generator generator;
    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 1);
    return ea_var_attention(leaf(SHAPE(2, 4, 3, 5)), leaf(SHAPE(2, 2, 6, 5)),
                            leaf(SHAPE(2, 2, 6, 3)), NULL,
                            &(ea_attention_options){ .dropout = 0.5, .generator = &generator });
}

static ea_var *channels(void)
{
    return ea_var_group_norm(leaf(SHAPE(2, 8, 4, 4)), 2, leaf(SHAPE(8)), leaf(SHAPE(8)), 0);
}

static ea_var *rows(void)
{
    return ea_var_group_norm(leaf(SHAPE(2, 6, 5)), 3, leaf(SHAPE(6)), leaf(SHAPE(6)), 0);
}

static ea_var *instances(void)
{
    return ea_var_instance_norm(leaf(SHAPE(2, 3, 5)), leaf(SHAPE(3)), leaf(SHAPE(3)), NULL, NULL,
                                &(ea_batch_norm_options){ .training = 1 });
}

static ea_var *volumes(void)
{
    ea_conv_options options = { .padding = { 1, 1, 1 }, .groups = 2 };
    ea_var *x = ea_var_conv(leaf(SHAPE(2, 4, 4, 5, 6)), 3, leaf(SHAPE(6, 2, 3, 3, 3)),
                            leaf(SHAPE(6)), &options);
    options.groups = 1;
    return ea_var_conv_transpose(x, 3, leaf(SHAPE(6, 2, 2, 2, 2)), ea_no_bias, &options, NULL);
}

static ea_var *depthwise(void)
{
    return ea_var_conv(leaf(SHAPE(2, 8, 7, 7)), 2, leaf(SHAPE(8, 1, 3, 3)), leaf(SHAPE(8)),
                       &(ea_conv_options){ .padding = { 1, 1 }, .groups = 8 });
}

static ea_var *columns(void)
{
    ea_var *operands[] = { leaf(SHAPE(2, 3, 4)), leaf(SHAPE(2, 4, 5)) };
    return ea_var_einsum("bij,bjk->bik", operands, 2);
}

static ea_var *functions(void)
{
    ea_var *pair[] = { leaf(SHAPE(3, 50)), leaf(SHAPE(3, 1)) };
    ea_var *one[] = { ea_var_point(EA_FN_FMOD, pair, NULL) };
    return ea_var_point(EA_FN_ERFINV, one, NULL);
}

static ea_var *sequences(void)
{
    static ea_recurrent_options options = { .kind = EA_RECURRENT_LSTM,
                                            .layers = 1,
                                            .bidirectional = 1 };
    ea_recurrent_layer layers[2];
    for (int i = 0; i < 2; i++)
        layers[i] = (ea_recurrent_layer){ leaf(SHAPE(12, 4)), leaf(SHAPE(12, 2)), leaf(SHAPE(12)),
                                          leaf(SHAPE(12)), leaf(SHAPE(2, 3)) };
    ea_var *hn, *cn;
    ea_var *y =
        ea_var_recurrent(leaf(SHAPE(5, 2, 4)), &options, layers, ea_no_bias, ea_no_bias, &hn, &cn);
    return ea_var_add(ea_var_sum(y, NULL, 0, 0),
                      ea_var_add(ea_var_sum(hn, NULL, 0, 0), ea_var_sum(cn, NULL, 0, 0)));
}

/* --- The faults ------------------------------------------------------------------------------- */

static ea_status pass(ea_var *(*build)(void), float *loss)
{
    ea_tape_begin(tape);
    ea_var *sum = ea_var_sum(build(), NULL, 0, 0);
    ea_status status = ea_backward(tape, sum);
    *loss = ea_var_item(sum);
    return status;
}

static void open_tape(void)
{
    assert_int_equal(ea_context_create(&(ea_context_options){ .threads = 1 }, &ctx), EA_OK);
    assert_int_equal(ea_tape_create(ctx, &tape), EA_OK);
}

static void close_tape(void)
{
    ea_tape_destroy(tape);
    ea_context_destroy(ctx);
}

/* The n-th request fails, n = 1, 2, …, until there is none to fail; returns how many there were. */
static int exhaust(void (*fail_at)(int64_t), ea_var *(*build)(void), float expected)
{
    for (int n = 1;; n++) {
        float loss;
        open_tape();
        fail_at(n);
        ea_status status = pass(build, &loss);
        fail_at(0);
        if (status == EA_OK)
            assert_memory_equal(&loss, &expected, sizeof loss);
        else if (status != EA_ERR_MEMORY || !strstr(ea_error_text(ctx), "memory"))
            fail_msg("request %d: %s: %s", n, ea_status_name(status), ea_error_text(ctx));
        close_tape();
        if (status == EA_OK)
            return n - 1;
    }
}

static void test_memory_runs_out_in_every_pass(void **state)
{
    static ea_var *(*const builds[])(void) = { classes,   probabilities, alignments, attention,
                                               channels,  rows,          instances,  volumes,
                                               depthwise, columns,       functions,  sequences };
    (void)state;
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        float expected;
        open_tape();
        ea_status status = pass(builds[i], &expected);
        if (status != EA_OK)
            fail_msg("pass %zu: %s", i, ea_error_text(ctx));
        close_tape();
        assert_true(exhaust(core_alloc_fail_at, builds[i], expected) >= 2);
        assert_true(exhaust(core_arena_fail_at, builds[i], expected) >= 8);
    }
}

static void test_memory_runs_out_in_a_module(void **state)
{
    (void)state;
    ea_nn_recurrent_options options = {
        .kind = EA_RECURRENT_LSTM, .hidden = 5, .layers = 2, .projection = 3
    };
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    ea_module *module = NULL;
    int n = 0;
    while (!module) {
        core_alloc_fail_at(++n);
        module = ea_nn_recurrent(ctx, 4, &options);
        core_alloc_fail_at(0);
        assert_int_equal(ea_error_status(ctx), EA_ERR_MEMORY);
    }
    assert_true(n > 20);
    ea_module_destroy(module);
    ea_context_destroy(ctx);
}

int main(void)
{
    for (int i = 0; i < 4096; i++) {
        numbers[i] = (float)((i * 37 + 11) % 101 + 1) / 128;
        indices[i] = i % 4;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_runs_out_in_every_pass),
        cmocka_unit_test(test_memory_runs_out_in_a_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
