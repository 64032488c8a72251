/* runs.c: `eadem runs`: the table of runs, and all about one of them. */
#include "ledger/runs.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "core/memory.h"
#include "io/run.h"
#include "ledger/json.h"
#include "ledger/number.h"
#include "ledger/run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT = 100, ID_SHOWN = 8, NAME_SHOWN = 20, COMMAND_SHOWN = 60, IGNORED_SHOWN = 10 };

/* Parts of a run's record that can be printed as they are. */
static const char *const parts[] = { "stdout", "stderr", "report", "trace", "patch" };

enum { PARTS = sizeof parts / sizeof parts[0] };

typedef struct runs_options {
    ledger_runs_question question;
    const char **where, **tags;
    int where_count, tag_count;
    const char *part; /* of `parts`; NULL: none */
    bool json, help;
} runs_options;

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem runs [OPTION ...]\n"
        "       eadem runs RUN [--json | --stdout | --stderr | --patch | --report | --trace]\n"
        "\n"
        "Lists the runs of this project, newest first, or shows all about one. RUN is the\n"
        "beginning of an id, or last, last~1, last~2 ...\n"
        "Exit code 0: done. 1: it failed, or there is no such run. 2: usage.\n"
        "\n"
        "  --where CONDITION  only runs for which it holds, such as 'lr>0.01', 'opt=adam' or\n"
        "                     'command~train'; operators: < <= > >= = != ~ (contains); keys are\n"
        "                     parameters, metrics (their last value; param.K, metric.K), status,\n"
        "                     name, command, exit, seconds; may be repeated\n"
        "  --name TEXT        only runs of this name\n"
        "  --tag TEXT         only runs with this tag; may be repeated\n"
        "  --status STATUS    running, finished, failed or interrupted\n"
        "  --since TIME       2026-11-20, '2026-11-20 09:30', 45m, 12h or 3d (ago)\n"
        "  --sort KEY         the runs that have the key, sorted by it; -KEY: largest first\n"
        "  --limit N          at most N runs, 0 for all (default %d)\n"
        "  --json             print JSON\n"
        "  --stdout, --stderr, --patch, --report, --trace\n"
        "                     print this part of the run as it was recorded\n"
        "  --help             print this help\n",
        LIMIT);
}

/* --- The table ----------------------------------------------------------------------------------
 */

/* What the rows are printed with. */
typedef struct table {
    ledger_store *store;
    const runs_options *options;
    json_t *list;     /* for --json */
    char *columns[8]; /* keys of conditions and of the order, shown after the name */
    int column_count;
    int64_t rows;
} table;

static void add_column(table *t, const char *key, size_t length)
{
    static const char *const shown[] = {
        "status", "name", "command", "exit", "started", "seconds"
    };
    char *copy = strndup(key, length);
    bool known = !copy || t->column_count == 8;
    for (size_t i = 0; !known && i < sizeof shown / sizeof shown[0]; i++)
        known = strcmp(copy, shown[i]) == 0;
    for (int i = 0; !known && i < t->column_count; i++)
        known = strcmp(copy, t->columns[i]) == 0;
    if (known)
        free(copy);
    else
        t->columns[t->column_count++] = copy;
}

/* Prints at most `width` bytes of a text, padded; longer ones end with "…". */
static void print_cell(const char *text, int width)
{
    char cut[256];
    int length = (int)strlen(text);
    if (length <= width) {
        cli_print_text(stdout, text);
        printf("%*s  ", width - length, "");
        return;
    }
    int end = width - 1;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    snprintf(cut, sizeof cut, "%.*s", end, text);
    cli_print_text(stdout, cut);
    printf("…%*s  ", width - 1 - end, "");
}

static void print_time_cell(int64_t started, int64_t ended)
{
    char when[CLI_TIME_TEXT], took[32] = "";
    cli_time_text(started / 1000000, when);
    double seconds = (double)(ended - started) / 1e9;
    if (ended)
        snprintf(took, sizeof took, seconds < 100 ? "%.2f s" : "%.0f s", seconds);
    printf("%s  %10s  ", when, took);
}

