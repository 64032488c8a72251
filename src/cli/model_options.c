/* model_options.c: what the commands over a language model share: options, and running in a
 * context. */
#include "cli/model_options.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_read_int(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || value < low || value > high)
        return false;
    *out = value;
    return true;
}

bool cli_read_real(const char *text, double low, double high, double *out)
{
    char *end;
    double value = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(value >= low && value <= high))
        return false;
    *out = value;
    return true;
}

const char *cli_value(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : NULL;
}

/* The options that all commands have. */
static bool model_option(int argc, char **argv, int *i, cli_llm *model, bool *wrong)
{
    const char *name = argv[*i];
    int64_t n = 0;
    if (strcmp(name, "--isa") == 0) {
        model->context.isa = cli_value(argc, argv, i);
        *wrong = !model->context.isa;
    } else if (strcmp(name, "--threads") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 1, 1024, &n);
        model->context.threads = (int)n;
    } else if (strcmp(name, "--cache") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 1, 1 << 30, &n);
        model->engine.cache_bytes = n << 20;
    } else if (strcmp(name, "--chunk") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 1, 65536, &n);
        model->engine.chunk = (int)n;
    } else if (strcmp(name, "--page") == 0) {
        *wrong = !cli_read_int(cli_value(argc, argv, i), 8, 256, &n);
        model->engine.page = (int)n;
    } else {
        return false;
    }
    return true;
}

/* Says what is wrong: the argument argv[at], or its value argv[last], last > at. */
static void refuse(const char *command, char **argv, int at, int last)
{
    if (last > at)
        fprintf(stderr, "eadem %s: %s cannot be '%s'", command, argv[at], argv[last]);
    else if (argv[at][0] == '-')
        fprintf(stderr, "eadem %s: %s is no option, or its value is missing", command, argv[at]);
    else
        fprintf(stderr, "eadem %s: '%s' is one argument too many", command, argv[at]);
    fprintf(stderr, "; see eadem %s --help\n", command);
}

bool cli_llm_read(const cli_llm_command *command, int argc, char **argv, void *options,
                  cli_llm *model, const char **path, int *code)
{
    for (int i = 1; i < argc; i++) {
        bool wrong = false;
        int at = i;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(command->help, stdout);
            *code = CLI_OK;
            return false;
        }
        if (!command->option(argc, argv, &i, options, &wrong) &&
            !model_option(argc, argv, &i, model, &wrong)) {
            wrong = argv[i][0] == '-' || *path;
            *path = argv[i];
        }
        if (wrong) {
            refuse(command->name, argv, at, i);
            *code = CLI_USAGE;
            return false;
        }
    }
    return true;
}

int cli_llm_run(const char *command, const cli_llm *model,
                ea_status (*run)(ea_context *ctx, void *argument), void *argument)
{
    ea_context *ctx = NULL;
    ea_status status = ea_context_create(&model->context, &ctx);
    if (status == EA_OK)
        status = run(ctx, argument);
    if (status != EA_OK)
        fprintf(stderr, "eadem %s: %s\n", command, ea_error_text(ctx));
    ea_context_destroy(ctx);
    return status == EA_OK ? CLI_OK : CLI_FAILED;
}
