/* report.c: the reports of `eadem verify`. */
#include "cli/report.h"
#include "cli/difference.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/bundle.h"
#include "ledger/json.h"
#include "ledger/runs.h"
#include "ledger/scratch.h"
#include "ledger/sign.h"
#include "ledger/signed.h"
#include "ledger/verify.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { REPORT_MAX = 64 << 20 };

/* --- As text ------------------------------------------------------------------------------------
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

void cli_print_report(FILE *to, const json_t *report)
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

/* --- One report -------------------------------------------------------------------------------
 */

/* A report, who is to have signed it, and where its run may be. */
typedef struct checking {
    const char *key;
    ledger_store *store; /* NULL: none */
    int found, signed_by_others;
    bool good;
} checking;

static ea_status check_signature(const checking *c, const char *data, size_t size,
                                 const char *signature, size_t length, bool *good)
{
    *good = false;
    return length == LEDGER_SIGNATURE_SIZE
               ? ledger_check_signature(NULL, c->key, data, size, (const unsigned char *)signature,
                                        good)
               : core_fail(NULL, EA_ERR_FORMAT, "a signature of Ed25519 has %d bytes, not %zu",
                           (int)LEDGER_SIGNATURE_SIZE, length);
}

/* Whether the run that the report names has the record that it names. */
static ea_status check_record(checking *c, const json_t *report)
{
    char hex[LEDGER_HEX_SIZE] = "";
    const char *id = ledger_json_string(report, "run");
    if (!c->store)
        return EA_OK;
    EA_TRY(ledger_record_hash(c->store, id, hex));
    bool same = strcmp(hex, ledger_json_string(report, "record")) == 0;
    if (*hex)
        printf("record     %s\n", same ? "the run here is the one of the report"
                                       : "NOT the run here: that has another record");
    else
        printf("record     run %.20s is not here\n", id);
    c->good &= same || !*hex;
    return EA_OK;
}

/* What a good signature stands on. */
static ea_status check_report(checking *c, const char *data, size_t size)
{
    json_t *report = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    ea_status status = EA_OK;
    c->found++;
    printf("signature  good\n");
    if (strcmp(ledger_json_string(report, "format"), LEDGER_VERIFY_FORMAT) != 0)
        status = core_fail(NULL, EA_ERR_FORMAT, "what was signed is no report of eadem verify");
    if (status == EA_OK)
        status = check_record(c, report);
    if (status == EA_OK)
        cli_print_report(stdout, report);
    json_decref(report);
    return status;
}

/* --- A report's file ----------------------------------------------------------------------------
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
    return core_fail(NULL, EA_ERR_FORMAT, "%s is larger than such a file can be", path);
}

static ea_status check_file(checking *c, const char *path)
{
    char *report, *signature = NULL, signature_path[PATH_MAX];
    size_t size, length;
    bool good;
    snprintf(signature_path, sizeof signature_path, "%.*s.sig", PATH_MAX - 8, path);
    EA_TRY(read_file(path, REPORT_MAX, &report, &size));
    ea_status status = read_file(signature_path, LEDGER_SIGNATURE_SIZE, &signature, &length);
    if (status == EA_OK)
        status = check_signature(c, report, size, signature, length, &good);
    if (status == EA_OK && good)
        status = check_report(c, report, size);
    else if (status == EA_OK)
        printf("signature  NOT that of this key over this file\n");
    core_free(signature);
    core_free(report);
    return status;
}

static ea_status check_file_here(checking *c, const char *path)
{
    if (ledger_open(NULL, NULL, 0, &c->store) != EA_OK)
        c->store = NULL; /* a reviewer needs no ledger */
    ea_status status = check_file(c, path);
    ledger_close(c->store);
    return status;
}

/* --- A bundle's reports -------------------------------------------------------------------------
 */

static ea_status check_signed(void *argument, const ledger_digest *report_digest,
                              const ledger_digest *signature_digest)
{
    checking *c = argument;
    char *report, *signature = NULL;
    size_t size, length;
    bool good = false;
    EA_TRY(ledger_get_bytes(c->store, report_digest, REPORT_MAX, &report, &size));
    ea_status status =
        ledger_get_bytes(c->store, signature_digest, LEDGER_SIGNATURE_SIZE, &signature, &length);
    if (status == EA_OK)
        status = check_signature(c, report, size, signature, length, &good);
    if (status == EA_OK && good)
        status = check_report(c, report, size);
    c->signed_by_others += !good;
    core_free(signature);
    core_free(report);
    return status;
}

static ea_status check_run(void *argument, const ledger_run_row *row)
{
    checking *c = argument;
    return ledger_signed_each(c->store, row->id, check_signed, c);
}

/* The bundle is imported, with all the checks of that, into a store that is removed again. */
static ea_status check_imported(checking *c, const char *folder, const char *path)
{
    ledger_bundle_result result;
    char store[PATH_MAX];
    snprintf(store, sizeof store, "%.*s/" LEDGER_FOLDER, PATH_MAX - 16, folder);
    if (mkdir(store, 0700) != 0)
        return core_fail(NULL, EA_ERR_IO, "cannot make %s: %s", store, strerror(errno));
    EA_TRY(ledger_open(NULL, folder, 0, &c->store));
    ea_status status = ledger_bundle_read(c->store, path, false, &result);
    if (status == EA_OK) {
        json_decref(result.manifest);
        status = ledger_runs_each(c->store, &(ledger_runs_question){ 0 }, check_run, c);
    }
    ledger_close(c->store);
    if (status == EA_OK && c->found == 0)
        printf("signature  none by this key: the bundle has %d reports signed by others\n",
               c->signed_by_others);
    return status;
}

static ea_status check_bundle(checking *c, const char *path)
{
    ledger_scratch scratch;
    ea_status status = ledger_scratch_make(NULL, &scratch);
    if (status == EA_OK)
        status = check_imported(c, scratch.path, path);
    ledger_scratch_remove(&scratch);
    return status;
}

ea_status cli_check_reports(const char *path, const char *key, bool *good)
{
    checking c = { .key = key, .good = true };
    bool is_bundle;
    EA_TRY(ledger_bundle_is(NULL, path, &is_bundle));
    ea_status status = is_bundle ? check_bundle(&c, path) : check_file_here(&c, path);
    *good = c.good && c.found > 0;
    return status;
}
