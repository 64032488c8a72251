/* generate.c: `eadem generate`: continues a prompt. */
#include "cli/cli.h"
#include "cli/model_options.h"
#include "core/memory.h"
#include "llm/completion.h"
#include "llm/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: eadem generate MODEL -p TEXT [-n TOKENS] [OPTION ...]\n\n"
    "Continues a text. MODEL is a Hugging Face folder or a .gguf file. The same model, prompt and\n"
    "options give the same text on every machine.\n\n"
    "  -p, --prompt TEXT     the text to continue\n"
    "  --prompt-file FILE    the same, from a file\n"
    "  -n, --tokens N        most tokens to add (128)\n"
    "  --temperature T       0: always the most probable token (0)\n"
    "  --top-k K, --top-p P, --min-p P\n"
    "                        sample among the most probable tokens only\n"
    "  --repetition-penalty R, --presence-penalty P, --frequency-penalty P\n"
    "  --seed N              of sampling (0)\n"
    "  --logit-bias ID=B     add B to a token's logit; may be given again\n"
    "  --stop TEXT           end before this text; may be given again\n"
    "  --samples N           independent samples of one prompt (1)\n"
    "  --json                one JSON object a sample: text, tokens, log-probabilities\n"
    "  --top N               with --json: the N most probable tokens in each "
    "place\n" CLI_MODEL_HELP;

enum { MAX_BIASES = 64 };

typedef struct options {
    cli_llm model;
    const char *path, *prompt, *prompt_file;
    llm_sampling sampling;
    llm_bias biases[MAX_BIASES];
    llm_stops stops;
    int64_t tokens, samples, top;
    bool json;
} options;

typedef struct sample {
    ea_context *ctx;
    llm_completion completion;
    bool stream; /* print text as it comes */
    size_t printed;
    ea_status status;
} sample;

static void on_event(void *argument, const llm_event *event)
{
    sample *s = argument;
    const llm_completion *c = &s->completion;
    if (s->status == EA_OK)
        s->status = llm_completion_take(s->ctx, &s->completion, event);
    if (s->stream && c->certain > s->printed) {
        fwrite(c->text.data + s->printed, 1, c->certain - s->printed, stdout);
        fflush(stdout);
        s->printed = c->certain;
    }
    if (event->finish == LLM_FINISH_FAILED)
        s->status = core_fail(s->ctx, EA_ERR_MEMORY, "no memory for keys and values");
}

/* Members of the object that hold a value for each token. */
static json_t *token_values(const llm_completion *c, int top)
{
    json_t *ids = json_array(), *values = json_array(), *tops = json_array();
    for (size_t i = 0; i < c->count; i++) {
        const llm_token *t = &c->tokens[i];
        json_t *places = json_array();
        for (int k = 0; k < t->top_count; k++)
            json_array_append_new(
                places, json_pack("[i, f]", (int)t->top[k], (double)t->top_log_probabilities[k]));
        json_array_append_new(ids, json_integer(t->id));
        json_array_append_new(values, json_real((double)t->log_probability));
        json_array_append_new(tops, places);
    }
    json_t *object = json_pack("{s:o, s:o}", "tokens", ids, "log_probabilities", values);
    if (top > 0)
        json_object_set_new(object, "top", tops);
    else
        json_decref(tops);
    return object;
}

static ea_status print_sample(const sample *s, bool as_json, int top)
{
    const llm_completion *c = &s->completion;
    const char *text = c->text.data ? c->text.data : "";
    if (!as_json) {
        if (!s->stream)
            fwrite(text, 1, c->text.size, stdout);
        printf("\n");
        return EA_OK;
    }
    json_t *object = json_pack("{s:s%, s:s}", "text", text, c->text.size, "finish",
                               c->finish == LLM_FINISH_STOP ? "stop" : "length");
    json_t *values = token_values(c, top);
    int failed = json_object_update(object, values);
    char *line = failed ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(values);
    json_decref(object);
    if (!line)
        return core_fail(s->ctx, EA_ERR_MEMORY, "no memory to write a sample");
    printf("%s\n", line);
    free(line);
    return EA_OK;
}

static ea_status run_samples(ea_context *ctx, llm_engine *engine, const llm_session *session,
                             const llm_ids *prompt, const options *o, sample *samples)
{
    for (int64_t i = 0; i < o->samples; i++) {
        sample *s = &samples[i];
        *s = (sample){ .ctx = ctx, .stream = o->samples == 1 && !o->json };
        llm_completion_begin(&s->completion, session->tokenizer, &o->stops);
        EA_TRY(llm_engine_add(engine,
                              &(llm_request){ .prompt = prompt->data,
                                              .prompt_count = (int64_t)prompt->count,
                                              .max_tokens = o->tokens,
                                              .sampling = o->sampling,
                                              .sample = (uint64_t)i,
                                              .stop_tokens = session->stop.data,
                                              .stop_count = session->stop.count,
                                              .top_count = (int)o->top,
                                              .on_event = on_event,
                                              .argument = s },
                              NULL));
    }
    EA_TRY(llm_engine_run(engine));
    for (int64_t i = 0; i < o->samples; i++) {
        EA_TRY(samples[i].status);
        EA_TRY(print_sample(&samples[i], o->json, (int)o->top));
    }
    return EA_OK;
}

