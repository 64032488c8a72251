/* verify.c: `eadem verify RUN`: repeats a run and says whether the result is the same; and the
 * reports that are kept of it, with their signatures. */
#include "ledger/verify.h"
#include "cli/cli.h"
#include "cli/difference.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/run.h"
#include "ledger/sign.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_REPEATABLE = 2, FAILED = 3, REPORT_MAX = 64 << 20, ID_SHOWN = 8 };

typedef struct verify_options {
    const char *report, *sign, *check, *key;
    bool json, anyway, quiet, help;
} verify_options;

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem verify [OPTION ...] RUN\n"
        "       eadem verify --check REPORT.json --key KEY.pub\n"
        "\n"
        "Repeats a run: its code in a fresh work tree, its data read-only from the ledger, its\n"
        "recorded variables; and compares outputs, metrics, trace and exit code bit for bit.\n"
        "The repetition's own output goes to standard error.\n"
        "Exit code 0: identical. 1: it differs, and the first difference is named. 2: it cannot\n"
        "be repeated, and what is missing is named. 3: usage, or the ledger failed.\n"
        "\n"
        "  --anyway       repeat it also on another processor than the record's\n"
        "  --quiet        do not show the repetition's output\n"
        "  --json         print the report as JSON\n"
        "  --report NAME  write the report to NAME.txt and NAME.json\n"
        "  --sign KEY     sign NAME.json with an Ed25519 key (eadem keygen): NAME.json.sig\n"
        "  --check FILE   check a report's signature, and that the run it names is the one in\n"
        "                 this ledger, if there is one (exit code 0: good, 1: not)\n"
        "  --key FILE     the public key for --check\n"
        "  --help         print this help\n");
}

/* --- The report ---------------------------------------------------------------------------------
 */

static void print_list(FILE *to, const char *title, const json_t *list)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(list, i, entry)
    {
        char *text = ledger_json_bytes(entry);
        fprintf(to, "%s: ", title);
        cli_print_text(to, text ? text : "");
        fputs("\n", to);
        core_free(text);
    }
}

static void print_report(FILE *to, const json_t *report)
{
    char *command = ledger_record_command(report);
    const json_t *effects = json_object_get(report, "effects");
    fprintf(to, "run      %s\nrecord   sha256 %s\ncommand  ", ledger_json_string(report, "run"),
            ledger_json_string(report, "record"));
    cli_print_text(to, command ? command : "");
    fprintf(to, "\ntime     %s\n", ledger_json_string(report, "time"));
    if (*ledger_json_string(report, "repeated_as"))
        fprintf(to, "repeated as %s\n", ledger_json_string(report, "repeated_as"));
    fprintf(to, "verdict  %s\n", ledger_json_string(report, "verdict"));
    core_free(command);
    print_list(to, "missing", json_object_get(report, "missing"));
    print_list(to, "note", json_object_get(report, "notes"));
    if (!effects)
        return;
    cli_print_effects(to, effects, "recorded", "repeated");
    if (!ledger_json_true(effects, "identical"))
        cli_print_causes(to, json_object_get(report, "causes"), "recorded", "repeated");
}

static ea_status file_error(const char *path)
{
    return core_fail(NULL, EA_ERR_IO, "cannot write %s: %s", path, strerror(errno));
}

static ea_status write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return file_error(path);
    bool good =
        fwrite(data, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;
    return fclose(file) == 0 && good ? EA_OK : file_error(path);
}

/* NAME.txt, NAME.json and, with a key, NAME.json.sig. */
static ea_status write_report(const verify_options *o, const json_t *report)
{
    char path[PATH_MAX];
    unsigned char signature[LEDGER_SIGNATURE_SIZE];
    snprintf(path, sizeof path, "%.*s.txt", PATH_MAX - 16, o->report);
    FILE *text = fopen(path, "we");
    if (!text)
        return file_error(path);
    print_report(text, report);
    if (fclose(text) != 0)
        return file_error(path);
    char *json = json_dumps(report, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!json)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for the report");
    snprintf(path, sizeof path, "%.*s.json", PATH_MAX - 16, o->report);
    ea_status status = write_bytes(path, json, strlen(json));
    if (status == EA_OK && o->sign) {
        status = ledger_sign(NULL, o->sign, json, strlen(json), signature);
        snprintf(path, sizeof path, "%.*s.json.sig", PATH_MAX - 16, o->report);
        if (status == EA_OK)
            status = write_bytes(path, signature, sizeof signature);
    }
    free(json);
    return status;
}

/* --- Repeating ----------------------------------------------------------------------------------
 */

