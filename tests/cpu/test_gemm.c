/* Law: every instruction set and thread count gives the definition's bits, for any shape, stride
 * and storage type, under both contracts. */
#include "core/view.h"
#include "eadem/op.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

/* Numbers whose sums round; in `awkward` cases also zeros of both signs, subnormals and specials.
 */
static float random_number(bool awkward)
{
    float x = ((float)random_below(1 << 24) - 0x1p23f) * 0x1p-22f;
    if (!awkward)
        return x;
    switch (random_below(40)) {
    case 0:
        return 0.0f;
    case 1:
        return -0.0f;
    case 2:
        return x * 0x1p-130f;
    case 3:
        return x * 0x1p-75f;
    case 4:
        return x * 0x1p+100f;
    case 5:
        return random_below(20) ? x : INFINITY;
    case 6:
        return random_below(20) ? x : NAN;
    default:
        return x;
    }
}

enum { SPACE = 5 << 18 };

/* A tensor over `memory` with randomly permuted, padded or negative strides; filled when `awkward`
 * ≥ 0. */
typedef struct tensor {
    DLTensor dl;
    int64_t shape[8], stride[8];
    float memory[SPACE];
} tensor;

static void make(tensor *t, DLDataType dtype, int ndim, const int64_t *shape, bool plain)
{
    int order[8];
    for (int d = 0; d < ndim; d++)
        order[d] = d;
    for (int d = ndim - 1; d > 0 && !plain; d--) {
        int other = (int)random_below((uint32_t)d + 1), keep = order[d];
        order[d] = order[other];
        order[other] = keep;
    }
    int64_t step = plain ? 1 : 1 + random_below(8) / 7;
    for (int i = ndim - 1; i >= 0; i--) {
        t->shape[order[i]] = shape[order[i]];
        t->stride[order[i]] = step;
        step *= shape[order[i]];
        if (!plain)
            step += random_below(3);
    }
    assert_true(step < SPACE);
    t->dl = (DLTensor){ .data = t->memory,
                        .device = { kDLCPU, 0 },
                        .ndim = ndim,
                        .dtype = dtype,
                        .shape = t->shape,
                        .strides = t->stride };
}

static void fill(tensor *t, bool awkward)
{
    ea_view view;
    assert_int_equal(core_view_of(NULL, "fill", "t", &t->dl, CORE_FLOATS, &view), EA_OK);
    for (int64_t i = 0; i < core_numel(&view); i++)
        core_store(&view, core_offset(&view, i), random_number(awkward));
}

static void same_bits(const tensor *got, const tensor *want, const char *what)
{
    ea_view g, w;
    core_view_of(NULL, "same", "got", &got->dl, CORE_FLOATS, &g);
    core_view_of(NULL, "same", "want", &want->dl, CORE_FLOATS, &w);
    for (int64_t i = 0; i < core_numel(&w); i++) {
        float x = core_load(&g, core_offset(&g, i)), y = core_load(&w, core_offset(&w, i));
        if (core_float_bits(x) != core_float_bits(y) && !(isnan(x) && isnan(y)))
            fail_msg("%s: element %lld is %a, the definition says %a", what, (long long)i,
                     (double)x, (double)y);
    }
}

static const int thread_counts[] = { 1, 2, 3, 7 };
static tensor a, b, bias, got, want;

typedef ea_status (*operation)(ea_context *ctx, DLTensor *out, bool with_bias);

static ea_status run_matmul(ea_context *ctx, DLTensor *out, bool with_bias)
{
    if (with_bias)
        return ea_linear(ctx, &a.dl, &b.dl, &bias.dl, out);
    return ea_matmul(ctx, &a.dl, &b.dl, out);
}

/* Compares all instruction sets at one random thread count each with ref. */
static void check(operation run, bool with_bias, const char *what)
{
    ea_context *ref;
    ea_contract contract = (ea_contract)random_below(2);
    assert_int_equal(
        ea_context_create(&(ea_context_options){ .isa = "ref", .threads = 1, .contract = contract },
                          &ref),
        EA_OK);
    if (run(ref, &want.dl, with_bias) != EA_OK)
        fail_msg("%s: %s", what, ea_error_text(ref));
    ea_context_destroy(ref);
    for (int i = 1; ea_isa_available(i); i++) {
        ea_context_options options = { .isa = ea_isa_available(i),
                                       .threads = thread_counts[random_below(4)],
                                       .contract = contract };
        ea_context *ctx;
        assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
        memset(got.memory, 0xff, sizeof got.memory);
        if (run(ctx, &got.dl, with_bias) != EA_OK)
            fail_msg("%s: %s", what, ea_error_text(ctx));
        char text[160];
        snprintf(text, sizeof text, "%s, %s, %d threads, %s", what, options.isa, options.threads,
                 ea_contract_name(contract));
        same_bits(&got, &want, text);
        ea_context_destroy(ctx);
    }
}

