/* log.c: `eadem log KEY=VALUE … --step N`: reports from a shell script that runs inside a run. */
#include "cli/cli.h"
#include "io/run.h"
#include "ledger/number.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: eadem log KEY=VALUE ... [--step N]\n"
            "       eadem log --param KEY=TEXT ...\n"
            "\n"
            "Reports metrics, or parameters, to the run that this script is part of.\n"
            "Exit code 0: reported. 1: not inside a run, or it could not be written. 2: usage.\n"
            "\n"
            "  --step N  the step that the values belong to\n"
            "  --param   the values are parameters: any text\n"
            "  --help    print this help\n");
}

static int report(const char *assignment, int64_t step, bool param)
{
    const char *equals = strchr(assignment, '=');
    char *key = strdup(assignment), hex[IO_HEX_DOUBLE];
    ledger_number number;
    if (!key || !equals) {
        fprintf(stderr, "eadem log: '%s' has no form KEY=VALUE\n", assignment);
        free(key);
        return CLI_USAGE;
    }
    const char *value = equals + 1;
    key[equals - assignment] = 0;
    if (!param && !ledger_number_read(value, &number)) {
        fprintf(stderr, "eadem log: the value of %s is '%s', which is no number\n", key, value);
        free(key);
        return CLI_USAGE;
    }
    if (!param && !number.whole)
        value = io_hex_double(number.real, hex);
    ea_status status = io_run_report(NULL, param ? "param" : "metric", step, key, value);
    if (status != EA_OK)
        fprintf(stderr, "eadem log: %s\n", ea_error_text(NULL));
    free(key);
    return status == EA_OK ? CLI_OK : CLI_FAILED;
}

static bool read_step(const char *text, int64_t *step)
{
    char *end;
    errno = 0;
    *step = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        fprintf(stderr, "eadem log: the step '%s' is no whole number\n", text);
    return !errno && end != text && !*end;
}

int cli_log(int argc, char **argv)
{
    static const struct option known[] = { { "step", required_argument, NULL, 's' },
                                           { "param", no_argument, NULL, 'p' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    int64_t step = EA_RUN_NO_STEP;
    bool param = false;
    int code;
    opterr = 0;
    optind = 0;
    while ((code = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (code == 'h') {
            print_help(stdout);
            return CLI_OK;
        }
        if (code == '?') {
            fprintf(stderr, "eadem log: '%s': see eadem log --help\n", argv[optind - 1]);
            return CLI_USAGE;
        }
        if (code == 's' && !read_step(optarg, &step))
            return CLI_USAGE;
        param |= code == 'p';
    }
    if (optind == argc) {
        fprintf(stderr, "eadem log: nothing to report: see eadem log --help\n");
        return CLI_USAGE;
    }
    if (!ea_run_active()) {
        fprintf(stderr, "eadem log: not inside a run: start the script with eadem run\n");
        return CLI_FAILED;
    }
    int result = CLI_OK;
    for (int i = optind; i < argc && result == CLI_OK; i++)
        result = report(argv[i], step, param);
    return result;
}
