/* serve_main.c: the program eadem-serve, which `eadem serve` becomes: a language model over HTTP.
 * It is a program of its own so that no other command waits for the HTTP library, and the ten of
 * TLS behind it, to be loaded: 3 ms of every start. */
#include "cli/cli.h"
#include "cli/model_options.h"
#include "core/memory.h"
#include "llm/json.h"
#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: eadem serve MODEL [OPTION ...]\n\n"
    "Serves OpenAI's /v1/completions, /v1/chat/completions, /v1/embeddings and /v1/models, and\n"
    "/health and /metrics, until SIGTERM; then finishes what runs. A prompt's answer does not\n"
    "depend on the others served, and is that of `eadem generate`.\n\n"
    "  --port N              port (8080; 0: any that is free)\n"
    "  --address A           IPv4 address to listen at (127.0.0.1)\n"
    "  --name NAME           what clients call the model (the path's last part)\n"
    "  --api-key-file FILE   ask for the key in the file's first line; or the variable\n"
    "                        EADEM_API_KEY\n"
    "  --body-limit KIB      largest request (1024)\n"
    "  --prompt-limit N      most tokens of a prompt (what the model and the cache hold)\n"
    "  --queue N             most completions that wait or run (1024)\n"
    "  --connections N       most connections at once (1024)\n"
    "  --idle SECONDS        close a connection on which nothing moves (120)\n"
    "  --drain SECONDS       after SIGTERM, break off what still runs (30)\n" CLI_MODEL_HELP;

typedef struct options {
    cli_llm model;
    serve_options serve;
    const char *key_file;
    char *key; /* what it holds */
} options;

static void ready(int port)
{
    printf("listening on port %d\n", port);
    fflush(stdout);
}

static bool text_option(int argc, char **argv, int *i, options *o, bool *wrong)
{
    const char **out = strcmp(argv[*i], "--address") == 0        ? &o->serve.address
                       : strcmp(argv[*i], "--name") == 0         ? &o->serve.name
                       : strcmp(argv[*i], "--api-key-file") == 0 ? &o->key_file
                                                                 : NULL;
    if (out)
        *wrong = !(*out = cli_value(argc, argv, i));
    return out != NULL;
}

static bool number_option(int argc, char **argv, int *i, options *o, bool *wrong)
{
    int64_t kib = 0, port = -1, connections = 0, idle = 0, drain = -1;
    const struct {
        const char *name;
        int64_t low, high, *out;
    } numbers[] = {
        { "--port", 0, 65535, &port },
        { "--body-limit", 1, 1 << 20, &kib },
        { "--prompt-limit", 1, INT32_MAX, &o->serve.prompt_limit },
        { "--queue", 1, 1 << 20, &o->serve.queue_limit },
        { "--connections", 1, 1 << 16, &connections },
        { "--idle", 1, 1 << 20, &idle },
        { "--drain", 0, 1 << 20, &drain },
    };
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        if (strcmp(argv[*i], numbers[k].name) != 0)
            continue;
        *wrong = !cli_read_int(cli_value(argc, argv, i), numbers[k].low, numbers[k].high,
                               numbers[k].out);
        o->serve.port = port >= 0 ? (int)port : o->serve.port;
        o->serve.body_limit = kib > 0 ? kib << 10 : o->serve.body_limit;
        o->serve.connections = connections > 0 ? (int)connections : o->serve.connections;
        o->serve.idle_seconds = idle > 0 ? (int)idle : o->serve.idle_seconds;
        o->serve.drain_seconds = drain >= 0 ? (int)drain : o->serve.drain_seconds;
        return true;
    }
    return false;
}

/* A key on the command line would be seen in the list of processes. */
static ea_status read_key(ea_context *ctx, options *o)
{
    size_t size;
    if (!o->key_file)
        return EA_OK;
    EA_TRY(llm_read_file(ctx, o->key_file, 4096, &o->key, &size));
    o->key[strcspn(o->key, "\r\n")] = 0;
    o->serve.api_key = o->key;
    return *o->key ? EA_OK
                   : core_fail(ctx, EA_ERR_FORMAT, "%s: there is no key in its first line",
                               o->key_file);
}

static bool take_option(int argc, char **argv, int *i, void *to, bool *wrong)
{
    return text_option(argc, argv, i, to, wrong) || number_option(argc, argv, i, to, wrong);
}

static ea_status run(ea_context *ctx, void *argument)
{
    options *o = argument;
    EA_TRY(read_key(ctx, o));
    return serve_run(ctx, &o->serve, ready);
}

static int run_server(int argc, char **argv)
{
    static const cli_llm_command command = { "serve", help, take_option };
    options o = { .serve = { .address = "127.0.0.1",
                             .port = 8080,
                             .api_key = getenv("EADEM_API_KEY"),
                             .body_limit = 1 << 20,
                             .queue_limit = 1024,
                             .connections = 1024,
                             .idle_seconds = 120,
                             .drain_seconds = 30 } };
    int code = CLI_USAGE;
    if (!cli_llm_read(&command, argc, argv, &o, &o.model, &o.serve.model, &code))
        return code;
    if (!o.serve.model) {
        fputs(help, stderr);
        return CLI_USAGE;
    }
    const char *slash = strrchr(o.serve.model, '/');
    if (!o.serve.name)
        o.serve.name = slash && slash[1] ? slash + 1 : o.serve.model;
    o.serve.engine = o.model.engine;
    code = cli_llm_run(command.name, &o.model, run, &o);
    core_free(o.key);
    return code;
}

int main(int argc, char **argv)
{
    return cli_end(run_server(argc, argv));
}
