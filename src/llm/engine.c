/* engine.c: continuous batching: which rows a step computes, and what comes of them. */
#include "llm/engine.h"
#include "core/fp.h"
#include "core/memory.h"
#include "llm/cache.h"
#include "llm/steps.h"
#include "llm/utf8.h"

#include <string.h>

enum { DEFAULT_PAGE = 16, DEFAULT_CHUNK = 256, LOGIT_ROWS = 16 };

struct llm_sequence {
    llm_engine *engine;
    llm_request request;
    int32_t *tokens; /* the prompt, then what was sampled; room for all that may come */
    int64_t count, most;
    int64_t computed;  /* tokens whose keys and values are in the pages */
    int64_t reported;  /* tokens of the prompt whose events were delivered */
    int32_t *pages;    /* numbers of its pages … */
    float **page_data; /* … and where they are */
    int64_t page_count;
    int64_t kept;    /* full pages that the cache knows */
    uint64_t serial; /* of the last of those */
    int64_t planned; /* rows in this step */
    float *sum;      /* [hidden] of the states of `summed` tokens, when it is to be embedded */
    int64_t summed;
    llm_finish finish;
};

struct llm_engine {
    ea_context *ctx;
    const llm_model *model;
    llm_cache *cache;
    int page, chunk;
    bool whole;          /* an encoder: all rows of a text in one step */
    llm_sequence **list; /* in order of arrival */
    size_t count, capacity;
    llm_row *rows; /* [chunk] */
    float *hidden; /* [chunk, hidden] */
    llm_engine_state state;
};

/* --- Making ------------------------------------------------------------------------------------
 */

static bool is_page_size(int page)
{
    return page >= 8 && page <= REF_KEY_BLOCK && (page & (page - 1)) == 0;
}

static ea_status create(llm_engine *e, const llm_engine_options *o)
{
    const llm_config *c = &e->model->config;
    e->page = o->page ? o->page : DEFAULT_PAGE;
    e->chunk = o->chunk ? o->chunk : DEFAULT_CHUNK;
    e->whole = e->model->family->encoder;
    if (e->whole && e->chunk < c->context)
        e->chunk = (int)c->context;
    int64_t bytes = o->cache_bytes ? o->cache_bytes : (int64_t)1 << 30;
    if (!is_page_size(e->page) || e->chunk < 1 || e->chunk > 1 << 16 || bytes < 1)
        return core_fail(e->ctx, EA_ERR_ARGUMENT,
                         "pages of %d tokens, chunks of %d: pages have 8, 16, 32, 64, 128 or 256, "
                         "chunks 1 to 65536",
                         e->page, e->chunk);
    e->rows = core_alloc((size_t)e->chunk * sizeof *e->rows);
    e->hidden = core_alloc((size_t)(e->chunk * c->hidden) * sizeof *e->hidden);
    if (!e->rows || !e->hidden)
        return core_fail(e->ctx, EA_ERR_MEMORY, "no memory for chunks of %d rows", e->chunk);
    return llm_cache_create(e->ctx, e->page, llm_page_floats(c, e->page), bytes, &e->cache);
}

ea_status llm_engine_create(ea_context *ctx, const llm_model *model,
                            const llm_engine_options *options, llm_engine **out)
{
    *out = NULL;
    llm_engine *e = core_alloc_zero(sizeof *e);
    if (!e)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for an engine");
    e->ctx = ctx;
    e->model = model;
    ea_status status = create(e, options ? options : &(llm_engine_options){ 0 });
    if (status == EA_OK)
        *out = e;
    else
        llm_engine_destroy(e);
    return status;
}

static void release_pages(llm_sequence *s)
{
    for (int64_t i = 0; i < s->page_count; i++)
        llm_cache_release(s->engine->cache, s->pages[i]);
    s->page_count = s->computed = s->kept = 0;
    s->serial = 0;
}

static void free_sequence(llm_sequence *s)
{
    if (s->pages)
        release_pages(s);
    core_free(s->tokens);
    core_free(s->pages);
    core_free(s->page_data);
    core_free(s->sum);
    core_free(s);
}

void llm_engine_destroy(llm_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->count; i++)
        free_sequence(engine->list[i]);
    core_free(engine->list);
    core_free(engine->rows);
    core_free(engine->hidden);
    llm_cache_destroy(engine->cache);
    core_free(engine);
}

/* --- Adding ------------------------------------------------------------------------------------
 */

