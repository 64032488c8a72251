/* feature.c: `eadem feature …`: tables of values that change over time. */
#include "ledger/feature.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/moment.h"

#include <string.h>

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem feature define TABLE --key COLUMN --time COLUMN --columns A,B,…\n"
        "       eadem feature ingest TABLE FILE.csv\n"
        "       eadem feature join EVENTS.csv --features TABLE,… --name NAME [--time COLUMN]\n"
        "       eadem feature get TABLE KEY [--at TIME] [--json]\n"
        "       eadem feature list [TABLE] [--json]\n"
        "\n"
        "Tables of values that change over time, and what was known at a moment.\n"
        "\n"
        "  define  name a table and its columns\n"
        "  ingest  add the rows of a CSV file (RFC 4180, with a header); makes the next version\n"
        "  join    add to every event the values at its time and keep the table as data NAME:\n"
        "          for each key the row with the latest time that is not after the event's, of\n"
        "          several with that time the one of the latest version, in it the last in the\n"
        "          file; empty where there is none. Columns are called TABLE.COLUMN\n"
        "  get     the value of a key at a moment (the latest without --at); exit code 1 when\n"
        "          nothing is known\n"
        "  list    all tables, or the versions of one\n"
        "\n"
        "Where a TABLE is read it may be TABLE@3 for the rows up to version 3; in a join also\n"
        "TABLE@3=COLUMN when the events call the key COLUMN. A time is seconds since 1970, a\n"
        "date, or RFC 3339; without an offset it is UTC.\n");
}

typedef struct request {
    const char *key, *time, *columns, *features, *name, *at;
    bool json, help;
    int count;
    char **operands;
} request;

enum { MAX_LIST = 1024 };

/* Splits at commas, in place, into a list that ends with NULL. */
static bool split(char *text, const char *list[MAX_LIST])
{
    int count = 0;
    for (char *at = text; at && count < MAX_LIST - 1;) {
        list[count++] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = 0;
    }
    list[count] = NULL;
    return count < MAX_LIST - 1;
}

static int define(ledger_store *store, const request *asked)
{
    const char *columns[MAX_LIST];
    char *text = core_strdup(asked->columns);
    if (!text || !split(text, columns)) {
        core_free(text);
        return cli_result("feature", core_fail(NULL, EA_ERR_ARGUMENT, "too many columns"));
    }
    ea_status status =
        ledger_feature_define(store, asked->operands[0], asked->key, asked->time, columns);
    core_free(text);
    return cli_result("feature", status);
}

static int ingest(ledger_store *store, const request *asked)
{
    int64_t version, rows;
    ea_status status =
        ledger_feature_ingest(store, asked->operands[0], asked->operands[1], &version, &rows);
    if (status != EA_OK)
        return cli_result("feature", status);
    cli_print_text(stdout, asked->operands[0]);
    printf("@%lld: %lld rows\n", (long long)version, (long long)rows);
    return CLI_OK;
}

static int join(ledger_store *store, const request *asked)
{
    const char *features[MAX_LIST];
    ledger_version version;
    bool fresh;
    char *text = core_strdup(asked->features);
    ledger_join wanted = { .events = asked->operands[0],
                           .features = features,
                           .time = asked->time ? asked->time : "time",
                           .name = asked->name };
    if (!text || !split(text, features)) {
        core_free(text);
        return cli_result("feature", core_fail(NULL, EA_ERR_ARGUMENT, "too many features"));
    }
    ea_status status = ledger_feature_join(store, &wanted, &version, &fresh);
    core_free(text);
    if (status != EA_OK)
        return cli_result("feature", status);
    cli_print_text(stdout, version.name);
    printf("@%lld%s\n", (long long)version.version, fresh ? "" : " unchanged");
    ledger_version_free(&version);
    return CLI_OK;
}

