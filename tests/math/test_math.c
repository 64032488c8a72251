/* test_math.c: the elementary functions: special values, and every kernel against the scalar
 * functions. Correct rounding itself is tested by tests/math/test_rounding.sh and eadem-exhaustive.
 */
#include "core/view.h"
#include "cpu/isa/isa.h"
#include "math/math.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

enum { BLOCK = 1 << 11 };

static void assert_same(math_function f, const char *who, float x, float got, float expected)
{
    if (core_float_bits(got) != core_float_bits(expected) && !(isnan(got) && isnan(expected)))
        fail_msg("%s (%s) at %a: got %a, expected %a", math_name(f), who, (double)x, (double)got,
                 (double)expected);
}

/* Special values as C's Annex F and PyTorch have them. */
static void test_special(void **state)
{
    (void)state;
    const float inf = INFINITY;
    static const float x[] = { 0.0f, -0.0f, INFINITY, -INFINITY, NAN };
    const float log_2 = 0x1.62e43p-1f, half_pi = 0x1.921fb6p0f;
    const float expected[MATH_FUNCTION_COUNT][5] = {
        [MATH_EXP] = { 1, 1, inf, 0, NAN },
        [MATH_EXP2] = { 1, 1, inf, 0, NAN },
        [MATH_EXP2_DERIVATIVE] = { log_2, log_2, inf, 0, NAN },
        [MATH_EXPM1] = { 0, -0.0f, inf, -1, NAN },
        [MATH_LOG] = { -inf, -inf, inf, NAN, NAN },
        [MATH_LOG2] = { -inf, -inf, inf, NAN, NAN },
        [MATH_LOG2_DERIVATIVE] = { inf, -inf, 0, -0.0f, NAN },
        [MATH_LOG10] = { -inf, -inf, inf, NAN, NAN },
        [MATH_LOG10_DERIVATIVE] = { inf, -inf, 0, -0.0f, NAN },
        [MATH_LOG1P] = { 0, -0.0f, inf, NAN, NAN },
        [MATH_LOG1P_DERIVATIVE] = { 1, 1, 0, -0.0f, NAN },
        [MATH_SQRT] = { 0, -0.0f, inf, NAN, NAN },
        [MATH_SQRT_DERIVATIVE] = { inf, -inf, 0, NAN, NAN },
        [MATH_TANH] = { 0, -0.0f, 1, -1, NAN },
        [MATH_TANH_DERIVATIVE] = { 1, 1, 0, 0, NAN },
        [MATH_SIGMOID] = { 0.5f, 0.5f, 1, 0, NAN },
        [MATH_SIGMOID_DERIVATIVE] = { 0.25f, 0.25f, 0, 0, NAN },
        [MATH_SOFTPLUS] = { log_2, log_2, inf, 0, NAN },
        [MATH_LOGSIGMOID] = { -log_2, -log_2, -0.0f, -inf, NAN },
        [MATH_SILU] = { 0, -0.0f, inf, -0.0f, NAN },
        [MATH_SILU_DERIVATIVE] = { 0.5f, 0.5f, 1, -0.0f, NAN },
        [MATH_GELU] = { 0, -0.0f, inf, -0.0f, NAN },
        [MATH_GELU_DERIVATIVE] = { 0.5f, 0.5f, 1, -0.0f, NAN },
        [MATH_GELU_TANH] = { 0, -0.0f, inf, -0.0f, NAN },
        [MATH_GELU_TANH_DERIVATIVE] = { 0.5f, 0.5f, 1, -0.0f, NAN },
        [MATH_MISH] = { 0, -0.0f, inf, -0.0f, NAN },
        [MATH_MISH_DERIVATIVE] = { 0.6f, 0.6f, 1, -0.0f, NAN },
        [MATH_ERF] = { 0, -0.0f, 1, -1, NAN },
        [MATH_ERF_DERIVATIVE] = { 0x1.20dd76p0f, 0x1.20dd76p0f, 0, 0, NAN },
        [MATH_ERFC] = { 1, 1, 0, 2, NAN },
        [MATH_ERFINV] = { 0, -0.0f, NAN, NAN, NAN },
        [MATH_ERFINV_DERIVATIVE] = { 0x1.c5bf8ap-1f, 0x1.c5bf8ap-1f, NAN, NAN, NAN },
        [MATH_SIN] = { 0, -0.0f, NAN, NAN, NAN },
        [MATH_COS] = { 1, 1, NAN, NAN, NAN },
        [MATH_TAN] = { 0, -0.0f, NAN, NAN, NAN },
        [MATH_TAN_DERIVATIVE] = { 1, 1, NAN, NAN, NAN },
        [MATH_ASINH_DERIVATIVE] = { 1, 1, 0, 0, NAN },
        [MATH_ACOSH_DERIVATIVE] = { NAN, NAN, 0, NAN, NAN },
        [MATH_ATANH_DERIVATIVE] = { 1, 1, -0.0f, -0.0f, NAN },
        [MATH_ATAN] = { 0, -0.0f, half_pi, -half_pi, NAN },
        [MATH_ATAN_DERIVATIVE] = { 1, 1, 0, 0, NAN },
        [MATH_ASIN] = { 0, -0.0f, NAN, NAN, NAN },
        [MATH_ASIN_DERIVATIVE] = { 1, 1, NAN, NAN, NAN },
        [MATH_ACOS] = { half_pi, half_pi, NAN, NAN, NAN },
        [MATH_SINH] = { 0, -0.0f, inf, -inf, NAN },
        [MATH_COSH] = { 1, 1, inf, inf, NAN },
        [MATH_ASINH] = { 0, -0.0f, inf, -inf, NAN },
        [MATH_ACOSH] = { NAN, NAN, inf, NAN, NAN },
        [MATH_ATANH] = { 0, -0.0f, NAN, NAN, NAN },
        [MATH_SELU] = { 0, -0.0f, inf, -0x1.c212ccp0f, NAN },
        [MATH_SELU_DERIVATIVE] = { 0x1.c212ccp0f, 0x1.c212ccp0f, 0x1.0cfabep0f, 0, NAN },
        [MATH_HARDSWISH] = { 0, -0.0f, inf, -0.0f, NAN },
        [MATH_HARDSWISH_DERIVATIVE] = { 0.5f, 0.5f, 1, 0, NAN },
        [MATH_HARDSIGMOID] = { 0.5f, 0.5f, 1, 0, NAN },
        [MATH_CBRT_DERIVATIVE] = { inf, inf, 0, 0, NAN },
        [MATH_RECIPROCAL_DERIVATIVE] = { -inf, -inf, -0.0f, -0.0f, NAN },
        [MATH_CBRT] = { 0, -0.0f, inf, -inf, NAN },
        [MATH_RSQRT] = { inf, -inf, 0, NAN, NAN },
        [MATH_RSQRT_DERIVATIVE] = { -inf, -inf, -0.0f, NAN, NAN },
    };
    for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
        for (int i = 0; i < 5; i++)
            assert_same((math_function)f, "scalar", x[i], math_scalar((math_function)f)(x[i]),
                        expected[f][i]);
}