static ea_status check_request(const llm_engine *e, const llm_request *r)
{
    int64_t capacity = llm_engine_capacity(e), context = e->model->config.context;
    if (r->prompt_count < 1 || r->max_tokens < 0)
        return core_fail(e->ctx, EA_ERR_ARGUMENT, "a request needs a prompt of at least one token");
    if (r->prompt_count > context || (r->prompt_count == context && r->max_tokens > 0))
        return core_fail(e->ctx, EA_ERR_ARGUMENT,
                         "the prompt has %lld tokens: the model's context is %lld",
                         (long long)r->prompt_count, (long long)context);
    int64_t room = context - r->prompt_count;
    int64_t most = r->prompt_count + (r->max_tokens < room ? r->max_tokens : room);
    if (most > capacity)
        return core_fail(e->ctx, EA_ERR_ARGUMENT,
                         "%lld tokens of prompt and completion: the cache's memory holds %lld",
                         (long long)most, (long long)capacity);
    if (e->whole && !r->embed)
        return core_fail(e->ctx, EA_ERR_UNSUPPORTED,
                         "an encoder has no next token: it gives embeddings only");
    if (r->embed && (r->max_tokens > 0 || r->prompt_log_probabilities))
        return core_fail(e->ctx, EA_ERR_ARGUMENT, "a request is embedded or continued, not both");
    if (r->top_count < 0 || r->top_count > LLM_MAX_TOP || r->top_count > e->model->config.vocab)
        return core_fail(e->ctx, EA_ERR_ARGUMENT, "%d most probable tokens: the most is %d",
                         r->top_count, LLM_MAX_TOP);
    for (size_t i = 0; i < r->sampling.bias_count; i++)
        if (r->sampling.bias[i].token < 0 || r->sampling.bias[i].token >= e->model->config.vocab)
            return core_fail(e->ctx, EA_ERR_ARGUMENT,
                             "a bias for token %d: the vocabulary has %lld",
                             (int)r->sampling.bias[i].token, (long long)e->model->config.vocab);
    for (int64_t i = 0; i < r->prompt_count; i++)
        if (r->prompt[i] < 0 || r->prompt[i] >= e->model->config.vocab)
            return core_fail(e->ctx, EA_ERR_ARGUMENT, "token %d: the vocabulary has %lld",
                             (int)r->prompt[i], (long long)e->model->config.vocab);
    return EA_OK;
}

static ea_status fill_sequence(llm_sequence *s, const llm_request *r)
{
    llm_engine *e = s->engine;
    int64_t room = e->model->config.context - r->prompt_count;
    s->most = r->prompt_count + (r->max_tokens < room ? r->max_tokens : room);
    size_t pages = (size_t)((s->most + e->page - 1) / e->page);
    s->tokens = core_alloc((size_t)s->most * sizeof *s->tokens);
    s->pages = core_alloc(pages * sizeof *s->pages);
    s->page_data = core_alloc(pages * sizeof *s->page_data);
    if (r->embed)
        s->sum = core_alloc_zero((size_t)e->model->config.hidden * sizeof *s->sum);
    if (!s->tokens || !s->pages || !s->page_data || (r->embed && !s->sum))
        return core_fail(e->ctx, EA_ERR_MEMORY, "no memory for a request of %lld tokens",
                         (long long)s->most);
    memcpy(s->tokens, r->prompt, (size_t)r->prompt_count * sizeof *s->tokens);
    s->count = r->prompt_count;
    s->request = *r;
    s->request.prompt = NULL; /* the caller's no longer needed */
    return llm_reserve(e->ctx, (void **)&e->list, e->count, &e->capacity, 1, sizeof *e->list);
}

ea_status llm_engine_add(llm_engine *engine, const llm_request *request, llm_sequence **out)
{
    if (out)
        *out = NULL;
    EA_TRY(check_request(engine, request));
    llm_sequence *s = core_alloc_zero(sizeof *s);
    if (!s)
        return core_fail(engine->ctx, EA_ERR_MEMORY, "no memory for a request");
    s->engine = engine;
    ea_status status = fill_sequence(s, request);
    if (status != EA_OK) {
        free_sequence(s);
        return status;
    }
    engine->list[engine->count++] = s;
    if (out)
        *out = s;
    return EA_OK;
}

void llm_sequence_cancel(llm_sequence *sequence)
{
    if (sequence->finish == LLM_FINISH_NOT)
        sequence->finish = LLM_FINISH_CANCELLED;
}

/* --- Planning ----------------------------------------------------------------------------------
 */