static ea_status print_values(const table *t, int64_t number)
{
    for (int i = 0; i < t->column_count; i++) {
        char *text;
        char shown[64] = "";
        EA_TRY(ledger_runs_value(t->store, number, t->columns[i], &text));
        char *end = text;
        double value = text ? strtod(text, &end) : 0;
        if (text && !*end && end > text)
            snprintf(shown, sizeof shown, "%.8g", value);
        else if (text)
            snprintf(shown, sizeof shown, "%.60s", text);
        core_free(text);
        print_cell(shown, (int)strlen(t->columns[i]) < 12 ? 12 : (int)strlen(t->columns[i]));
    }
    return EA_OK;
}

static void print_heads(const table *t)
{
    printf("%-*s  %-19s  %10s  %-11s  %-*s  ", ID_SHOWN, "ID", "STARTED", "TOOK", "STATUS",
           NAME_SHOWN, "NAME");
    for (int i = 0; i < t->column_count; i++)
        print_cell(t->columns[i],
                   (int)strlen(t->columns[i]) < 12 ? 12 : (int)strlen(t->columns[i]));
    printf("COMMAND\n");
}

static ea_status print_row(table *t, const ledger_run_row *row)
{
    if (t->rows == 1)
        print_heads(t);
    printf("%.*s  ", ID_SHOWN, row->id);
    print_time_cell(row->started, row->ended);
    print_cell(row->status, 11);
    print_cell(row->name, NAME_SHOWN);
    EA_TRY(print_values(t, row->number));
    if (strlen(row->command) > COMMAND_SHOWN)
        print_cell(row->command, COMMAND_SHOWN);
    else
        cli_print_text(stdout, row->command);
    printf("\n");
    return EA_OK;
}

static ea_status add_json(table *t, const ledger_run_row *row)
{
    json_t *run;
    EA_TRY(ledger_runs_values(t->store, row->number, &run));
    json_object_set_new(run, "id", json_string(row->id));
    json_object_set_new(run, "status", json_string(row->status));
    json_object_set_new(run, "name", ledger_json_text(row->name));
    json_object_set_new(run, "command", ledger_json_text(row->command));
    json_object_set_new(run, "started", json_integer(row->started));
    json_object_set_new(run, "ended", row->ended ? json_integer(row->ended) : json_null());
    json_object_set_new(run, "exit",
                        row->exit_code >= 0 ? json_integer(row->exit_code) : json_null());
    return json_array_append_new(t->list, run) == 0
               ? EA_OK
               : core_fail(NULL, EA_ERR_MEMORY, "no memory for the list of runs");
}

static ea_status show_row(void *argument, const ledger_run_row *row)
{
    table *t = argument;
    if (t->options->question.limit && ++t->rows == t->options->question.limit)
        return EA_OK; /* one more than asked for: only to know that there is more */
    t->rows += !t->options->question.limit;
    return t->list ? add_json(t, row) : print_row(t, row);
}

static ea_status list_runs(ledger_store *store, runs_options *o)
{
    table t = { .store = store, .options = o, .list = o->json ? json_array() : NULL };
    for (int i = 0; i < o->where_count; i++)
        add_column(&t, o->where[i], ledger_runs_key_length(o->where[i]));
    if (o->question.sort) {
        const char *key = o->question.sort + (o->question.sort[0] == '-');
        add_column(&t, key, strlen(key));
    }
    o->question.where = o->where;
    o->question.tags = o->tags;
    if (o->question.limit)
        o->question.limit++;
    ea_status status = ledger_runs_each(store, &o->question, show_row, &t);
    if (status == EA_OK && t.list) {
        json_dumpf(t.list, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (status == EA_OK && t.rows == 0) {
        printf("no runs\n");
    } else if (status == EA_OK && o->question.limit && t.rows == o->question.limit) {
        printf("… and more: --limit 0 shows all\n");
    }
    json_decref(t.list);
    for (int i = 0; i < t.column_count; i++)
        free(t.columns[i]);
    return status;
}

/* --- One run ------------------------------------------------------------------------------------
 */

static void print_field(const char *name, const char *text)
{
    printf("%-12s ", name);
    cli_print_text(stdout, text);
    printf("\n");
}

static void print_values_of(const char *title, const json_t *values)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)values, key, value)
    {
        char *text = ledger_json_bytes(value);
        printf("%-12s ", title);
        cli_print_text(stdout, key);
        printf(" = ");
        cli_print_text(stdout, text ? text : "");
        printf("\n");
        core_free(text);
        title = "";
    }
}

