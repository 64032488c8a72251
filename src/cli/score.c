/* score.c: `eadem score`: the log-probability of each token of a text, and its perplexity. */
#include "cli/cli.h"
#include "cli/model_options.h"
#include "core/memory.h"
#include "llm/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: eadem score MODEL --text FILE [OPTION ...]\n"
    "       eadem score MODEL --tokens FILE [OPTION ...]\n\n"
    "Prints a line for each token: position, id, natural log-probability given all before it (nan "
    "for\n"
    "the first), and the token as a JSON string; then the perplexity. Log-probabilities are "
    "printed so\n"
    "that they read back as the same float; they are, bit for bit, those that sampling "
    "reported.\n\n"
    "  --text FILE           a text\n"
    "  --tokens FILE         token ids, separated by white space\n" CLI_MODEL_HELP;

typedef struct options {
    cli_llm model;
    const char *path, *text, *tokens;
} options;

typedef struct scoring {
    ea_context *ctx;
    const llm_session *session;
    double sum;
    int64_t count;
    ea_status status;
} scoring;

static ea_status print_token(const scoring *s, const llm_event *event)
{
    llm_text text = { 0 };
    ea_status status =
        llm_tokenizer_decode(s->ctx, s->session->tokenizer, &event->token, 1, false, &text);
    json_t *json = status == EA_OK ? json_stringn(text.data ? text.data : "", text.size) : NULL;
    char *written = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
    if (written)
        printf("%lld\t%d\t%.9g\t%s\n", (long long)event->position, (int)event->token,
               event->position == 0 ? (double)NAN : (double)event->log_probability, written);
    else if (status == EA_OK)
        status = core_fail(s->ctx, EA_ERR_MEMORY, "no memory to write a line");
    free(written);
    json_decref(json);
    llm_text_free(&text);
    return status;
}

static void on_event(void *argument, const llm_event *event)
{
    scoring *s = argument;
    if (event->finish == LLM_FINISH_FAILED)
        s->status = core_fail(s->ctx, EA_ERR_MEMORY, "no memory for keys and values");
    if (!event->has_token || s->status != EA_OK)
        return;
    if (event->position > 0) {
        s->sum += (double)event->log_probability;
        s->count++;
    }
    s->status = print_token(s, event);
}

static ea_status score(ea_context *ctx, const llm_session *session, const llm_ids *ids,
                       const options *o)
{
    llm_engine *engine;
    scoring s = { .ctx = ctx, .session = session };
    EA_TRY(llm_engine_create(ctx, session->model, &o->model.engine, &engine));
    ea_status status = llm_engine_add(engine,
                                      &(llm_request){ .prompt = ids->data,
                                                      .prompt_count = (int64_t)ids->count,
                                                      .prompt_log_probabilities = true,
                                                      .on_event = on_event,
                                                      .argument = &s },
                                      NULL);
    if (status == EA_OK)
        status = llm_engine_run(engine);
    llm_engine_destroy(engine);
    EA_TRY(status);
    EA_TRY(s.status);
    if (s.count > 0)
        printf("perplexity %.6f over %lld tokens\n", exp(-s.sum / (double)s.count),
               (long long)s.count);
    return EA_OK;
}

static ea_status read_ids(ea_context *ctx, const char *file, const char *text, llm_ids *ids)
{
    for (;;) {
        char *end;
        long id = strtol(text, &end, 10);
        if (end == text)
            break;
        if (id < 0 || id > INT32_MAX)
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %ld is no token id", file, id);
        EA_TRY(llm_ids_append(ctx, ids, (int32_t)id));
        text = end;
    }
    return text[strspn(text, " \t\r\n")] == 0
               ? EA_OK
               : core_fail(ctx, EA_ERR_FORMAT, "%s: not only token ids: '%.20s'", file, text);
}

static ea_status run(ea_context *ctx, void *argument)
{
    const options *o = argument;
    llm_session session;
    llm_ids ids = { 0 };
    char *bytes;
    size_t size;
    EA_TRY(llm_read_file(ctx, o->text ? o->text : o->tokens, SIZE_MAX / 4, &bytes, &size));
    ea_status status = llm_session_open(ctx, o->path, &session);
    if (status == EA_OK)
        status = o->text ? llm_tokenizer_encode(ctx, session.tokenizer, bytes, size, true, &ids)
                         : read_ids(ctx, o->tokens, bytes, &ids);
    if (status == EA_OK)
        status = score(ctx, &session, &ids, o);
    core_free(bytes);
    llm_ids_free(&ids);
    llm_session_close(&session);
    return status;
}

static bool take_option(int argc, char **argv, int *i, void *to, bool *wrong)
{
    options *o = to;
    const char **file = strcmp(argv[*i], "--text") == 0     ? &o->text
                        : strcmp(argv[*i], "--tokens") == 0 ? &o->tokens
                                                            : NULL;
    if (file)
        *wrong = !(*file = cli_value(argc, argv, i));
    return file != NULL;
}

int cli_score(int argc, char **argv)
{
    static const cli_llm_command command = { "score", help, take_option };
    options o = { 0 };
    int code = CLI_USAGE;
    if (!cli_llm_read(&command, argc, argv, &o, &o.model, &o.path, &code))
        return code;
    if (o.path && (o.text != NULL) != (o.tokens != NULL))
        return cli_llm_run(command.name, &o.model, run, &o);
    fputs(help, stderr);
    return CLI_USAGE;
}
