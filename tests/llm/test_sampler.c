/* Sampling against a second implementation, written from the contract's words with a plain sort and
 * the C library's exp in double, over random logits and settings; and what each setting is for. */
#include "eadem/random.h"
#include "llm/sampler.h"
#include "test.h"

#include <math.h>
#include <string.h>

enum { MOST = 64, HISTORY = 20 };

static uint64_t random_state = 88172645463325252u;

static int random_below(int n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)((random_state >> 20) % (uint64_t)n);
}

static float random_real(void)
{
    return (float)random_below(1 << 20) * 0x1p-20f;
}

/* --- The contract's words ----------------------------------------------------------------------
 */

static void apply_penalties(const llm_sampling *s, const llm_history *h, float *z, int n)
{
    for (int i = 0; i < n; i++) {
        int64_t seen = 0, sampled = 0;
        for (int64_t t = 0; t < h->count; t++) {
            seen += h->tokens[t] == i;
            sampled += t >= h->prompt && h->tokens[t] == i;
        }
        if (seen > 0)
            z[i] = z[i] > 0 ? z[i] / s->repetition : z[i] * s->repetition;
        if (sampled > 0) {
            float by_count = s->frequency * (float)sampled;
            z[i] = z[i] - by_count;
            z[i] = z[i] - s->presence;
        }
    }
    for (size_t b = 0; b < s->bias_count; b++)
        z[s->bias[b].token] += s->bias[b].bias;
}

