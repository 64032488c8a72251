/* LeNet-5 under contract repdl against RepDL's digests (tests/golden/repdl_lenet.json): the digest
 * of every parameter after initialisation, of every activation and gradient of the first step, and
 * of the batch, logits, loss and model of the first twenty. */
#include "core/view.h"
#include "eadem/data.h"
#include "eadem/nn.h"
#include "grad/module.h"
#include "test.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *golden;

static const char *expected(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static ea_module *new_lenet(ea_context *ctx)
{
    const ea_pool_options halve = { .kernel = { 2, 2 } };
    return ea_nn_sequential(
        ctx,
        ea_nn_conv2d(ctx, 1, 6, &(ea_nn_conv2d_options){ .kernel = { 5, 5 }, .padding = { 2, 2 } }),
        ea_nn_relu(ctx), ea_nn_max_pool2d(ctx, &halve),
        ea_nn_conv2d(ctx, 6, 16, &(ea_nn_conv2d_options){ .kernel = { 5, 5 } }), ea_nn_relu(ctx),
        ea_nn_max_pool2d(ctx, &halve), ea_nn_flatten(ctx), ea_nn_linear(ctx, 400, 120, NULL),
        ea_nn_relu(ctx), ea_nn_linear(ctx, 120, 84, NULL), ea_nn_relu(ctx),
        ea_nn_linear(ctx, 84, 10, NULL));
}

static ea_module *lenet(ea_context *ctx)
{
    ea_module *net = new_lenet(ctx);
    assert_non_null(net);
    assert_int_equal(ea_module_prefix(net, "net"), EA_OK);
    return net;
}

static void assert_digest(ea_context *ctx, const DLTensor *tensor, const char *wanted,
                          const char *name)
{
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_digest(ctx, tensor, hex), EA_OK);
    if (strcmp(hex, wanted) != 0)
        fail_msg("%s: %s, expected %s", name, hex, wanted);
}

static void test_initial_parameters(void **state)
{
    (void)state;
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    ea_module *net = lenet(ctx);
    ea_generator generator;
    ea_generator_seed(&generator, EA_GENERATOR_MT19937, 0);
    assert_int_equal(ea_module_init(net, &generator), EA_OK);
    json_t *init = json_object_get(golden, "init");
    assert_int_equal(json_object_size(init), 10);
    ea_parameter *p;
    for (int i = 0; (p = ea_module_parameter(net, i)); i++)
        assert_digest(ctx, p->value, expected(init, p->name), p->name);
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_module_digest(net, hex), EA_OK);
    assert_string_equal(hex, expected(golden, "initial_model"));
    ea_module_destroy(net);
    ea_context_destroy(ctx);
}

/* Everything that a training of LeNet needs, as RepDL's example sets it up. */
typedef struct training {
    ea_context *ctx;
    ea_dataset *data;
    ea_loader *loader;
    ea_module *net;
    ea_optimizer *adam;
    ea_tape *tape;
    ea_generator generator;
} training;

static training begin_training(const ea_context_options *options)
{
    training t;
    const char *folder = EADEM_SOURCE_DIR "/data/mnist/";
    char images[512], labels[512];
    snprintf(images, sizeof images, "%strain-images-idx3-ubyte.gz", folder);
    snprintf(labels, sizeof labels, "%strain-labels-idx1-ubyte.gz", folder);
    assert_int_equal(ea_context_create(options, &t.ctx), EA_OK);
    assert_int_equal(
        ea_dataset_open_idx(t.ctx, images, labels, &(ea_dataset_options){ .classes = 10 }, &t.data),
        EA_OK);
    ea_loader_options batches = { .batch = 100, .shuffle = true, .workers = 1 };
    assert_int_equal(ea_loader_create(t.ctx, t.data, &batches, &t.loader), EA_OK);
    ea_generator_seed(&t.generator, EA_GENERATOR_MT19937, 0);
    t.net = lenet(t.ctx);
    assert_int_equal(ea_module_init(t.net, &t.generator), EA_OK);
    ea_module *discarded = lenet(t.ctx);
    assert_int_equal(ea_module_init(discarded, &t.generator), EA_OK);
    ea_module_destroy(discarded);
    t.adam = ea_optimizer_adam(t.ctx, t.net, &(ea_adam_options){ .lr = 0.01 });
    assert_non_null(t.adam);
    assert_int_equal(ea_tape_create(t.ctx, &t.tape), EA_OK);
    assert_int_equal(ea_loader_start(t.loader, &t.generator, 0), EA_OK);
    return t;
}

