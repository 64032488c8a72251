/* Law: every instruction set and thread count gives the definition's bits, for any shape, stride
 * and storage type, under both contracts. */
#include "laws.h"

static ea_status run_matmul(ea_context *ctx, DLTensor *out, bool with_bias)
{
    if (with_bias)
        return ea_linear(ctx, &a.dl, &b.dl, &bias.dl, out);
    return ea_matmul(ctx, &a.dl, &b.dl, out);
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

/* Exchanges the last two dimensions: the memory stays, so that lines and terms lie the other way.
 */
static void transpose(tensor *t)
{
    int last = t->dl.ndim - 1;
    int64_t shape = t->shape[last], stride = t->stride[last];
    t->shape[last] = t->shape[last - 1], t->stride[last] = t->stride[last - 1];
    t->shape[last - 1] = shape, t->stride[last - 1] = stride;
}

/* Compares all instruction sets with ref, under both contracts at every thread count. */
static void check_all(operation run, bool with_bias, const char *what)
{
    static const ea_contract contracts[] = { EA_CONTRACT_CHAIN, EA_CONTRACT_REPDL };
    for (int c = 0; c < 2; c++) {
        define(run, with_bias, contracts[c], what);
        for (int i = 1; ea_isa_available(i); i++)
            for (int t = 0; t < 4; t++)
                compare(run, with_bias, contracts[c], ea_isa_available(i), thread_counts[t], what);
    }
}

/* Every way through the engine, with ragged sizes, at every thread count. */
static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t batch, rows, terms, columns;
        bool a_transposed, b_transposed, out_transposed;
    } paths[] = {
        { "few rows: b in place, along its rows", 1, 3, 260, 700, 0, 0, 0 },
        { "one row: b in place, along its columns", 1, 1, 1100, 700, 0, 1, 0 },
        { "one group: b in place, not copied", 1, 5, 260, 330, 0, 0, 0 },
        { "b in place, copied by the first group; a narrow last panel", 1, 43, 261, 228, 0, 0, 0 },
        { "groups of two heights; a last panel that is not narrow", 1, 49, 1030, 142, 0, 0, 0 },
        { "b packed by each block", 1, 64, 300, 333, 0, 1, 0 },
        { "a packed once for several blocks", 1, 51, 530, 645, 0, 0, 0 },
        { "a packed once, terms apart", 1, 51, 530, 645, 1, 0, 0 },
        { "b packed once for several blocks", 1, 601, 270, 67, 0, 1, 0 },
        { "b packed once although it lies right", 1, 900, 130, 67, 0, 0, 0 },
        { "the transposed product", 1, 300, 290, 17, 0, 1, 0 },
        { "the transposed product, of a column for each of a batch", 4, 90, 70, 1, 0, 0, 0 },
        { "the transposed product, of two columns", 3, 90, 270, 2, 0, 1, 0 },
        { "the transposed product, of three columns", 3, 90, 270, 3, 0, 0, 0 },
        { "the transposed product, of five columns", 3, 90, 270, 5, 0, 1, 0 },
        { "the transposed product, of ten columns", 3, 90, 270, 10, 0, 1, 0 },
        { "a result whose rows are neighbours", 1, 61, 1300, 60, 0, 0, 1 },
        { "a batch in blocks", 5, 130, 70, 150, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int64_t n = paths[i].batch, rows = paths[i].rows, terms = paths[i].terms;
        int64_t columns = paths[i].columns;
        bool at = paths[i].a_transposed, bt = paths[i].b_transposed, ot = paths[i].out_transposed;
        make(&a, EA_FLOAT32, 3, (int64_t[]){ n, at ? terms : rows, at ? rows : terms }, true);
        make(&b, EA_FLOAT32, 3, (int64_t[]){ n, bt ? columns : terms, bt ? terms : columns }, true);
        make(&got, EA_FLOAT32, 3, (int64_t[]){ n, ot ? columns : rows, ot ? rows : columns }, true);
        make(&want, EA_FLOAT32, 3, (int64_t[]){ n, rows, columns }, true);
        if (at)
            transpose(&a);
        if (bt)
            transpose(&b);
        if (ot)
            transpose(&got);
        fill(&a, false);
        fill(&b, false);
        check_all(run_matmul, false, paths[i].what);
    }
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
        cmocka_unit_test(test_large),         cmocka_unit_test(test_paths),
        cmocka_unit_test(test_values),        cmocka_unit_test(test_batch_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
