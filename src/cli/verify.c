/* verify.c: `eadem verify RUN`: repeats a run and says whether the result is the same. */
#include "ledger/verify.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/report.h"
#include "ledger/run.h"
#include "ledger/sign.h"
#include "ledger/signed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_REPEATABLE = 2, FAILED = 3 };

typedef struct verify_options {
    const char *report, *sign, *check, *key;
    bool json, anyway, quiet, help;
} verify_options;

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem verify [OPTION ...] RUN\n"
        "       eadem verify --check FILE --key KEY.pub\n"
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
        "  --sign KEY     sign the report with an Ed25519 key (eadem keygen): NAME.json.sig, and\n"
        "                 in the ledger, so that a bundle of the run carries it\n"
        "  --check FILE   check the signature on FILE, a NAME.json, or on the reports in FILE, a\n"
        "                 bundle, and that the run which the report names is the one in the\n"
        "                 bundle, or in this ledger, if there is one (exit code 0: good, 1: not)\n"
        "  --key FILE     the public key for --check\n"
        "  --help         print this help\n");
}

/* --- The report ---------------------------------------------------------------------------------
 */

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
static ea_status write_files(const verify_options *o, const json_t *report, const char *json,
                             const unsigned char signature[LEDGER_SIGNATURE_SIZE])
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s.txt", PATH_MAX - 16, o->report);
    FILE *text = fopen(path, "we");
    if (!text)
        return file_error(path);
    cli_print_report(text, report);
    if (fclose(text) != 0)
        return file_error(path);
    snprintf(path, sizeof path, "%.*s.json", PATH_MAX - 16, o->report);
    EA_TRY(write_bytes(path, json, strlen(json)));
    snprintf(path, sizeof path, "%.*s.json.sig", PATH_MAX - 16, o->report);
    return o->sign ? write_bytes(path, signature, LEDGER_SIGNATURE_SIZE) : EA_OK;
}

/* Into the ledger, so that bundles of the run carry it. */
static ea_status keep_signed(ledger_store *store, const char *run, const char *json,
                             const unsigned char signature[LEDGER_SIGNATURE_SIZE])
{
    ledger_object report, mark;
    EA_TRY(ledger_put_bytes(store, json, strlen(json), &report));
    EA_TRY(ledger_put_bytes(store, signature, LEDGER_SIGNATURE_SIZE, &mark));
    EA_TRY(ledger_begin(store));
    ea_status status = ledger_signed_save(store, run, &report.digest, &mark.digest);
    if (status == EA_OK)
        return ledger_commit(store);
    ledger_rollback(store);
    return status;
}

static ea_status keep_report(const verify_options *o, ledger_store *store, const char *run,
                             const json_t *report)
{
    unsigned char signature[LEDGER_SIGNATURE_SIZE];
    ea_status status = EA_OK;
    char *json = json_dumps(report, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!json)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for the report");
    if (o->sign)
        status = ledger_sign(NULL, o->sign, json, strlen(json), signature);
    if (status == EA_OK && o->sign)
        status = keep_signed(store, run, json, signature);
    if (status == EA_OK && o->report)
        status = write_files(o, report, json, signature);
    free(json);
    return status;
}

/* --- Repeating ----------------------------------------------------------------------------------
 */

static ea_status verify_run(const verify_options *o, const char *name, ledger_verdict *verdict)
{
    ledger_store *store;
    char id[LEDGER_RUN_ID];
    unsigned char signature[LEDGER_SIGNATURE_SIZE];
    json_t *report = NULL;
    if (o->sign) /* a key that cannot sign is not found out after hours of repeating */
        EA_TRY(ledger_sign(NULL, o->sign, "", 0, signature));
    EA_TRY(ledger_open(NULL, NULL, 0, &store));
    ea_status status = ledger_run_recover(store);
    if (status == EA_OK)
        status = ledger_record_find(store, name, id);
    if (status == EA_OK)
        status = ledger_verify(store, id,
                               &(ledger_verify_options){ .anyway = o->anyway, .quiet = o->quiet },
                               verdict, &report);
    if (status == EA_OK)
        status = keep_report(o, store, id, report);
    if (status == EA_OK && o->json)
        cli_print_json(report);
    else if (status == EA_OK)
        cli_print_report(stdout, report);
    json_decref(report);
    ledger_close(store);
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
    if (!checking && (count != 1 || o.check || o.key)) {
        cli_usage("verify");
        return FAILED;
    }
    bool good = false;
    ledger_verdict verdict = LEDGER_NOT_REPEATABLE;
    ea_status status =
        checking ? cli_check_reports(o.check, o.key, &good) : verify_run(&o, names[0], &verdict);
    if (cli_result("verify", status) != CLI_OK)
        return FAILED;
    if (checking)
        return good ? CLI_OK : CLI_FAILED;
    return verdict == LEDGER_IDENTICAL ? CLI_OK
           : verdict == LEDGER_DIFFERS ? CLI_FAILED
                                       : NOT_REPEATABLE;
}
