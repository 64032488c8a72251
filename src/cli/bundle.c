/* bundle.c: `eadem bundle` and `eadem import`: runs, data and models as one file. */
#include "ledger/bundle.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"

static void print_bundle_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem bundle REF ... FILE\n"
        "\n"
        "Writes runs, data versions and models, with everything needed to repeat or use them\n"
        "elsewhere, to one file. A model brings its run along. run:, data: or model: before a REF\n"
        "says which it is.\n");
}

static int write_bundle(ledger_store *store, int count, char **operands)
{
    ledger_bundle_result result;
    char size[CLI_SIZE_TEXT];
    const char *path = operands[count - 1];
    cli_progress progress = cli_progress_begin("bundling");
    operands[count - 1] = NULL;
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status = ledger_bundle_write(store, (const char *const *)operands, path, &result);
    cli_progress_end(&progress);
    if (status != EA_OK)
        return cli_result("bundle", status);
    cli_print_text(stdout, path);
    printf(": %lld objects, %s\n", (long long)result.objects, cli_size_text(result.bytes, size));
    json_decref(result.manifest);
    return CLI_OK;
}

int cli_bundle(int argc, char **argv)
{
    bool help = false;
    const cli_option options[] = { { "help", .flag = &help }, { 0 } };
    int count;
    char **operands;
    if (!cli_options("bundle", options, argc, argv, &count, &operands))
        return cli_usage("bundle");
    if (help) {
        print_bundle_help(stdout);
        return CLI_OK;
    }
    if (count < 2)
        return cli_usage("bundle");
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status != EA_OK)
        return cli_result("bundle", status);
    int code = write_bundle(store, count, operands);
    ledger_close(store);
    return code;
}

/* --- import ----------------------------------------------------------------------------------- */

static void print_import_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem import FILE [--any-size] [--json]\n"
        "\n"
        "Takes what a bundle holds into .eadem. Every digest is checked, nothing outside .eadem\n"
        "is written, nothing is run, and a bundle that breaks a rule leaves nothing. A name that\n"
        "means something else here gets \"-imported\" behind it.\n"
        "\n"
        "  --any-size  also content that is a thousand times larger than the bundle\n"
        "  --json      what was imported, as JSON\n");
}

static void print_imported(const json_t *imported)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(imported, i, entry)
    {
        long long version = json_integer_value(json_object_get(entry, "version"));
        printf("%s ", json_string_value(json_object_get(entry, "kind")));
        cli_print_text(stdout, json_string_value(json_object_get(entry, "name")));
        if (version)
            printf("@%lld", version);
        printf("%s\n", json_is_true(json_object_get(entry, "new")) ? "" : "  was here already");
    }
}

static int read_bundle(ledger_store *store, const char *path, bool any_size, bool json)
{
    ledger_bundle_result result;
    char size[CLI_SIZE_TEXT];
    ea_status status = ledger_bundle_read(store, path, any_size, &result);
    if (status != EA_OK)
        return cli_result("import", status);
    if (json) {
        cli_print_json(result.manifest);
    } else {
        print_imported(result.manifest);
        printf("%lld new objects, %s\n", (long long)result.objects,
               cli_size_text(result.bytes, size));
    }
    json_decref(result.manifest);
    return CLI_OK;
}

int cli_import(int argc, char **argv)
{
    bool help = false, any_size = false, json = false;
    const cli_option options[] = { { "help", .flag = &help },
                                   { "any-size", .flag = &any_size },
                                   { "json", .flag = &json },
                                   { 0 } };
    int count;
    char **operands;
    if (!cli_options("import", options, argc, argv, &count, &operands))
        return cli_usage("import");
    if (help) {
        print_import_help(stdout);
        return CLI_OK;
    }
    if (count != 1)
        return cli_usage("import");
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, LEDGER_CREATE, &store);
    if (status != EA_OK)
        return cli_result("import", status);
    int code = read_bundle(store, operands[0], any_size, json);
    ledger_close(store);
    return code;
}
