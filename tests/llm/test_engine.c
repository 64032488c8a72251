/* One answer per prompt: completions under random load, with preemption, cancellation and failing
 * allocations, against the same requests alone. */
#include "core/view.h"
#include "llm/engine.h"
#include "tiny_model.h"

#include <math.h>

enum { PROMPTS = 8, MAX_TOKENS = 100 };

static const uint64_t PINNED = 0xa4d72c77f799236eu;

typedef struct answer {
    int32_t tokens[MAX_TOKENS];
    float log_probabilities[MAX_TOKENS], top[MAX_TOKENS];
    int count;
    int cancel_after; /* 0: never */
    llm_finish finish;
} answer;

static struct {
    ea_context *ctx;
    llm_model *model;
    char folder[64];
    int32_t prompts[PROMPTS][200];
    int64_t sizes[PROMPTS];
    answer alone[PROMPTS];
} all;

static void on_event(void *argument, const llm_event *event)
{
    answer *a = argument;
    if (event->has_token) {
        assert_true(a->count < MAX_TOKENS);
        a->tokens[a->count] = event->token;
        a->top[a->count] = event->top_log_probabilities[1];
        a->log_probabilities[a->count++] = event->log_probability;
        if (a->count == a->cancel_after)
            llm_sequence_cancel(event->sequence);
    }
    if (event->finish != LLM_FINISH_NOT) {
        assert_int_equal(a->finish, LLM_FINISH_NOT);
        a->finish = event->finish;
    }
}

static llm_request request_of(int prompt, answer *a)
{
    return (llm_request){ .prompt = all.prompts[prompt],
                          .prompt_count = all.sizes[prompt],
                          .max_tokens = MAX_TOKENS,
                          .sampling = { .temperature = prompt % 2 ? 0.9f : 0,
                                        .repetition = 1.2f,
                                        .top_k = 40,
                                        .seed = 7 },
                          .sample = (uint64_t)prompt,
                          .top_count = 2,
                          .on_event = on_event,
                          .argument = a };
}

static void expect_same(const answer *got, const answer *want)
{
    assert_int_equal(got->finish, want->finish);
    assert_int_equal(got->count, want->count);
    assert_memory_equal(got->tokens, want->tokens, sizeof got->tokens);
    assert_memory_equal(got->log_probabilities, want->log_probabilities,
                        sizeof got->log_probabilities);
    assert_memory_equal(got->top, want->top, sizeof got->top);
}

