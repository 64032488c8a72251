/* Rotary positions against mpmath (tests/golden/make_rope.py); the fast steps of a language model
 * against their definitions, bit for bit, over random shapes, instruction sets and thread counts.
 */
#include "core/memory.h"
#include "core/view.h"
#include "cpu/transformer.h"
#include "ref/rope.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t random_state = 88172645463325252u;

static uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static int random_below(int n)
{
    return (int)(random_bits() % (uint32_t)n);
}

static float *random_floats(int64_t n)
{
    float *x = core_alloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = ((float)random_bits() / 4294967296.0f - 0.5f) * 6;
    return x;
}

static void expect_same(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (core_float_bits(a[i]) != core_float_bits(b[i]))
            fail_msg("element %lld: %a is not %a", (long long)i, (double)a[i], (double)b[i]);
}

static void test_rope_is_correctly_rounded(void **state)
{
    (void)state;
    FILE *file = fopen(EADEM_SOURCE_DIR "/tests/golden/rope.txt", "r");
    assert_non_null(file);
    char line[256];
    int frequencies = 0, angles = 0;
    while (fgets(line, sizeof line, file)) {
        double theta;
        int dim, i;
        uint32_t bits, c_bits, s_bits;
        long long position;
        if (sscanf(line, "frequency %lf %d %d %x", &theta, &dim, &i, &bits) == 4) {
            float frequency[128];
            ref_rope_frequencies(&(ref_rope){ .theta = theta }, dim, frequency);
            assert_int_equal(core_float_bits(frequency[i]), bits);
            frequencies++;
        } else if (sscanf(line, "angle %lld %x %x %x", &position, &bits, &c_bits, &s_bits) == 4) {
            float frequency = core_bits_float(bits), c, s;
            ref_rope_angles(position, &frequency, 1, &c, &s);
            assert_int_equal(core_float_bits(c), c_bits);
            assert_int_equal(core_float_bits(s), s_bits);
            angles++;
        }
    }
    fclose(file);
    assert_true(frequencies > 60 && angles > 1000);
}

/* --- Fast against defined ----------------------------------------------------------------------
 */

static void check_norms(ea_context *ctx)
{
    int64_t rows = 1 + random_below(5), n = 1 + random_below(random_below(4) ? 300 : 5000);
    float *x = random_floats(rows * n), *w = random_floats(n), *b = random_floats(n);
    float *want = random_floats(rows * n), *got = random_floats(rows * n);
    ref_rms_norm(rows, n, x, w, 1e-5f, want);
    cpu_rms_norm(ctx, rows, n, x, w, 1e-5f, got);
    expect_same(got, want, rows * n);
    ref_layer_norm(rows, n, x, w, b, 1e-5f, want);
    cpu_layer_norm(ctx, rows, n, x, w, b, 1e-5f, got);
    expect_same(got, want, rows * n);
    memcpy(want, x, sizeof *x * (size_t)(rows * n));
    memcpy(got, x, sizeof *x * (size_t)(rows * n));
    float *up = random_floats(rows * n);
    ref_silu_mul(rows * n, want, up);
    cpu_silu_mul(ctx, rows * n, got, up);
    expect_same(got, want, rows * n);
    ref_gelu_tanh(rows * n, want);
    cpu_gelu_tanh(ctx, rows * n, got);
    expect_same(got, want, rows * n);
    float maximum[2],
        sums[2] = { ref_row_exp_sum(n, x, &maximum[0]), cpu_row_exp_sum(ctx, n, x, &maximum[1]) };
    expect_same(&sums[0], &sums[1], 1);
    expect_same(&maximum[0], &maximum[1], 1);
    core_free(x), core_free(w), core_free(b), core_free(want), core_free(got), core_free(up);
}

/* A sequence's pages of one size, filled so that the key and value of a place are the same for
 * every page size. */
static float **make_pages(int page, int kv_heads, int dim, int64_t tokens, const float *keys,
                          const float *values)
{
    int64_t count = (tokens + page - 1) / page, half = (int64_t)kv_heads * dim * page;
    float **pages = core_alloc((size_t)count * sizeof *pages);
    for (int64_t p = 0; p < count; p++)
        pages[p] = core_alloc_zero((size_t)(2 * half) * sizeof **pages);
    for (int64_t t = 0; t < tokens; t++)
        for (int h = 0; h < kv_heads; h++)
            for (int d = 0; d < dim; d++) {
                int64_t from = (t * kv_heads + h) * dim + d, at = t % page;
                pages[t / page][((int64_t)h * dim + d) * page + at] = keys[from];
                pages[t / page][half + ((int64_t)h * page + at) * dim + d] = values[from];
            }
    return pages;
}

static void free_pages(float **pages, int page, int64_t tokens)
{
    for (int64_t p = 0; p < (tokens + page - 1) / page; p++)
        core_free(pages[p]);
    core_free(pages);
}

enum { MAX_ROWS = 6 };

