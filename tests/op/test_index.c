/* What indexing refuses, in place and with memory that fails; the fast versions' bits are the
 * conformance set's and tests/python/test_index.py's business. */
#include "core/context.h"
#include "core/memory.h"
#include "eadem/eadem.h"
#include "test.h"

#include <string.h>

static ea_context *ctx;
static DLTensor *x, *y, *index3, *line, *out;

static DLTensor *new_tensor(DLDataType dtype, int ndim, const int64_t *shape)
{
    DLTensor *t;
    assert_int_equal(ea_tensor_new(ctx, dtype, ndim, shape, &t), EA_OK);
    return t;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    x = new_tensor(EA_FLOAT32, 2, (int64_t[]){ 4, 6 });
    y = new_tensor(EA_FLOAT32, 2, (int64_t[]){ 4, 6 });
    out = new_tensor(EA_FLOAT32, 2, (int64_t[]){ 4, 6 });
    index3 = new_tensor(EA_INT64, 2, (int64_t[]){ 4, 6 });
    line = new_tensor(EA_INT64, 1, (int64_t[]){ 4 });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    DLTensor *all[] = { x, y, index3, line, out };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ea_tensor_free(all[i]);
    ea_context_destroy(ctx);
    return 0;
}

static void refused(ea_status got, ea_status expected, const char *words)
{
    if (got != expected || !strstr(ea_error_text(ctx), words))
        fail_msg("got %s \"%s\", expected %s and the words \"%s\"", ea_status_name(got),
                 ea_error_text(ctx), ea_status_name(expected), words);
}

static void test_an_index_outside_is_named(void **state)
{
    (void)state;
    ((int64_t *)index3->data)[8] = 6;
    refused(ea_gather(ctx, x, 1, index3, out), EA_ERR_ARGUMENT,
            "element 8 of index is 6: give 0 to 5");
    refused(ea_scatter(ctx, x, -1, index3, y, EA_SCATTER_SUM, 1, out), EA_ERR_ARGUMENT, "is 6");
    ((int64_t *)index3->data)[8] = -1;
    refused(ea_gather(ctx, x, 1, index3, out), EA_ERR_ARGUMENT, "is -1: give 0 to 5");
    ((int64_t *)index3->data)[8] = 0;
    ((int64_t *)line->data)[3] = -5;
    const DLTensor *indices[] = { line };
    DLTensor *rows = new_tensor(EA_FLOAT32, 2, (int64_t[]){ 4, 6 });
    refused(ea_index(ctx, x, indices, 1, rows), EA_ERR_ARGUMENT, "is -5: give -4 to 3");
    refused(ea_embedding(ctx, x, line, rows), EA_ERR_ARGUMENT, "is -5: give 0 to 3");
    refused(ea_one_hot(ctx, line, index3), EA_ERR_ARGUMENT, "is -5");
    ((int64_t *)line->data)[3] = 0;
    ea_tensor_free(rows);
}

static void test_shapes_types_and_places(void **state)
{
    (void)state;
    refused(ea_gather(ctx, x, 2, index3, out), EA_ERR_ARGUMENT, "dim is 2: give -2 to 1");
    refused(ea_gather(ctx, x, 0, line, out), EA_ERR_SHAPE, "out has shape [4, 6]: expected [4]");
    refused(ea_gather(ctx, x, 0, x, out), EA_ERR_DTYPE, "float32");
    refused(ea_gather(ctx, x, 0, index3, x), EA_ERR_ARGUMENT, "overlaps");
    refused(ea_index_select(ctx, x, 0, index3, out), EA_ERR_SHAPE, "2 dimensions");
    refused(ea_index_add(ctx, x, 1, line, y, 1, out), EA_ERR_SHAPE, "expected [4, 4]");
    refused(ea_scatter(ctx, x, 0, index3, y, (ea_scatter_kind)9, 1, out), EA_ERR_ARGUMENT,
            "kind 9");
    refused(ea_scatter(ctx, index3, 0, index3, index3, EA_SCATTER_MEAN, 1, index3), EA_ERR_DTYPE,
            "floats");
    refused(ea_where(ctx, x, x, y, out), EA_ERR_DTYPE, "mask has type float32");
    refused(ea_cat(ctx, (const DLTensor *[]){ x, y }, 2, 0, out), EA_ERR_SHAPE, "more than 4");
    refused(ea_cat(ctx, NULL, 0, 0, out), EA_ERR_ARGUMENT, "at least one");
    refused(ea_flip(ctx, x, (int[]){ 1, -1 }, 2, out), EA_ERR_ARGUMENT, "twice");
}

/* The last source of a place stands, in place as well. */
static void test_order(void **state)
{
    (void)state;
    for (int i = 0; i < 24; i++) {
        ((float *)y->data)[i] = (float)i;
        ((int64_t *)index3->data)[i] = 2;
    }
    assert_int_equal(ea_scatter(ctx, x, 1, index3, y, EA_SCATTER_COPY, 1, x), EA_OK);
    for (int row = 0; row < 4; row++)
        assert_true(((float *)x->data)[row * 6 + 2] == (float)(row * 6 + 5));
    memset(x->data, 0, 24 * sizeof(float));
}

/* Each allocation of a call fails once: an error and nothing else. */
static void test_allocations_may_fail(void **state)
{
    (void)state;
    DLTensor *halves = new_tensor(EA_FLOAT16, 2, (int64_t[]){ 4, 6 });
    DLTensor *offsets = new_tensor(EA_INT64, 1, (int64_t[]){ 1 });
    DLTensor *bag = new_tensor(EA_FLOAT32, 2, (int64_t[]){ 1, 6 });
    const DLTensor *indices[] = { line };
    for (int which = 0; which < 4; which++)
        for (int64_t n = 1;; n++) {
            ea_context *fresh;
            assert_int_equal(ea_context_create(NULL, &fresh), EA_OK);
            core_alloc_fail_at(n);
            ea_status status =
                which == 0   ? ea_scatter(fresh, halves, 1, index3, y, EA_SCATTER_MEAN, 0, halves)
                : which == 1 ? ea_index_put(fresh, x, indices, 1, x, 1, out)
                : which == 2 ? ea_embedding_bag_backward(fresh, bag, x, line, offsets, NULL,
                                                         EA_BAG_MEAN, -1, NULL, out, NULL)
                             : ea_take_along_dim(fresh, x, index3, 1, out);
            core_alloc_fail_at(0);
            ea_context_destroy(fresh);
            if (status == EA_OK)
                break;
            assert_int_equal(status, EA_ERR_MEMORY);
            assert_true(n < 20);
        }
    ea_tensor_free(halves);
    ea_tensor_free(offsets);
    ea_tensor_free(bag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_index_outside_is_named),
        cmocka_unit_test(test_shapes_types_and_places),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