static DLDataType random_type(void)
{
    uint32_t r = random_below(8);
    return r == 0 ? EA_FLOAT16 : r == 1 ? EA_BFLOAT16 : EA_FLOAT32;
}

static void matmul_case(int64_t batch, int64_t rows, int64_t terms, int64_t columns)
{
    bool plain = random_below(2), awkward = random_below(2), stretch = random_below(2);
    char what[128];
    snprintf(what, sizeof what, "matmul %lldx%lldx%lldx%lld", (long long)batch, (long long)rows,
             (long long)terms, (long long)columns);
    make(&a, random_type(), 3, (int64_t[]){ batch, rows, terms }, plain);
    make(&b, random_type(), 3, (int64_t[]){ stretch ? 1 : batch, terms, columns }, plain);
    DLDataType type = random_type();
    make(&want, type, 3, (int64_t[]){ batch, rows, columns }, true);
    make(&got, type, 3, (int64_t[]){ batch, rows, columns }, plain);
    fill(&a, awkward);
    fill(&b, awkward);
    check(run_matmul, false, what);

    snprintf(what, sizeof what, "linear %lldx%lldx%lldx%lld", (long long)batch, (long long)rows,
             (long long)terms, (long long)columns);
    make(&b, random_type(), 2, (int64_t[]){ columns, terms }, plain);
    make(&bias, random_type(), 1, &columns, plain);
    fill(&b, awkward);
    fill(&bias, awkward);
    check(run_matmul, true, what);
}

static void test_random_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++)
        matmul_case(1 + random_below(3), 1 + random_below(40), random_below(70),
                    1 + random_below(60));
}

/* Sizes around the register tiles, the cache blocks and the contract's 1024. */
static void test_edges(void **state)
{
    (void)state;
    static const int64_t terms[] = { 0, 1, 255, 256, 257, 1023, 1024, 1025, 2048, 2300 };
    static const int64_t sides[] = { 1, 2, 3, 5, 6, 7, 15, 16, 17, 33 };
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 8; j++)
            matmul_case(1, sides[random_below(10)], terms[i], sides[random_below(10)]);
}

static void test_large(void **state)
{
    (void)state;
    matmul_case(1, 200, 300, 200);
    matmul_case(1, 400, 257, 70);
    matmul_case(1, 70, 1030, 300);
    matmul_case(2, 200, 64, 300);
    matmul_case(1, 2, 400, 1500);
    matmul_case(1, 1500, 400, 1);
}

/* fl(Σ) is within terms·2^-23 of the exact sum of magnitudes: a bound that no ordering exceeds. */
static void test_values(void **state)
{
    (void)state;
    int64_t rows = 37, terms = 1500, columns = 29;
    make(&a, EA_FLOAT32, 2, (int64_t[]){ rows, terms }, true);
    make(&b, EA_FLOAT32, 2, (int64_t[]){ terms, columns }, true);
    make(&got, EA_FLOAT32, 2, (int64_t[]){ rows, columns }, true);
    fill(&a, false);
    fill(&b, false);
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    assert_int_equal(ea_matmul(ctx, &a.dl, &b.dl, &got.dl), EA_OK);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double sum = 0, size = 0;
            for (int64_t k = 0; k < terms; k++) {
                double term = (double)a.memory[i * terms + k] * (double)b.memory[k * columns + j];
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs((double)got.memory[i * columns + j] - sum) <=
                        size * (double)terms * 0x1p-23);
        }
    ea_context_destroy(ctx);
}

/* A row alone has the bits that it has in the batch. */
static void test_batch_slices(void **state)
{
    (void)state;
    int64_t rows = 50, terms = 1100, columns = 70;
    make(&a, EA_FLOAT32, 2, (int64_t[]){ rows, terms }, true);
    make(&b, EA_FLOAT32, 2, (int64_t[]){ terms, columns }, true);
    make(&want, EA_FLOAT32, 2, (int64_t[]){ rows, columns }, true);
    fill(&a, true);
    fill(&b, true);
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    assert_int_equal(ea_matmul(ctx, &a.dl, &b.dl, &want.dl), EA_OK);
    for (int64_t first = 0; first < rows;) {
        int64_t count = 1 + random_below(8);
        count = count < rows - first ? count : rows - first;
        DLTensor slice = a.dl, out = want.dl;
        int64_t shape[2] = { count, terms }, out_shape[2] = { count, columns };
        slice.shape = shape;
        slice.byte_offset = (uint64_t)(first * terms) * sizeof(float);
        out.shape = out_shape;
        out.data = got.memory;
        assert_int_equal(ea_matmul(ctx, &slice, &b.dl, &out), EA_OK);
        for (int64_t i = 0; i < count * columns; i++) {
            float x = got.memory[i], y = want.memory[first * columns + i];
            assert_true(core_float_bits(x) == core_float_bits(y) || (isnan(x) && isnan(y)));
        }
        first += count;
    }
    ea_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_shapes), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_large),         cmocka_unit_test(test_values),
        cmocka_unit_test(test_batch_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