static ea_status generate(ea_context *ctx, const llm_session *session, const llm_ids *prompt,
                          const options *o)
{
    llm_engine *engine;
    EA_TRY(llm_engine_create(ctx, session->model, &o->model.engine, &engine));
    sample *samples = core_alloc_zero((size_t)o->samples * sizeof *samples);
    ea_status status = samples ? run_samples(ctx, engine, session, prompt, o, samples)
                               : core_fail(ctx, EA_ERR_MEMORY, "no memory for samples");
    for (int64_t i = 0; samples && i < o->samples; i++)
        llm_completion_free(&samples[i].completion);
    core_free(samples);
    llm_engine_destroy(engine);
    return status;
}

static ea_status run(ea_context *ctx, void *argument)
{
    const options *o = argument;
    llm_session session;
    llm_ids prompt = { 0 };
    char *file = NULL;
    size_t size = o->prompt ? strlen(o->prompt) : 0;
    EA_TRY(llm_session_open(ctx, o->path, &session));
    ea_status status =
        o->prompt ? EA_OK : llm_read_file(ctx, o->prompt_file, SIZE_MAX / 4, &file, &size);
    if (status == EA_OK)
        status = llm_tokenizer_encode(ctx, session.tokenizer, o->prompt ? o->prompt : file, size,
                                      true, &prompt);
    if (status == EA_OK)
        status = generate(ctx, &session, &prompt, o);
    core_free(file);
    llm_ids_free(&prompt);
    llm_session_close(&session);
    return status;
}

/* "ID=BIAS" */
static bool add_bias(const char *text, options *o)
{
    char *end;
    long id = text ? strtol(text, &end, 10) : -1;
    double bias;
    if (id < 0 || id > INT32_MAX || end == text || *end != '=' ||
        o->sampling.bias_count == MAX_BIASES || !cli_read_real(end + 1, -100, 100, &bias))
        return false;
    o->biases[o->sampling.bias_count++] = (llm_bias){ (int32_t)id, (float)bias };
    return true;
}

/* Options of sampling; false when the name is none of them. */
static bool sampling_option(int argc, char **argv, int *i, options *o, bool *wrong)
{
    static const struct {
        const char *name;
        double low, high;
        size_t member;
    } reals[] = {
        { "--temperature", 0, 100, offsetof(llm_sampling, temperature) },
        { "--top-p", 0, 1, offsetof(llm_sampling, top_p) },
        { "--min-p", 0, 1, offsetof(llm_sampling, min_p) },
        { "--repetition-penalty", 0.01, 100, offsetof(llm_sampling, repetition) },
        { "--presence-penalty", -100, 100, offsetof(llm_sampling, presence) },
        { "--frequency-penalty", -100, 100, offsetof(llm_sampling, frequency) },
    };
    for (size_t k = 0; k < sizeof reals / sizeof reals[0]; k++)
        if (strcmp(argv[*i], reals[k].name) == 0) {
            double x = 0;
            *wrong = !cli_read_real(cli_value(argc, argv, i), reals[k].low, reals[k].high, &x);
            *(float *)((char *)&o->sampling + reals[k].member) = (float)x;
            return true;
        }
    int64_t n = 0;
    if (strcmp(argv[*i], "--top-k") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 0, INT32_MAX, &n);
        o->sampling.top_k = (int32_t)n;
    } else if (strcmp(argv[*i], "--seed") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 0, INT64_MAX, &n);
        o->sampling.seed = (uint64_t)n;
    } else if (strcmp(argv[*i], "--logit-bias") == 0) {
        *wrong = !add_bias(cli_value(argc, argv, i), o);
    } else {
        return false;
    }
    return true;
}

static bool add_stop(const char *text, options *o)
{
    return text && llm_stops_add(NULL, &o->stops, text, strlen(text)) == EA_OK;
}

static bool take_option(int argc, char **argv, int *i, void *to, bool *wrong)
{
    options *o = to;
    const char *a = argv[*i];
    if (strcmp(a, "-p") == 0 || strcmp(a, "--prompt") == 0)
        *wrong = !(o->prompt = cli_value(argc, argv, i));
    else if (strcmp(a, "--prompt-file") == 0)
        *wrong = !(o->prompt_file = cli_value(argc, argv, i));
    else if (strcmp(a, "-n") == 0 || strcmp(a, "--tokens") == 0)
        *wrong = !cli_read_int(cli_value(argc, argv, i), 1, INT32_MAX, &o->tokens);
    else if (strcmp(a, "--samples") == 0)
        *wrong = !cli_read_int(cli_value(argc, argv, i), 1, 1 << 20, &o->samples);
    else if (strcmp(a, "--top") == 0)
        *wrong = !cli_read_int(cli_value(argc, argv, i), 0, LLM_MAX_TOP, &o->top);
    else if (strcmp(a, "--stop") == 0)
        *wrong = !add_stop(cli_value(argc, argv, i), o);
    else if (strcmp(a, "--json") == 0)
        o->json = true;
    else
        return sampling_option(argc, argv, i, o, wrong);
    return true;
}

int cli_generate(int argc, char **argv)
{
    static const cli_llm_command command = { "generate", help, take_option };
    options o = { .tokens = 128, .samples = 1 };
    int code = CLI_USAGE;
    if (cli_llm_read(&command, argc, argv, &o, &o.model, &o.path, &code)) {
        o.sampling.bias = o.biases;
        if (o.path && (o.prompt != NULL) != (o.prompt_file != NULL))
            code = cli_llm_run(command.name, &o.model, run, &o);
        else
            fputs(help, stderr);
    }
    llm_stops_free(&o.stops);
    return code;
}