/* Tokens in descending order, ties to the lowest id. */
static void sort(const float *e, int n, int *order)
{
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && e[i] > e[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void keep_some(const llm_sampling *s, const float *e, int n, bool *stays)
{
    int order[MOST], count = s->top_k > 0 && s->top_k < n ? s->top_k : n;
    sort(e, n, order);
    float least = s->min_p * e[order[0]], total = 0, sum = 0;
    while (count > 1 && e[order[count - 1]] < least)
        count--;
    for (int i = 0; i < count; i++)
        total += e[order[i]];
    float wanted = s->top_p * total;
    for (int i = 0; i < count && (i == 0 || sum < wanted || s->top_p == 0); i++) {
        stays[order[i]] = true;
        sum += e[order[i]];
    }
}

static int expected(const llm_sampling *s, const llm_history *h, uint64_t sample, float *z, int n)
{
    float e[MOST], total = 0, sum = 0;
    bool stays[MOST] = { false };
    int best = 0, last = 0;
    apply_penalties(s, h, z, n);
    for (int i = 0; i < n; i++)
        best = z[i] > z[best] ? i : best;
    if (s->temperature == 0)
        return best;
    for (int i = 0; i < n; i++) {
        float x = z[i] / s->temperature, largest = z[best] / s->temperature;
        e[i] = (float)exp((double)(x - largest));
    }
    keep_some(s, e, n, stays);
    for (int i = 0; i < n; i++)
        total += stays[i] ? e[i] : 0;
    uint32_t words[4];
    ea_philox stream = { .seed = s->seed, .stream = sample };
    ea_philox_block(&stream, (uint64_t)h->count, words);
    float limit = (float)(words[0] >> 8) / 16777216.0f * total;
    for (int i = 0; i < n; i++) {
        if (!stays[i] || e[i] == 0)
            continue;
        last = i;
        sum += e[i];
        if (sum > limit)
            break;
    }
    return last;
}

static int sampled(const llm_sampling *s, const llm_history *h, uint64_t sample,
                   const float *logits, int n)
{
    float z[MOST];
    int32_t token;
    memcpy(z, logits, sizeof *z * (size_t)n);
    assert_int_equal(llm_sample(NULL, s, h, sample, z, n, &token), EA_OK);
    return token;
}

static void test_the_contracts_words(void **state)
{
    (void)state;
    int different = 0;
    for (int round = 0; round < 20000; round++) {
        int n = 1 + random_below(MOST), greedy = 0;
        float z[MOST];
        int32_t tokens[HISTORY];
        for (int i = 0; i < n; i++) /* few values: ties are common */
            z[i] = random_below(3) ? (random_real() - 0.5f) * 12 : (float)random_below(5) - 2;
        for (int i = 0; i < HISTORY; i++)
            tokens[i] = random_below(n);
        llm_history history = { tokens, random_below(HISTORY / 2),
                                HISTORY / 2 + random_below(HISTORY / 2) };
        llm_bias bias = { random_below(n), (random_real() - 0.5f) * 10 };
        llm_sampling s = { .temperature = random_below(5) ? 0.1f + 2 * random_real() : 0,
                           .top_k = random_below(2) ? 0 : random_below(n + 2),
                           .top_p = random_below(2) ? 0 : 0.05f + 0.95f * random_real(),
                           .min_p = random_below(2) ? 0 : 0.3f * random_real(),
                           .repetition = random_below(2) ? 1 : 0.5f + random_real(),
                           .presence = random_below(2) ? 0 : random_real() * 4 - 2,
                           .frequency = random_below(2) ? 0 : random_real() * 4 - 2,
                           .bias = &bias,
                           .bias_count = (size_t)random_below(2),
                           .seed = (uint64_t)random_below(1000) };
        uint64_t sample = (uint64_t)random_below(9);
        int got = sampled(&s, &history, sample, z, n);
        for (int i = 0; i < n; i++)
            greedy = z[i] > z[greedy] ? i : greedy;
        different += got != greedy;
        assert_int_equal(got, expected(&s, &history, sample, z, n));
    }
    assert_true(different > 5000);
}

/* --- What each setting is for ------------------------------------------------------------------
 */

enum { DRAWS = 20000 };

/* How often each of 4 tokens is drawn. */
static void draw(const llm_sampling *s, const float logits[4], int counts[4])
{
    static int32_t none[DRAWS];
    memset(counts, 0, 4 * sizeof *counts);
    for (int i = 0; i < DRAWS; i++) {
        llm_history history = { none, 0, i };
        counts[sampled(s, &history, 0, logits, 4)]++;
    }
}

static void expect_shares(const llm_sampling *s, const float logits[4], const double shares[4])
{
    int counts[4];
    draw(s, logits, counts);
    for (int i = 0; i < 4; i++) {
        double deviation = sqrt(shares[i] * (1 - shares[i]) * DRAWS);
        assert_true(fabs(counts[i] - shares[i] * DRAWS) <= 4 * deviation);
    }
}

static void test_each_setting(void **state)
{
    (void)state;
    const float z[4] = { logf(0.4f), logf(0.3f), logf(0.2f), logf(0.1f) };
    const float negative[4] = { -1, -1.5f, -2, -9 };
    expect_shares(&(llm_sampling){ .temperature = 1 }, z, (const double[]){ 0.4, 0.3, 0.2, 0.1 });
    expect_shares(&(llm_sampling){ .temperature = 0.5f }, z,
                  (const double[]){ 16 / 30., 9 / 30., 4 / 30., 1 / 30. });
    expect_shares(&(llm_sampling){ .temperature = 1, .top_k = 2 }, z,
                  (const double[]){ 4 / 7., 3 / 7., 0, 0 });
    expect_shares(&(llm_sampling){ .temperature = 1, .top_p = 0.75f }, z,
                  (const double[]){ 4 / 9., 3 / 9., 2 / 9., 0 });
    expect_shares(&(llm_sampling){ .temperature = 1, .min_p = 0.6f }, z,
                  (const double[]){ 4 / 7., 3 / 7., 0, 0 });
    expect_shares(&(llm_sampling){ .temperature = 1, .top_p = 1e-6f }, z,
                  (const double[]){ 1, 0, 0, 0 });
    const int32_t tokens[] = { 0, 1, 1 };
    const llm_history history = { tokens, 1, 3 }; /* token 0 was given, 1 was sampled twice */
    assert_int_equal(sampled(&(llm_sampling){ .repetition = 1.4f }, &history, 0, negative, 4), 0);
    assert_int_equal(sampled(&(llm_sampling){ .repetition = 2.5f }, &history, 0, negative, 4), 2);
    const float near[4] = { 1, 3, 2, 0 };
    assert_int_equal(sampled(&(llm_sampling){ .presence = 0.9f }, &history, 0, near, 4), 1);
    assert_int_equal(sampled(&(llm_sampling){ .presence = 1.1f }, &history, 0, near, 4), 2);
    assert_int_equal(sampled(&(llm_sampling){ .frequency = 0.4f }, &history, 0, near, 4), 1);
    assert_int_equal(sampled(&(llm_sampling){ .frequency = 0.6f }, &history, 0, near, 4), 2);
    const llm_bias bias = { 3, 4 };
    assert_int_equal(
        sampled(&(llm_sampling){ .bias = &bias, .bias_count = 1 }, &history, 0, near, 4), 3);
    const float tied[4] = { 0, 7, 7, 7 };
    assert_int_equal(sampled(&(llm_sampling){ 0 }, &history, 0, tied, 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_contracts_words),
        cmocka_unit_test(test_each_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
