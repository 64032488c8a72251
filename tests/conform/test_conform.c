/* The conformance set: every instruction set and thread count gives the definitions' digests. */
#include "conform/conform.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static int differing(ea_context *ctx, const conform_family *family)
{
    int count = 0;
    for (int i = 0; i < family->count; i++) {
        const conform_case *which = &family->cases[i];
        const char *golden = conform_golden(ea_context_contract(ctx), family, which);
        char digest[EA_DIGEST_HEX] = "";
        if (conform_run(ctx, which, digest) == EA_OK && strcmp(digest, golden) == 0)
            continue;
        print_error("%s %s/%s on %s, %d threads: got '%s', expected '%s' %s\n",
                    ea_contract_name(ea_context_contract(ctx)), family->name, which->name,
                    ea_context_isa(ctx), ea_context_threads(ctx), digest, golden,
                    ea_error_text(ctx));
        count++;
    }
    return count;
}

static void run_all(const char *isa, int threads)
{
    int count = 0;
    for (int contract = 0; ea_contract_name((ea_contract)contract); contract++) {
        ea_context *ctx;
        ea_context_options options = { .isa = isa,
                                       .threads = threads,
                                       .contract = (ea_contract)contract };
        assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
        for (int f = 0; conform_family_at(f); f++)
            count += differing(ctx, conform_family_at(f));
        ea_context_destroy(ctx);
    }
    assert_int_equal(count, 0);
}

static void test_definitions_made_the_golden_digests(void **state)
{
    (void)state;
    run_all("ref", 1);
}

static void test_every_instruction_set_and_thread_count(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 7 };
    for (int i = 1; ea_isa_available(i); i++)
        for (int t = 0; t < 4; t++)
            run_all(ea_isa_available(i), threads[t]);
}

/* Inputs do not depend on the instruction set, and different seeds differ. */
static void emit_inputs(conform *c)
{
    for (uint32_t seed = 1; seed <= 2; seed++)
        conform_emit(c, conform_floats(c, seed, 1, (int64_t[]){ 1000 }));
}

static void emit_first_input_twice(conform *c)
{
    for (int i = 0; i < 2; i++)
        conform_emit(c, conform_floats(c, 1, 1, (int64_t[]){ 1000 }));
}

static void emit_bad_call(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 1, (int64_t[]){ 3 });
    conform_check(c, ea_copy(conform_context(c), x, conform_floats(c, 1, 1, (int64_t[]){ 4 })));
}

static void test_a_difference_or_a_failure_is_seen(void **state)
{
    (void)state;
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    char a[EA_DIGEST_HEX], b[EA_DIGEST_HEX];
    assert_int_equal(conform_run(ctx, &(conform_case){ "a", emit_inputs }, a), EA_OK);
    assert_int_equal(conform_run(ctx, &(conform_case){ "b", emit_first_input_twice }, b), EA_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(conform_run(ctx, &(conform_case){ "c", emit_bad_call }, a), EA_ERR_SHAPE);
    assert_non_null(strstr(ea_error_text(ctx), "[3]"));
    ea_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions_made_the_golden_digests),
        cmocka_unit_test(test_every_instruction_set_and_thread_count),
        cmocka_unit_test(test_a_difference_or_a_failure_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
