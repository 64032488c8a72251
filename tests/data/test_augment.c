/* Augmentation against a second implementation, and its promises: a sample's image depends on
 * (seed, epoch, sample) alone, and ranks together make what one makes. */
#include "core/view.h"
#include "eadem/data.h"
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

enum { N = 40, PIXELS = 3 * 5 * 6 };

static ea_context *ctx;
static ea_dataset *dataset;

static int set_up(void **state)
{
    (void)state;
    DLTensor *images, *labels;
    if (ea_context_create(NULL, &ctx) != EA_OK ||
        ea_tensor_new(ctx, EA_UINT8, 4, (int64_t[]){ N, 3, 5, 6 }, &images) != EA_OK ||
        ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ N }, &labels) != EA_OK)
        return 1;
    for (int i = 0; i < N * PIXELS; i++)
        ((uint8_t *)images->data)[i] = (uint8_t)((i * 37 + i * i / 7) % 256);
    for (int i = 0; i < N; i++)
        ((uint8_t *)labels->data)[i] = (uint8_t)(i % 7);
    ea_dataset_options options = { .mean = { 0.5f, 0.25f }, .deviation = { 0.25f, 0.5f } };
    return ea_dataset_create(ctx, images, labels, &options, &dataset) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    ea_dataset_free(dataset);
    ea_context_destroy(ctx);
    return 0;
}

static const ea_augment everything = { .crop_padding = 1,
                                       .flip = 0.5,
                                       .rotation = 15,
                                       .brightness = 0.2,
                                       .contrast = 0.2,
                                       .saturation = 0.2,
                                       .mixup = 0.4 };

static ea_loader *open_loader(ea_loader_options options)
{
    ea_loader *loader;
    if (ea_loader_create(ctx, dataset, &options, &loader) != EA_OK)
        fail_msg("%s", ea_error_text(ctx));
    return loader;
}

static void start(ea_loader *loader, uint64_t seed, int64_t epoch)
{
    ea_generator g;
    ea_generator_seed(&g, EA_GENERATOR_PHILOX, seed);
    assert_int_equal(ea_loader_start(loader, &g, epoch), EA_OK);
}

/* --- Against the second implementation ----------------------------------------------------------
 */

static void check_digest(json_t *item, const char *key, const DLTensor *tensor)
{
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_digest(ctx, tensor, hex), EA_OK);
    if (strcmp(hex, json_string_value(json_object_get(item, key))) != 0)
        fail_msg("%s of %s differ", key,
                 json_dumps(json_object_get(item, "augment"), JSON_COMPACT));
}

static void check_case(json_t *item)
{
    json_t *o = json_object_get(item, "augment");
    ea_augment a = { .crop_padding = (int)json_integer_value(json_object_get(o, "crop_padding")),
                     .flip = json_number_value(json_object_get(o, "flip")),
                     .rotation = json_number_value(json_object_get(o, "rotation")),
                     .brightness = json_number_value(json_object_get(o, "brightness")),
                     .contrast = json_number_value(json_object_get(o, "contrast")),
                     .saturation = json_number_value(json_object_get(o, "saturation")),
                     .mixup = json_number_value(json_object_get(o, "mixup")) };
    ea_loader *loader = open_loader((ea_loader_options){ .batch = N, .augment = a });
    ea_batch batch;
    start(loader, strtoull(json_string_value(json_object_get(item, "seed")), NULL, 10),
          json_integer_value(json_object_get(item, "epoch")));
    assert_int_equal(ea_loader_next(loader, &batch), EA_OK);
    assert_int_equal(batch.count, N);
    check_digest(item, "images", batch.images);
    assert_true((a.mixup > 0) == (batch.mixed_labels != NULL));
    if (batch.mixed_labels) {
        check_digest(item, "mixed_labels", batch.mixed_labels);
        check_digest(item, "mix_weights", batch.mix_weights);
    }
    ea_loader_free(loader);
}

static void test_second_implementation(void **state)
{
    (void)state;
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/augment.json", 0, NULL), *item;
    size_t i;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), i, item) check_case(item);
    assert_int_equal(i, 16);
    json_decref(golden);
}