/* The answer to one prompt, alone. */
static void complete(ea_context *ctx, llm_model *model, int prompt, answer *out)
{
    llm_engine *engine;
    assert_int_equal(llm_engine_create(ctx, model, NULL, &engine), EA_OK);
    llm_request request = request_of(prompt, out);
    assert_int_equal(llm_engine_add(engine, &request, NULL), EA_OK);
    assert_int_equal(llm_engine_run(engine), EA_OK);
    assert_int_equal(out->count, MAX_TOKENS);
    llm_engine_destroy(engine);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(ea_context_create(&(ea_context_options){ .threads = 2 }, &all.ctx), EA_OK);
    tiny_make(all.ctx, all.folder);
    assert_int_equal(llm_model_open(all.ctx, all.folder, &all.model), EA_OK);
    for (int p = 0; p < PROMPTS; p++) {
        all.sizes[p] = p == 0 ? 1 : 5 + tiny_random(195);
        for (int i = 0; i < 200; i++) /* half of the prompts begin alike */
            all.prompts[p][i] = p % 2 && i < 64 ? i % TINY_VOCAB : (int32_t)tiny_random(TINY_VOCAB);
    }
    for (int p = 0; p < PROMPTS; p++)
        complete(all.ctx, all.model, p, &all.alone[p]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    llm_model_close(all.model);
    tiny_remove(all.folder);
    ea_context_destroy(all.ctx);
    return 0;
}

/* `count` requests for random prompts, arriving at random steps; the cache holds `tokens` tokens.
 * Each tenth request is cancelled on the way. */
static llm_engine_state run_load(int count, int64_t tokens, int page, int chunk)
{
    llm_engine *engine;
    answer *answers = core_alloc_zero((size_t)count * sizeof *answers);
    int *which = core_alloc((size_t)count * sizeof *which);
    llm_engine_options options = { .page = page,
                                   .chunk = chunk,
                                   .cache_bytes = tokens * llm_page_floats(&all.model->config, 1) *
                                                  (int64_t)sizeof(float) };
    assert_int_equal(llm_engine_create(all.ctx, all.model, &options, &engine), EA_OK);
    int64_t most_waiting = 0;
    for (int added = 0; added < count;) {
        for (int more = (int)tiny_random(4); more > 0 && added < count; more--, added++) {
            which[added] = (int)tiny_random(PROMPTS);
            answers[added].cancel_after = added % 10 == 9 ? 1 + (int)tiny_random(50) : 0;
            llm_request request = request_of(which[added], &answers[added]);
            assert_int_equal(llm_engine_add(engine, &request, NULL), EA_OK);
        }
        bool busy;
        for (int steps = (int)tiny_random(20); steps > 0; steps--)
            assert_int_equal(llm_engine_step(engine, &busy), EA_OK);
        int64_t waiting = llm_engine_read_state(engine).waiting;
        most_waiting = waiting > most_waiting ? waiting : most_waiting;
    }
    assert_int_equal(llm_engine_run(engine), EA_OK);
    for (int i = 0; i < count; i++) {
        answer want = all.alone[which[i]];
        if (answers[i].cancel_after) {
            want.count = want.cancel_after = answers[i].cancel_after;
            want.finish = LLM_FINISH_CANCELLED;
            for (int k = want.count; k < MAX_TOKENS; k++)
                want.tokens[k] = 0, want.log_probabilities[k] = 0, want.top[k] = 0;
        }
        expect_same(&answers[i], &want);
    }
    llm_engine_state end = llm_engine_read_state(engine);
    assert_int_equal(end.pages_used, 0);
    assert_int_equal(end.running + end.waiting, 0);
    end.waiting = most_waiting;
    llm_engine_destroy(engine);
    core_free(answers);
    core_free(which);
    return end;
}

static void test_random_load_one_version(void **state)
{
    (void)state;
    llm_engine_state roomy = run_load(1000, 1 << 16, 16, 256);
    assert_true(roomy.tokens_reused > 1000 && roomy.preemptions == 0);
    llm_engine_state tight = run_load(100, 640, 8, 33);
    assert_true(tight.preemptions > 10 && tight.waiting > 0);
    run_load(60, 512, 256, 7);
    run_load(60, 1024, 64, 1000);
}

/* Log-probabilities of prompt and completion together: what decoding reported, bit for bit. */
static void on_score(void *argument, const llm_event *event)
{
    float *out = argument;
    if (event->has_token)
        out[event->position] = event->log_probability;
}

static void test_prefill_gives_what_decoding_gave(void **state)
{
    (void)state;
    for (int p = 0; p < PROMPTS; p++) {
        int32_t text[TINY_CONTEXT];
        float scores[TINY_CONTEXT];
        int64_t n = all.sizes[p];
        memcpy(text, all.prompts[p], (size_t)n * sizeof *text);
        memcpy(text + n, all.alone[p].tokens, MAX_TOKENS * sizeof *text);
        llm_engine *engine;
        llm_engine_options options = { .chunk = 1 + (int)tiny_random(100) };
        assert_int_equal(llm_engine_create(all.ctx, all.model, &options, &engine), EA_OK);
        llm_request request = { .prompt = text,
                                .prompt_count = n + MAX_TOKENS,
                                .prompt_log_probabilities = true,
                                .on_event = on_score,
                                .argument = scores };
        assert_int_equal(llm_engine_add(engine, &request, NULL), EA_OK);
        assert_int_equal(llm_engine_run(engine), EA_OK);
        assert_memory_equal(scores + n, all.alone[p].log_probabilities,
                            MAX_TOKENS * sizeof *scores);
        llm_engine_destroy(engine);
    }
}

static void test_what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    llm_engine *engine;
    llm_engine_options small = { .cache_bytes = 32 * llm_page_floats(&all.model->config, 1) * 4 };
    assert_int_equal(llm_engine_create(all.ctx, all.model, &small, &engine), EA_OK);
    answer a = { 0 };
    llm_request request = request_of(0, &a);
    assert_int_equal(llm_engine_add(engine, &request, NULL), EA_ERR_ARGUMENT);
    assert_non_null(strstr(ea_error_text(all.ctx), "memory holds 32"));
    request.max_tokens = 5;
    request.prompt_count = TINY_CONTEXT + 1;
    assert_int_equal(llm_engine_add(engine, &request, NULL), EA_ERR_ARGUMENT);
    request.prompt_count = 0;
    assert_int_equal(llm_engine_add(engine, &request, NULL), EA_ERR_ARGUMENT);
    request.prompt = (int32_t[]){ TINY_VOCAB };
    request.prompt_count = 1;
    assert_int_equal(llm_engine_add(engine, &request, NULL), EA_ERR_ARGUMENT);
    llm_engine_destroy(engine);
    small = (llm_engine_options){ .page = 24 };
    assert_int_equal(llm_engine_create(all.ctx, all.model, &small, &engine), EA_ERR_ARGUMENT);
    assert_null(engine);
}

