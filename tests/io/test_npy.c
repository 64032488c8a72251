/* .npy files that NumPy wrote, and bad ones. */
#include "core/view.h"
#include "eadem/io.h"
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ea_context *ctx;
static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/eadem-npy-%d", (int)getpid());
    return ea_context_create(NULL, &ctx) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    ea_context_destroy(ctx);
    return 0;
}

static void write_file(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static size_t from_hex(const char *hex, unsigned char *out, size_t max)
{
    size_t n = strlen(hex) / 2;
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
    return n;
}

static void check_case(json_t *item)
{
    unsigned char bytes[1024];
    char hex[EA_DIGEST_HEX];
    ea_tensor_file *file;
    size_t size = from_hex(json_string_value(json_object_get(item, "file")), bytes, sizeof bytes);
    write_file(bytes, size);
    if (ea_tensor_file_open(ctx, path, &file) != EA_OK)
        fail_msg("%s", ea_error_text(ctx));
    const DLTensor *tensor = ea_tensor_file_tensor(file, 0);
    json_t *shape = json_object_get(item, "shape");
    assert_int_equal(tensor->ndim, json_array_size(shape));
    for (int d = 0; d < tensor->ndim; d++)
        assert_int_equal(tensor->shape[d], json_integer_value(json_array_get(shape, (size_t)d)));
    assert_int_equal(ea_digest(ctx, tensor, hex), EA_OK);
    assert_string_equal(hex, json_string_value(json_object_get(item, "sha256")));
    ea_tensor_file_close(file);
}

static void test_numpy_files(void **state)
{
    (void)state;
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/npy.json", 0, NULL), *item;
    size_t i;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), i, item) check_case(item);
    assert_true(i >= 30);
    json_decref(golden);
}

static size_t make_file(const char *header, size_t data, unsigned char *out)
{
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)length;
    out[9] = (unsigned char)(length >> 8);
    memcpy(out + 10, header, length);
    memset(out + 10 + length, 7, data);
    return 10 + length + data;
}

static void expect(const char *header, size_t data, ea_status status, const char *text)
{
    unsigned char bytes[1024];
    ea_tensor_file *file;
    write_file(bytes, make_file(header, data, bytes));
    assert_int_equal(ea_npy_open(ctx, path, &file), status);
    if (status == EA_OK) {
        ea_tensor_file_close(file);
        return;
    }
    assert_null(file);
    if (!strstr(ea_error_text(ctx), text) || !strstr(ea_error_text(ctx), path))
        fail_msg("'%s' does not say '%s'", ea_error_text(ctx), text);
}

static void test_headers(void **state)
{
    (void)state;
    expect("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8, EA_OK, NULL);
    expect("{\"shape\":(),\"descr\":\"<i8\",\"fortran_order\":True}", 8, EA_OK, NULL);
    expect("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, EA_ERR_FORMAT,
           "asks for");
    expect("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, EA_ERR_FORMAT,
           "asks for");
    expect("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, EA_ERR_UNSUPPORTED,
           "<c8");
    expect("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 8, EA_ERR_UNSUPPORTED, "type");
    expect("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", 4, EA_ERR_FORMAT,
           "True or False");
    expect("{'descr': '<f4', 'fortran_order': False}", 4, EA_ERR_FORMAT, "lacks");
    expect("{'descr': '<f4', 'descr': '<f4'}", 4, EA_ERR_FORMAT, "twice");
    expect("{'desc': '<f4'}", 4, EA_ERR_FORMAT, "no .npy file has");
    expect("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, EA_ERR_FORMAT, "size");
    expect("{'shape': (99999999999999999999,)}", 4, EA_ERR_FORMAT, "64 bits");
    expect("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,4)}", 4,
           EA_ERR_FORMAT, "64 bits");
    expect("{'shape': (1,1,1,1,1,1,1,1,1)}", 4, EA_ERR_UNSUPPORTED, "8 dimensions");
    expect("{'descr': 'a string that is much too long'}", 4, EA_ERR_FORMAT, "byte 20");
    expect("{} x", 4, EA_ERR_FORMAT, "end");
    expect("", 4, EA_ERR_FORMAT, "'{'");
}

static void test_truncated_everywhere(void **state)
{
    (void)state;
    unsigned char bytes[256];
    ea_tensor_file *file;
    size_t size =
        make_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8, bytes);
    for (size_t n = 0; n < size; n++) {
        write_file(bytes, n);
        assert_int_not_equal(ea_npy_open(ctx, path, &file), EA_OK);
        assert_null(file);
    }
    bytes[6] = 4;
    write_file(bytes, size);
    assert_int_equal(ea_npy_open(ctx, path, &file), EA_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_files),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_truncated_everywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
