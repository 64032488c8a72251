/* test_trace.c: where two traces part; damaged, cut and hostile ones. */
#include "test.h"

#include "core/memory.h"
#include "ledger/trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A "test_trace_a.tmp"
#define B "test_trace_b.tmp"

enum { STEPS = 5, TENSORS = 4, BYTES_MAX = 1 << 16 };

static const char *const names[TENSORS] = { "batch.images", "conv1.weight", "conv1.weight.grad",
                                            "loss" };

/* What the second trace has otherwise. */
typedef struct change {
    int step, tensor; /* this tensor of this step has another value */
    const char *name; /* … or another name */
    int first, last;  /* the steps that are traced */
} change;

static void write_trace(const char *path, const change *c)
{
    ea_trace *trace;
    remove(path);
    assert_int_equal(ea_trace_create(NULL, path, "test", NULL, &trace), EA_OK);
    for (int step = c->first; step < c->last; step++)
        for (int t = 0; t < TENSORS; t++) {
            bool here = step == c->step && t == c->tensor;
            float values[3] = { (float)step, (float)t, here && !c->name ? -0.0f : 0.0f };
            DLTensor tensor = { .data = values + (t == 3 ? 2 : 0),
                                .device = { kDLCPU, 0 },
                                .ndim = t == 3 ? 0 : 1,
                                .dtype = EA_FLOAT32,
                                .shape = (int64_t[]){ 3 } };
            assert_int_equal(ea_trace_tensor(trace, (uint64_t)step,
                                             (ea_trace_role)(EA_TRACE_BATCH + t),
                                             here && c->name ? c->name : names[t], &tensor),
                             EA_OK);
        }
    assert_int_equal(ea_trace_close(trace), EA_OK);
}

/* The names are copied: the traces are closed again. */
typedef struct result {
    ledger_trace_difference d;
    char name_a[64], name_b[64], ending_b[96];
} result;

static result compare(const change *b)
{
    result r = { 0 };
    ledger_trace *x, *y;
    write_trace(A, &(change){ .step = -1, .last = STEPS });
    if (b)
        write_trace(B, b);
    assert_int_equal(ledger_trace_open(NULL, A, &x), EA_OK);
    assert_int_equal(ledger_trace_open(NULL, B, &y), EA_OK);
    assert_int_equal(ledger_trace_compare(x, y, &r.d), EA_OK);
    if (r.d.has_a)
        strcpy(r.name_a, ledger_trace_string(x, r.d.a.name));
    if (r.d.has_b)
        strcpy(r.name_b, ledger_trace_string(y, r.d.b.name));
    assert_null(ledger_trace_ending(x) && r.d.outcome == LEDGER_TRACES_SAME ? "ending" : NULL);
    if (ledger_trace_ending(y))
        strcpy(r.ending_b, ledger_trace_ending(y));
    ledger_trace_close(x);
    ledger_trace_close(y);
    return r;
}

static void test_every_place_of_a_difference_is_found(void **state)
{
    (void)state;
    for (int step = 0; step < STEPS; step++)
        for (int t = 0; t < TENSORS; t++) {
            result r = compare(&(change){ step, t, NULL, 0, STEPS });
            assert_int_equal(r.d.outcome, LEDGER_TRACES_VALUE);
            assert_int_equal(r.d.a.step, step);
            assert_string_equal(r.name_a, names[t]);
            assert_int_equal(r.d.equal, step * TENSORS + t);
            assert_int_equal(r.d.differing, 1);
            r = compare(&(change){ step, t, "other", 0, STEPS });
            assert_int_equal(r.d.outcome, LEDGER_TRACES_STRUCTURE);
            assert_string_equal(r.name_b, "other");
            assert_int_equal(r.d.equal, step * TENSORS + t);
        }
}

static void test_same_and_shorter(void **state)
{
    (void)state;
    result r = compare(&(change){ .step = -1, .last = STEPS });
    assert_int_equal(r.d.outcome, LEDGER_TRACES_SAME);
    assert_int_equal(r.d.equal, STEPS * TENSORS);
    r = compare(&(change){ .step = -1, .last = 3 });
    assert_int_equal(r.d.outcome, LEDGER_TRACES_LENGTH);
    assert_true(r.d.has_a && !r.d.has_b && r.d.a.step == 3);
}