static void end_training(training *t)
{
    ea_tape_destroy(t->tape);
    ea_optimizer_destroy(t->adam);
    ea_module_destroy(t->net);
    ea_loader_free(t->loader);
    ea_dataset_free(t->data);
    ea_context_destroy(t->ctx);
}

/* Forward, checking each layer's output against golden["activations"] where that is given. */
static ea_var *forward(training *t, const DLTensor *images, json_t *activations)
{
    ea_var *x = ea_var_input(t->tape, images);
    for (size_t i = 0; i < t->net->child_count; i++) {
        x = ea_module_forward(t->net->children[i], x);
        if (!x)
            fail_msg("%s", ea_error_text(t->ctx));
        const char *key;
        json_t *value;
        json_object_foreach(activations, key, value) if (strtoul(key, NULL, 10) == i)
            assert_digest(t->ctx, ea_var_value(x), json_string_value(value), key);
    }
    return x;
}

static void check_step(training *t, json_t *step)
{
    ea_batch batch;
    assert_int_equal(ea_loader_next(t->loader, &batch), EA_OK);
    assert_digest(t->ctx, batch.images, expected(step, "images"), "images");
    ea_tape_begin(t->tape);
    ea_var *logits = forward(t, batch.images, json_object_get(step, "activations"));
    assert_digest(t->ctx, ea_var_value(logits), expected(step, "logits"), "logits");
    ea_var *loss = ea_var_cross_entropy(logits, batch.labels, EA_REDUCE_MEAN);
    ea_optimizer_zero_grad(t->adam);
    if (ea_backward(t->tape, loss) != EA_OK)
        fail_msg("%s", ea_error_text(t->ctx));
    char bits[16];
    snprintf(bits, sizeof bits, "0x%08x", core_float_bits(ea_var_item(loss)));
    assert_string_equal(bits, expected(step, "loss_bits"));
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(step, "grads"), key, value)
    {
        ea_parameter *p;
        for (int i = 0; (p = ea_module_parameter(t->net, i)) && strcmp(p->name, key) != 0; i++)
            ;
        assert_non_null(p);
        assert_digest(t->ctx, p->grad, json_string_value(value), key);
    }
    assert_int_equal(ea_optimizer_step(t->adam), EA_OK);
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_module_digest(t->net, hex), EA_OK);
    assert_string_equal(hex, expected(step, "model"));
}

static void check_steps(const ea_context_options *options, size_t count)
{
    training t = begin_training(options);
    json_t *steps = json_object_get(golden, "first_steps");
    assert_int_equal(json_array_size(steps), 20);
    for (size_t i = 0; i < count; i++)
        check_step(&t, json_array_get(steps, i));
    end_training(&t);
}

static void test_first_steps(void **state)
{
    (void)state;
    check_steps(&(ea_context_options){ .contract = EA_CONTRACT_REPDL }, 20);
}

/* Every instruction set of this machine and odd thread counts; the definitions take one step only,
 * because they are slow. */
static void test_first_steps_everywhere(void **state)
{
    (void)state;
    const int threads[] = { 1, 3, 7 };
    const char *isa;
    for (int i = 0; (isa = ea_isa_available(i)); i++)
        for (int t = 0; t < 3; t++)
            check_steps(&(ea_context_options){ .contract = EA_CONTRACT_REPDL,
                                               .isa = isa,
                                               .threads = threads[t] },
                        strcmp(isa, "ref") == 0 ? 1 : 3);
}

/* --- A batch against its slices --------------------------------------------------------------- */

/* The logits of images [first, first + count) alone must have the bits that they have in the whole
 * batch, `whole`. */
static void check_slice(training *t, const DLTensor *images, const DLTensor *whole, int64_t first,
                        int64_t count)
{
    int64_t shape[EA_MAX_DIMS];
    DLTensor slice = *images;
    memcpy(shape, images->shape, (size_t)images->ndim * sizeof *shape);
    shape[0] = count;
    slice.shape = shape;
    slice.byte_offset += (uint64_t)(first * 28 * 28) * sizeof(float);
    ea_tape_begin(t->tape);
    ea_var *logits = ea_module_forward(t->net, ea_var_input(t->tape, &slice));
    if (!logits)
        fail_msg("%s", ea_error_text(t->ctx));
    const float *wanted = whole->data;
    assert_memory_equal(ea_var_value(logits)->data, wanted + first * 10,
                        (size_t)count * 10 * sizeof(float));
}

