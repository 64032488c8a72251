/* diff.c: `eadem diff A B`: why two runs, or two traces, differ. */
#include "cli/cli.h"
#include "cli/difference.h"
#include "cli/ledger.h"
#include "ledger/cause.h"
#include "ledger/effect.h"
#include "ledger/json.h"
#include "ledger/run.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ID_SHOWN = 8 };

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem diff [--json] RUN RUN\n"
        "       eadem diff [--json] TRACE-FILE TRACE-FILE\n"
        "\n"
        "Says what differs between two runs: by cause (code, data, environment, parameters,\n"
        "seeds, command), then by effect (the first step, tensor and metric, and the outputs).\n"
        "Of two traces it names the first step and the first tensor in program order.\n"
        "Exit code 0: the results are identical. 1: they differ, or it failed. 2: usage.\n"
        "\n"
        "  --json  print JSON\n"
        "  --help  print this help\n");
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static ea_status diff_traces(const char *a, const char *b, bool json, bool *same)
{
    json_t *trace;
    EA_TRY(ledger_trace_effect(a, b, &trace));
    *same = strcmp(ledger_json_string(trace, "outcome"), "same") == 0;
    if (json)
        cli_print_json(trace);
    else
        cli_print_trace(stdout, trace, a, b);
    json_decref(trace);
    return EA_OK;
}

static ea_status load(ledger_store *store, const char *name, json_t **out)
{
    char id[LEDGER_RUN_ID];
    EA_TRY(ledger_record_find(store, name, id));
    return ledger_record_load(store, id, out);
}

static ea_status diff_records(ledger_store *store, const json_t *a, const json_t *b, bool json,
                              bool *same)
{
    json_t *causes, *effects;
    char id_a[ID_SHOWN + 1], id_b[ID_SHOWN + 1];
    snprintf(id_a, sizeof id_a, "%s", ledger_json_string(a, "id"));
    snprintf(id_b, sizeof id_b, "%s", ledger_json_string(b, "id"));
    EA_TRY(ledger_causes(store, a, b, &causes));
    ea_status status = ledger_effects(store, a, b, &effects);
    if (status == EA_OK) {
        *same = ledger_json_true(effects, "identical");
        if (json) {
            json_t *all = json_pack("{s:O, s:O, s:O, s:O}", "a", json_object_get(a, "id"), "b",
                                    json_object_get(b, "id"), "causes", causes, "effects", effects);
            cli_print_json(all);
            json_decref(all);
        } else {
            cli_print_causes(stdout, causes, id_a, id_b);
            cli_print_effects(stdout, effects, id_a, id_b);
        }
        json_decref(effects);
    }
    json_decref(causes);
    return status;
}

static ea_status diff_runs(const char *name_a, const char *name_b, bool json, bool *same)
{
    ledger_store *store;
    json_t *a = NULL, *b = NULL;
    EA_TRY(ledger_open(NULL, NULL, 0, &store));
    ea_status status = ledger_run_recover(store);
    if (status == EA_OK)
        status = load(store, name_a, &a);
    if (status == EA_OK)
        status = load(store, name_b, &b);
    if (status == EA_OK)
        status = diff_records(store, a, b, json, same);
    json_decref(a);
    json_decref(b);
    ledger_close(store);
    return status;
}

int cli_diff(int argc, char **argv)
{
    bool json = false, help = false, same = false;
    const cli_option options[] = { { "json", NULL, &json }, { "help", NULL, &help }, { 0 } };
    int count;
    char **names;
    if (!cli_options("diff", options, argc, argv, &count, &names))
        return cli_usage("diff");
    if (help) {
        print_help(stdout);
        return CLI_OK;
    }
    if (count != 2)
        return cli_usage("diff");
    ea_status status = is_file(names[0]) && is_file(names[1])
                           ? diff_traces(names[0], names[1], json, &same)
                           : diff_runs(names[0], names[1], json, &same);
    int code = cli_result("diff", status);
    return code == CLI_OK && !same ? CLI_FAILED : code;
}
