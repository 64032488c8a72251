/* Law: products with weights laid out as panels have the bits of the definition with the weights as
 * floats: any format, instruction set, thread count, number of rows, terms and columns. */
#include "core/memory.h"
#include "cpu/cpu.h"
#include "cpu/panels.h"
#include "eadem/core.h"
#include "ref/transformer.h"
#include "test.h"

#include <math.h>
#include <string.h>

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

/* Numbers whose sums round; some are zeros, subnormal, or far from the others. */
static float random_number(void)
{
    static const float factors[] = { 0, -0.0f, 0x1p-130f, 0x1p-75f, 0x1p+40f };
    float x = ((float)random_below(1 << 24) - 0x1p23f) * 0x1p-22f;
    return random_below(100) < 5 ? x * factors[random_below(5)] : x;
}

enum { MOST_ROWS = 40, MOST_TERMS = 2304, MOST_COLUMNS = 200 };

static float x[MOST_ROWS * MOST_TERMS], addend[MOST_COLUMNS];
static float weights[MOST_TERMS * MOST_COLUMNS];
static float expected[MOST_ROWS * MOST_COLUMNS], result[MOST_ROWS * MOST_COLUMNS];
static unsigned char stored[MOST_TERMS * MOST_COLUMNS * 4];

/* A float16 of either sign, 2⁻¹⁰ … 2⁻⁵, as models have them. */
static void store_ordinary_scale(unsigned char *to)
{
    uint32_t bits = random_below(2) << 15 | (5 + random_below(5)) << 10 | random_below(1024);
    to[0] = (unsigned char)bits;
    to[1] = (unsigned char)(bits >> 8);
}

/* Blocks are random bits, so that a scale is any float16, or have ordinary scales; plain elements
 * are random numbers. */
static void fill_lines(const ref_lines *lines, int64_t terms, int64_t columns, bool ordinary)
{
    int elements, bytes;
    ref_quant_block(lines->format, &elements, &bytes);
    for (int64_t i = 0; i < columns * lines->line_bytes; i++)
        stored[i] = (unsigned char)random_below(256);
    for (int64_t i = 0; elements > 1 && ordinary && i < columns * lines->line_bytes; i += bytes) {
        store_ordinary_scale(stored + i + (lines->format == REF_QUANT_Q6_K ? 208 : 0));
        if (lines->format == REF_QUANT_Q4_K)
            store_ordinary_scale(stored + i + 2);
    }
    if (elements > 1)
        return;
    ea_view view = core_view_make(stored,
                                  lines->format == REF_QUANT_F32   ? CORE_F32
                                  : lines->format == REF_QUANT_F16 ? CORE_F16
                                                                   : CORE_BF16,
                                  1, (int64_t[]){ columns * terms });
    for (int64_t i = 0; i < columns * terms; i++)
        core_store(&view, i, random_number());
}

static void check_result(const char *name, ref_quant format, int threads, int64_t rows,
                         int64_t terms, int64_t columns)
{
    for (int64_t i = 0; i < rows * columns; i++)
        if (core_float_bits(result[i]) != core_float_bits(expected[i]) &&
            !(isnan(result[i]) && isnan(expected[i])))
            fail_msg("%s %s, %d threads, %lld x %lld x %lld: element %lld is %a, not %a", name,
                     ref_quant_name(format), threads, (long long)rows, (long long)terms,
                     (long long)columns, (long long)i, (double)result[i], (double)expected[i]);
}

static void define_product(const ref_lines *lines, int64_t rows, int64_t terms, int64_t columns,
                           bool with_bias)
{
    for (int64_t i = 0; i < columns * terms; i++)
        weights[i] =
            ref_dequantize(lines->format, lines->data + i / terms * lines->line_bytes, i % terms);
    ea_view right = core_view_make(weights, CORE_F32, 2, (int64_t[]){ terms, columns });
    right.stride[0] = 1, right.stride[1] = terms;
    ref_projection(rows, x, &right, with_bias ? addend : NULL, expected);
}

