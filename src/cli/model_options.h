/* model_options.h: what all commands over a language model share. */
#ifndef CLI_MODEL_OPTIONS_H
#define CLI_MODEL_OPTIONS_H

#include "llm/session.h"

#include <stdbool.h>

#define CLI_MODEL_HELP                                             \
    "  --cache MIB           memory for keys and values (1024)\n"  \
    "  --chunk N             most tokens computed at once (256)\n" \
    "  --page N              tokens a page of the cache (16)\n"    \
    "  --threads N           threads (all)\n"                      \
    "  --isa NAME            instruction set (the best of the machine)\n"

typedef struct cli_llm {
    ea_context_options context;
    llm_engine_options engine;
} cli_llm;

/* A command over a language model: eadem NAME MODEL [OPTION ...] */
typedef struct cli_llm_command {
    const char *name, *help;
    /* Takes the option at argv[*i] and its value, moving *i to the value. False when it is none of
     * the command's own; *wrong is set when its value is missing or no such value. */
    bool (*option)(int argc, char **argv, int *i, void *options, bool *wrong);
} cli_llm_command;

/* Reads a command line into `options`, `model` and `path`, the model's. False when that ends the
 * command, *code being its exit code: with --help, and where an argument is wrong, which it says on
 * standard error. */
bool cli_llm_read(const cli_llm_command *command, int argc, char **argv, void *options,
                  cli_llm *model, const char **path, int *code);

/* Runs a command in a context with the model's options and reports its failure on standard error.
 * Returns its exit code. */
int cli_llm_run(const char *command, const cli_llm *model,
                ea_status (*run)(ea_context *ctx, void *argument), void *argument);

/* Numbers that fill their whole text, in a range. */
bool cli_read_int(const char *text, int64_t low, int64_t high, int64_t *out);
bool cli_read_real(const char *text, double low, double high, double *out);

/* The value after argv[*i], or NULL. */
const char *cli_value(int argc, char **argv, int *i);

#endif
