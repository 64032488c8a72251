/* test_trace.c: the bytes of a trace file, and what is left when its writer dies or the disk is
 * full. */
#include "test.h"

#include "core/memory.h"
#include "eadem/trace.h"
#include "io/trace.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH "test_trace.tmp"

static ea_context *ctx;

static size_t read_all(const char *path, unsigned char *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t used = fread(out, 1, size, file);
    fclose(file);
    return used;
}

static ea_trace *create(void)
{
    ea_trace *trace;
    remove(PATH);
    assert_int_equal(ea_trace_create(ctx, PATH, "test 1", "chain", &trace), EA_OK);
    return trace;
}

static void write_two_steps(float loss)
{
    ea_trace *trace = create();
    float weights[6] = { 1, 2, 3, 4, 5, 6 };
    DLTensor w = { .data = weights,
                   .device = { kDLCPU, 0 },
                   .ndim = 2,
                   .dtype = EA_FLOAT32,
                   .shape = (int64_t[]){ 2, 3 } };
    DLTensor l = { .data = &loss, .device = { kDLCPU, 0 }, .ndim = 0, .dtype = EA_FLOAT32 };
    for (uint64_t step = 0; step < 2; step++) {
        assert_int_equal(ea_trace_tensor(trace, step, EA_TRACE_PARAMETER, "w", &w), EA_OK);
        assert_int_equal(ea_trace_tensor(trace, step, EA_TRACE_ACTIVATION, "loss", &l), EA_OK);
    }
    assert_int_equal(ea_trace_close(trace), EA_OK);
}

/* Every offset here is docs/trace.md's, none is taken from the code. */
static void test_layout_is_the_documented_one(void **state)
{
    (void)state;
    unsigned char file[4096];
    write_two_steps(0.5f);
    /* header; "w", "2,3", tensor; "loss", "", tensor; two tensors; end; strings have a block each,
     * but the empty one has none */
    assert_int_equal(read_all(PATH, file, sizeof file), 64 * (1 + 2 + 2 + 1 + 2 + 1 + 1 + 2 + 1));
    assert_memory_equal(file, "EADEMTRC\1\0\0\0\0\0\0\0chain", 22);
    assert_string_equal((char *)file + 32, "test 1");
    assert_memory_equal(file + 68, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 20);
    assert_string_equal((char *)file + 128, "w");
    assert_string_equal((char *)file + 256, "2,3");
    unsigned char *w = file + 320;
    assert_memory_equal(w + 4, "\2\4\0\2\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\6\0\0\0\0\0\0\0", 28);
    unsigned char *loss = file + 64 * 9;
    assert_memory_equal(loss + 4, "\2\2\0\0", 4);
    assert_memory_equal(loss + 48, "\0\0\0\x3f\0\0\0\0", 8);
    assert_memory_equal(file + 64 * 12 + 4, "\3\0\0\0\4\0\0\0\0\0\0\0", 12);
}

static void test_digest_is_xxh3_128(void **state)
{
    (void)state;
    /* xxHash's specification: XXH3-128 of no bytes, seed 0, and what `xxhsum -H2` prints for
     * "abc". */
    char text[] = "abc";
    static const unsigned char empty[16] = "\x99\xaa\x06\xd3\x01\x47\x98\xd8"
                                           "\x60\x01\xc3\x24\x46\x8d\x49\x7f";
    static const unsigned char abc[16] = "\x06\xb0\x5a\xb6\x73\x3a\x61\x85"
                                         "\x78\xaf\x5f\x94\x89\x2f\x39\x50";
    unsigned char digest[EA_TRACE_DIGEST_SIZE];
    DLTensor t = { .data = text,
                   .device = { kDLCPU, 0 },
                   .ndim = 1,
                   .dtype = EA_UINT8,
                   .shape = (int64_t[]){ 3 } };
    assert_int_equal(ea_trace_digest(ctx, &t, digest), EA_OK);
    assert_memory_equal(digest, abc, 16);
    t.shape[0] = 0;
    assert_int_equal(ea_trace_digest(ctx, &t, digest), EA_OK);
    assert_memory_equal(digest, empty, 16);
}

/* Strides, NaN payloads and the size of the pieces do not show in a digest. */
static void test_digest_is_of_values(void **state)
{
    (void)state;
    enum { ROWS = 97, COLUMNS = 131 };
    float *a = malloc(sizeof(float) * ROWS * COLUMNS), *b = malloc(sizeof(float) * ROWS * COLUMNS);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            a[i * COLUMNS + j] = b[j * ROWS + i] = (float)(i * 1000 + j);
    a[7] = nanf("1");
    b[7 * ROWS] = -nanf("77");
    DLTensor ta = { .data = a,
                    .device = { kDLCPU, 0 },
                    .ndim = 2,
                    .dtype = EA_FLOAT32,
                    .shape = (int64_t[]){ ROWS, COLUMNS } };
    DLTensor tb = ta;
    tb.data = b;
    tb.strides = (int64_t[]){ 1, ROWS };
    unsigned char da[EA_TRACE_DIGEST_SIZE], db[EA_TRACE_DIGEST_SIZE];
    assert_int_equal(ea_trace_digest(ctx, &ta, da), EA_OK);
    assert_int_equal(ea_trace_digest(ctx, &tb, db), EA_OK);
    assert_memory_equal(da, db, sizeof da);
    a[8] = -0.0f;
    b[8 * ROWS] = 0.0f;
    assert_int_equal(ea_trace_digest(ctx, &ta, da), EA_OK);
    assert_int_equal(ea_trace_digest(ctx, &tb, db), EA_OK);
    assert_memory_not_equal(da, db, sizeof da);
    free(a);
    free(b);
}