/* Starts from pages that hold the beginning already. One token is left to compute. */
static void reuse_prefix(llm_sequence *s)
{
    llm_engine *e = s->engine;
    bool all_wanted = s->request.embed || (s->request.prompt_log_probabilities &&
                                           s->reported < s->request.prompt_count);
    while (!all_wanted && (s->page_count + 1) * e->page < s->count) {
        int32_t page = llm_cache_find(e->cache, s->serial, s->tokens + s->page_count * e->page);
        if (page < 0)
            break;
        s->serial = llm_cache_serial(e->cache, page);
        s->page_data[s->page_count] = llm_cache_data(e->cache, page);
        s->pages[s->page_count++] = page;
    }
    s->kept = s->page_count;
    s->computed = s->page_count * e->page;
    e->state.tokens_reused += s->computed;
}

/* Takes the pages of the newest sequence that came after `s`. False when there is none. */
static bool preempt_one(llm_engine *e, const llm_sequence *s)
{
    for (size_t i = e->count; i-- > 0 && e->list[i] != s;)
        if (e->list[i]->page_count > 0) {
            release_pages(e->list[i]);
            e->state.preemptions++;
            return true;
        }
    return false;
}

/* Pages for `tokens` tokens. */
static bool take_pages(llm_sequence *s, int64_t tokens)
{
    llm_engine *e = s->engine;
    while (s->page_count * e->page < tokens) {
        int32_t page = llm_cache_take(e->cache);
        if (page == LLM_NO_PAGE) {
            if (!preempt_one(e, s))
                return false;
            continue;
        }
        s->page_data[s->page_count] = llm_cache_data(e->cache, page);
        s->pages[s->page_count++] = page;
    }
    return true;
}

static bool holds_pages(const llm_engine *e, const llm_sequence *besides)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i] != besides && e->list[i]->page_count > 0)
            return true;
    return false;
}

/* Is the state after position `p` asked for? */
static bool is_wanted(const llm_sequence *s, int64_t p)
{
    if (s->request.embed)
        return p >= s->summed;
    if (p + 1 == s->count)
        return s->count < s->most;
    return s->request.prompt_log_probabilities && p + 1 >= s->reported &&
           p + 1 < s->request.prompt_count;
}

/* Adds `n` rows of a sequence. */
static int64_t plan(llm_sequence *s, int64_t rows, int64_t n)
{
    for (int64_t p = s->computed; p < s->computed + n; p++)
        s->engine->rows[rows++] = (llm_row){ .token = s->tokens[p],
                                             .position = p,
                                             .last = s->engine->whole ? s->count - 1 : p,
                                             .pages = s->page_data,
                                             .wanted = is_wanted(s, p) };
    s->planned = n;
    return rows;
}

/* Older sequences come first and may take the pages of newer ones. Every sequence that decodes gets
 * its row, so that long prompts stall nobody. */
static int64_t plan_step(llm_engine *e)
{
    int64_t decoding = 0, rows = 0;
    for (size_t i = 0; i < e->count; i++) {
        e->list[i]->planned = 0;
        decoding += e->list[i]->computed > 0 && e->list[i]->count - e->list[i]->computed == 1;
    }
    int64_t for_prompts = e->chunk > decoding ? e->chunk - decoding : 0;
    for (size_t i = 0; i < e->count && rows < e->chunk; i++) {
        llm_sequence *s = e->list[i];
        if (s->finish != LLM_FINISH_NOT)
            continue;
        if (s->page_count == 0)
            reuse_prefix(s);
        int64_t left = s->count - s->computed, room = e->chunk - rows;
        if (left > 1 || s->computed == 0)
            room = for_prompts < room ? for_prompts : room;
        int64_t n = left < room ? left : room;
        if (n == 0 || (e->whole && n < left))
            continue;
        if (!take_pages(s, s->computed + n)) {
            if (!holds_pages(e, s))
                s->finish = LLM_FINISH_FAILED;
            continue;
        }
        if (left > 1)
            for_prompts -= n;
        rows = plan(s, rows, n);
    }
    return rows;
}

/* --- Results -----------------------------------------------------------------------------------
 */

static void deliver(llm_sequence *s, llm_event event)
{
    event.sequence = s;
    if (s->request.on_event)
        s->request.on_event(s->request.argument, &event);
}

