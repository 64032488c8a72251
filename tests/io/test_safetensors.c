/* Safetensors: round trips, the reference implementation's files, bad bytes, failing disks. */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/io.h"
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static ea_context *ctx;
static char folder[64], path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/eadem-st-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    return mkdir(folder, 0777) != 0 || ea_context_create(NULL, &ctx) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    ea_context_destroy(ctx);
    return rmdir(folder); /* fails when a temporary file was left */
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

static void write_file(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static size_t read_file(void *bytes, size_t max)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, max, f);
    fclose(f);
    return size;
}

/* A file of header text and `data` bytes of values 0, 1, 2, … */
static size_t make_file(const char *header, size_t data, unsigned char *out)
{
    size_t length = strlen(header);
    memset(out, 0, 8);
    out[0] = (unsigned char)length;
    out[1] = (unsigned char)(length >> 8);
    memcpy(out + 8, header, length);
    for (size_t i = 0; i < data; i++)
        out[8 + length + i] = (unsigned char)i;
    return 8 + length + data;
}

static void expect_error(const char *header, size_t data, ea_status status, const char *text)
{
    unsigned char bytes[4096];
    ea_tensor_file *file;
    write_file(bytes, make_file(header, data, bytes));
    assert_int_equal(ea_safetensors_open(ctx, path, &file), status);
    assert_null(file);
    assert_non_null(strstr(ea_error_text(ctx), path));
    if (!strstr(ea_error_text(ctx), text))
        fail_msg("'%s' does not say '%s'", ea_error_text(ctx), text);
}

/* Three tensors: float32 [2, 3], a transposed view of it, and an empty uint8. */
typedef struct model {
    DLTensor *a, *empty;
    DLTensor transposed;
    int64_t shape[2], stride[2];
    ea_named_tensor named[3];
} model;

static void make_model(model *m)
{
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 2, (int64_t[]){ 2, 3 }, &m->a), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ 0 }, &m->empty), EA_OK);
    for (int i = 0; i < 6; i++)
        ((float *)m->a->data)[i] = (float)i - 2.5f;
    m->shape[0] = 3, m->shape[1] = 2, m->stride[0] = 1, m->stride[1] = 3;
    m->transposed = *m->a;
    m->transposed.shape = m->shape;
    m->transposed.strides = m->stride;
    m->named[0] = (ea_named_tensor){ "z.weight", m->a };
    m->named[1] = (ea_named_tensor){ "a.transposed", &m->transposed };
    m->named[2] = (ea_named_tensor){ "\xc3\xa9", m->empty };
}

static void free_model(model *m)
{
    ea_tensor_free(m->a);
    ea_tensor_free(m->empty);
}

static void test_round_trip(void **state)
{
    (void)state;
    model m;
    make_model(&m);
    ea_metadata metadata[] = { { "contract", "chain" } };
    assert_int_equal(ea_safetensors_save(ctx, path, m.named, 3, metadata, 1), EA_OK);
    ea_tensor_file *file;
    assert_int_equal(ea_tensor_file_open(ctx, path, &file), EA_OK);
    assert_int_equal(ea_tensor_file_count(file), 3);
    assert_string_equal(ea_tensor_file_metadata(file, "contract"), "chain");
    assert_null(ea_tensor_file_metadata(file, "other"));
    assert_null(ea_tensor_file_find(file, "nothing"));
    const DLTensor *a = ea_tensor_file_find(file, "z.weight");
    assert_ptr_equal(a, ea_tensor_file_tensor(file, 0));
    assert_int_equal(a->ndim, 2);
    assert_memory_equal(a->shape, m.a->shape, 16);
    assert_memory_equal(a->data, m.a->data, 24);
    char x[EA_DIGEST_HEX], y[EA_DIGEST_HEX];
    assert_int_equal(ea_digest(ctx, ea_tensor_file_find(file, "a.transposed"), x), EA_OK);
    assert_int_equal(ea_digest(ctx, &m.transposed, y), EA_OK);
    assert_string_equal(x, y);
    assert_int_equal(ea_tensor_file_find(file, "\xc3\xa9")->shape[0], 0);
    ea_tensor_file_close(file);
    free_model(&m);
}

