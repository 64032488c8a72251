/* ledger.h: what the ledger's subcommands share: options, results, JSON. */
#ifndef CLI_LEDGER_H
#define CLI_LEDGER_H

#include "eadem/core.h"

#include <jansson.h>
#include <stdbool.h>

/* --NAME VALUE when `text` is set, --NAME when `flag` is; the list ends with name NULL. */
typedef struct cli_option {
    const char *name;
    const char **text;
    bool *flag;
} cli_option;

/* Reads the options wherever they stand ("--" ends them) and moves the operands together. False,
 * with a message, for an unknown option or a missing value. argv[0] is skipped. */
bool cli_options(const char *command, const cli_option *options, int argc, char **argv, int *count,
                 char ***operands);

/* "wrong usage: see eadem COMMAND --help" on standard error, and CLI_USAGE. */
int cli_usage(const char *command);
/* The exit code for a status; for a failure the library's sentence goes to standard error. */
int cli_result(const char *command, ea_status status);

void cli_print_json(const json_t *json);

#endif