static void fill_top(const llm_sequence *s, const float *logits, llm_log_sum sum, int32_t *tokens,
                     float *values, llm_event *event)
{
    llm_largest(logits, s->engine->model->config.vocab, s->request.top_count, tokens);
    for (int i = 0; i < s->request.top_count; i++)
        values[i] = llm_log_probability(sum, logits[tokens[i]]);
    event->top = tokens;
    event->top_log_probabilities = values;
    event->top_count = s->request.top_count;
}

static bool is_stop(const llm_sequence *s, int32_t token)
{
    for (size_t i = 0; i < s->request.stop_count; i++)
        if (s->request.stop_tokens[i] == token)
            return true;
    return false;
}

/* The state after position `p` of a sequence: the log-probability of the prompt's next token, or a
 * new token. Changes `logits`. */
static ea_status use_logits(llm_sequence *s, int64_t p, float *logits)
{
    llm_engine *e = s->engine;
    int64_t vocab = e->model->config.vocab;
    int32_t top[LLM_MAX_TOP];
    float values[LLM_MAX_TOP];
    llm_log_sum sum = llm_row_log_sum(e->ctx, logits, vocab);
    llm_event event = { .position = p + 1,
                        .prompt = p + 1 < s->request.prompt_count,
                        .has_token = true };
    fill_top(s, logits, sum, top, values, &event);
    if (event.prompt) {
        event.token = s->tokens[p + 1];
        event.log_probability = llm_log_probability(sum, logits[event.token]);
        s->reported = p + 2;
        deliver(s, event);
        return EA_OK;
    }
    float *copy = core_arena_alloc(e->ctx->arena, (size_t)vocab * sizeof *copy);
    if (!copy)
        return core_fail(e->ctx, EA_ERR_MEMORY, "no memory to sample");
    memcpy(copy, logits, (size_t)vocab * sizeof *copy);
    llm_history history = { s->tokens, s->request.prompt_count, s->count };
    EA_TRY(llm_sample(e->ctx, &s->request.sampling, &history, s->request.sample, copy, vocab,
                      &event.token));
    event.log_probability = llm_log_probability(sum, logits[event.token]);
    s->tokens[s->count++] = event.token;
    s->finish = is_stop(s, event.token) ? LLM_FINISH_STOP
                : s->count == s->most   ? LLM_FINISH_LENGTH
                                        : LLM_FINISH_NOT;
    event.finish = s->finish;
    deliver(s, event);
    return EA_OK;
}

/* Positions of the planned rows whose state was asked for, in the order of the rows. */
typedef struct wanted_row {
    llm_sequence *sequence;
    int64_t position;
} wanted_row;

static int64_t list_wanted(const llm_engine *e, wanted_row *out)
{
    int64_t count = 0;
    for (size_t i = 0; i < e->count; i++)
        for (int64_t k = 0; k < e->list[i]->planned; k++)
            if (is_wanted(e->list[i], e->list[i]->computed + k))
                out[count++] = (wanted_row){ e->list[i], e->list[i]->computed + k };
    return count;
}

/* Adds the states of sequences that are embedded to their sums, in order of position, and closes
 * the gaps that they leave. Returns how many rows are left. */
static int64_t sum_states(llm_engine *e, wanted_row *wanted, int64_t count)
{
    int64_t left = 0, n = e->model->config.hidden;
    for (int64_t i = 0; i < count; i++) {
        llm_sequence *s = wanted[i].sequence;
        const float *state = e->hidden + i * n;
        if (s->request.embed) {
            llm_accumulate(e->ctx, n, s->sum, state);
            s->summed++;
            continue;
        }
        memmove(e->hidden + left * n, state, (size_t)n * sizeof *state);
        wanted[left++] = wanted[i];
    }
    return left;
}

/* Logits in groups: a long prompt with log-probabilities must not need memory for all of them. */
static ea_status use_states(llm_engine *e, const wanted_row *wanted, int64_t count)
{
    int64_t vocab = e->model->config.vocab, hidden = e->model->config.hidden;
    float *logits = core_arena_alloc(e->ctx->arena, (size_t)(LOGIT_ROWS * vocab) * sizeof *logits);
    if (!logits)
        return core_fail(e->ctx, EA_ERR_MEMORY, "no memory for logits");
    for (int64_t first = 0; first < count; first += LOGIT_ROWS) {
        int64_t rows = count - first < LOGIT_ROWS ? count - first : LOGIT_ROWS;
        EA_TRY(llm_logits(e->ctx, e->model, e->hidden + first * hidden, rows, logits));
        for (int64_t i = 0; i < rows; i++) {
            if (wanted[first + i].sequence->finish != LLM_FINISH_NOT)
                continue; /* cancelled by its own event */
            core_mark mark = core_arena_mark(e->ctx->arena);
            EA_TRY(use_logits(wanted[first + i].sequence, wanted[first + i].position,
                              logits + i * vocab));
            core_arena_release(e->ctx->arena, mark);
        }
    }
    return EA_OK;
}