/* What huggingface/safetensors 0.8.0 writes for {"w": int64 [2] = 1, −2}. */
static void test_reference_file(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"I64\",\"shape\":[2],"
        "\"data_offsets\":[0,16]}}  ";
    unsigned char bytes[256];
    size_t size = make_file(header, 16, bytes);
    static const unsigned char values[16] = { 1,    0,    0,    0,    0,    0,    0,    0,
                                              0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    memcpy(bytes + size - 16, values, 16);
    write_file(bytes, size);
    ea_tensor_file *file;
    assert_int_equal(ea_tensor_file_open(ctx, path, &file), EA_OK);
    const int64_t *w = ea_tensor_file_find(file, "w")->data;
    assert_true(w[0] == 1 && w[1] == -2);
    ea_tensor_file_close(file);
}

/* A tensor may lie at any byte: the one after three bytes of uint8 still reads well. */
static void test_unaligned(void **state)
{
    (void)state;
    unsigned char bytes[256];
    write_file(bytes, make_file("{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                                "\"f\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[3,7]}}",
                                7, bytes));
    ea_tensor_file *file;
    assert_int_equal(ea_tensor_file_open(ctx, path, &file), EA_OK);
    const int32_t *f = ea_tensor_file_find(file, "f")->data;
    assert_true((uintptr_t)f % 4 == 0 && *f == 0x06050403);
    ea_tensor_file_close(file);
}

#define T(type, shape, begin, end) \
    "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void test_bad_headers(void **state)
{
    (void)state;
    expect_error("[]", 0, EA_ERR_FORMAT, "byte 8");
    expect_error("{\"a\":", 0, EA_ERR_FORMAT, "valid JSON");
    expect_error("{\"a\":1,\"a\":1}", 0, EA_ERR_FORMAT, "valid JSON");
    expect_error("{\"a\":1}", 0, EA_ERR_FORMAT, "not an object");
    expect_error("{\"a\":" T("X9", "[1]", 0, 1) "}", 1, EA_ERR_UNSUPPORTED, "X9");
    expect_error("{\"a\":" T("F32", "[-1]", 0, 4) "}", 4, EA_ERR_FORMAT, "size");
    expect_error("{\"a\":" T("F32", "[1.5]", 0, 4) "}", 4, EA_ERR_FORMAT, "size");
    expect_error("{\"a\":" T("F32", "[1]", 0, 8) "}", 8, EA_ERR_FORMAT, "asks for 4");
    expect_error("{\"a\":" T("F32", "[1]", 0, 4) "}", 3, EA_ERR_FORMAT, "which has 3");
    expect_error("{\"a\":" T("F32", "[1]", 0, 4) "}", 5, EA_ERR_FORMAT, "1 bytes after");
    expect_error("{\"a\":" T("F32", "[1]", 4, 0) "}", 4, EA_ERR_FORMAT, "lies at");
    expect_error("{\"a\":" T("F32", "[1]", 1, 5) "}", 5, EA_ERR_FORMAT, "starts at byte 1");
    expect_error("{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 2, 6) "}", 6,
                 EA_ERR_FORMAT, "starts at byte 2");
    expect_error("{\"a\":" T("F32", "[9223372036854775807,2]", 0, 4) "}", 4, EA_ERR_FORMAT,
                 "64 bits");
    expect_error("{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, EA_ERR_UNSUPPORTED,
                 "9 dimensions");
    expect_error("{\"__metadata__\":{\"a\":1}}", 0, EA_ERR_FORMAT, "__metadata__");
    expect_error("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, EA_ERR_FORMAT, "data_offsets");
    unsigned char long_header[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}' };
    ea_tensor_file *file;
    write_file(long_header, sizeof long_header);
    assert_int_equal(ea_safetensors_open(ctx, path, &file), EA_ERR_FORMAT);
}

/* Every truncation is an error; every changed bit an error or a file that reads. */
static void test_corrupt_everywhere(void **state)
{
    (void)state;
    model m;
    unsigned char bytes[512];
    make_model(&m);
    assert_int_equal(ea_safetensors_save(ctx, path, m.named, 3, NULL, 0), EA_OK);
    size_t size = read_file(bytes, sizeof bytes);
    ea_tensor_file *file;
    for (size_t n = 0; n < size; n++) {
        write_file(bytes, n);
        assert_int_not_equal(ea_safetensors_open(ctx, path, &file), EA_OK);
        assert_null(file);
    }
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            write_file(bytes, size);
            bytes[i] ^= (unsigned char)(1 << bit);
            if (ea_safetensors_open(ctx, path, &file) != EA_OK)
                continue;
            char hex[EA_DIGEST_HEX];
            for (int t = 0; t < ea_tensor_file_count(file); t++)
                assert_int_equal(ea_digest(ctx, ea_tensor_file_tensor(file, t), hex), EA_OK);
            ea_tensor_file_close(file);
        }
    free_model(&m);
}