static void test_batch_slices(void **state)
{
    (void)state;
    const char *isa;
    for (int i = 0; (isa = ea_isa_available(i)); i++)
        for (ea_contract contract = EA_CONTRACT_CHAIN; contract <= EA_CONTRACT_REPDL; contract++) {
            training t = begin_training(&(ea_context_options){ .contract = contract, .isa = isa });
            ea_batch batch;
            DLTensor *whole;
            assert_int_equal(ea_loader_next(t.loader, &batch), EA_OK);
            assert_int_equal(ea_tensor_new(t.ctx, EA_FLOAT32, 2, (int64_t[]){ 100, 10 }, &whole),
                             EA_OK);
            ea_tape_begin(t.tape);
            ea_var *logits = ea_module_forward(t.net, ea_var_input(t.tape, batch.images));
            memcpy(whole->data, ea_var_value(logits)->data, 1000 * sizeof(float));
            check_slice(&t, batch.images, whole, 0, 1);
            check_slice(&t, batch.images, whole, 1, 7);
            check_slice(&t, batch.images, whole, 8, 92);
            ea_tensor_free(whole);
            end_training(&t);
        }
}

/* --- Eight threads of one process, each with its own context and model ----------------------- */

enum { TRAININGS = 8, STEPS = 3 };

typedef struct own_training {
    const ea_dataset *data; /* shared */
    int threads;
    char digest[EA_DIGEST_HEX]; /* "" when something failed */
} own_training;

/* The same as check_steps(), without assertions: they belong to the main thread. */
static ea_status train_steps(own_training *own, ea_module *net, ea_optimizer *adam,
                             ea_loader *loader, ea_tape *tape)
{
    ea_generator generator;
    ea_batch batch;
    ea_generator_seed(&generator, EA_GENERATOR_MT19937, 0);
    ea_generator first = generator;
    EA_TRY(ea_module_init(net, &generator)); /* the generator moves on by two initialisations … */
    EA_TRY(ea_module_init(net, &generator));
    EA_TRY(ea_module_init(net, &first)); /* … of which the first stays */
    EA_TRY(ea_loader_start(loader, &generator, 0));
    for (int i = 0; i < STEPS; i++) {
        EA_TRY(ea_loader_next(loader, &batch));
        ea_tape_begin(tape);
        ea_var *logits = ea_module_forward(net, ea_var_input(tape, batch.images));
        ea_var *loss = ea_var_cross_entropy(logits, batch.labels, EA_REDUCE_MEAN);
        ea_optimizer_zero_grad(adam);
        EA_TRY(ea_backward(tape, loss));
        EA_TRY(ea_optimizer_step(adam));
    }
    return ea_module_digest(net, own->digest);
}

static void *run_training(void *argument)
{
    own_training *own = argument;
    ea_context_options options = { .contract = EA_CONTRACT_REPDL, .threads = own->threads };
    ea_loader_options batches = { .batch = 100, .shuffle = true, .workers = 1 };
    ea_context *ctx = NULL;
    ea_loader *loader = NULL;
    ea_tape *tape = NULL;
    if (ea_context_create(&options, &ctx) != EA_OK)
        return NULL;
    ea_module *net = new_lenet(ctx);
    ea_optimizer *adam = net ? ea_optimizer_adam(ctx, net, &(ea_adam_options){ .lr = 0.01 }) : NULL;
    if (!adam || ea_tape_create(ctx, &tape) != EA_OK ||
        ea_loader_create(ctx, own->data, &batches, &loader) != EA_OK ||
        train_steps(own, net, adam, loader, tape) != EA_OK)
        own->digest[0] = 0;
    ea_loader_free(loader);
    ea_tape_destroy(tape);
    ea_optimizer_destroy(adam);
    ea_module_destroy(net);
    ea_context_destroy(ctx);
    return NULL;
}

static void test_eight_trainings_at_once(void **state)
{
    (void)state;
    training shared = begin_training(NULL);
    own_training own[TRAININGS];
    pthread_t threads[TRAININGS];
    for (int i = 0; i < TRAININGS; i++) {
        own[i] = (own_training){ .data = shared.data, .threads = 1 + i % 3 };
        assert_int_equal(pthread_create(&threads[i], NULL, run_training, &own[i]), 0);
    }
    for (int i = 0; i < TRAININGS; i++)
        pthread_join(threads[i], NULL);
    json_t *step = json_array_get(json_object_get(golden, "first_steps"), STEPS - 1);
    for (int i = 0; i < TRAININGS; i++)
        assert_string_equal(own[i].digest, expected(step, "model"));
    end_training(&shared);
}

int main(void)
{
    golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/repdl_lenet.json", 0, NULL);
    if (!golden)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_parameters),      cmocka_unit_test(test_first_steps),
        cmocka_unit_test(test_first_steps_everywhere),  cmocka_unit_test(test_batch_slices),
        cmocka_unit_test(test_eight_trainings_at_once),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failures;
}