static void print_metrics(const json_t *metrics)
{
    const char *key, *title = "metrics";
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)metrics, key, value)
    {
        const json_t *last = json_object_get(value, "last");
        ledger_number number = { true, (int64_t)json_integer_value(last), 0 };
        char text[LEDGER_NUMBER_TEXT];
        if (json_is_string(last))
            ledger_number_read(json_string_value(last), &number);
        printf("%-12s ", title);
        cli_print_text(stdout, key);
        printf(" = %s (%lld reported)\n", ledger_number_show(&number, text),
               (long long)ledger_json_integer(value, "count"));
        title = "";
    }
}

static void print_files(const char *title, const json_t *entries)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(entries, i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        printf("%-12s ", i ? "" : title);
        cli_print_text(stdout, path ? path : "");
        if (ledger_json_true(entry, "missing"))
            printf("  missing\n");
        else
            printf("  %.16s  %lld bytes\n", ledger_json_string(entry, "digest"),
                   (long long)ledger_json_integer(entry, "size"));
        core_free(path);
    }
}

static void print_ignored(const json_t *code)
{
    const json_t *names = json_object_get(code, "ignored"), *name;
    size_t i, all = json_array_size(names) + (size_t)ledger_json_integer(code, "more_ignored");
    json_array_foreach(names, i, name)
    {
        char *path = i < IGNORED_SHOWN ? ledger_json_bytes(name) : NULL;
        if (path) {
            printf("%-12s left out: ", "");
            cli_print_text(stdout, path);
            printf(" (git ignores it)\n");
        }
        core_free(path);
    }
    if (all > IGNORED_SHOWN)
        printf("%-12s left out: %zu more that git ignores\n", "", all - IGNORED_SHOWN);
}

static void print_code(const json_t *code)
{
    const json_t *entry;
    size_t i;
    const char *commit = ledger_json_string(code, "commit");
    printf("%-12s %s", "code", *commit ? commit : "no commit");
    if (json_object_get(code, "patch"))
        printf(" and a patch of %lld bytes", (long long)ledger_json_integer(code, "patch_size"));
    printf("\n");
    json_array_foreach(json_object_get(code, "left_out"), i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        printf("%-12s left out: ", "");
        cli_print_text(stdout, path ? path : "");
        printf(" (%s)\n", ledger_json_string(entry, "why"));
        core_free(path);
    }
    print_ignored(code);
}

static void print_record(const json_t *record)
{
    const json_t *times = json_object_get(record, "times");
    char when[CLI_TIME_TEXT];
    char *command = ledger_record_command(record);
    print_field("run", ledger_json_string(record, "id"));
    print_field("status", ledger_json_string(record, "status"));
    if (*ledger_json_string(record, "name"))
        print_field("name", ledger_json_string(record, "name"));
    print_field("command", command ? command : "");
    core_free(command);
    print_field("folder", ledger_json_string(record, "folder"));
    print_field("started", cli_time_text(ledger_json_integer(times, "started") / 1000000, when));
    if (json_object_get(times, "ended"))
        printf(
            "%-12s %.3f s, %lld MB at most, exit code %lld\n", "took",
            (double)(ledger_json_integer(times, "ended") - ledger_json_integer(times, "started")) /
                1e9,
            (long long)ledger_json_integer(record, "peak_memory") / 1000000,
            (long long)ledger_json_integer(record, "exit"));
    print_code(json_object_get(record, "code"));
    print_values_of("params", json_object_get(record, "params"));
    print_metrics(json_object_get(record, "metrics"));
    print_files("inputs", json_object_get(record, "inputs"));
    print_files("outputs", json_object_get(record, "outputs"));
}