/* The first token of a prompt has no probability. */
static void report_first(llm_sequence *s)
{
    if (!s->request.prompt_log_probabilities || s->reported > 0)
        return;
    s->reported = 1;
    deliver(s, (llm_event){ .prompt = true, .token = s->tokens[0], .has_token = true });
}

static void keep_full_pages(llm_sequence *s)
{
    llm_engine *e = s->engine;
    for (; (s->kept + 1) * e->page <= s->computed; s->kept++)
        s->serial =
            llm_cache_keep(e->cache, s->pages[s->kept], s->serial, s->tokens + s->kept * e->page);
}

/* The last event of a sequence that has not told its end. */
static void deliver_end(llm_sequence *s)
{
    llm_event event = { .finish = s->finish, .position = s->count };
    if (s->request.embed && s->finish == LLM_FINISH_LENGTH) {
        core_fp saved = core_fp_enter();
        for (int64_t i = 0; i < s->engine->model->config.hidden; i++)
            s->sum[i] = s->sum[i] / (float)s->count;
        core_fp_leave(saved);
        event.embedding = s->sum;
    }
    deliver(s, event);
}

/* Ends what has finished, keeping the order of the others. */
static void sweep(llm_engine *e)
{
    size_t left = 0;
    for (size_t i = 0; i < e->count; i++) {
        llm_sequence *s = e->list[i];
        if (s->finish == LLM_FINISH_NOT && s->request.max_tokens == 0 && s->computed == s->count)
            s->finish = LLM_FINISH_LENGTH;
        if (s->finish == LLM_FINISH_NOT) {
            e->list[left++] = s;
            continue;
        }
        bool told = s->count > s->request.prompt_count &&
                    (s->finish == LLM_FINISH_STOP || s->finish == LLM_FINISH_LENGTH);
        if (!told)
            deliver_end(s);
        free_sequence(s);
    }
    e->count = left;
}

static ea_status compute(llm_engine *e, int64_t rows)
{
    wanted_row *wanted = core_arena_alloc(e->ctx->arena, (size_t)rows * sizeof *wanted);
    if (!wanted)
        return core_fail(e->ctx, EA_ERR_MEMORY, "no memory for a step");
    int64_t count = list_wanted(e, wanted);
    EA_TRY(llm_forward(e->ctx, e->model, e->rows, rows, e->page, e->hidden));
    e->state.tokens_computed += rows;
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i]->planned > 0)
            report_first(e->list[i]);
    for (size_t i = 0; i < e->count; i++) {
        e->list[i]->computed += e->list[i]->planned;
        keep_full_pages(e->list[i]);
    }
    core_fp saved = core_fp_enter();
    count = sum_states(e, wanted, count);
    core_fp_leave(saved);
    return use_states(e, wanted, count);
}

ea_status llm_engine_step(llm_engine *engine, bool *busy)
{
    core_mark mark = core_arena_mark(engine->ctx->arena);
    int64_t rows = plan_step(engine);
    ea_status status = rows > 0 ? compute(engine, rows) : EA_OK;
    core_arena_release(engine->ctx->arena, mark);
    sweep(engine);
    *busy = engine->count > 0;
    return status;
}

ea_status llm_engine_run(llm_engine *engine)
{
    for (bool busy = engine->count > 0; busy;)
        EA_TRY(llm_engine_step(engine, &busy));
    return EA_OK;
}

void llm_engine_abandon(llm_engine *engine)
{
    for (size_t i = 0; i < engine->count; i++)
        if (engine->list[i]->finish == LLM_FINISH_NOT)
            engine->list[i]->finish = LLM_FINISH_FAILED;
}

int64_t llm_engine_capacity(const llm_engine *engine)
{
    return llm_cache_pages(engine->cache) * engine->page;
}

llm_engine_state llm_engine_read_state(const llm_engine *e)
{
    llm_engine_state state = e->state;
    for (size_t i = 0; i < e->count; i++)
        *(e->list[i]->page_count > 0 ? &state.running : &state.waiting) += 1;
    state.pages = llm_cache_pages(e->cache);
    state.pages_used = llm_cache_used(e->cache);
    return state;
}