/* The inputs whose values lie nearest to a point halfway between two floats, with the results that
 * MPFR gives; listed by eadem-exhaustive --hard. */
static void check_hard_case(math_function f, float x, float expected)
{
    float many[128], y[128]; /* enough for the vector kernels' quickest loops */
    assert_same(f, "scalar", x, math_scalar(f)(x), expected);
    for (int i = 0; i < 128; i++)
        many[i] = x;
    for (int isa = 0; ea_isa_available(isa); isa++) {
        ea_context *ctx;
        ea_context_options options = { .threads = 1, .isa = ea_isa_available(isa) };
        assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
        cpu_kernels_of(ctx)->math[f](many, y, 128);
        for (int i = 0; i < 128; i++)
            assert_same(f, options.isa, x, y[i], expected);
        ea_context_destroy(ctx);
    }
}

static void test_hard_cases(void **state)
{
    (void)state;
    FILE *file = fopen(EADEM_SOURCE_DIR "/tests/math/hard_cases.txt", "r");
    assert_non_null(file);
    char name[64];
    unsigned input, output;
    int count = 0;
    while (fscanf(file, "%63s %x %x", name, &input, &output) == 3)
        for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
            if (strcmp(name, math_name((math_function)f)) == 0) {
                check_hard_case((math_function)f, core_bits_float(input), core_bits_float(output));
                count++;
            }
    fclose(file);
    assert_true(count > 3900);
}

/* Blocks around every power of two and one float in 4099. */
static int64_t fill(float *x, uint32_t round)
{
    if (round < 512) {
        for (uint32_t i = 0; i < BLOCK; i++)
            x[i] = core_bits_float((round << 23) + i - BLOCK / 2);
        return BLOCK;
    }
    for (uint32_t i = 0; i < BLOCK; i++)
        x[i] = core_bits_float(((round - 512) * BLOCK + i) * 4099);
    return BLOCK;
}

static void test_kernels(void **state)
{
    (void)state;
    static float x[BLOCK], y[BLOCK];
    for (int isa = 0; ea_isa_available(isa); isa++) {
        ea_context *ctx;
        ea_context_options options = { .threads = 1, .isa = ea_isa_available(isa) };
        assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
        const cpu_kernels *kernels = cpu_kernels_of(ctx);
        for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
            for (uint32_t round = 0; round < 512 + 512; round++) {
                int64_t n = fill(x, round);
                kernels->math[f](x, y, n);
                for (int64_t i = 0; i < n; i += 1 + (round < 512) * 3)
                    assert_same((math_function)f, options.isa, x[i], y[i],
                                math_scalar((math_function)f)(x[i]));
            }
        ea_context_destroy(ctx);
    }
}

/* Any length, in place, and nothing behind the end written. */
static void test_lengths(void **state)
{
    (void)state;
    float x[70], y[70];
    for (int isa = 0; ea_isa_available(isa); isa++) {
        ea_context *ctx;
        ea_context_options options = { .threads = 1, .isa = ea_isa_available(isa) };
        assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
        const cpu_kernels *kernels = cpu_kernels_of(ctx);
        for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
            for (int n = 0; n < 69; n++) {
                for (int i = 0; i < 70; i++)
                    x[i] = y[i] = 0.1f * (float)(i + 1);
                kernels->math[f](y, y, n);
                for (int i = 0; i < 70; i++)
                    assert_same((math_function)f, options.isa, x[i], y[i],
                                i < n ? math_scalar((math_function)f)(x[i]) : x[i]);
            }
        ea_context_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_special),
                                        cmocka_unit_test(test_hard_cases),
                                        cmocka_unit_test(test_kernels),
                                        cmocka_unit_test(test_lengths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