static void test_equal_runs_write_equal_files(void **state)
{
    (void)state;
    unsigned char first[4096], second[4096];
    write_two_steps(0.5f);
    size_t size = read_all(PATH, first, sizeof first);
    write_two_steps(0.5f);
    assert_int_equal(read_all(PATH, second, sizeof second), size);
    assert_memory_equal(first, second, size);
    write_two_steps(nextafterf(0.5f, 1));
    read_all(PATH, second, sizeof second);
    assert_memory_not_equal(first, second, size);
}

static void test_refusals(void **state)
{
    (void)state;
    write_two_steps(1);
    ea_trace *trace;
    assert_int_equal(ea_trace_create(ctx, PATH, "x", NULL, &trace), EA_ERR_STATE);
    assert_non_null(strstr(ea_error_text(ctx), PATH));
    assert_int_equal(ea_trace_create(ctx, "no/such/folder", "x", NULL, &trace), EA_ERR_IO);
    trace = create();
    assert_int_equal(ea_trace_bytes(trace, 5, EA_TRACE_GENERATOR, "g", "state", 5), EA_OK);
    assert_int_equal(ea_trace_bytes(trace, 4, EA_TRACE_GENERATOR, "g", "state", 5),
                     EA_ERR_ARGUMENT);
    assert_non_null(strstr(ea_error_text(ctx), "step 4"));
    assert_int_equal(ea_trace_bytes(trace, 5, 9, "g", "state", 5), EA_ERR_ARGUMENT);
    char *name = calloc(1, EA_TRACE_NAME_MAX + 2);
    memset(name, 'n', EA_TRACE_NAME_MAX + 1);
    assert_int_equal(ea_trace_bytes(trace, 5, EA_TRACE_BATCH, name, "", 0), EA_ERR_ARGUMENT);
    name[EA_TRACE_NAME_MAX] = 0;
    assert_int_equal(ea_trace_bytes(trace, 5, EA_TRACE_BATCH, name, "", 0), EA_OK);
    free(name);
    assert_int_equal(ea_trace_close(trace), EA_OK);
}

static void test_a_killed_writer_loses_nothing(void **state)
{
    (void)state;
    unsigned char file[4096];
    remove(PATH);
    pid_t child = fork();
    if (child == 0) {
        ea_trace *trace = create();
        for (uint64_t step = 0; step < 3; step++)
            ea_trace_bytes(trace, step, EA_TRACE_BATCH, "b", &step, sizeof step);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(read_all(PATH, file, sizeof file), 64 * (1 + 2 + 2 + 3));
}

/* The file system refuses in the middle of a record: the trace says so and ends at a whole one. */
static void test_a_full_disk_leaves_whole_records(void **state)
{
    (void)state;
    unsigned char file[4096];
    struct rlimit saved, small;
    getrlimit(RLIMIT_FSIZE, &saved);
    small = (struct rlimit){ 64 * 6 + 17, saved.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ea_trace *trace = create();
    setrlimit(RLIMIT_FSIZE, &small);
    ea_status status = EA_OK;
    for (uint64_t step = 0; status == EA_OK; step++)
        status = ea_trace_bytes(trace, step, EA_TRACE_BATCH, "b", &step, sizeof step);
    setrlimit(RLIMIT_FSIZE, &saved);
    assert_int_equal(status, EA_ERR_IO);
    assert_non_null(strstr(ea_error_text(ctx), "File too large"));
    assert_int_equal(ea_trace_bytes(trace, 99, EA_TRACE_BATCH, "b", "", 0), EA_ERR_IO);
    assert_int_equal(ea_trace_close(trace), EA_ERR_IO);
    assert_int_equal(read_all(PATH, file, sizeof file), 64 * 6);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    ea_status status = EA_ERR_MEMORY;
    for (int64_t n = 1; status != EA_OK; n++) {
        ea_trace *trace;
        remove(PATH);
        core_alloc_fail_at(n);
        status = ea_trace_create(ctx, PATH, "x", NULL, &trace);
        if (status == EA_OK) {
            status = ea_trace_bytes(trace, 1, EA_TRACE_BATCH, "b", "xyz", 3);
            assert_int_equal(ea_trace_close(trace), status);
        }
        core_alloc_fail_at(0);
        assert_true(status == EA_OK || status == EA_ERR_MEMORY);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_is_the_documented_one),
        cmocka_unit_test(test_digest_is_xxh3_128),
        cmocka_unit_test(test_digest_is_of_values),
        cmocka_unit_test(test_equal_runs_write_equal_files),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_killed_writer_loses_nothing),
        cmocka_unit_test(test_a_full_disk_leaves_whole_records),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    if (ea_context_create(&(ea_context_options){ .threads = 1 }, &ctx) != EA_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ea_context_destroy(ctx);
    remove(PATH);
    return failed;
}
