/* request.c: reading a request's JSON, with limits on everything in it. */
#include "core/memory.h"
#include "llm/json.h"
#include "serve/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char what[] = "request";

enum { MAX_BIASES = 4096 };

typedef struct reader {
    const serve_terms *terms;
    const json_t *json;
    serve_job *job;
} reader;

static ea_status refuse(const char *message)
{
    return core_fail(NULL, EA_ERR_ARGUMENT, "%s", message);
}

static ea_status no_memory(void)
{
    return core_fail(NULL, EA_ERR_MEMORY, "no memory for a request");
}

static const json_t *member(const reader *r, const char *key)
{
    const json_t *value = json_object_get(r->json, key);
    return json_is_null(value) ? NULL : value;
}

/* --- Sampling ----------------------------------------------------------------------------------
 */

static ea_status read_real(const reader *r, const char *key, double fallback, double low,
                           double high, float *out)
{
    double value;
    EA_TRY(llm_json_real(NULL, what, r->json, key, fallback, &value));
    if (!(value >= low && value <= high))
        return core_fail(NULL, EA_ERR_ARGUMENT, "'%s' is %g: it must be %g to %g", key, value, low,
                         high);
    *out = (float)value;
    return EA_OK;
}

static ea_status read_sampling(const reader *r)
{
    llm_sampling *s = &r->job->sampling;
    int64_t top_k, seed;
    EA_TRY(read_real(r, "temperature", 1, 0, 2, &s->temperature));
    EA_TRY(read_real(r, "top_p", 1, 0, 1, &s->top_p));
    EA_TRY(read_real(r, "min_p", 0, 0, 1, &s->min_p));
    EA_TRY(read_real(r, "presence_penalty", 0, -2, 2, &s->presence));
    EA_TRY(read_real(r, "frequency_penalty", 0, -2, 2, &s->frequency));
    EA_TRY(read_real(r, "repetition_penalty", 1, 0.01, 100, &s->repetition));
    EA_TRY(llm_json_int(NULL, what, r->json, "top_k", 0, 0, INT32_MAX, &top_k));
    EA_TRY(llm_json_int(NULL, what, r->json, "seed", 0, INT64_MIN, INT64_MAX, &seed));
    s->top_k = (int32_t)top_k;
    s->seed = (uint64_t)seed;
    return EA_OK;
}

/* {"TOKEN": bias, …} */
static ea_status read_bias(const reader *r)
{
    serve_job *job = r->job;
    json_t *biases = (json_t *)(uintptr_t)member(r, "logit_bias"), *value;
    const char *key;
    if (!biases)
        return EA_OK;
    if (!json_is_object(biases) || json_object_size(biases) > MAX_BIASES)
        return refuse("'logit_bias' must be an object of at most 4096 tokens");
    job->bias = core_alloc((json_object_size(biases) + 1) * sizeof *job->bias);
    if (!job->bias)
        return no_memory();
    json_object_foreach(biases, key, value)
    {
        char *end;
        long token = strtol(key, &end, 10);
        double bias = json_number_value(value);
        if (*end || end == key || token < 0 || token >= r->terms->session->model->config.vocab ||
            !json_is_number(value) || !(fabs(bias) <= 100))
            return refuse("'logit_bias' must map token ids to numbers from -100 to 100");
        job->bias[job->sampling.bias_count++] = (llm_bias){ (int32_t)token, (float)bias };
    }
    job->sampling.bias = job->bias;
    return EA_OK;
}

static ea_status add_stop(const reader *r, const json_t *stop)
{
    if (!json_is_string(stop))
        return refuse("'stop' must be a text or a list of texts");
    return llm_stops_add(NULL, &r->job->stops, json_string_value(stop), json_string_length(stop));
}

static ea_status read_stops(const reader *r)
{
    const json_t *stops = member(r, "stop"), *stop;
    size_t i;
    if (!stops)
        return EA_OK;
    if (!json_is_array(stops))
        return add_stop(r, stops);
    json_array_foreach(stops, i, stop) EA_TRY(add_stop(r, stop));
    return EA_OK;
}

/* Completions: "logprobs" is a number; chat: "logprobs" says whether, "top_logprobs" how many. */
static ea_status read_log_probabilities(const reader *r)
{
    int64_t top = 0;
    if (r->job->kind == SERVE_CHAT) {
        EA_TRY(llm_json_bool(NULL, what, r->json, "logprobs", false, &r->job->log_probabilities));
        EA_TRY(llm_json_int(NULL, what, r->json, "top_logprobs", 0, 0, SERVE_MAX_TOP, &top));
        if (top > 0 && !r->job->log_probabilities)
            return refuse("'top_logprobs' needs 'logprobs' to be true");
    } else {
        r->job->log_probabilities = member(r, "logprobs") != NULL;
        EA_TRY(llm_json_int(NULL, what, r->json, "logprobs", 0, 0, SERVE_MAX_TOP, &top));
    }
    int64_t vocab = r->terms->session->model->config.vocab;
    r->job->top_count = (int)(top < vocab ? top : vocab);
    return EA_OK;
}