static void test_names(void **state)
{
    (void)state;
    model m;
    make_model(&m);
    unlink(path);
    static const char *const bad[] = { "", "__metadata__", "a.transposed", "\xff" };
    for (int i = 0; i < 4; i++) {
        m.named[0].name = bad[i];
        assert_int_equal(ea_safetensors_save(ctx, path, m.named, 3, NULL, 0), EA_ERR_ARGUMENT);
        assert_int_equal(files_in_folder(), 0);
    }
    free_model(&m);
}

/* A full disk: the old file stays, nothing else is left. */
static void test_full_disk(void **state)
{
    (void)state;
    model m;
    unsigned char before[512], after[512];
    make_model(&m);
    assert_int_equal(ea_safetensors_save(ctx, path, m.named, 3, NULL, 0), EA_OK);
    size_t size = read_file(before, sizeof before);
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    limit = (struct rlimit){ 100, old.rlim_max };
    setrlimit(RLIMIT_FSIZE, &limit);
    ((float *)m.a->data)[0] = 77;
    ea_status status = ea_safetensors_save(ctx, path, m.named, 3, NULL, 0);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, EA_ERR_IO);
    assert_non_null(strstr(ea_error_text(ctx), path));
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(read_file(after, sizeof after), size);
    assert_memory_equal(before, after, size);
    free_model(&m);
}

static void test_unwritable_folder(void **state)
{
    (void)state;
    model m;
    make_model(&m);
    assert_int_equal(ea_safetensors_save(ctx, "/nonexistent/x.safetensors", m.named, 3, NULL, 0),
                     EA_ERR_IO);
    assert_int_equal(ea_safetensors_save(ctx, "/proc/x.safetensors", m.named, 3, NULL, 0),
                     EA_ERR_IO);
    free_model(&m);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    model m;
    make_model(&m);
    bool failed = true;
    unlink(path);
    for (int n = 1; failed; n++) {
        core_alloc_fail_at(n);
        failed = ea_safetensors_save(ctx, path, m.named, 3, NULL, 0) != EA_OK;
        core_alloc_fail_at(0);
        assert_int_equal(files_in_folder(), failed ? 0 : 1);
    }
    failed = true;
    for (int n = 1; failed; n++) {
        ea_tensor_file *file;
        core_alloc_fail_at(n);
        failed = ea_safetensors_open(ctx, path, &file) != EA_OK;
        core_alloc_fail_at(0);
        assert_true(failed == !file);
        ea_tensor_file_close(file);
    }
    free_model(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reference_file),
        cmocka_unit_test(test_unaligned),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_corrupt_everywhere),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_unwritable_folder),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