static void product_case(ref_quant format, bool ordinary, int64_t rows, int64_t terms,
                         int64_t columns)
{
    int elements, bytes;
    bool with_bias = random_below(2);
    ref_quant_block(format, &elements, &bytes);
    ref_lines lines = { format, stored, terms / elements * bytes };
    fill_lines(&lines, terms, columns, ordinary);
    for (int64_t i = 0; i < rows * terms; i++)
        x[i] = random_number();
    for (int64_t i = 0; i < columns; i++)
        addend[i] = random_number();
    define_product(&lines, rows, terms, columns, with_bias);
    for (int64_t i = 0; ordinary && i < rows * columns; i++)
        assert_true(isfinite(expected[i]));
    for (int i = 1; ea_isa_available(i); i++)
        for (int threads = 1; threads <= 3; threads++) {
            ea_context *ctx;
            ea_context_options options = { .isa = ea_isa_available(i), .threads = threads };
            assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
            cpu_panels panels = { cpu_panels_format(format), terms, columns, NULL };
            panels.data = core_alloc(cpu_panels_bytes(panels.format, terms, columns));
            assert_non_null(panels.data);
            cpu_panels_from_lines(ctx, &lines, &panels);
            memset(result, 0xff, sizeof result);
            assert_int_equal(
                cpu_matmul_panels(ctx, rows, x, &panels, with_bias ? addend : NULL, result), EA_OK);
            check_result(ea_isa_available(i), format, threads, rows, terms, columns);
            core_free(panels.data);
            ea_context_destroy(ctx);
        }
}

static const ref_quant formats[] = { REF_QUANT_F32,  REF_QUANT_F16,  REF_QUANT_BF16, REF_QUANT_Q8_0,
                                     REF_QUANT_Q4_0, REF_QUANT_Q4_K, REF_QUANT_Q6_K };

static bool is_of_blocks(ref_quant format)
{
    int elements, bytes;
    ref_quant_block(format, &elements, &bytes);
    return elements > 1;
}

/* Formats of blocks twice: most products with scales of random bits are not finite, and hide what
 * finite ones show. */
static void test_products(void **state)
{
    (void)state;
    static const int64_t rows[] = { 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 40 };
    static const int64_t terms[] = { 32, 64, 96, 800, 1024, 1056, 2080 };
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (int ordinary = 0; ordinary <= is_of_blocks(formats[f]); ordinary++) {
                bool k_quant = formats[f] == REF_QUANT_Q4_K || formats[f] == REF_QUANT_Q6_K;
                int64_t n = k_quant ? 256 * (1 + random_below(5)) : terms[random_below(7)];
                product_case(formats[f], ordinary, rows[i], n, 1 + random_below(MOST_COLUMNS));
            }
    for (int i = 0; i < 30; i++)
        product_case(formats[i % 3], false, 1 + random_below(20), 1 + random_below(1300),
                     1 + random_below(MOST_COLUMNS));
}

/* Weights whose columns are neighbours, as GPT-2 has them. */
static void test_views(void **state)
{
    (void)state;
    int64_t rows = 3, terms = 1100, columns = 131;
    ref_lines lines = { REF_QUANT_F32, stored, terms * 4 };
    fill_lines(&lines, terms, columns, false);
    for (int64_t i = 0; i < rows * terms; i++)
        x[i] = random_number();
    define_product(&lines, rows, terms, columns, false);
    for (int64_t i = 0; i < terms * columns; i++)
        weights[i % terms * columns + i / terms] = ((const float *)(void *)stored)[i];
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    ea_view view = core_view_make(weights, CORE_F32, 2, (int64_t[]){ terms, columns });
    cpu_panels panels = { REF_QUANT_F32, terms, columns,
                          core_alloc(cpu_panels_bytes(REF_QUANT_F32, terms, columns)) };
    cpu_panels_from_view(ctx, &view, &panels);
    assert_int_equal(cpu_matmul_panels(ctx, rows, x, &panels, NULL, result), EA_OK);
    check_result("a view", REF_QUANT_F32, 0, rows, terms, columns);
    core_free(panels.data);
    ea_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_products),
                                        cmocka_unit_test(test_views) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
