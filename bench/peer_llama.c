/* llama.cpp beside bench_llm.c: the same measurements through libllama. bench/llm.py compiles it.
 *
 *   peer_llama MODEL.gguf THREADS PROMPT TOKENS BATCH …
 */
#include "llama.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PROMPT_OF_DECODING = 8 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void silent(enum ggml_log_level level, const char *text, void *data)
{
    (void)level, (void)text, (void)data;
}

static void fail(const char *what)
{
    fprintf(stderr, "peer_llama: %s\n", what);
    exit(1);
}

static struct llama_context *open_context(struct llama_model *model, int threads)
{
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = 8192;
    params.n_batch = params.n_ubatch = 512;
    params.n_threads = params.n_threads_batch = threads;
    params.n_seq_max = 16;
    struct llama_context *context = llama_init_from_model(model, params);
    if (!context)
        fail("no context");
    return context;
}

/* Tokens at `position` … of each of `sequences`; logits of the last ones. */
static void step(struct llama_context *context, struct llama_batch *batch, int sequences,
                 int position, int tokens)
{
    batch->n_tokens = 0;
    for (int s = 0; s < sequences; s++)
        for (int i = 0; i < tokens; i++) {
            int at = batch->n_tokens++;
            batch->token[at] = 100 + s * 37 + position + i;
            batch->pos[at] = position + i;
            batch->n_seq_id[at] = 1;
            batch->seq_id[at][0] = s;
            batch->logits[at] = i == tokens - 1;
        }
    if (llama_decode(context, *batch) != 0)
        fail("decoding failed");
    (void)llama_get_logits(context);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        fail("usage: peer_llama MODEL THREADS PROMPT TOKENS BATCH ...");
    double begin = now();
    llama_log_set(silent, NULL);
    llama_backend_init();
    struct llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model)
        fail("no model");
    struct llama_context *context = open_context(model, atoi(argv[2]));
    struct llama_batch batch = llama_batch_init(512, 0, 1);
    int prompt = atoi(argv[3]), tokens = atoi(argv[4]);
    step(context, &batch, 1, 0, PROMPT_OF_DECODING);
    printf("first token          %8.2f s\n", now() - begin);
    for (int i = 5; i < argc; i++) {
        int sequences = atoi(argv[i]);
        llama_memory_clear(llama_get_memory(context), true);
        step(context, &batch, sequences, 0, PROMPT_OF_DECODING);
        begin = now();
        for (int t = 0; t < tokens; t++)
            step(context, &batch, sequences, PROMPT_OF_DECODING + t, 1);
        printf("decode, batch %3d    %8.2f tokens/s\n", sequences,
               sequences * tokens / (now() - begin));
    }
    llama_memory_clear(llama_get_memory(context), true);
    begin = now();
    step(context, &batch, 1, 0, prompt);
    printf("prefill %4d         %8.2f tokens/s\n", prompt, prompt / (now() - begin));
    llama_free(context);
    llama_model_free(model);
    return 0;
}
