/* completion.h: what a sequence becomes: its text as tokens come, cut at stop strings, and the
 * log-probabilities of its tokens. `generate` and the server both show this. */
#ifndef LLM_COMPLETION_H
#define LLM_COMPLETION_H

#include "llm/engine.h"
#include "llm/tokenizer.h"

enum { LLM_MAX_STOPS = 16, LLM_MAX_STOP_SIZE = 1024 };

/* Texts that end a completion and are not part of it. */
typedef struct llm_stops {
    llm_text texts[LLM_MAX_STOPS];
    int count;
    size_t longest;
} llm_stops;

/* Errors: EA_ERR_ARGUMENT (no bytes, more than LLM_MAX_STOP_SIZE of them, too many texts). */
ea_status llm_stops_add(ea_context *ctx, llm_stops *stops, const char *text, size_t size);
void llm_stops_free(llm_stops *stops);

/* A token and the bytes [begin, end) of the text that it made certain. */
typedef struct llm_token {
    int32_t id;
    float log_probability; /* NaN: not asked for, or the first of a prompt */
    size_t begin, end;
    const int32_t *top; /* the most probable tokens in its place, if asked for … */
    const float *top_log_probabilities;
    int top_count; /* … and how many there are */
} llm_token;

typedef struct llm_completion {
    const llm_stops *stops; /* or NULL */
    llm_decoder decoder;
    llm_text text;
    size_t start;   /* where the completion begins, after a prompt that is shown */
    size_t certain; /* bytes that no stop string can take back */
    llm_token *tokens;
    size_t count, capacity;
    size_t prompt;     /* tokens of the prompt among them */
    llm_finish finish; /* LLM_FINISH_STOP for stop strings too */
    int64_t sampled;   /* tokens that were sampled, those that are not shown too */
} llm_completion;

/* `stops` must outlive the completion. */
void llm_completion_begin(llm_completion *completion, const llm_tokenizer *tokenizer,
                          const llm_stops *stops);
/* Shows the prompt before the completion; call before the first event. */
ea_status llm_completion_show_prompt(ea_context *ctx, llm_completion *completion,
                                     const llm_ids *prompt);
/* Takes the next event of the sequence; cancels the sequence when a stop string ends the text, and
 * when an error is returned. */
ea_status llm_completion_take(ea_context *ctx, llm_completion *completion, const llm_event *event);
void llm_completion_free(llm_completion *completion);

#endif
