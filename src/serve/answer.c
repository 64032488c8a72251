/* answer.c: a request's answer as JSON, whole or as a stream of events. */
#include "core/memory.h"
#include "serve/job.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson's constructors hand NULL on, so that one check at the end finds any that failed. */

static const char *finish_text(llm_finish finish)
{
    return finish == LLM_FINISH_STOP ? "stop" : finish == LLM_FINISH_LENGTH ? "length" : "error";
}

static json_t *number(float x)
{
    return isfinite(x) ? json_real((double)x) : json_null();
}

static json_t *text_of(const llm_completion *c, size_t from, size_t to)
{
    return json_stringn(c->text.data ? c->text.data + from : "", to - from);
}

/* --- Log-probabilities -------------------------------------------------------------------------
 */

/* A token's bytes, which may be no whole characters; its text has U+FFFD for those. */
static bool token_text(const llm_completion *c, int32_t id, llm_text *bytes, llm_text *text)
{
    return llm_tokenizer_bytes(NULL, c->decoder.tokenizer, id, bytes) == EA_OK &&
           llm_text_append_lossy(NULL, text, bytes->data, bytes->size) == EA_OK;
}

static json_t *string_of(const llm_text *text)
{
    return json_stringn(text->data ? text->data : "", text->size);
}

/* {"token", "logprob", "bytes"} of chat. */
static json_t *chat_token(const llm_completion *c, int32_t id, float log_probability)
{
    llm_text bytes = { 0 }, text = { 0 };
    json_t *token = NULL;
    if (token_text(c, id, &bytes, &text)) {
        json_t *values = json_array();
        for (size_t i = 0; i < bytes.size; i++)
            json_array_append_new(values, json_integer((unsigned char)bytes.data[i]));
        token = json_pack("{s:o, s:o, s:o}", "token", string_of(&text), "logprob",
                          number(log_probability), "bytes", values);
    }
    llm_text_free(&bytes);
    llm_text_free(&text);
    return token;
}

static json_t *chat_log_probabilities(const llm_completion *c, size_t from, size_t to)
{
    json_t *content = json_array();
    for (size_t i = from; i < to; i++) {
        const llm_token *t = &c->tokens[i];
        json_t *token = chat_token(c, t->id, t->log_probability), *top = json_array();
        for (int k = 0; k < t->top_count; k++)
            json_array_append_new(top, chat_token(c, t->top[k], t->top_log_probabilities[k]));
        json_object_set_new(token, "top_logprobs", top);
        json_array_append_new(content, token);
    }
    return json_pack("{s:o, s:n}", "content", content, "refusal");
}

/* A token's text; of bytes that are no whole characters "bytes:\\xe2\\x80", as OpenAI writes them.
 */
static json_t *token_string(const llm_completion *c, int32_t id)
{
    llm_text bytes = { 0 }, text = { 0 };
    json_t *string = NULL;
    if (token_text(c, id, &bytes, &text)) {
        bool whole = text.size == bytes.size &&
                     (text.size == 0 || memcmp(text.data, bytes.data, text.size) == 0);
        llm_text escaped = { 0 };
        ea_status status = llm_text_append(NULL, &escaped, "bytes:", 6);
        for (size_t i = 0; i < bytes.size && !whole && status == EA_OK; i++) {
            char hex[5];
            snprintf(hex, sizeof hex, "\\x%02x", (unsigned char)bytes.data[i]);
            status = llm_text_append(NULL, &escaped, hex, 4);
        }
        string = status == EA_OK ? string_of(whole ? &text : &escaped) : NULL;
        llm_text_free(&escaped);
    }
    llm_text_free(&bytes);
    llm_text_free(&text);
    return string;
}

/* Two tokens may have the same text: the more probable keeps the name. */
static json_t *top_of(const llm_completion *c, const llm_token *t)
{
    if (t->top_count == 0)
        return json_null();
    json_t *top = json_object();
    for (int k = 0; k < t->top_count; k++) {
        json_t *name = token_string(c, t->top[k]);
        if (name && !json_object_get(top, json_string_value(name)))
            json_object_setn_new_nocheck(top, json_string_value(name), json_string_length(name),
                                         number(t->top_log_probabilities[k]));
        json_decref(name);
    }
    return top;
}

/* Characters in the first `size` bytes. */
static int64_t characters(const llm_completion *c, size_t size)
{
    int64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)c->text.data[i] & 0xc0) != 0x80;
    return count;
}

