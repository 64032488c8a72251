/* sampler.h: from logits to a token (docs/contract.md, Sampling). */
#ifndef LLM_SAMPLER_H
#define LLM_SAMPLER_H

#include "core/context.h"

typedef struct llm_bias {
    int32_t token; /* in the vocabulary */
    float bias;
} llm_bias;

/* All zero: greedy, no penalties (repetition 0 means 1). */
typedef struct llm_sampling {
    float temperature; /* 0: the largest logit, ties to the lowest id */
    int32_t top_k;     /* 0: all */
    float top_p;       /* 0 or 1: all */
    float min_p;
    float repetition, presence, frequency;
    const llm_bias *bias; /* the caller's, as long as the request lives */
    size_t bias_count;
    uint64_t seed;
} llm_sampling;

/* The tokens so far: [0, prompt) were given, [prompt, count) were sampled. */
typedef struct llm_history {
    const int32_t *tokens;
    int64_t prompt, count;
} llm_history;

/* Chooses the token at position history->count for sample number `sample`. Changes `logits`. */
ea_status llm_sample(ea_context *ctx, const llm_sampling *sampling, const llm_history *history,
                     uint64_t sample, float *logits, int64_t vocab, int32_t *token);

/* Log-probability of tokens: log_sum belongs to the row, by llm_log_sum(). */
typedef struct llm_log_sum {
    float maximum, log_sum;
} llm_log_sum;

llm_log_sum llm_row_log_sum(ea_context *ctx, const float *logits, int64_t vocab);
float llm_log_probability(llm_log_sum sum, float logit);

/* The `k` largest logits' tokens, largest first, ties to the lowest id. */
void llm_largest(const float *logits, int64_t vocab, int k, int32_t *tokens);

#endif