static int get(ledger_store *store, const request *asked)
{
    int64_t moment = INT64_MAX;
    json_t *row;
    if (asked->at && !ledger_moment_parse(asked->at, &moment))
        return cli_result("feature",
                          core_fail(NULL, EA_ERR_ARGUMENT,
                                    "--at is '%.60s': give seconds since 1970, a date, or "
                                    "2026-11-21T09:13:05Z",
                                    asked->at));
    ea_status status =
        ledger_feature_get(store, asked->operands[0], asked->operands[1], moment, &row);
    if (status != EA_OK)
        return cli_result("feature", status);
    const char *column;
    json_t *value;
    if (row && asked->json)
        cli_print_json(row);
    else if (row) {
        json_object_foreach(row, column, value)
        {
            if (!json_is_string(value))
                continue;
            cli_print_text(stdout, column);
            putchar('=');
            cli_print_text(stdout, json_string_value(value));
            putchar('\n');
        }
    } else
        fprintf(stderr, "nothing is known of this key%s\n", asked->at ? " at that time" : "");
    int code = row ? CLI_OK : CLI_FAILED;
    json_decref(row);
    return code;
}

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* Version 0 is a table that nothing was ingested into yet. */
static void print_version(const json_t *row)
{
    char time[CLI_TIME_TEXT];
    long long version = json_integer_value(json_object_get(row, "version"));
    cli_print_text(stdout, text_of(row, "name"));
    if (version)
        printf("@%lld  %lld rows  %.12s  %s", version,
               (long long)json_integer_value(json_object_get(row, "rows")), text_of(row, "sha256"),
               cli_time_text(json_integer_value(json_object_get(row, "time")), time));
    else
        printf("  empty");
    printf("  key ");
    cli_print_text(stdout, text_of(row, "key"));
    printf(", time ");
    cli_print_text(stdout, text_of(row, "time_column"));
    printf("\n");
}

static int list(ledger_store *store, const request *asked)
{
    json_t *rows, *row;
    size_t i;
    ea_status status = ledger_feature_list(store, asked->count ? asked->operands[0] : NULL, &rows);
    if (status == EA_OK && asked->json)
        cli_print_json(rows);
    else if (status == EA_OK && json_array_size(rows) == 0)
        fprintf(stderr, "no such feature table: eadem feature define makes one\n");
    else if (status == EA_OK)
        json_array_foreach(rows, i, row) print_version(row);
    json_decref(rows);
    return cli_result("feature", status);
}

typedef int (*action)(ledger_store *store, const request *asked);

/* The action with all it needs, or NULL. */
static action find_action(const char *name, const request *asked)
{
    if (strcmp(name, "define") == 0)
        return asked->count == 1 && asked->key && asked->time && asked->columns ? define : NULL;
    if (strcmp(name, "ingest") == 0)
        return asked->count == 2 ? ingest : NULL;
    if (strcmp(name, "join") == 0)
        return asked->count == 1 && asked->features && asked->name ? join : NULL;
    if (strcmp(name, "get") == 0)
        return asked->count == 2 ? get : NULL;
    if (strcmp(name, "list") == 0)
        return asked->count <= 1 ? list : NULL;
    return NULL;
}

int cli_feature(int argc, char **argv)
{
    request asked = { 0 };
    const cli_option options[] = {
        { "key", .text = &asked.key },
        { "time", .text = &asked.time },
        { "columns", .text = &asked.columns },
        { "features", .text = &asked.features },
        { "name", .text = &asked.name },
        { "at", .text = &asked.at },
        { "json", .flag = &asked.json },
        { "help", .flag = &asked.help },
        { 0 },
    };
    if (argc < 2 || !cli_options("feature", options, argc, argv, &asked.count, &asked.operands))
        return cli_usage("feature");
    if (asked.help) {
        print_help(stdout);
        return CLI_OK;
    }
    const char *name = asked.count ? asked.operands[0] : "";
    asked.count--;
    asked.operands++;
    action act = asked.count >= 0 ? find_action(name, &asked) : NULL;
    if (!act)
        return cli_usage("feature");
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, act == define ? LEDGER_CREATE : 0, &store);
    if (status != EA_OK)
        return cli_result("feature", status);
    int code = act(store, &asked);
    ledger_close(store);
    return code;
}
