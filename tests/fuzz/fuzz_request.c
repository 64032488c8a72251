/* A request to the server from outside, read, computed and answered as the server does it but for
 * the sockets. The input's first byte chooses the address and the model's chat format. */
#include "fuzz_model.h"
#include "serve/server.h"

static const char config[] =
    "{\"model_type\": \"qwen3\", \"hidden_size\": 8, \"num_hidden_layers\": 2,"
    " \"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"head_dim\": 4,"
    " \"intermediate_size\": 8, \"max_position_embeddings\": 64}";

static const char *const templates[] = { "", "<|im_start|><|im_end|>",
                                         "<|start_header_id|><|eot_id|>", "[INST] [/INST]" };

static serve_server *server(void)
{
    static serve_options options = { .name = "tiny",
                                     .engine = { .chunk = 32, .cache_bytes = 1 << 20 } };
    static serve_server s;
    if (s.engine)
        return &s;
    const char *folder = fuzz_folder();
    fuzz_write("config.json", config, sizeof config - 1);
    if (symlink("fixed.safetensors", fuzz_path("model.safetensors")) != 0)
        abort();
    s.ctx = fuzz_context();
    s.options = &options;
    if (llm_session_open(s.ctx, folder, &s.session) != EA_OK ||
        llm_engine_create(s.ctx, s.session.model, &options.engine, &s.engine) != EA_OK ||
        pthread_mutex_init(&s.mutex, NULL) != 0 || pthread_cond_init(&s.work, NULL) != 0)
        abort();
    s.terms = (serve_terms){ .session = &s.session,
                             .chat = &s.chat,
                             .model = options.name,
                             .prompt_limit = 48,
                             .capacity = 64 };
    return &s;
}

/* The engine's thread's work in this one: it ends when nothing is left to do. */
static void compute(serve_server *s, serve_job *job)
{
    enum { ENOUGH = 6 };
    job->max_tokens = job->max_tokens < ENOUGH ? job->max_tokens : ENOUGH;
    s->stop = false;
    if (!serve_queue(s, job))
        abort();
    s->stop = true;
    serve_worker(s);
    if (job->running > 0)
        abort();
}

static void answer(serve_server *s, serve_job *job)
{
    llm_text text = { 0 };
    bool done = false;
    if (job->stream) {
        if (serve_stream(job, s->options->name, &text, &done) != EA_OK || !done)
            abort();
        llm_text_free(&text);
        return;
    }
    json_t *json = serve_answer(job, s->options->name);
    char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!line)
        abort();
    free(line);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    serve_server *s = server();
    serve_job *job;
    if (size == 0)
        return 0;
    const char *template = templates[data[0] / 3 % 4];
    s->chat = llm_chat_recognise(template, strlen(template));
    ea_status status = serve_job_read(&s->terms, (serve_kind)(data[0] % 3), (const char *)data + 1,
                                      size - 1, &job);
    if ((status == EA_OK) != (job != NULL) || (status != EA_OK && !*ea_error_text(NULL)))
        abort();
    if (!job)
        return 0;
    compute(s, job);
    answer(s, job);
    serve_job_release(job);
    return 0;
}
