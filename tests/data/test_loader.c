/* The loader against RepDL's batches, and its promise that workers change nothing. */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/data.h"
#include "test.h"

#include <jansson.h>

#define MNIST EADEM_SOURCE_DIR "/data/mnist/"

static ea_context *ctx;
static ea_dataset *mnist;

static int set_up(void **state)
{
    (void)state;
    return ea_context_create(NULL, &ctx) != EA_OK ||
           ea_dataset_open_idx(ctx, MNIST "train-images-idx3-ubyte.gz",
                               MNIST "train-labels-idx1-ubyte.gz",
                               &(ea_dataset_options){ .classes = 10 }, &mnist) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    ea_dataset_free(mnist);
    ea_context_destroy(ctx);
    return 0;
}

static ea_loader *open_loader(const ea_dataset *dataset, ea_loader_options options)
{
    ea_loader *loader;
    assert_int_equal(ea_loader_create(ctx, dataset, &options, &loader), EA_OK);
    return loader;
}

/* RepDL's example: two models are initialised (the second by the conversion), then the epochs. */
static void draw_two_models(ea_generator *g)
{
    static const int64_t sizes[] = { 150, 6, 2400, 16, 48000, 120, 10080, 84, 840, 10 };
    for (int model = 0; model < 2; model++)
        for (int i = 0; i < 10; i++)
            for (int64_t k = 0; k < sizes[i]; k++)
                ea_mt19937_next(&g->u.mt19937);
}

static void test_repdl_batches(void **state)
{
    (void)state;
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/repdl_lenet.json", 0, NULL);
    ea_generator g;
    ea_generator_seed(&g, EA_GENERATOR_MT19937, 0);
    draw_two_models(&g);
    ea_loader *loader =
        open_loader(mnist, (ea_loader_options){ .batch = 100, .shuffle = true, .workers = 1 });
    assert_int_equal(ea_loader_start(loader, &g, 0), EA_OK);
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(golden, "first_steps"), i, step)
    {
        ea_batch batch;
        char hex[EA_DIGEST_HEX];
        assert_int_equal(ea_loader_next(loader, &batch), EA_OK);
        assert_int_equal(batch.count, 100);
        assert_int_equal(batch.index, i);
        assert_int_equal(ea_digest(ctx, batch.images, hex), EA_OK);
        assert_string_equal(hex, json_string_value(json_object_get(step, "images")));
        assert_int_equal(ea_digest(ctx, batch.labels, hex), EA_OK);
        if (i > 0) /* the first step's are written out */
            assert_string_equal(hex, json_string_value(json_object_get(step, "labels")));
    }
    assert_int_equal(i, 20);
    ea_loader_free(loader);
    json_decref(golden);
}

/* --- Workers, prefetch, positions, on a small data set
 * -------------------------------------------------------------------------------------------- */

enum { SMALL = 103 };

static ea_dataset *small_dataset(void)
{
    DLTensor *images, *labels;
    ea_dataset *dataset;
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 4, (int64_t[]){ SMALL, 2, 3, 5 }, &images),
                     EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ SMALL }, &labels), EA_OK);
    for (int i = 0; i < SMALL * 30; i++)
        ((uint8_t *)images->data)[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < SMALL; i++)
        ((uint8_t *)labels->data)[i] = (uint8_t)(i % 7);
    ea_dataset_options options = { .classes = 7, .mean = { 0.5f }, .deviation = { 0.25f } };
    assert_int_equal(ea_dataset_create(ctx, images, labels, &options, &dataset), EA_OK);
    return dataset;
}

/* Reads the rest of the epoch into `samples`, checking every batch's contents; returns how many. */
static int64_t read_epoch(ea_loader *loader, int64_t *samples)
{
    int64_t n = 0;
    for (;;) {
        ea_batch batch;
        assert_int_equal(ea_loader_next(loader, &batch), EA_OK);
        if (batch.count == 0)
            return n;
        for (int64_t i = 0; i < batch.count; i++) {
            int64_t sample = batch.samples[i];
            const float *image = (const float *)batch.images->data + i * 30;
            assert_int_equal(((const int64_t *)batch.labels->data)[i], sample % 7);
            for (int64_t k = 0; k < 30; k++) {
                float x = (float)((sample * 30 + k) * 37 % 251) / 255.0f;
                float expected = k < 15 ? (x - 0.5f) / 0.25f : x; /* channel 1: not normalised */
                assert_memory_equal(image + k, &expected, 4);
            }
            samples[n++] = sample;
        }
    }
}

static void test_workers_change_nothing(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset();
    for (int kind = 0; kind < 2; kind++) {
        int64_t expected[SMALL], samples[SMALL];
        ea_generator g;
        for (int workers = 0; workers < 8; workers++)
            for (int prefetch = 0; prefetch < 4; prefetch++) {
                ea_generator_seed(&g, kind, 99);
                ea_loader *loader = open_loader(
                    dataset,
                    (ea_loader_options){
                        .batch = 10, .shuffle = true, .workers = workers, .prefetch = prefetch });
                for (int epoch = 0; epoch < 3; epoch++) {
                    bool first = workers == 0 && prefetch == 0 && epoch == 2;
                    assert_int_equal(ea_loader_start(loader, &g, epoch), EA_OK);
                    assert_int_equal(read_epoch(loader, first ? expected : samples), SMALL);
                }
                if (workers > 0)
                    assert_memory_equal(samples, expected, sizeof samples);
                ea_loader_free(loader);
            }
    }
    ea_dataset_free(dataset);
}

