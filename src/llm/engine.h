/* engine.h: many requests at once over one model. Each step computes one row for every sequence
 * that decodes and pieces of the prompts that wait, in order of arrival. What a request gets does
 * not depend on the others, on the order, on the pieces, or on the cache. One thread at a time. */
#ifndef LLM_ENGINE_H
#define LLM_ENGINE_H

#include "llm/model.h"
#include "llm/sampler.h"

/* Zero means the default. */
typedef struct llm_engine_options {
    int page;            /* tokens a page: 8 to 256, a power of two; default 16 */
    int chunk;           /* rows a step; default 256 */
    int64_t cache_bytes; /* memory for keys and values; default 1 GiB */
} llm_engine_options;

typedef struct llm_engine llm_engine;
typedef struct llm_sequence llm_sequence;

typedef enum llm_finish {
    LLM_FINISH_NOT,
    LLM_FINISH_STOP,      /* a stop token */
    LLM_FINISH_LENGTH,    /* max_tokens, or the model's context is full */
    LLM_FINISH_CANCELLED, /* llm_sequence_cancel() */
    LLM_FINISH_FAILED     /* it does not fit in the cache's memory, or a step failed */
} llm_finish;

/* A token of the prompt (when asked for) or a sampled one. */
typedef struct llm_event {
    llm_sequence *sequence;
    bool prompt;
    int64_t position;
    int32_t token;
    float log_probability; /* of the model, before penalties and temperature; position 0 has none */
    const int32_t *top;    /* the most probable tokens, most first, and their log-probabilities */
    const float *top_log_probabilities;
    int top_count;
    const float *embedding; /* [hidden] in the last event of a request that asked for it */
    llm_finish finish;      /* not LLM_FINISH_NOT: this is the last event; see `has_token` */
    bool has_token;
} llm_event;

enum { LLM_MAX_TOP = 64 };

typedef struct llm_request {
    const int32_t *prompt; /* copied; at least one token */
    int64_t prompt_count;
    int64_t max_tokens; /* 0: none, for the prompt's log-probabilities */
    llm_sampling sampling;
    uint64_t sample;            /* number of this sample among those of its prompt */
    const int32_t *stop_tokens; /* the caller's, as long as the request lives */
    size_t stop_count;
    int top_count; /* most probable tokens to report */
    bool prompt_log_probabilities;
    bool embed; /* the mean of the prompt's last hidden states; then max_tokens is 0 */
    void (*on_event)(void *argument, const llm_event *event); /* may cancel its sequence */
    void *argument;
} llm_request;

ea_status llm_engine_create(ea_context *ctx, const llm_model *model,
                            const llm_engine_options *options, llm_engine **out);
void llm_engine_destroy(llm_engine *engine);

/* Queues a request. Errors: EA_ERR_ARGUMENT (no prompt, a prompt longer than the context or than
 * the cache holds, a token or a bias outside the vocabulary, top_count), EA_ERR_MEMORY. The
 * sequence lives until its last event has been delivered. */
ea_status llm_engine_add(llm_engine *engine, const llm_request *request, llm_sequence **out);
/* The last event comes in the next step. */
void llm_sequence_cancel(llm_sequence *sequence);

/* One step; *busy false when nothing is left to do. */
ea_status llm_engine_step(llm_engine *engine, bool *busy);
ea_status llm_engine_run(llm_engine *engine);

/* Fails every sequence: their last events come in the next step, which computes nothing. */
void llm_engine_abandon(llm_engine *engine);
/* Tokens that the cache holds. */
int64_t llm_engine_capacity(const llm_engine *engine);

typedef struct llm_engine_state {
    int64_t running, waiting, pages, pages_used, preemptions, tokens_computed, tokens_reused;
} llm_engine_state;

llm_engine_state llm_engine_read_state(const llm_engine *engine);

#endif
