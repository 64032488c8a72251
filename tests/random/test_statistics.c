/* Statistical tests of every distribution, with fixed seeds: chi-square and Kolmogorov-Smirnov. A
 * p-value near 0 or 1 would mean a wrong generator or distribution; docs/random-statistics.md
 * records what is seen. */
#include "eadem/random.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 200000 };

static ea_context *ctx;
static DLTensor *numbers; /* float32 [N] */
static float *x;

static int set_up(void **state)
{
    (void)state;
    if (ea_context_create(NULL, &ctx) != EA_OK ||
        ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ N }, &numbers) != EA_OK)
        return 1;
    x = numbers->data;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ea_tensor_free(numbers);
    ea_context_destroy(ctx);
    return 0;
}

static ea_generator seeded(int kind, uint64_t seed)
{
    ea_generator g;
    ea_generator_seed(&g, (ea_generator_kind)kind, seed);
    return g;
}

static void report(const char *what, int kind, double p)
{
    printf("%-10s %-44s p = %.4f\n", kind ? "MT19937" : "Philox", what, p);
    if (!(p > 1e-4 && p < 1 - 1e-4))
        fail_msg("%s: p = %g", what, p);
}

/* --- Tests --------------------------------------------------------------------------------------
 */

/* Upper tail of chi-square, by Wilson and Hilferty's normal approximation: good for the many
 * degrees of freedom used here. */
static double chi_square_p(double statistic, double freedom)
{
    double z = (cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom));
    return 0.5 * erfc(z / sqrt(2));
}

static double chi_square(const int64_t *counts, int bins, double expected)
{
    double sum = 0;
    for (int i = 0; i < bins; i++)
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return chi_square_p(sum, bins - 1);
}

static int ascending(const void *a, const void *b)
{
    float u = *(const float *)a, v = *(const float *)b;
    return u < v ? -1 : u > v;
}

/* Kolmogorov and Smirnov: the largest distance between the distribution of the first `count` of the
 * numbers, which it sorts, and `cdf`. */
static double kolmogorov_smirnov_of(int count, double (*cdf)(double))
{
    double distance = 0, n = count;
    qsort(x, (size_t)count, sizeof *x, ascending);
    for (int i = 0; i < count; i++) {
        double expected = cdf(x[i]);
        double above = expected - i / n, below = (i + 1) / n - expected;
        distance = above > distance ? above : distance;
        distance = below > distance ? below : distance;
    }
    double t = distance * (sqrt(n) + 0.12 + 0.11 / sqrt(n)), p = 0; /* Stephens 1970 */
    for (int k = 1; k <= 100; k++)
        p += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * t * t);
    return p;
}

static double kolmogorov_smirnov(double (*cdf)(double))
{
    return kolmogorov_smirnov_of(N, cdf);
}

static double uniform_cdf(double v)
{
    return v;
}

static double normal_cdf(double v)
{
    return 0.5 * erfc(-v / sqrt(2));
}

static double exponential_cdf(double v)
{
    return -expm1(-2 * v);
}

/* Of the standard normal inside [−1, 2]. */
static double truncated_cdf(double v)
{
    return (normal_cdf(v) - normal_cdf(-1)) / (normal_cdf(2) - normal_cdf(-1));
}

/* Of the standard normal above 3 (up to 4). */
static double tail_cdf(double v)
{
    return (normal_cdf(-3) - normal_cdf(-v)) / (normal_cdf(-3) - normal_cdf(-4));
}

/* --- Distributions ------------------------------------------------------------------------------
 */

static void test_words(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        ea_generator g = seeded(kind, 1);
        int64_t bytes[256] = { 0 }, bits[32] = { 0 }, gaps[16] = { 0 };
        uint32_t last = 0;
        int64_t since = 0, gap_count = 0;
        for (int64_t i = 0; i < N; i++) {
            uint32_t block[4], w;
            if (kind)
                w = ea_mt19937_next(&g.u.mt19937);
            else
                ea_philox_block(&g.u.philox, (uint64_t)i / 4, block), w = block[i % 4];
            for (int b = 0; b < 4; b++)
                bytes[w >> 8 * b & 255]++;
            for (int b = 0; b < 32; b++)
                bits[b] += (w ^ last) >> b & 1;
            if (w >> 28 == 0) { /* gap test: words until the next with four zero bits in front */
                gaps[since / 4 < 15 ? since / 4 : 15]++;
                gap_count++;
                since = -1;
            }
            since++;
            last = w;
        }
        report("bytes, chi-square", kind, chi_square(bytes, 256, 4.0 * N / 256));
        double sum = 0;
        for (int b = 0; b < 32; b++)
            sum += ((double)bits[b] - N / 2.0) * ((double)bits[b] - N / 2.0) / (N / 4.0);
        report("bits that change between words, chi-square", kind, chi_square_p(sum, 32));
        sum = 0;
        for (int i = 0; i < 16; i++) {
            double from = pow(15.0 / 16, 4 * i), to = i < 15 ? pow(15.0 / 16, 4 * i + 4) : 0;
            double expected = (double)gap_count * (from - to);
            sum += ((double)gaps[i] - expected) * ((double)gaps[i] - expected) / expected;
        }
        report("gaps, chi-square", kind, chi_square_p(sum, 15));
    }
}

