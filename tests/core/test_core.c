/* Context, pool, arena, storage types, digests. */
#include "core/memory.h"
#include "core/pool.h"
#include "core/view.h"
#include "test.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static void test_unknown_isa_lists_the_possible(void **state)
{
    (void)state;
    ea_context *ctx;
    assert_int_equal(ea_context_create(&(ea_context_options){ .isa = "sse9" }, &ctx),
                     EA_ERR_ARGUMENT);
    assert_null(ctx);
    assert_non_null(strstr(ea_error_text(NULL), "sse9"));
    assert_non_null(strstr(ea_error_text(NULL), "ref, generic"));
    setenv("EADEM_THREADS", "zero", 1);
    assert_int_equal(ea_context_create(NULL, &ctx), EA_ERR_ARGUMENT);
    unsetenv("EADEM_THREADS");
}

static void count_items(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    unsigned char *seen = argument;
    for (int64_t i = begin; i < end; i++)
        seen[i]++;
}

static void test_pool_runs_every_item_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 7; threads += 3) {
        ea_context *ctx;
        assert_int_equal(ea_context_create(&(ea_context_options){ .threads = threads }, &ctx),
                         EA_OK);
        for (int64_t n = 0; n < 300; n += 7) {
            unsigned char seen[300] = { 0 };
            core_parallel(ctx, n, 3, count_items, seen);
            for (int64_t i = 0; i < 300; i++)
                assert_int_equal(seen[i], i < n);
        }
        ea_context_destroy(ctx);
    }
}

static bool rounds_up(void)
{
    volatile float one = 1, little = 0x1p-30f;
    return one + little > one;
}

/* A host that calls the workers' bodies backwards, on two threads, with its own rounding. */
typedef struct host {
    int workers;
    void (*body)(void *argument, int worker);
    void *argument;
    int runs;
} host;

static void *run_odd_workers(void *argument)
{
    host *h = argument;
    fesetround(FE_UPWARD);
    for (int w = h->workers - 1; w >= 0; w--)
        if (w % 2)
            h->body(h->argument, w);
    assert_true(rounds_up());
    return NULL;
}

static void run_workers(void *argument, int workers, void (*body)(void *, int), void *of_body)
{
    host *h = argument;
    *h = (host){ workers, body, of_body, h->runs + 1 };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_odd_workers, h), 0);
    for (int w = workers - 1; w >= 0; w--)
        if (w % 2 == 0)
            body(of_body, w);
    pthread_join(thread, NULL);
}

static void count_items_rounding(void *argument, int64_t begin, int64_t end, int worker)
{
    assert_false(rounds_up());
    assert_in_range(worker, 0, 4);
    count_items(argument, begin, end, worker);
}

static void test_host_threads(void **state)
{
    (void)state;
    host h = { 0 };
    ea_context *ctx;
    ea_context_options options = { .threads = 5, .run_workers = run_workers, .host = &h };
    assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
    for (int64_t n = 4; n < 300; n += 37) {
        unsigned char seen[300] = { 0 };
        core_parallel(ctx, n, 3, count_items_rounding, seen);
        for (int64_t i = 0; i < 300; i++)
            assert_int_equal(seen[i], i < n);
    }
    assert_int_equal(h.runs, 8);
    assert_int_equal(h.workers, 5);
    ea_context_destroy(ctx);
}

static void test_arena_reuses(void **state)
{
    (void)state;
    core_arena *arena = core_arena_create();
    core_mark mark = core_arena_mark(arena);
    char *first = core_arena_alloc(arena, 100);
    char *second = core_arena_alloc(arena, 5 << 20);
    assert_true((uintptr_t)first % 64 == 0 && (uintptr_t)second % 64 == 0);
    memset(first, 1, 100);
    memset(second, 2, 5 << 20);
    assert_int_equal(first[99], 1);
    core_arena_release(arena, mark);
    assert_ptr_equal(core_arena_alloc(arena, 64), first);
    core_arena_destroy(arena);
}

/* Every half is exactly a float, and rounding a float finds the nearest half, ties to even. */
static void test_f16_round_trip(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = core_from_f16((uint16_t)h);
        if (isnan(x))
            continue;
        assert_int_equal(core_to_f16(x), h);
        if ((h & 0x7fff) < 0x7bff) {
            float next = core_from_f16((uint16_t)(h + 1)), middle = (float)(((double)x + next) / 2);
            assert_int_equal(core_to_f16(middle), h & 1 ? h + 1 : h);
            assert_int_equal(core_to_f16(nextafterf(middle, x)), h);
            assert_int_equal(core_to_f16(nextafterf(middle, next)), h + 1);
        }
    }
    assert_int_equal(core_to_f16(65519.996f), 0x7bff);
    assert_int_equal(core_to_f16(65520.0f), 0x7c00);
}

static void test_digest_is_sha256_of_bytes(void **state)
{
    (void)state;
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    DLTensor *t;
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ 3 }, &t), EA_OK);
    memcpy(t->data, "abc", 3);
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_digest(ctx, t, hex), EA_OK); /* FIPS 180-2's example */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ea_tensor_free(t);
    ea_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_isa_lists_the_possible),
        cmocka_unit_test(test_pool_runs_every_item_once),
        cmocka_unit_test(test_host_threads),
        cmocka_unit_test(test_arena_reuses),
        cmocka_unit_test(test_f16_round_trip),
        cmocka_unit_test(test_digest_is_sha256_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
