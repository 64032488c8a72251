/* completion.c: text as tokens come, stop strings, log-probabilities. */
#include "llm/completion.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

ea_status llm_stops_add(ea_context *ctx, llm_stops *stops, const char *text, size_t size)
{
    if (stops->count == LLM_MAX_STOPS || size == 0 || size > LLM_MAX_STOP_SIZE)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "stop strings: at most %d, of 1 to %d bytes each: this one has %zu",
                         LLM_MAX_STOPS, LLM_MAX_STOP_SIZE, size);
    EA_TRY(llm_text_append(ctx, &stops->texts[stops->count], text, size));
    stops->count++;
    stops->longest = size > stops->longest ? size : stops->longest;
    return EA_OK;
}

void llm_stops_free(llm_stops *stops)
{
    for (int i = 0; i < stops->count; i++)
        llm_text_free(&stops->texts[i]);
    *stops = (llm_stops){ 0 };
}

void llm_completion_begin(llm_completion *completion, const llm_tokenizer *tokenizer,
                          const llm_stops *stops)
{
    *completion = (llm_completion){ .stops = stops };
    llm_decoder_begin(&completion->decoder, tokenizer, true);
    llm_decoder_continue(&completion->decoder);
}

void llm_completion_free(llm_completion *completion)
{
    for (size_t i = 0; i < completion->count; i++)
        core_free((void *)(uintptr_t)completion->tokens[i].top);
    core_free(completion->tokens);
    llm_decoder_free(&completion->decoder);
    llm_text_free(&completion->text);
    *completion = (llm_completion){ 0 };
}

/* --- Stop strings ------------------------------------------------------------------------------
 */

/* Where the first stop string that ends after `from` begins, or the text's size. */
static size_t find_stop(const llm_completion *c, size_t from)
{
    size_t longest = c->stops ? c->stops->longest : 0;
    size_t at = from > c->start + longest ? from - longest : c->start;
    for (; longest > 0 && at < c->text.size; at++)
        for (int i = 0; i < c->stops->count; i++) {
            const llm_text *stop = &c->stops->texts[i];
            if (c->text.size - at >= stop->size &&
                memcmp(c->text.data + at, stop->data, stop->size) == 0)
                return at;
        }
    return c->text.size;
}

/* The longest end of the text that may be the beginning of a stop string is kept back. */
static size_t find_certain(const llm_completion *c)
{
    size_t longest = c->stops ? c->stops->longest : 0, size = c->text.size;
    size_t at = size > c->start + longest ? size - longest : c->start;
    for (; longest > 0 && at < size; at++)
        for (int i = 0; i < c->stops->count; i++) {
            const llm_text *stop = &c->stops->texts[i];
            if (size - at <= stop->size && memcmp(stop->data, c->text.data + at, size - at) == 0)
                return at;
        }
    return size;
}

/* Ends the text at a stop string: what it and its tokens made goes. */
static void cut(llm_completion *c, size_t size)
{
    c->text.size = size;
    while (c->count > c->prompt && c->tokens[c->count - 1].begin >= size)
        core_free((void *)(uintptr_t)c->tokens[--c->count].top);
    if (c->count > 0 && c->tokens[c->count - 1].end > size)
        c->tokens[c->count - 1].end = size;
}

/* --- Tokens ------------------------------------------------------------------------------------
 */

static ea_status copy_top(ea_context *ctx, const llm_event *event, llm_token *token)
{
    size_t count = (size_t)event->top_count;
    if (count == 0)
        return EA_OK;
    int32_t *top = core_alloc(count * (sizeof *top + sizeof(float)));
    if (!top)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for log-probabilities");
    float *values = (float *)(top + count);
    memcpy(top, event->top, count * sizeof *top);
    memcpy(values, event->top_log_probabilities, count * sizeof *values);
    token->top = top;
    token->top_log_probabilities = values;
    token->top_count = event->top_count;
    return EA_OK;
}

static ea_status append_token(ea_context *ctx, llm_completion *c, int32_t id, float log_probability)
{
    EA_TRY(llm_reserve(ctx, (void **)&c->tokens, c->count, &c->capacity, 1, sizeof *c->tokens));
    size_t begin = c->text.size;
    EA_TRY(llm_decoder_push(ctx, &c->decoder, id, &c->text));
    c->tokens[c->count++] = (llm_token){
        .id = id, .log_probability = log_probability, .begin = begin, .end = c->text.size
    };
    return EA_OK;
}

ea_status llm_completion_show_prompt(ea_context *ctx, llm_completion *c, const llm_ids *prompt)
{
    llm_decoder_begin(&c->decoder, c->decoder.tokenizer, true);
    for (size_t i = 0; i < prompt->count; i++)
        EA_TRY(append_token(ctx, c, prompt->data[i], NAN));
    c->prompt = prompt->count;
    c->start = c->certain = c->text.size;
    return EA_OK;
}

static ea_status take_prompt(ea_context *ctx, llm_completion *c, const llm_event *event)
{
    if ((size_t)event->position >= c->prompt || event->position == 0)
        return EA_OK;
    llm_token *token = &c->tokens[event->position];
    token->log_probability = event->log_probability;
    return copy_top(ctx, event, token);
}

/* A stop token is no part of the text. */
static ea_status take_sampled(ea_context *ctx, llm_completion *c, const llm_event *event)
{
    size_t before = c->text.size;
    c->sampled += event->has_token;
    if (event->has_token && event->finish != LLM_FINISH_STOP) {
        EA_TRY(append_token(ctx, c, event->token, event->log_probability));
        EA_TRY(copy_top(ctx, event, &c->tokens[c->count - 1]));
    }
    if (event->finish != LLM_FINISH_NOT)
        EA_TRY(llm_decoder_end(ctx, &c->decoder, &c->text));
    size_t stop = find_stop(c, before);
    c->finish = event->finish;
    if (stop < c->text.size) {
        cut(c, stop);
        c->finish = LLM_FINISH_STOP;
    }
    c->certain = c->finish == LLM_FINISH_NOT ? find_certain(c) : c->text.size;
    return EA_OK;
}

ea_status llm_completion_take(ea_context *ctx, llm_completion *c, const llm_event *event)
{
    if (c->finish != LLM_FINISH_NOT)
        return EA_OK; /* the end of a sequence that a stop string cancelled */
    ea_status status = event->has_token && event->prompt && event->finish == LLM_FINISH_NOT
                           ? take_prompt(ctx, c, event)
                           : take_sampled(ctx, c, event);
    if (status != EA_OK)
        c->finish = LLM_FINISH_FAILED;
    if (c->finish != LLM_FINISH_NOT && event->finish == LLM_FINISH_NOT)
        llm_sequence_cancel(event->sequence);
    return status;
}