/* --- Prompts -----------------------------------------------------------------------------------
 */

static ea_status wrong_form(const reader *r)
{
    return core_fail(NULL, EA_ERR_ARGUMENT,
                     "'%s' must be a text, a list of token ids, or a list of 1 to 128 of these",
                     r->job->kind == SERVE_EMBEDDING ? "input" : "prompt");
}

static ea_status add_prompt(const reader *r, const json_t *prompt)
{
    serve_job *job = r->job;
    const json_t *id;
    size_t i;
    llm_ids *ids = &job->prompts[job->prompt_count++];
    if (json_is_string(prompt))
        return llm_tokenizer_encode(NULL, r->terms->session->tokenizer, json_string_value(prompt),
                                    json_string_length(prompt), true, ids);
    if (!json_is_array(prompt))
        return wrong_form(r);
    json_array_foreach(prompt, i, id)
    {
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) > INT32_MAX)
            return wrong_form(r);
        EA_TRY(llm_ids_append(NULL, ids, (int32_t)json_integer_value(id)));
    }
    return EA_OK;
}

static ea_status allocate_prompts(const reader *r, size_t count)
{
    r->job->prompts = core_alloc_zero(count * sizeof *r->job->prompts);
    return r->job->prompts ? EA_OK : no_memory();
}

static ea_status read_prompts(const reader *r, const char *key)
{
    const json_t *all = member(r, key), *first = json_array_get(all, 0), *prompt;
    size_t i, count = json_array_size(all);
    if (!json_is_array(all) || json_is_integer(first)) {
        EA_TRY(allocate_prompts(r, 1));
        return add_prompt(r, all);
    }
    if (count == 0 || count > SERVE_MAX_CHOICES)
        return wrong_form(r);
    EA_TRY(allocate_prompts(r, count));
    json_array_foreach(all, i, prompt) EA_TRY(add_prompt(r, prompt));
    return EA_OK;
}

static ea_status read_messages(const reader *r)
{
    llm_text text = { 0 };
    EA_TRY(allocate_prompts(r, 1));
    ea_status status = llm_chat_text(NULL, r->terms->chat, member(r, "messages"), &text);
    if (status == EA_OK)
        status = llm_tokenizer_encode(NULL, r->terms->session->tokenizer, text.data, text.size,
                                      false, &r->job->prompts[r->job->prompt_count++]);
    llm_text_free(&text);
    return status;
}

/* Leaves room for at least one more token when some are to come. */
static ea_status check_prompts(const reader *r)
{
    int64_t vocab = r->terms->session->model->config.vocab, limit = r->terms->prompt_limit;
    for (int p = 0; p < r->job->prompt_count; p++) {
        const llm_ids *ids = &r->job->prompts[p];
        if (ids->count == 0)
            return refuse("the prompt is empty");
        if ((int64_t)ids->count > limit - (r->job->max_tokens > 0))
            return core_fail(NULL, EA_ERR_ARGUMENT,
                             "the prompt has %zu tokens: %lld tokens of prompt and completion are "
                             "the most",
                             ids->count, (long long)limit);
        for (size_t i = 0; i < ids->count; i++)
            if (ids->data[i] >= vocab)
                return core_fail(NULL, EA_ERR_ARGUMENT, "token %d: the vocabulary has %lld",
                                 (int)ids->data[i], (long long)vocab);
    }
    return EA_OK;
}

/* --- The whole ---------------------------------------------------------------------------------
 */

static ea_status check_model(const reader *r)
{
    const char *model;
    EA_TRY(llm_json_string(NULL, what, r->json, "model", &model));
    return !model || strcmp(model, r->terms->model) == 0
               ? EA_OK
               : core_fail(NULL, EA_ERR_IO, "there is no model '%.100s' here: this is '%s'", model,
                           r->terms->model);
}

/* Members that would change the answer and are not offered. */
static ea_status refuse_members(const reader *r)
{
    static const char *const members[] = { "suffix",        "tools",       "functions",
                                           "function_call", "tool_choice", "modalities",
                                           "audio",         "prediction" };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (member(r, members[i]))
            return core_fail(NULL, EA_ERR_UNSUPPORTED, "'%s' is not supported", members[i]);
    const char *format;
    EA_TRY(llm_json_string(NULL, what, member(r, "response_format"), "type", &format));
    if (format && strcmp(format, "text") != 0)
        return core_fail(NULL, EA_ERR_UNSUPPORTED, "response format '%.40s' is not supported",
                         format);
    int64_t best_of;
    EA_TRY(llm_json_int(NULL, what, r->json, "best_of", 1, 1, 1, &best_of));
    return EA_OK;
}