static ea_status verify_run(const verify_options *o, const char *name, ledger_verdict *verdict)
{
    ledger_store *store;
    char id[LEDGER_RUN_ID];
    json_t *report = NULL;
    EA_TRY(ledger_open(NULL, NULL, 0, &store));
    ea_status status = ledger_run_recover(store);
    if (status == EA_OK)
        status = ledger_record_find(store, name, id);
    if (status == EA_OK)
        status = ledger_verify(store, id,
                               &(ledger_verify_options){ .anyway = o->anyway, .quiet = o->quiet },
                               verdict, &report);
    if (status == EA_OK && o->report)
        status = write_report(o, report);
    if (status == EA_OK && o->json)
        cli_print_json(report);
    else if (status == EA_OK)
        print_report(stdout, report);
    json_decref(report);
    ledger_close(store);
    return status;
}

/* --- Checking -----------------------------------------------------------------------------------
 */

static ea_status read_file(const char *path, size_t limit, char **data, size_t *size)
{
    FILE *file = fopen(path, "re");
    *data = NULL;
    if (!file)
        return core_fail(NULL, EA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    *data = core_alloc(limit + 1);
    *size = *data ? fread(*data, 1, limit + 1, file) : 0;
    fclose(file);
    if (*data && *size <= limit)
        return EA_OK;
    core_free(*data);
    *data = NULL;
    return core_fail(NULL, EA_ERR_FORMAT, "%s is larger than a report can be", path);
}

static ea_status check_signed(const verify_options *o, const char *data, size_t size, bool *good)
{
    char path[PATH_MAX], *signature;
    size_t length;
    snprintf(path, sizeof path, "%.*s.sig", PATH_MAX - 8, o->check);
    EA_TRY(read_file(path, LEDGER_SIGNATURE_SIZE, &signature, &length));
    ea_status status =
        length == LEDGER_SIGNATURE_SIZE
            ? ledger_check_signature(NULL, o->key, data, size, (unsigned char *)signature, good)
            : core_fail(NULL, EA_ERR_FORMAT, "%s is no Ed25519 signature", path);
    core_free(signature);
    return status;
}

/* Whether the ledger here, if there is one with this run, holds the record that the report names.
 */
static ea_status check_record(const json_t *report, bool *good)
{
    ledger_store *store;
    char hex[LEDGER_HEX_SIZE];
    const char *id = ledger_json_string(report, "run");
    if (ledger_open(NULL, NULL, 0, &store) != EA_OK)
        return EA_OK;
    ea_status status = ledger_record_hash(store, id, hex);
    ledger_close(store);
    if (status != EA_OK)
        return status;
    if (!*hex) {
        printf("record     run %s is not in this ledger\n", id);
        return EA_OK;
    }
    bool same = strcmp(hex, ledger_json_string(report, "record")) == 0;
    printf("record     %s\n", same ? "the run in this ledger is the one of the report"
                                   : "NOT the run in this ledger: that has another record");
    *good &= same;
    return EA_OK;
}

static ea_status check_report(const verify_options *o, bool *good)
{
    char *data;
    size_t size = 0;
    EA_TRY(read_file(o->check, REPORT_MAX, &data, &size));
    ea_status status = check_signed(o, data, size, good);
    json_t *report = status == EA_OK ? json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    core_free(data);
    if (status != EA_OK)
        return status;
    printf("signature  %s\n", *good ? "good" : "NOT that of this key over this file");
    if (*good && strcmp(ledger_json_string(report, "format"), LEDGER_VERIFY_FORMAT) != 0)
        status = core_fail(NULL, EA_ERR_FORMAT, "%s is no report of eadem verify", o->check);
    if (*good && status == EA_OK)
        status = check_record(report, good);
    if (*good && status == EA_OK)
        print_report(stdout, report);
    json_decref(report);
    return status;
}

int cli_verify(int argc, char **argv)
{
    verify_options o = { 0 };
    const cli_option options[] = {
        { "report", &o.report, NULL }, { "sign", &o.sign, NULL }, { "check", &o.check, NULL },
        { "key", &o.key, NULL },       { "json", NULL, &o.json }, { "anyway", NULL, &o.anyway },
        { "quiet", NULL, &o.quiet },   { "help", NULL, &o.help }, { 0 },
    };
    int count;
    char **names;
    if (!cli_options("verify", options, argc, argv, &count, &names))
        return FAILED;
    if (o.help) {
        print_help(stdout);
        return CLI_OK;
    }
    bool checking = o.check && o.key && count == 0;
    if (!checking && (count != 1 || o.check || o.key || (o.sign && !o.report))) {
        cli_usage("verify");
        return FAILED;
    }
    bool good = false;
    ledger_verdict verdict = LEDGER_NOT_REPEATABLE;
    ea_status status = checking ? check_report(&o, &good) : verify_run(&o, names[0], &verdict);
    if (cli_result("verify", status) != CLI_OK)
        return FAILED;
    if (checking)
        return good ? CLI_OK : CLI_FAILED;
    return verdict == LEDGER_IDENTICAL ? CLI_OK
           : verdict == LEDGER_DIFFERS ? CLI_FAILED
                                       : NOT_REPEATABLE;
}