static void test_resume_anywhere(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset();
    for (int kind = 0; kind < 2; kind++) {
        ea_loader_options options = { .batch = 10, .shuffle = true, .workers = 2, .prefetch = 3 };
        int64_t whole[SMALL], rest[SMALL];
        ea_generator g;
        ea_generator_seed(&g, kind, 5);
        ea_loader *loader = open_loader(dataset, options);
        assert_int_equal(ea_loader_start(loader, &g, 4), EA_OK);
        read_epoch(loader, whole);
        assert_int_equal(ea_loader_start(loader, &g, 5), EA_OK);
        ea_loader_position start = ea_loader_tell(loader);
        read_epoch(loader, whole);
        for (int stop = 0; stop <= 11; stop++) {
            assert_int_equal(ea_loader_seek(loader, &start), EA_OK);
            ea_batch batch;
            for (int i = 0; i < stop; i++)
                assert_int_equal(ea_loader_next(loader, &batch), EA_OK);
            ea_loader_position position = ea_loader_tell(loader);
            assert_int_equal(position.next, stop);
            ea_loader *other = open_loader(dataset, options);
            assert_int_equal(ea_loader_seek(other, &position), EA_OK);
            int64_t n = read_epoch(other, rest), skipped = stop < 11 ? stop * 10 : SMALL;
            assert_int_equal(n, SMALL - skipped);
            assert_memory_equal(rest, whole + skipped, sizeof *rest * (size_t)n);
            ea_loader_free(other);
        }
        start.next = 12;
        assert_int_equal(ea_loader_seek(loader, &start), EA_ERR_ARGUMENT);
        ea_loader_free(loader);
    }
    ea_dataset_free(dataset);
}

static void test_drop_last_and_order(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset();
    int64_t samples[SMALL];
    ea_generator g;
    ea_generator_seed(&g, EA_GENERATOR_PHILOX, 5);
    ea_loader *loader = open_loader(dataset, (ea_loader_options){ .batch = 10, .drop_last = true });
    assert_int_equal(ea_loader_batches(loader), 10);
    assert_int_equal(ea_loader_start(loader, &g, 0), EA_OK);
    assert_int_equal(read_epoch(loader, samples), 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(samples[i], i);
    ea_loader_free(loader);
    ea_dataset_free(dataset);
}

static void test_steady_state_allocates_nothing(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset();
    int64_t samples[SMALL];
    ea_generator g;
    ea_generator_seed(&g, EA_GENERATOR_MT19937, 5);
    ea_loader *loader = open_loader(
        dataset, (ea_loader_options){ .batch = 10, .shuffle = true, .workers = 3, .prefetch = 0 });
    core_alloc_fail_at(0);
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(ea_loader_start(loader, &g, epoch), EA_OK);
        read_epoch(loader, samples);
    }
    assert_int_equal(core_alloc_count(), 0);
    ea_loader_free(loader);
    ea_dataset_free(dataset);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset();
    ea_loader_options options = { .batch = 10, .shuffle = true, .workers = 2, .prefetch = 2 };
    bool failed = true;
    for (int n = 1; failed; n++) {
        ea_loader *loader;
        core_alloc_fail_at(n);
        failed = ea_loader_create(ctx, dataset, &options, &loader) != EA_OK;
        core_alloc_fail_at(0);
        if (failed)
            assert_null(loader);
        ea_loader_free(loader);
        assert_true(n < 100);
    }
    ea_dataset_free(dataset);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    ea_dataset *dataset = small_dataset(), *other;
    ea_loader *loader;
    ea_batch batch;
    assert_int_equal(ea_loader_create(ctx, dataset, &(ea_loader_options){ .batch = 0 }, &loader),
                     EA_ERR_ARGUMENT);
    assert_int_equal(
        ea_loader_create(ctx, dataset, &(ea_loader_options){ .batch = 1, .workers = -1 }, &loader),
        EA_ERR_ARGUMENT);
    loader = open_loader(dataset, (ea_loader_options){ .batch = 1 });
    assert_int_equal(ea_loader_next(loader, &batch), EA_ERR_STATE);
    ea_loader_free(loader);
    ea_dataset_free(dataset);

    DLTensor *images, *labels;
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 3, (int64_t[]){ 4, 2, 2 }, &images), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ 4 }, &labels), EA_OK);
    ((uint8_t *)labels->data)[2] = 10;
    assert_int_equal(
        ea_dataset_create(ctx, images, labels, &(ea_dataset_options){ .classes = 10 }, &other),
        EA_ERR_ARGUMENT);
    assert_non_null(strstr(ea_error_text(ctx), "label 10 of image 2"));
    labels->shape[0] = 3;
    assert_int_equal(ea_dataset_create(ctx, images, labels, NULL, &other), EA_ERR_SHAPE);
    ea_tensor_free(images);
    ea_tensor_free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repdl_batches),
        cmocka_unit_test(test_workers_change_nothing),
        cmocka_unit_test(test_resume_anywhere),
        cmocka_unit_test(test_drop_last_and_order),
        cmocka_unit_test(test_steady_state_allocates_nothing),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
