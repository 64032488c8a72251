/* run.c: `eadem run … -- COMMAND`: runs a command and records it in the ledger. */
#include "ledger/run.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/params.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_RECORDED = 125 };

/* The options, with the lists that repeated ones make. A list has room for every argument. */
typedef struct run_options {
    const char **inputs, **outputs, **tags;
    int input_count, output_count, tag_count;
    const char *name;
    json_t *params;
    bool trace, quiet, help;
} run_options;

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: eadem run [OPTION ...] [--] COMMAND [ARGUMENT ...]\n"
            "\n"
            "Runs the command and records what its result is made by: code, data, environment,\n"
            "parameters and seeds; and its results: outputs, metrics, output text.\n"
            "Exit code: the command's; 128 + N when signal N ended it; 127 when there is no such\n"
            "command, 126 when it cannot be run, 125 when the run could not be recorded.\n"
            "\n"
            "  --data PATH        a file or folder that the command reads; may be repeated\n"
            "  --out PATH         a file or folder that it makes; may be repeated\n"
            "  --param NAME=TEXT  a parameter; may be repeated\n"
            "  --params FILE      parameters from a YAML or JSON file\n"
            "  --name TEXT        a name for the run\n"
            "  --tag TEXT         a tag; may be repeated\n"
            "  --trace            have the command trace its tensors (EADEM_TRACE), if it can\n"
            "  --quiet            do not say which run was recorded\n"
            "  --help             print this help\n");
}

static bool read_option(run_options *o, int code)
{
    switch (code) {
    case 'd':
        o->inputs[o->input_count++] = optarg;
        return true;
    case 'o':
        o->outputs[o->output_count++] = optarg;
        return true;
    case 't':
        o->tags[o->tag_count++] = optarg;
        return true;
    case 'p':
        return ledger_params_add(NULL, o->params, optarg) == EA_OK;
    case 'f':
        return ledger_params_load(NULL, o->params, optarg) == EA_OK;
    case 'n':
        o->name = optarg;
        return true;
    case 'T':
        o->trace = true;
        return true;
    case 'q':
        o->quiet = true;
        return true;
    default:
        o->help = true;
        return true;
    }
}

/* Reads the options up to the command; false after a message. */
static bool read_options(run_options *o, int argc, char **argv)
{
    static const struct option known[] = {
        { "data", required_argument, NULL, 'd' },  { "out", required_argument, NULL, 'o' },
        { "param", required_argument, NULL, 'p' }, { "params", required_argument, NULL, 'f' },
        { "name", required_argument, NULL, 'n' },  { "tag", required_argument, NULL, 't' },
        { "trace", no_argument, NULL, 'T' },       { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
    };
    int code;
    opterr = 0;
    optind = 0;
    while ((code = getopt_long(argc, argv, "+:h", known, NULL)) != -1) {
        if (code == '?' || code == ':') {
            fprintf(stderr, "eadem run: %s '%s': see eadem run --help\n",
                    code == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return false;
        }
        if (!read_option(o, code)) {
            fprintf(stderr, "eadem run: %s\n", ea_error_text(NULL));
            return false;
        }
    }
    if (optind == argc && !o->help) {
        fprintf(stderr, "eadem run: there is no command: see eadem run --help\n");
        return false;
    }
    return true;
}

static void warn_of_missing(const json_t *record)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(record, "outputs"), i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        if (ledger_json_true(entry, "missing")) {
            fprintf(stderr, "eadem run: the command did not make its output ");
            cli_print_text(stderr, path ? path : "");
            fputc('\n', stderr);
        }
        core_free(path);
    }
    if (ledger_json_true(record, "output_lost"))
        fprintf(stderr, "eadem run: not all that the command printed could be kept\n");
}

static void tell_recorded(const ledger_run_result *result)
{
    const json_t *code = json_object_get(result->record, "code");
    size_t left_out = json_array_size(json_object_get(code, "left_out"));
    fprintf(stderr, "eadem: run %s %s\n", result->id, ledger_json_string(result->record, "status"));
    if (left_out)
        fprintf(stderr,
                "eadem: %zu changed files are not in its record: eadem runs %.8s says why\n",
                left_out, result->id);
}

static int run_and_record(const run_options *o, char **command)
{
    char here[PATH_MAX];
    ledger_store *store;
    ledger_run_result result;
    ledger_run_options options = { .argv = command,
                                   .name = o->name,
                                   .tags = o->tags,
                                   .inputs = o->inputs,
                                   .outputs = o->outputs,
                                   .params = o->params,
                                   .folder = here,
                                   .trace = o->trace };
    if (!getcwd(here, sizeof here)) {
        perror("eadem run: the working folder");
        return NOT_RECORDED;
    }
    if (ledger_open(NULL, NULL, LEDGER_CREATE, &store) != EA_OK) {
        fprintf(stderr, "eadem run: %s\n", ea_error_text(NULL));
        return NOT_RECORDED;
    }
    ea_status status = ledger_run(store, &options, &result);
    if (status != EA_OK)
        fprintf(stderr, "eadem run: %s\n", ea_error_text(NULL));
    else
        warn_of_missing(result.record);
    if (status == EA_OK && !o->quiet)
        tell_recorded(&result);
    json_decref(result.record);
    ledger_close(store);
    return status != EA_OK && result.exit_code <= 1 ? NOT_RECORDED : result.exit_code;
}

int cli_run(int argc, char **argv)
{
    run_options o = { .params = json_object() };
    const char **lists = calloc((size_t)argc * 3, sizeof *lists);
    o.inputs = lists;
    o.outputs = lists ? lists + argc : NULL;
    o.tags = lists ? lists + 2 * argc : NULL;
    int code = CLI_USAGE;
    if (!o.params || !lists) {
        fprintf(stderr, "eadem run: no memory\n");
        code = NOT_RECORDED;
    } else if (read_options(&o, argc, argv)) {
        if (o.help)
            print_help(stdout);
        code = o.help ? CLI_OK : run_and_record(&o, argv + optind);
    }
    json_decref(o.params);
    free(lists);
    return code;
}