static json_t *plain_log_probabilities(const llm_completion *c, size_t from, size_t to)
{
    json_t *tokens = json_array(), *values = json_array(), *tops = json_array(),
           *offsets = json_array();
    for (size_t i = from; i < to; i++) {
        const llm_token *t = &c->tokens[i];
        json_array_append_new(tokens, token_string(c, t->id));
        json_array_append_new(values, number(t->log_probability));
        json_array_append_new(tops, top_of(c, t));
        json_array_append_new(offsets, json_integer(characters(c, t->begin)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", values,
                     "top_logprobs", tops, "text_offset", offsets);
}

static json_t *log_probabilities(const serve_job *job, const llm_completion *c, size_t from,
                                 size_t to)
{
    return !job->log_probabilities   ? json_null()
           : job->kind == SERVE_CHAT ? chat_log_probabilities(c, from, to)
                                     : plain_log_probabilities(c, from, to);
}

/* --- Whole answers -----------------------------------------------------------------------------
 */

static json_t *usage_of(const serve_job *job)
{
    int64_t prompt = 0, sampled = 0;
    for (int i = 0; i < job->prompt_count; i++)
        prompt += (int64_t)job->prompts[i].count;
    for (int i = 0; i < job->choice_count; i++)
        sampled += job->choices[i].completion.sampled;
    if (job->kind == SERVE_EMBEDDING)
        return json_pack("{s:I, s:I}", "prompt_tokens", (json_int_t)prompt, "total_tokens",
                         (json_int_t)prompt);
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)prompt, "completion_tokens",
                     (json_int_t)sampled, "total_tokens", (json_int_t)(prompt + sampled));
}

/* What every object of an answer begins with. */
static json_t *object_of(const serve_job *job, const char *model, bool piece, json_t *choices)
{
    const char *kind = job->kind == SERVE_COMPLETION ? "text_completion"
                       : piece                       ? "chat.completion.chunk"
                                                     : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", job->id, "object", kind, "created",
                     (json_int_t)job->created, "model", model, "choices", choices);
}

static json_t *whole_choice(const serve_job *job, int i)
{
    const llm_completion *c = &job->choices[i].completion;
    json_t *text = text_of(c, 0, c->text.size), *values = log_probabilities(job, c, 0, c->count);
    const char *finish = finish_text(c->finish);
    if (job->kind == SERVE_CHAT)
        return json_pack("{s:i, s:{s:s, s:o, s:n}, s:s, s:o}", "index", i, "message", "role",
                         "assistant", "content", text, "refusal", "finish_reason", finish,
                         "logprobs", values);
    return json_pack("{s:i, s:o, s:s, s:o}", "index", i, "text", text, "finish_reason", finish,
                     "logprobs", values);
}

/* The floats' bytes, little-endian, in base64. */
static json_t *base64_of(const float *x, int64_t n)
{
    size_t bytes = (size_t)n * 4;
    unsigned char *raw = core_alloc(bytes + 4 * (bytes / 3 + 2));
    if (!raw)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        for (int b = 0; b < 4; b++)
            raw[i * 4 + b] = (unsigned char)(bits >> 8 * b);
    }
    EVP_EncodeBlock(raw + bytes, raw, (int)bytes);
    json_t *text = json_string((char *)raw + bytes);
    core_free(raw);
    return text;
}

static json_t *embedding_of(const serve_job *job, int i)
{
    const float *x = job->choices[i].embedding;
    json_t *values = job->base64 ? base64_of(x, job->hidden) : json_array();
    for (int64_t d = 0; !job->base64 && d < job->hidden; d++)
        json_array_append_new(values, number(x[d]));
    return json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", i, "embedding", values);
}

json_t *serve_answer(const serve_job *job, const char *model)
{
    json_t *list = json_array(), *object;
    for (int i = 0; i < job->choice_count; i++)
        json_array_append_new(list, job->kind == SERVE_EMBEDDING ? embedding_of(job, i)
                                                                 : whole_choice(job, i));
    if (job->kind == SERVE_EMBEDDING)
        object = json_pack("{s:s, s:s, s:o}", "object", "list", "model", model, "data", list);
    else
        object = object_of(job, model, false, list);
    json_object_set_new(object, "usage", usage_of(job));
    return object;
}