/* Pairs and triples of neighbours fill the square and the cube evenly. */
static void test_serial(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        static int64_t pairs[4096], triples[4096];
        memset(pairs, 0, sizeof pairs);
        memset(triples, 0, sizeof triples);
        ea_generator g = seeded(kind, 2);
        assert_int_equal(ea_uniform(ctx, &g, 0, 1, numbers), EA_OK);
        for (int i = 0; i + 1 < N; i += 2)
            pairs[(int)(x[i] * 64) * 64 + (int)(x[i + 1] * 64)]++;
        for (int i = 0; i + 2 < N; i += 3)
            triples[((int)(x[i] * 16) * 16 + (int)(x[i + 1] * 16)) * 16 + (int)(x[i + 2] * 16)]++;
        report("uniform pairs, chi-square", kind, chi_square(pairs, 4096, N / 2 / 4096.0));
        report("uniform triples, chi-square", kind, chi_square(triples, 4096, N / 3 / 4096.0));
    }
}

static void test_distributions(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        ea_generator g = seeded(kind, 3);
        assert_int_equal(ea_uniform(ctx, &g, 0, 1, numbers), EA_OK);
        report("uniform, Kolmogorov-Smirnov", kind, kolmogorov_smirnov(uniform_cdf));
        assert_int_equal(ea_normal(ctx, &g, 0, 1, numbers), EA_OK);
        double odd = 0; /* correlation of the two of a pair, or of neighbours */
        for (int i = 0; i + 1 < N; i += 2)
            odd += (double)x[i] * x[i + 1];
        report("normal pairs, correlation", kind, 0.5 * erfc(odd / sqrt(N / 2) / sqrt(2)));
        report("normal, Kolmogorov-Smirnov", kind, kolmogorov_smirnov(normal_cdf));
        assert_int_equal(ea_exponential(ctx, &g, 2, numbers), EA_OK);
        report("exponential, Kolmogorov-Smirnov", kind, kolmogorov_smirnov(exponential_cdf));
        assert_int_equal(ea_truncated_normal(ctx, &g, 0, 1, -1, 2, numbers), EA_OK);
        report("truncated normal, Kolmogorov-Smirnov", kind, kolmogorov_smirnov(truncated_cdf));
        assert_true(x[0] >= -1 && x[N - 1] <= 2); /* sorted by the test */
        assert_int_equal(ea_truncated_normal(ctx, &g, 0, 1, 3, 4, numbers), EA_OK);
        report("normal tail, Kolmogorov-Smirnov", kind, kolmogorov_smirnov(tail_cdf));
        assert_true(x[0] >= 3 && x[N - 1] <= 4);
        assert_int_equal(ea_bernoulli(ctx, &g, 0.3, numbers), EA_OK);
        double ones = 0;
        for (int i = 0; i < N; i++)
            ones += x[i];
        report("Bernoulli 0.3, count", kind,
               0.5 * erfc((ones - 0.3 * N) / sqrt(0.21 * N) / sqrt(2)));
    }
}

/* Streams that differ in one letter, seeds that differ in one bit: no correlation. */
static void test_streams_are_independent(void **state)
{
    (void)state;
    const char *names[] = { "dropout/1", "dropout/2", "dropout/1" };
    const uint64_t seeds[] = { 7, 7, 6 };
    float *first = malloc(N * sizeof *first);
    for (int i = 0; i < 3; i++) {
        ea_generator root = seeded(EA_GENERATOR_PHILOX, seeds[i]), g;
        ea_generator_named(&root, names[i], &g);
        assert_int_equal(ea_normal(ctx, &g, 0, 1, numbers), EA_OK);
        if (i == 0) {
            memcpy(first, x, N * sizeof *first);
            continue;
        }
        double sum = 0;
        for (int k = 0; k < N; k++)
            sum += (double)x[k] * first[k];
        report(i == 1 ? "stream names apart, correlation" : "seeds apart, correlation", 0,
               0.5 * erfc(sum / sqrt(N) / sqrt(2)));
    }
    free(first);
}

