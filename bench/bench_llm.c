/* A language model's speed: prefill of one long prompt, and decoding at several batch sizes.
 *
 *   bench_llm MODEL [THREADS] [PROMPT] [TOKENS] [BATCH …]   (defaults: 2, 512, 16, 1 8)
 *
 * Prints the time until the model is open and until its first token, resident memory, tokens per
 * second, and for decoding the bytes of weights that are read in a second when each is read once a
 * step. Prompts are random tokens. bench/llm.py runs the peers beside it.
 */
#include "bench_peak.h"
#include "llm/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t state = 1;

static int32_t random_token(int64_t vocab)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)((state >> 33) % (uint64_t)vocab);
}

static void check(ea_context *ctx, ea_status status)
{
    if (status == EA_OK)
        return;
    fprintf(stderr, "bench_llm: %s\n", ea_error_text(ctx));
    exit(1);
}

/* Of the file, or of the folder's one file. */
static double weight_bytes(const char *model)
{
    char path[4096];
    struct stat info;
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    return stat(path, &info) == 0 || stat(model, &info) == 0 ? (double)info.st_size : 0;
}

static void add(ea_context *ctx, llm_engine *engine, const llm_model *model, int64_t prompt,
                int64_t tokens)
{
    int32_t *ids = malloc((size_t)prompt * sizeof *ids);
    for (int64_t i = 0; i < prompt; i++)
        ids[i] = random_token(model->config.vocab);
    check(ctx,
          llm_engine_add(
              engine, &(llm_request){ .prompt = ids, .prompt_count = prompt, .max_tokens = tokens },
              NULL));
    free(ids);
}

/* Seconds until the engine has nothing to do. */
static double run(ea_context *ctx, llm_engine *engine)
{
    double begin = bench_now();
    check(ctx, llm_engine_run(engine));
    return bench_now() - begin;
}

static void prefill(ea_context *ctx, const llm_model *model, llm_engine *engine, int64_t prompt)
{
    add(ctx, engine, model, prompt, 1);
    printf("prefill %4lld        %8.2f tokens/s\n", (long long)prompt,
           (double)prompt / run(ctx, engine));
}

/* The first step, which reads the prompts, is not timed. */
static void decode(ea_context *ctx, const llm_model *model, llm_engine *engine, int batch,
                   int64_t tokens, double weights)
{
    bool busy;
    for (int i = 0; i < batch; i++)
        add(ctx, engine, model, 8, tokens + 1);
    check(ctx, llm_engine_step(engine, &busy));
    double seconds = run(ctx, engine);
    printf("decode, batch %3d    %8.2f tokens/s  %6.2f GB/s of weights\n", batch,
           (double)(batch * tokens) / seconds, weights * (double)tokens / seconds * 1e-9);
}

/* What the system says of this process: its own memory, and the parts of files that it has mapped.
 */
static void print_memory(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "RssAnon", 7) == 0 || strncmp(line, "RssFile", 7) == 0)
            fputs(line, stdout);
    if (status)
        fclose(status);
}

int main(int argc, char **argv)
{
    ea_context *ctx;
    llm_model *model;
    llm_engine *engine;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_llm MODEL [THREADS] [PROMPT] [TOKENS] [BATCH ...]\n");
        return 2;
    }
    int threads = argc > 2 ? atoi(argv[2]) : 2;
    int64_t prompt = argc > 3 ? atoi(argv[3]) : 512, tokens = argc > 4 ? atoi(argv[4]) : 16;
    check(NULL, ea_context_create(&(ea_context_options){ .threads = threads }, &ctx));
    double begin = bench_now();
    check(ctx, llm_model_open(ctx, argv[1], &model));
    check(ctx, llm_engine_create(ctx, model, &(llm_engine_options){ .chunk = 512 }, &engine));
    printf("open                 %8.2f s\n", bench_now() - begin);
    double weights = weight_bytes(argv[1]);
    bool busy;
    add(ctx, engine, model, 8, 1);
    check(ctx, llm_engine_step(engine, &busy));
    printf("first token          %8.2f s\n", bench_now() - begin);
    print_memory();
    if (argc <= 5) {
        decode(ctx, model, engine, 1, tokens, weights);
        decode(ctx, model, engine, 8, tokens, weights);
    }
    for (int i = 5; i < argc; i++)
        decode(ctx, model, engine, atoi(argv[i]), tokens, weights);
    if (prompt > 0)
        prefill(ctx, model, engine, prompt);
    llm_engine_destroy(engine);
    llm_model_close(model);
    ea_context_destroy(ctx);
    return 0;
}
