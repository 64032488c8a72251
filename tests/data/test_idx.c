/* IDX files: what is read, and what bad bytes lead to. */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/data.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static ea_context *ctx;
static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/eadem-idx-%d", (int)getpid());
    return ea_context_create(NULL, &ctx) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    ea_context_destroy(ctx);
    return 0;
}

static void write_file(const void *bytes, size_t size, bool gzip)
{
    if (gzip) {
        gzFile f = gzopen(path, "wb");
        assert_int_equal(gzwrite(f, bytes, (unsigned)size), size);
        assert_int_equal(gzclose(f), Z_OK);
        return;
    }
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static ea_status read_bytes(const void *bytes, size_t size, bool gzip, DLTensor **out)
{
    write_file(bytes, size, gzip);
    return ea_idx_read(ctx, path, out);
}

static void expect_error(const void *bytes, size_t size, ea_status status, const char *text)
{
    DLTensor *t;
    assert_int_equal(read_bytes(bytes, size, false, &t), status);
    assert_null(t);
    assert_non_null(strstr(ea_error_text(ctx), path));
    if (!strstr(ea_error_text(ctx), text))
        fail_msg("'%s' does not say '%s'", ea_error_text(ctx), text);
}

static const unsigned char small[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };

static void test_values(void **state)
{
    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        DLTensor *t;
        assert_int_equal(read_bytes(small, sizeof small, gzip, &t), EA_OK);
        assert_int_equal(t->ndim, 2);
        assert_int_equal(t->shape[0], 2);
        assert_int_equal(t->shape[1], 3);
        assert_memory_equal(t->data, small + 12, 6);
        ea_tensor_free(t);
    }
    static const unsigned char floats[] = { 0,    0,    0x0d, 1, 0,    0,    0,    2,
                                            0x3f, 0x80, 0,    0, 0xc0, 0x49, 0x0f, 0xdb };
    static const unsigned char ints[] = { 0, 0, 0x0c, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe };
    static const unsigned char doubles[] = {
        0, 0, 0x0e, 1, 0, 0, 0, 1, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0
    };
    DLTensor *t;
    assert_int_equal(read_bytes(floats, sizeof floats, false, &t), EA_OK);
    assert_true(((float *)t->data)[0] == 1.0f && ((float *)t->data)[1] == -3.14159274f);
    ea_tensor_free(t);
    assert_int_equal(read_bytes(ints, sizeof ints, false, &t), EA_OK);
    assert_int_equal(((int32_t *)t->data)[0], -2);
    ea_tensor_free(t);
    assert_int_equal(read_bytes(doubles, sizeof doubles, false, &t), EA_OK);
    assert_true(((double *)t->data)[0] == 1.5);
    ea_tensor_free(t);
}

static void test_bad_headers(void **state)
{
    (void)state;
    static const unsigned char magic[] = { 1, 0, 8, 1, 0, 0, 0, 0 };
    static const unsigned char type[] = { 0, 0, 7, 1, 0, 0, 0, 0 };
    static const unsigned char int16[] = { 0, 0, 0x0b, 1, 0, 0, 0, 0 };
    static const unsigned char none[] = { 0, 0, 8, 0 };
    static const unsigned char many[] = { 0, 0, 8, 9, 0, 0, 0, 0 };
    static const unsigned char huge[] = { 0,    0,    8,    3,    0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const unsigned char lying[] = { 0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 1, 2, 3 };
    expect_error(magic, sizeof magic, EA_ERR_FORMAT, "byte 0");
    expect_error(type, sizeof type, EA_ERR_FORMAT, "byte 2");
    expect_error(int16, sizeof int16, EA_ERR_UNSUPPORTED, "byte 2");
    expect_error(none, sizeof none, EA_ERR_FORMAT, "byte 3");
    expect_error(many, sizeof many, EA_ERR_UNSUPPORTED, "byte 3");
    expect_error(huge, sizeof huge, EA_ERR_UNSUPPORTED, "byte 8");
    expect_error(lying, sizeof lying, EA_ERR_FORMAT, "byte 11");
}

static void test_truncated_everywhere(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof small; size++) {
        char byte[32];
        snprintf(byte, sizeof byte, "byte %zu", size);
        expect_error(small, size, EA_ERR_FORMAT, byte);
    }
    unsigned char more[sizeof small + 1] = { 0 };
    memcpy(more, small, sizeof small);
    expect_error(more, sizeof more, EA_ERR_FORMAT, "byte 18");
}

/* Every truncation and every changed byte of a gzip file: an error, or the same values (the gzip
 * header has bytes without meaning, such as its time). */
static void test_corrupt_gzip(void **state)
{
    (void)state;
    unsigned char gz[256];
    write_file(small, sizeof small, true);
    FILE *f = fopen(path, "rb");
    size_t size = fread(gz, 1, sizeof gz, f);
    fclose(f);
    DLTensor *t;
    for (size_t n = 0; n < size; n++) {
        assert_int_not_equal(read_bytes(gz, n, false, &t), EA_OK);
        assert_null(t);
    }
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            gz[i] ^= (unsigned char)(1 << bit);
            if (read_bytes(gz, size, false, &t) == EA_OK)
                assert_memory_equal(t->data, small + 12, 6);
            ea_tensor_free(t);
            gz[i] ^= (unsigned char)(1 << bit);
        }
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    DLTensor *t;
    assert_int_equal(ea_idx_read(ctx, "/nonexistent/x", &t), EA_ERR_IO);
    assert_non_null(strstr(ea_error_text(ctx), "/nonexistent/x"));
    assert_int_equal(ea_idx_read(ctx, "/tmp", &t), EA_ERR_IO);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    write_file(small, sizeof small, false);
    for (int n = 1; failed; n++) {
        DLTensor *t;
        core_alloc_fail_at(n);
        failed = ea_idx_read(ctx, path, &t) != EA_OK;
        core_alloc_fail_at(0);
        ea_tensor_free(t);
        assert_true(n < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_corrupt_gzip),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