static void test_permutations(void **state)
{
    (void)state;
    DLTensor *order;
    assert_int_equal(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ 5 }, &order), EA_OK);
    for (int kind = 0; kind < 2; kind++) {
        int64_t counts[3125] = { 0 }, seen[120];
        ea_generator g = seeded(kind, 4);
        for (int i = 0; i < 120000; i++) {
            const int64_t *o = order->data;
            assert_int_equal(ea_permutation(ctx, &g, order), EA_OK);
            counts[(((o[0] * 5 + o[1]) * 5 + o[2]) * 5 + o[3]) * 5 + o[4]]++;
        }
        int n = 0;
        for (int i = 0; i < 3125; i++)
            if (counts[i] > 0 && n < 120)
                seen[n++] = counts[i];
        assert_int_equal(n, 120);
        report("permutations of 5, chi-square", kind, chi_square(seen, 120, 1000));
    }
    ea_tensor_free(order);
}

static void test_multinomial(void **state)
{
    (void)state;
    DLTensor *weights, *out, *two;
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 40 }, &weights), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ N }, &out), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ 2 }, &two), EA_OK);
    for (int j = 0; j < 40; j++)
        ((float *)weights->data)[j] = (float)(j % 8); /* also zeros; 140 in all */
    for (int kind = 0; kind < 2; kind++) {
        int64_t counts[40] = { 0 }, firsts[40] = { 0 };
        ea_generator g = seeded(kind, 5);
        assert_int_equal(ea_multinomial(ctx, &g, weights, true, out), EA_OK);
        for (int i = 0; i < N; i++)
            counts[((int64_t *)out->data)[i]]++;
        for (int i = 0; i < 50000; i++) {
            assert_int_equal(ea_multinomial(ctx, &g, weights, false, two), EA_OK);
            const int64_t *o = two->data;
            assert_true(o[0] != o[1]);
            firsts[o[0]]++;
        }
        double sum = 0, first_sum = 0;
        for (int j = 0; j < 40; j++) {
            double expected = N * (j % 8) / 140.0, first = 50000 * (j % 8) / 140.0;
            if (expected == 0) {
                assert_int_equal(counts[j] + firsts[j], 0);
                continue;
            }
            sum += ((double)counts[j] - expected) * ((double)counts[j] - expected) / expected;
            first_sum += ((double)firsts[j] - first) * ((double)firsts[j] - first) / first;
        }
        report("multinomial with replacement, chi-square", kind, chi_square_p(sum, 34));
        report("multinomial without, first, chi-square", kind, chi_square_p(first_sum, 34));
    }
    ea_tensor_free(weights);
    ea_tensor_free(out);
    ea_tensor_free(two);
}

/* --- Many seeds ---------------------------------------------------------------------------------
 */

static void print_spread(const char *what, int kind, float *p, int seeds)
{
    int low = 0;
    memcpy(x, p, (size_t)seeds * sizeof *p);
    double spread = kolmogorov_smirnov_of(seeds, uniform_cdf); /* sorts x */
    while (low < seeds && x[low] < 0.04f)
        low++;
    printf("%-8s normal, %-20s %d p-values: spread evenly with p = %.4f, %d below 0.04, "
           "smallest %.4f, largest %.4f\n",
           kind ? "MT19937" : "Philox", what, seeds, spread, low, x[0], x[seeds - 1]);
}

/* One test of one seed says little: tests `seeds` seeds with the many normals that `numbers` holds,
 * and then whether the p-values themselves are spread evenly. Minutes: docs/random-statistics.md.
 */
static void test_many_seeds(int seeds)
{
    int count = (int)numbers->shape[0];
    float *distances = malloc((size_t)seeds * sizeof *distances);
    float *correlations = malloc((size_t)seeds * sizeof *correlations);
    for (int kind = 0; kind < 2; kind++) {
        for (int s = 0; s < seeds; s++) {
            ea_generator g = seeded(kind, (uint64_t)s);
            assert_int_equal(ea_normal(ctx, &g, 0, 1, numbers), EA_OK);
            double sum = 0;
            for (int i = 0; i + 1 < count; i += 2)
                sum += (double)x[i] * x[i + 1];
            correlations[s] = (float)(0.5 * erfc(sum / sqrt(count / 2) / sqrt(2)));
            distances[s] = (float)kolmogorov_smirnov_of(count, normal_cdf);
        }
        print_spread("Kolmogorov-Smirnov:", kind, distances, seeds);
        print_spread("pairs' correlation:", kind, correlations, seeds);
    }
    free(distances);
    free(correlations);
}

/* With an argument, SEEDS: the test of that many seeds instead. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        if (ea_context_create(NULL, &ctx) != EA_OK ||
            ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 1000000 }, &numbers) != EA_OK)
            return 1;
        x = numbers->data;
        test_many_seeds(atoi(argv[1]));
        return tear_down(NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),         cmocka_unit_test(test_serial),
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_streams_are_independent),
        cmocka_unit_test(test_permutations),  cmocka_unit_test(test_multinomial),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