char *serve_error(int http_status, const char *message)
{
    const char *type = http_status < 500 ? "invalid_request_error" : "server_error";
    json_t *object = json_pack("{s:{s:s, s:s, s:n, s:i}}", "error", "message", message, "type",
                               type, "param", "code", http_status);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* --- Streams -----------------------------------------------------------------------------------
 */

static ea_status append_line(llm_text *out, const char *line)
{
    if (!line)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for an answer");
    EA_TRY(llm_text_append(NULL, out, "data: ", 6));
    EA_TRY(llm_text_append(NULL, out, line, strlen(line)));
    return llm_text_append(NULL, out, "\n\n", 2);
}

static ea_status append_object(llm_text *out, json_t *object)
{
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    ea_status status = append_line(out, line);
    free(line);
    return status;
}

/* The next piece of a stream: a choice's tokens up to `tokens`, its text up to `bytes`. */
static json_t *piece_of(const serve_job *job, serve_choice *choice, size_t tokens, size_t bytes,
                        bool last)
{
    const llm_completion *c = &choice->completion;
    int index = (int)(choice - job->choices);
    json_t *text = text_of(c, choice->bytes_sent, bytes);
    json_t *values = log_probabilities(job, c, choice->tokens_sent, tokens);
    json_t *finish = last ? json_string(finish_text(c->finish)) : json_null();
    if (job->kind == SERVE_COMPLETION)
        return json_pack("{s:i, s:o, s:o, s:o}", "index", index, "text", text, "finish_reason",
                         finish, "logprobs", values);
    json_t *delta = json_pack("{s:o}", "content", text);
    if (!choice->role_sent)
        json_object_set_new(delta, "role", json_string("assistant"));
    choice->role_sent = true;
    return json_pack("{s:i, s:o, s:o, s:o}", "index", index, "delta", delta, "finish_reason",
                     finish, "logprobs", values);
}

static ea_status append_piece(const serve_job *job, const char *model, serve_choice *choice,
                              size_t tokens, bool last, llm_text *out)
{
    const llm_completion *c = &choice->completion;
    size_t bytes = last ? c->text.size : c->tokens[tokens - 1].end;
    json_t *list = json_array();
    json_array_append_new(list, piece_of(job, choice, tokens, bytes, last));
    choice->bytes_sent = bytes;
    choice->tokens_sent = tokens;
    choice->end_sent = last;
    return append_object(out, object_of(job, model, true, list));
}

/* How many tokens are sent after the next piece, or 0: none is ready. A prompt that is shown is one
 * piece, ready when its log-probabilities are: at the first sampled token or the end. */
static size_t next_tokens(const serve_choice *choice)
{
    const llm_completion *c = &choice->completion;
    size_t sent = choice->tokens_sent, next = sent < c->prompt ? c->prompt : sent + 1;
    bool ready = next <= c->count && c->tokens[next - 1].end <= c->certain &&
                 (next > c->prompt || c->sampled > 0 || choice->ended);
    return ready ? next : 0;
}

/* A piece for each token, and one that ends the choice: a choice's pieces are always the same,
 * whatever the load and the reader's speed. */
static ea_status stream_choice(serve_job *job, const char *model, int i, llm_text *out)
{
    serve_choice *choice = &job->choices[i];
    for (size_t next; (next = next_tokens(choice)) > 0;)
        EA_TRY(append_piece(job, model, choice, next, false, out));
    if (!choice->ended || choice->end_sent)
        return EA_OK;
    return append_piece(job, model, choice, choice->completion.count, true, out);
}

static ea_status append_end(const serve_job *job, const char *model, llm_text *out)
{
    if (serve_job_failed(job)) {
        char *error = serve_error(500, "a completion was broken off");
        ea_status status = append_line(out, error);
        free(error);
        EA_TRY(status);
    }
    if (job->usage) {
        json_t *object = object_of(job, model, true, json_array());
        json_object_set_new(object, "usage", usage_of(job));
        EA_TRY(append_object(out, object));
    }
    return append_line(out, "[DONE]");
}

ea_status serve_stream(serve_job *job, const char *model, llm_text *out, bool *done)
{
    for (int i = 0; i < job->choice_count; i++)
        EA_TRY(stream_choice(job, model, i, out));
    *done = job->running == 0;
    return *done ? append_end(job, model, out) : EA_OK;
}
