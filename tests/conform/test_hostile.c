/* The conformance set under hostile callers: floating-point settings that the library must neither
 * heed nor lose, memory that runs out at every allocation, several threads at once. */
#include "conform/conform.h"
#include "core/fp.h"
#include "core/memory.h"
#include "test.h"

#include <fenv.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static ea_context *new_context(const char *isa, ea_contract contract, int threads)
{
    ea_context *ctx;
    ea_context_options options = { .isa = isa, .contract = contract, .threads = threads };
    assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
    return ctx;
}

/* Cases that failed or differ from the golden digests. */
static int count_wrong(ea_context *ctx)
{
    int wrong = 0;
    for (int f = 0; conform_family_at(f); f++)
        for (int i = 0; i < conform_family_at(f)->count; i++) {
            const conform_case *which = &conform_family_at(f)->cases[i];
            const char *golden =
                conform_golden(ea_context_contract(ctx), conform_family_at(f), which);
            char digest[EA_DIGEST_HEX];
            wrong += conform_run(ctx, which, digest) != EA_OK || strcmp(digest, golden) != 0;
        }
    return wrong;
}

/* --- The caller's floating-point environment -------------------------------------------------- */

typedef struct settings {
    const char *name;
    int rounding;
    bool flush; /* subnormals to zero, where the machine can */
} settings;

static void set_hostile(const settings *s)
{
    fesetround(s->rounding);
#if defined(__x86_64__)
    if (s->flush)
        _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    if (s->flush)
        __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | (uint64_t)1 << 24));
#endif
}

/* What the settings do to a product: 1 + 2^−60 or the like, and a subnormal. */
static float probe(float tiny)
{
    volatile float one = 1, small = tiny;
    return one + small;
}

static void test_settings_are_neither_heeded_nor_lost(void **state)
{
    (void)state;
    static const settings all[] = {
        { "flush to zero", FE_TONEAREST, true },
        { "upward", FE_UPWARD, false },
        { "downward and flush", FE_DOWNWARD, true },
        { "toward zero", FE_TOWARDZERO, false },
    };
    for (int s = 0; s < 4; s++)
        for (int isa = 0; ea_isa_available(isa); isa++) {
            ea_context *ctx = new_context(ea_isa_available(isa), (ea_contract)(s % 2), 2);
            fenv_t before;
            fegetenv(&before);
            set_hostile(&all[s]);
            float expected = probe(0x1p-60f);
            int wrong = count_wrong(ctx), rounding = fegetround();
            float after = probe(0x1p-60f);
#if defined(__x86_64__)
            bool flushes = (_mm_getcsr() & 0x8040) == 0x8040;
#else
            bool flushes = all[s].flush;
#endif
            fesetenv(&before);
            ea_context_destroy(ctx);
            if (wrong)
                fail_msg("%d cases differ on %s with %s", wrong, ea_isa_available(isa),
                         all[s].name);
            assert_int_equal(rounding, all[s].rounding);
            assert_true(after == expected);
            assert_int_equal(flushes, all[s].flush);
        }
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Fails the n-th allocation of the case, n = 1, 2, …, until there is none to fail. */
static void exhaust(const conform_family *family, const conform_case *which)
{
    for (int64_t n = 1;; n++) {
        ea_context *ctx = new_context(NULL, EA_CONTRACT_CHAIN, 1);
        char digest[EA_DIGEST_HEX];
        core_alloc_fail_at(n);
        ea_status status = conform_run(ctx, which, digest);
        int64_t allocations = core_alloc_count();
        core_alloc_fail_at(0);
        if (status != EA_OK)
            assert_non_null(strstr(ea_error_text(ctx), "memory"));
        ea_context_destroy(ctx);
        assert_int_equal(status, n <= allocations ? EA_ERR_MEMORY : EA_OK);
        if (status == EA_OK) {
            assert_string_equal(digest, conform_golden(EA_CONTRACT_CHAIN, family, which));
            return;
        }
    }
}

static void test_memory_fails_at_every_allocation(void **state)
{
    (void)state;
    for (int f = 0; conform_family_at(f); f++)
        for (int i = 0; i < conform_family_at(f)->count; i++)
            exhaust(conform_family_at(f), &conform_family_at(f)->cases[i]);
}

/* --- Threads ---------------------------------------------------------------------------------- */

static void *run_set(void *argument)
{
    int *wrong = argument;
    ea_context *ctx = new_context(NULL, EA_CONTRACT_CHAIN, 2);
    *wrong = count_wrong(ctx);
    ea_context_destroy(ctx);
    return NULL;
}

static void test_contexts_in_several_threads(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    pthread_t threads[CALLERS];
    int wrong[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_set, &wrong[i]), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(wrong[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_are_neither_heeded_nor_lost),
        cmocka_unit_test(test_memory_fails_at_every_allocation),
        cmocka_unit_test(test_contexts_in_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
