/* ledger.c: options, results and JSON of the ledger's subcommands. */
#include "cli/ledger.h"
#include "cli/cli.h"
#include "cli/show.h"

#include <getopt.h>
#include <stdio.h>

enum { MAX_OPTIONS = 32 };

bool cli_options(const char *command, const cli_option *options, int argc, char **argv, int *count,
                 char ***operands)
{
    struct option known[MAX_OPTIONS] = { { 0 } };
    int index, code;
    for (int i = 0; options[i].name && i < MAX_OPTIONS - 1; i++)
        known[i] = (struct option){ options[i].name,
                                    options[i].text ? required_argument : no_argument, NULL, 0 };
    opterr = 0;
    optind = 0; /* start over: a subcommand parses once, a test many times */
    while ((code = getopt_long(argc, argv, ":", known, &index)) != -1) {
        if (code == ':' || code == '?') {
            fprintf(stderr, "eadem %s: %s '%s'\n", command,
                    code == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return false;
        }
        if (options[index].text)
            *options[index].text = optarg;
        else
            *options[index].flag = true;
    }
    *count = argc - optind;
    *operands = argv + optind;
    return true;
}

int cli_usage(const char *command)
{
    fprintf(stderr, "eadem %s: wrong usage: see eadem %s --help\n", command, command);
    return CLI_USAGE;
}

int cli_result(const char *command, ea_status status)
{
    if (status == EA_OK)
        return CLI_OK;
    fprintf(stderr, "eadem %s: ", command);
    cli_print_text(stderr, ea_error_text(NULL));
    fputc('\n', stderr);
    return CLI_FAILED;
}

void cli_print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    printf("\n");
}