/* Rows of one sequence, neighbours or at random positions: the fast result with any page size has
 * the bits of the definition with pages of 256. */
static void check_attention(ea_context *ctx)
{
    int kv_heads = 1 + random_below(3), heads = kv_heads * (1 + random_below(6));
    int dim = 2 + 2 * random_below(40), rows = 1 + random_below(MAX_ROWS),
        page = 8 << random_below(6);
    int64_t tokens = 1 + random_below(700), n = tokens * kv_heads * dim, position[MAX_ROWS];
    float *keys = random_floats(n), *values = random_floats(n);
    float *q = random_floats((int64_t)rows * heads * dim);
    float *want = random_floats((int64_t)rows * heads * dim);
    float *got = random_floats((int64_t)rows * heads * dim);
    float **whole = make_pages(REF_KEY_BLOCK, kv_heads, dim, tokens, keys, values);
    float **paged = make_pages(page, kv_heads, dim, tokens, keys, values);
    float **each[MAX_ROWS];
    bool neighbours = random_below(2) && tokens > rows;
    int64_t begin = random_below((int)tokens);
    for (int r = 0; r < rows; r++)
        position[r] = neighbours ? (begin + r) % tokens : random_below((int)tokens);
    ref_attention a = { .rows = rows,
                        .heads = heads,
                        .kv_heads = kv_heads,
                        .dim = dim,
                        .q = q,
                        .position = position,
                        .pages = (float *const *const *)each,
                        .scale = 0.3f,
                        .window = random_below(2) ? 0 : 1 + random_below(400) };
    for (int r = 0; r < rows; r++)
        each[r] = whole;
    a.page = REF_KEY_BLOCK;
    a.out = want;
    ref_attend(&a);
    for (int r = 0; r < rows; r++)
        each[r] = paged;
    a.page = page;
    a.out = got;
    cpu_attend(ctx, &a);
    expect_same(got, want, (int64_t)rows * heads * dim);
    free_pages(whole, REF_KEY_BLOCK, tokens);
    free_pages(paged, page, tokens);
    core_free(keys), core_free(values), core_free(q), core_free(want), core_free(got);
}

static void test_fast_equals_defined(void **state)
{
    (void)state;
    const char *isa;
    for (int i = 0; (isa = ea_isa_available(i)); i++)
        for (int threads = 1; strcmp(isa, "ref") != 0 && threads <= 3; threads++) {
            ea_context *ctx;
            ea_context_options options = { .threads = threads, .isa = isa };
            assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
            for (int round = 0; round < 20; round++) {
                check_norms(ctx);
                check_attention(ctx);
            }
            ea_context_destroy(ctx);
        }
}

/* Attention of one row in double, to rounding. */
static void test_attention_is_attention(void **state)
{
    (void)state;
    enum { DIM = 16, TOKENS = 600 };
    float *keys = random_floats(TOKENS * DIM), *values = random_floats(TOKENS * DIM);
    float *q = random_floats(DIM), out[DIM];
    float **pages = make_pages(32, 1, DIM, TOKENS, keys, values);
    int64_t position = TOKENS - 1;
    ref_attend(&(ref_attention){ .rows = 1,
                                 .heads = 1,
                                 .kv_heads = 1,
                                 .dim = DIM,
                                 .q = q,
                                 .position = &position,
                                 .page = 32,
                                 .scale = 0.25f,
                                 .out = out,
                                 .pages = (float *const *const *)&pages,
                                 .window = 500 });
    double total = 0, sums[DIM] = { 0 };
    for (int t = TOKENS - 500; t < TOKENS; t++) {
        double dot = 0;
        for (int d = 0; d < DIM; d++)
            dot += (double)q[d] * keys[t * DIM + d];
        total += exp(dot / 4);
        for (int d = 0; d < DIM; d++)
            sums[d] += exp(dot / 4) * values[t * DIM + d];
    }
    for (int d = 0; d < DIM; d++)
        assert_true(fabs(out[d] - sums[d] / total) < 2e-6);
    free_pages(pages, 32, TOKENS);
    core_free(keys), core_free(values), core_free(q);
}

static void test_routing(void **state)
{
    (void)state;
    const float logits[] = { 1, 3, 2, 3, 3, -1 };
    int chosen[3];
    float weights[3];
    ref_route(6, 2, true, logits, chosen, weights); /* of three equal ones the first two */
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 3);
    assert_true(weights[0] == 0.5f && weights[1] == 0.5f);
    ref_route(6, 3, false, logits, chosen, weights);
    double total = exp(1) + 3 * exp(3) + exp(2) + exp(-1);
    assert_int_equal(chosen[2], 4);
    assert_true(fabs(weights[2] - exp(3) / total) < 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rope_is_correctly_rounded),
        cmocka_unit_test(test_fast_equals_defined),
        cmocka_unit_test(test_attention_is_attention),
        cmocka_unit_test(test_routing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