static ea_status show_prompts(const reader *r, int i)
{
    serve_job *job = r->job;
    return job->echo ? llm_completion_show_prompt(NULL, &job->choices[i].completion,
                                                  &job->prompts[i / job->samples])
                     : EA_OK;
}

static ea_status make_choices(const reader *r, int64_t samples)
{
    serve_job *job = r->job;
    if (samples * job->prompt_count > SERVE_MAX_CHOICES)
        return refuse("'n' times the number of prompts must be at most 128");
    job->samples = (int)samples;
    job->choice_count = job->running = (int)samples * job->prompt_count;
    job->choices = core_alloc_zero((size_t)job->choice_count * sizeof *job->choices);
    if (!job->choices)
        return no_memory();
    for (int i = 0; i < job->choice_count; i++) {
        job->choices[i].job = job;
        llm_completion_begin(&job->choices[i].completion, r->terms->session->tokenizer,
                             &job->stops);
    }
    for (int i = 0; i < job->choice_count; i++)
        EA_TRY(show_prompts(r, i));
    return EA_OK;
}

/* A completion may be of no tokens, for the log-probabilities of its prompt. */
static ea_status read_completion(const reader *r)
{
    serve_job *job = r->job;
    bool chat = job->kind == SERVE_CHAT;
    if (r->terms->session->model->family->encoder)
        return core_fail(NULL, EA_ERR_UNSUPPORTED,
                         "'%s' is an encoder: it answers /v1/embeddings only", r->terms->model);
    int64_t most = chat ? r->terms->capacity : 16, samples;
    EA_TRY(refuse_members(r));
    EA_TRY(llm_json_bool(NULL, what, r->json, "stream", false, &job->stream));
    EA_TRY(llm_json_bool(NULL, what, member(r, "stream_options"), "include_usage", false,
                         &job->usage));
    EA_TRY(llm_json_int(NULL, what, r->json, "max_tokens", most, chat, INT32_MAX, &most));
    EA_TRY(llm_json_int(NULL, what, r->json, "max_completion_tokens", most, chat, INT32_MAX,
                        &job->max_tokens));
    EA_TRY(llm_json_bool(NULL, what, r->json, "echo", false, &job->echo));
    if (chat && job->echo)
        return refuse("'echo' is for /v1/completions");
    EA_TRY(llm_json_int(NULL, what, r->json, "n", 1, 1, SERVE_MAX_CHOICES, &samples));
    EA_TRY(read_sampling(r));
    EA_TRY(read_bias(r));
    EA_TRY(read_stops(r));
    EA_TRY(read_log_probabilities(r));
    EA_TRY(chat ? read_messages(r) : read_prompts(r, "prompt"));
    EA_TRY(check_prompts(r));
    return make_choices(r, samples);
}

static ea_status read_embedding(const reader *r)
{
    serve_job *job = r->job;
    const char *format;
    int64_t dimensions;
    job->hidden = r->terms->session->model->config.hidden;
    EA_TRY(llm_json_string(NULL, what, r->json, "encoding_format", &format));
    if (format && strcmp(format, "float") != 0 && strcmp(format, "base64") != 0)
        return refuse("'encoding_format' must be float or base64");
    job->base64 = format && strcmp(format, "base64") == 0;
    EA_TRY(llm_json_int(NULL, what, r->json, "dimensions", job->hidden, job->hidden, job->hidden,
                        &dimensions));
    EA_TRY(read_prompts(r, "input"));
    EA_TRY(check_prompts(r));
    EA_TRY(make_choices(r, 1));
    for (int i = 0; i < job->choice_count; i++) {
        job->choices[i].embedding = core_alloc((size_t)job->hidden * sizeof(float));
        if (!job->choices[i].embedding)
            return no_memory();
    }
    return EA_OK;
}

ea_status serve_job_read(const serve_terms *terms, serve_kind kind, const char *body, size_t size,
                         serve_job **out)
{
    json_t *json;
    *out = NULL;
    EA_TRY(llm_json_parse(NULL, what, body, size, &json));
    serve_job *job = core_alloc_zero(sizeof *job);
    ea_status status = job ? EA_OK : no_memory();
    if (status == EA_OK && pthread_mutex_init(&job->mutex, NULL) != 0) {
        core_free(job);
        job = NULL;
        status = no_memory();
    }
    if (job) {
        job->holders = 1;
        job->kind = kind;
        reader r = { terms, json, job };
        status = json_is_object(json) ? check_model(&r) : refuse("the request must be an object");
        if (status == EA_OK)
            status = kind == SERVE_EMBEDDING ? read_embedding(&r) : read_completion(&r);
    }
    json_decref(json);
    if (status == EA_OK)
        *out = job;
    else if (job)
        serve_job_release(job);
    return status;
}