/* --- Laws ---------------------------------------------------------------------------------------
 */

typedef struct epoch {
    float images[N][PIXELS]; /* by sample */
    float weights[N];
    int64_t mixed[N];
    int64_t order[N];
} epoch;

/* Reads the epoch of every rank; the order is that of the batches, the ranks' parts after each
 * other.
 */
static void read_epoch(ea_loader_options options, int ranks, epoch *out)
{
    int64_t read = 0;
    ea_loader *loaders[8];
    options.shuffle = true;
    options.augment = everything;
    options.ranks = ranks;
    for (int r = 0; r < ranks; r++) {
        options.rank = r;
        loaders[r] = open_loader(options);
        start(loaders[r], 9, 3);
    }
    for (bool more = true; more;)
        for (int r = 0; r < ranks; r++) {
            ea_batch b;
            assert_int_equal(ea_loader_next(loaders[r], &b), EA_OK);
            more = b.total > 0;
            for (int64_t i = 0; i < b.count; i++) {
                int64_t s = b.samples[i];
                assert_int_equal(((const int64_t *)b.labels->data)[i], s % 7);
                memcpy(out->images[s], (const float *)b.images->data + i * PIXELS,
                       sizeof out->images[s]);
                out->weights[s] = ((const float *)b.mix_weights->data)[i];
                out->mixed[s] = ((const int64_t *)b.mixed_labels->data)[i];
                out->order[read++] = s;
            }
        }
    assert_int_equal(read, N);
    for (int r = 0; r < ranks; r++)
        ea_loader_free(loaders[r]);
}

static void test_same_from_everywhere(void **state)
{
    (void)state;
    static epoch one, other;
    read_epoch((ea_loader_options){ .batch = N }, 1, &one);
    for (int workers = 0; workers <= 3; workers++)
        for (int64_t batch = 1; batch <= 13; batch += 4) {
            read_epoch((ea_loader_options){ .batch = batch, .workers = workers }, 1, &other);
            assert_memory_equal(&one, &other, sizeof one);
        }
}

static void test_union_of_ranks(void **state)
{
    (void)state;
    static epoch one, all;
    read_epoch((ea_loader_options){ .batch = 9 }, 1, &one);
    for (int ranks = 2; ranks <= 8; ranks++) {
        read_epoch((ea_loader_options){ .batch = 9, .workers = ranks % 3 }, ranks, &all);
        assert_memory_equal(&one, &all, sizeof one);
    }
}

static void test_epochs_and_seeds_differ(void **state)
{
    (void)state;
    ea_loader *loader =
        open_loader((ea_loader_options){ .batch = N, .augment = { .crop_padding = 3 } });
    char hex[3][EA_DIGEST_HEX];
    for (int i = 0; i < 3; i++) {
        ea_batch b;
        start(loader, i == 2 ? 2 : 1, i == 1 ? 1 : 0);
        assert_int_equal(ea_loader_next(loader, &b), EA_OK);
        assert_int_equal(ea_digest(ctx, b.images, hex[i]), EA_OK);
    }
    assert_string_not_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
    ea_loader_free(loader);
}

static void test_bad_options(void **state)
{
    (void)state;
    const ea_loader_options bad[] = {
        { .batch = 1, .augment = { .crop_padding = -1 } },
        { .batch = 1, .augment = { .flip = 1.5 } },
        { .batch = 1, .augment = { .rotation = 200 } },
        { .batch = 1, .augment = { .mixup = 0.01 } },
        { .batch = 1, .rank = 1 },
        { .batch = 1, .rank = 2, .ranks = 2 },
        { .batch = 1, .rank = -1, .ranks = 2 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ea_loader *loader;
        assert_int_equal(ea_loader_create(ctx, dataset, &bad[i], &loader), EA_ERR_ARGUMENT);
        assert_null(loader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_implementation),
        cmocka_unit_test(test_same_from_everywhere),
        cmocka_unit_test(test_union_of_ranks),
        cmocka_unit_test(test_epochs_and_seeds_differ),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