/* Nothing is left behind (AddressSanitizer looks) by an index of shards that cannot be used. */
static void test_bad_index_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "{", "[]", "{\"weight_map\": {\"a\": 1}}",
                                       "{\"weight_map\": {\"a\": \"../b\"}}",
                                       "{\"weight_map\": {\"a\": \"none.safetensors\"}}" };
    char path[96];
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", all.folder);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        llm_model *model;
        FILE *index = fopen(path, "w");
        assert_non_null(index);
        fputs(bad[i], index);
        fclose(index);
        assert_int_not_equal(llm_model_open(all.ctx, all.folder, &model), EA_OK);
        assert_null(model);
        assert_non_null(strstr(ea_error_text(all.ctx), all.folder));
    }
    unlink(path);
}

static ea_status open_and_generate(void)
{
    llm_model *model;
    llm_engine *engine = NULL;
    answer a = { 0 };
    ea_context *ctx;
    ea_status status = ea_context_create(&(ea_context_options){ .threads = 1 }, &ctx);
    if (status != EA_OK)
        return status;
    status = llm_model_open(ctx, all.folder, &model);
    if (status == EA_OK)
        status = llm_engine_create(ctx, model, NULL, &engine);
    llm_request request = request_of(1, &a);
    request.max_tokens = 3;
    if (status == EA_OK)
        status = llm_engine_add(engine, &request, NULL);
    if (status == EA_OK)
        status = llm_engine_run(engine);
    if (status == EA_OK && a.finish == LLM_FINISH_FAILED)
        status = EA_ERR_MEMORY;
    if (status == EA_OK)
        assert_memory_equal(a.tokens, all.alone[1].tokens, 3 * sizeof *a.tokens);
    llm_engine_destroy(engine);
    llm_model_close(model);
    ea_context_destroy(ctx);
    return status;
}

/* A page that cannot be had makes the request wait or fail; anything else is an error. */
static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    core_alloc_fail_at(0);
    assert_int_equal(open_and_generate(), EA_OK);
    int64_t count = core_alloc_count();
    for (int64_t n = 1; n <= count; n++) {
        core_alloc_fail_at(n);
        assert_int_equal(open_and_generate(), EA_ERR_MEMORY);
    }
    core_alloc_fail_at(0);
}

/* FNV-1a of the tokens' and log-probabilities' bits: the same number on every machine. */
static uint64_t digest_of(const answer *answers)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (int p = 0; p < PROMPTS; p++)
        for (int i = 0; i < MAX_TOKENS; i++) {
            const uint32_t words[] = { (uint32_t)answers[p].tokens[i],
                                       core_float_bits(answers[p].log_probabilities[i]) };
            for (int byte = 0; byte < 8; byte++)
                digest = (digest ^ (words[byte / 4] >> byte % 4 * 8 & 255)) * 0x100000001b3u;
        }
    return digest;
}

/* The definition ("ref", the first) made the digest; every other instruction set answers alike, and
 * so does every other architecture that runs this test. */
static void test_every_instruction_set(void **state)
{
    (void)state;
    if (digest_of(all.alone) != PINNED)
        fail_msg("the digest is %016llx", (unsigned long long)digest_of(all.alone));
    for (int i = 0; ea_isa_available(i); i++) {
        ea_context *ctx;
        llm_model *model;
        assert_int_equal(
            ea_context_create(&(ea_context_options){ .isa = ea_isa_available(i) }, &ctx), EA_OK);
        assert_int_equal(llm_model_open(ctx, all.folder, &model), EA_OK);
        for (int p = 0; p < PROMPTS; p++) {
            answer got = { 0 };
            complete(ctx, model, p, &got);
            expect_same(&got, &all.alone[p]);
        }
        llm_model_close(model);
        ea_context_destroy(ctx);
    }
}

/* None of the largest: what lies before the result, here an index far outside, is not read. */
static void test_none_of_the_largest(void **state)
{
    (void)state;
    float logits[4] = { 1, 3, 2, 0 };
    int32_t tokens[3] = { INT32_MAX, 7, 7 };
    llm_largest(logits, 4, 0, tokens + 1);
    assert_int_equal(tokens[1], 7);
    llm_largest(logits, 4, 2, tokens + 1);
    assert_int_equal(tokens[1], 1);
    assert_int_equal(tokens[2], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_of_the_largest),
        cmocka_unit_test(test_every_instruction_set),
        cmocka_unit_test(test_random_load_one_version),
        cmocka_unit_test(test_prefill_gives_what_decoding_gave),
        cmocka_unit_test(test_what_cannot_be_done_is_refused),
        cmocka_unit_test(test_bad_index_is_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