static ea_status print_part(ledger_store *store, const json_t *record, const char *part)
{
    bool patch = strcmp(part, "patch") == 0;
    ledger_digest digest;
    if (!ledger_record_digest(json_object_get(record, patch ? "code" : part),
                              patch ? "patch" : "digest", &digest))
        return EA_OK; /* empty */
    fflush(stdout);
    return ledger_get_fd(store, &digest, STDOUT_FILENO);
}

static ea_status show_run(ledger_store *store, const runs_options *o, const char *name)
{
    char id[LEDGER_RUN_ID];
    json_t *record;
    EA_TRY(ledger_record_find(store, name, id));
    EA_TRY(ledger_record_load(store, id, &record));
    ea_status status = EA_OK;
    if (o->part) {
        status = print_part(store, record, o->part);
    } else if (o->json) {
        json_dumpf(record, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        print_record(record);
    }
    json_decref(record);
    return status;
}

/* --- Options ------------------------------------------------------------------------------------
 */

static bool is_status(const char *text)
{
    static const char *const known[] = { "running", "finished", "failed", "interrupted" };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

static bool read_option(runs_options *o, int code)
{
    char *end = NULL;
    switch (code) {
    case 'w':
        o->where[o->where_count++] = optarg;
        return true;
    case 't':
        o->tags[o->tag_count++] = optarg;
        return true;
    case 'n':
        o->question.name = optarg;
        return true;
    case 's':
        o->question.status = optarg;
        return is_status(optarg);
    case 'S':
        o->question.sort = optarg;
        return true;
    case 'i':
        return ledger_runs_time(optarg, &o->question.since);
    case 'l':
        o->question.limit = strtoll(optarg, &end, 10);
        return end > optarg && !*end && o->question.limit >= 0;
    case 'j':
        o->json = true;
        return true;
    case 'h':
        o->help = true;
        return true;
    default:
        o->part = parts[code - 256];
        return true;
    }
}

static bool read_options(runs_options *o, int argc, char **argv)
{
    struct option known[9 + PARTS + 1] = {
        { "where", required_argument, NULL, 'w' }, { "tag", required_argument, NULL, 't' },
        { "name", required_argument, NULL, 'n' },  { "status", required_argument, NULL, 's' },
        { "since", required_argument, NULL, 'i' }, { "sort", required_argument, NULL, 'S' },
        { "limit", required_argument, NULL, 'l' }, { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
    };
    for (int i = 0; i < PARTS; i++)
        known[9 + i] = (struct option){ parts[i], no_argument, NULL, 256 + i };
    int code;
    opterr = 0;
    optind = 0;
    while ((code = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        const char *problem = code == ':'             ? "a value is missing after"
                              : code == '?'           ? "unknown option"
                              : !read_option(o, code) ? "there is no such status, time or number:"
                                                      : NULL;
        if (problem) {
            fprintf(stderr, "eadem runs: %s '%s': see eadem runs --help\n", problem,
                    argv[optind - 1]);
            return false;
        }
    }
    if (argc - optind > 1 || (o->part && argc == optind)) {
        fprintf(stderr, "eadem runs: name one run: see eadem runs --help\n");
        return false;
    }
    return true;
}

int cli_runs(int argc, char **argv)
{
    runs_options o = { .question.limit = LIMIT };
    const char **lists = calloc((size_t)(argc + 1) * 2, sizeof *lists);
    if (!lists)
        return CLI_FAILED;
    o.where = lists;
    o.tags = lists + argc + 1;
    int code = CLI_USAGE;
    if (read_options(&o, argc, argv)) {
        ledger_store *store = NULL;
        ea_status status = EA_OK;
        if (o.help) {
            print_help(stdout);
        } else {
            status = ledger_open(NULL, NULL, 0, &store);
            if (status == EA_OK)
                status = ledger_run_recover(store);
            if (status == EA_OK)
                status = optind < argc ? show_run(store, &o, argv[optind]) : list_runs(store, &o);
            ledger_close(store);
        }
        code = cli_result("runs", status);
    }
    free(lists);
    return code;
}