static void test_a_resumed_run_is_compared_from_its_first_step(void **state)
{
    (void)state;
    result r = compare(&(change){ .step = -1, .first = 2, .last = STEPS });
    assert_int_equal(r.d.outcome, LEDGER_TRACES_SAME);
    assert_int_equal(r.d.skipped_a, 2 * TENSORS);
    assert_int_equal(r.d.equal, 3 * TENSORS);
    r = compare(&(change){ .step = 3, .tensor = 1, .first = 2, .last = STEPS });
    assert_int_equal(r.d.outcome, LEDGER_TRACES_VALUE);
    assert_int_equal(r.d.a.step, 3);
}

/* A file that ends anywhere is read up to its last whole record, and says that it was cut. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    char bytes[BYTES_MAX];
    write_trace(B, &(change){ .step = -1, .last = STEPS });
    FILE *file = fopen(B, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t keep = IO_TRACE_RECORD; keep < size; keep += 7) {
        assert_int_equal(truncate(B, 0), 0);
        file = fopen(B, "wb");
        fwrite(bytes, 1, keep, file);
        fclose(file);
        result r = compare(NULL);
        assert_true(r.d.outcome == LEDGER_TRACES_LENGTH || r.d.outcome == LEDGER_TRACES_SAME);
        assert_true(r.ending_b[0]);
        assert_true(r.d.equal <= keep / IO_TRACE_RECORD);
    }
}

/* One changed byte never goes unnoticed and never gives a wrong tensor. */
static void test_one_wrong_byte(void **state)
{
    (void)state;
    char bytes[BYTES_MAX];
    write_trace(B, &(change){ .step = -1, .last = STEPS });
    FILE *file = fopen(B, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    srand(1);
    for (int i = 0; i < 300; i++) {
        size_t at = IO_TRACE_RECORD + (size_t)rand() % (size - IO_TRACE_RECORD);
        char saved = bytes[at];
        bytes[at] = (char)(bytes[at] ^ (1 + rand() % 255));
        file = fopen(B, "wb");
        fwrite(bytes, 1, size, file);
        fclose(file);
        bytes[at] = saved;
        result r = compare(NULL);
        if (r.d.outcome == LEDGER_TRACES_SAME) /* a string's padding means nothing */
            assert_int_equal(r.d.equal, STEPS * TENSORS);
        else
            assert_true(r.d.outcome == LEDGER_TRACES_LENGTH && r.ending_b[0]);
    }
}

static void test_no_trace(void **state)
{
    (void)state;
    ledger_trace *trace;
    FILE *file = fopen(B, "wb");
    fputs("something else that is longer than a header of a trace, which has 64 bytes", file);
    fclose(file);
    assert_int_equal(ledger_trace_open(NULL, B, &trace), EA_ERR_FORMAT);
    assert_int_equal(ledger_trace_open(NULL, "no/such/file", &trace), EA_ERR_IO);
    file = fopen(B, "wb");
    fwrite("EADEMTRC\2", 1, 9, file);
    fwrite((char[55]){ 0 }, 1, 55, file);
    fclose(file);
    assert_int_equal(ledger_trace_open(NULL, B, &trace), EA_ERR_FORMAT);
    assert_non_null(strstr(ea_error_text(NULL), "later version"));
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    write_trace(A, &(change){ .step = -1, .last = STEPS });
    ea_status status = EA_ERR_MEMORY;
    for (int64_t n = 1; status != EA_OK; n++) {
        ledger_trace *trace = NULL;
        core_alloc_fail_at(n);
        status = ledger_trace_open(NULL, A, &trace);
        bool got = status == EA_OK;
        io_trace_record record;
        while (got)
            if ((status = ledger_trace_next(trace, &record, &got)) != EA_OK)
                break;
        core_alloc_fail_at(0);
        ledger_trace_close(trace);
        assert_true(status == EA_OK || status == EA_ERR_MEMORY);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_place_of_a_difference_is_found),
        cmocka_unit_test(test_same_and_shorter),
        cmocka_unit_test(test_a_resumed_run_is_compared_from_its_first_step),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_one_wrong_byte),
        cmocka_unit_test(test_no_trace),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(A);
    remove(B);
    return failed;
}
