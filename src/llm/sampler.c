/* sampler.c: penalties, temperature, filters, the draw. */
#include "llm/sampler.h"
#include "core/fp.h"
#include "core/memory.h"
#include "eadem/random.h"
#include "llm/steps.h"
#include "math/math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Log-probabilities -------------------------------------------------------------------------
 */

llm_log_sum llm_row_log_sum(ea_context *ctx, const float *logits, int64_t vocab)
{
    llm_log_sum result;
    core_fp saved = core_fp_enter();
    result.log_sum = math_log(llm_row_exp_sum(ctx, vocab, logits, &result.maximum));
    core_fp_leave(saved);
    return result;
}

float llm_log_probability(llm_log_sum sum, float logit)
{
    float distance = logit - sum.maximum;
    return distance - sum.log_sum;
}

static int32_t largest(const float *logits, int64_t vocab)
{
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    return (int32_t)best;
}

/* Insertion into a short sorted list: k is small. */
void llm_largest(const float *logits, int64_t vocab, int k, int32_t *tokens)
{
    int count = 0;
    for (int64_t i = 0; i < vocab && k > 0; i++) {
        if (count == k && !(logits[i] > logits[tokens[k - 1]]))
            continue;
        int at = count < k ? count++ : k - 1;
        for (; at > 0 && logits[i] > logits[tokens[at - 1]]; at--)
            tokens[at] = tokens[at - 1];
        tokens[at] = (int32_t)i;
    }
}

/* --- Penalties ---------------------------------------------------------------------------------
 */

/* Each token of the history once for repetition; once for presence and as often as it was sampled
 * for frequency. `counts` is zeroed scratch. */
static void penalise(const llm_sampling *s, const llm_history *h, float *logits, int64_t vocab,
                     int32_t *counts)
{
    float repetition = s->repetition > 0 ? s->repetition : 1;
    for (int64_t i = 0; i < h->count; i++)
        counts[h->tokens[i]] = -1; /* seen, not sampled */
    for (int64_t i = h->prompt; i < h->count; i++) {
        int32_t *count = &counts[h->tokens[i]];
        *count = *count < 0 ? 1 : *count + 1;
    }
    for (int64_t i = 0; i < vocab; i++) {
        if (counts[i] == 0)
            continue;
        logits[i] = logits[i] > 0 ? logits[i] / repetition : logits[i] * repetition;
        if (counts[i] > 0) {
            float frequency = s->frequency * (float)counts[i];
            logits[i] = logits[i] - frequency;
            logits[i] = logits[i] - s->presence;
        }
    }
}

static ea_status adjust(ea_context *ctx, const llm_sampling *s, const llm_history *h, float *logits,
                        int64_t vocab)
{
    if ((s->repetition > 0 && s->repetition != 1) || s->presence != 0 || s->frequency != 0) {
        int32_t *counts = core_alloc_zero((size_t)vocab * sizeof *counts);
        if (!counts)
            return core_fail(ctx, EA_ERR_MEMORY, "no memory to count tokens");
        penalise(s, h, logits, vocab, counts);
        core_free(counts);
    }
    for (size_t i = 0; i < s->bias_count; i++)
        logits[s->bias[i].token] += s->bias[i].bias;
    return EA_OK;
}

/* --- Filters -----------------------------------------------------------------------------------
 */

typedef struct ranked {
    float p;
    int32_t token;
} ranked;

static int by_probability(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->token < y->token ? -1 : 1;
}

/* How many of the sorted tokens stay. */
static int64_t kept(const llm_sampling *s, const ranked *sorted, int64_t vocab)
{
    int64_t count = s->top_k > 0 && s->top_k < vocab ? s->top_k : vocab;
    float least = s->min_p * sorted[0].p, total = 0, sum = 0;
    while (count > 1 && sorted[count - 1].p < least)
        count--;
    if (!(s->top_p > 0 && s->top_p < 1))
        return count;
    for (int64_t i = 0; i < count; i++)
        total += sorted[i].p;
    float wanted = s->top_p * total;
    for (int64_t i = 0; i < count; i++) {
        sum += sorted[i].p;
        if (sum >= wanted)
            return i + 1;
    }
    return count;
}

/* Sets the probabilities of tokens that do not stay to 0. */
static ea_status filter(ea_context *ctx, const llm_sampling *s, float *p, int64_t vocab)
{
    if (s->top_k <= 0 && !(s->top_p > 0 && s->top_p < 1) && !(s->min_p > 0))
        return EA_OK;
    ranked *sorted = core_alloc((size_t)vocab * sizeof *sorted);
    if (!sorted)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to sort %lld tokens", (long long)vocab);
    for (int64_t i = 0; i < vocab; i++)
        sorted[i] = (ranked){ p[i], (int32_t)i };
    qsort(sorted, (size_t)vocab, sizeof *sorted, by_probability);
    for (int64_t i = kept(s, sorted, vocab); i < vocab; i++)
        p[sorted[i].token] = 0;
    core_free(sorted);
    return EA_OK;
}

/* --- The draw ----------------------------------------------------------------------------------
 */

static int32_t draw(const llm_sampling *s, uint64_t sample, int64_t position, const float *p,
                    int64_t vocab)
{
    uint32_t words[4];
    ea_philox stream = { .seed = s->seed, .stream = sample };
    ea_philox_block(&stream, (uint64_t)position, words);
    float total = 0, sum = 0;
    for (int64_t i = 0; i < vocab; i++)
        total += p[i];
    float wanted = (float)(words[0] >> 8) * 0x1p-24f * total;
    int32_t last = 0;
    for (int64_t i = 0; i < vocab; i++) {
        if (!(p[i] > 0))
            continue;
        last = (int32_t)i;
        sum += p[i];
        if (sum > wanted)
            return last;
    }
    return last;
}

static ea_status sample_row(ea_context *ctx, const llm_sampling *s, const llm_history *h,
                            uint64_t sample, float *logits, int64_t vocab, int32_t *token)
{
    EA_TRY(adjust(ctx, s, h, logits, vocab));
    *token = largest(logits, vocab);
    if (!(s->temperature > 0))
        return EA_OK;
    float maximum = logits[*token] / s->temperature;
    for (int64_t i = 0; i < vocab; i++)
        logits[i] = math_exp(logits[i] / s->temperature - maximum);
    EA_TRY(filter(ctx, s, logits, vocab));
    *token = draw(s, sample, h->count, logits, vocab);
    return EA_OK;
}

ea_status llm_sample(ea_context *ctx, const llm_sampling *sampling, const llm_history *history,
                     uint64_t sample, float *logits, int64_t vocab, int32_t *token)
{
    core_fp saved = core_fp_enter();
    ea_status status = sample_row(ctx, sampling, history, sample, logits, vocab, token);
    core_fp_leave(saved);
    return status;
}
