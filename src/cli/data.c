/* data.c: `eadem data …`: versions of data. */
#include "ledger/data.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "ledger/checkout.h"
#include "ledger/compare.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem data add PATH --name NAME [--note TEXT] [--check]\n"
        "       eadem data list [--json]\n"
        "       eadem data log NAME [--json]\n"
        "       eadem data diff VERSION VERSION | VERSION PATH [--check] [--json]\n"
        "       eadem data checkout VERSION PATH [--read-only] [--any-link]\n"
        "       eadem data verify VERSION [PATH]\n"
        "       eadem data rm VERSION [--force]\n"
        "\n"
        "Keeps files and folders by their content in .eadem, as numbered versions of a name.\n"
        "VERSION is NAME@3, or NAME for the newest.\n"
        "\n"
        "  add       store PATH as the next version; unchanged content makes no new version.\n"
        "            Folders named .git and .eadem are left out. Interrupted, it goes on where it\n"
        "            was when it is called again\n"
        "  list      the newest version of every name\n"
        "  log       all versions of one name\n"
        "  diff      what differs: + only in the second, - only in the first, ~ other content.\n"
        "            Exit code 0: nothing, 1: something, 2: it could not be told\n"
        "  checkout  write a version to PATH, which must not exist; a file goes into PATH when\n"
        "            that is a folder\n"
        "  verify    read a version back and check every digest; with PATH, check that PATH has\n"
        "            this content (exit code 1 when not)\n"
        "  rm        forget a version; eadem gc then frees its space\n"
        "\n"
        "  --check      read files again even when size, times and inode are unchanged\n"
        "  --read-only  make files and folders read-only\n"
        "  --any-link   also make symbolic links that lead out of the folder\n"
        "  --force      also when something was made from this version\n");
}

typedef struct request {
    const char *name, *note;
    bool check, json, read_only, any_link, force, help;
    int count; /* of operands */
    char **operands;
} request;

static bool parse(int argc, char **argv, request *out)
{
    const cli_option options[] = {
        { "name", .text = &out->name },
        { "note", .text = &out->note },
        { "check", .flag = &out->check },
        { "json", .flag = &out->json },
        { "read-only", .flag = &out->read_only },
        { "any-link", .flag = &out->any_link },
        { "force", .flag = &out->force },
        { "help", .flag = &out->help },
        { 0 },
    };
    return cli_options("data", options, argc, argv, &out->count, &out->operands);
}

/* --- Showing ---------------------------------------------------------------------------------- */

static json_t *version_json(const ledger_version *version)
{
    char hex[LEDGER_HEX_SIZE], time[CLI_TIME_TEXT];
    return json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "name", version->name,
                     "version", (json_int_t)version->version, "kind",
                     version->content.type == LEDGER_FOLDER_ENTRY ? "folder" : "file", "sha256",
                     ledger_hex(&version->content.digest, hex), "size",
                     (json_int_t)version->content.size, "files", (json_int_t)version->content.files,
                     "time", cli_time_iso(version->time, time), "source",
                     cli_json_text(version->source), "note", cli_json_text(version->note));
}

static void print_version(const ledger_version *version)
{
    char size[CLI_SIZE_TEXT], time[CLI_TIME_TEXT], hex[LEDGER_HEX_SIZE], number[32];
    snprintf(number, sizeof number, "@%lld", (long long)version->version);
    cli_print_text(stdout, version->name);
    printf("%-*s %9s %9lld files  %.12s  %s  ", (int)(24 - strlen(version->name) % 24), number,
           cli_size_text(version->content.size, size), (long long)version->content.files,
           ledger_hex(&version->content.digest, hex), cli_time_text(version->time, time));
    cli_print_text(stdout, version->note);
    printf("\n");
}

typedef struct listing {
    json_t *json; /* NULL: as text */
    bool newest_only;
    char last[256];
    int count;
} listing;

static ea_status show_version(void *argument, const ledger_version *version)
{
    listing *to = argument;
    if (to->newest_only && to->count && strcmp(to->last, version->name) == 0)
        return EA_OK;
    strcpy(to->last, version->name);
    to->count++;
    if (to->json)
        json_array_append_new(to->json, version_json(version));
    else
        print_version(version);
    return EA_OK;
}

static int show_versions(ledger_store *store, const request *asked, const char *name)
{
    listing to = { .json = asked->json ? json_array() : NULL, .newest_only = !name };
    ea_status status = ledger_data_each(store, name, show_version, &to);
    if (status == EA_OK && to.json)
        cli_print_json(to.json);
    json_decref(to.json);
    if (status == EA_OK && name && to.count == 0) {
        fprintf(stderr, "eadem data: there is no data '");
        cli_print_text(stderr, name);
        fprintf(stderr, "': eadem data list shows what there is\n");
        return CLI_FAILED;
    }
    if (status == EA_OK && to.count == 0 && !asked->json)
        fprintf(stderr, "no data: eadem data add PATH --name NAME keeps some\n");
    return cli_result("data", status);
}

/* --- add -------------------------------------------------------------------------------------- */

static ea_status add_version(ledger_store *store, const request *asked, const char *path,
                             ledger_snapshot *content, ledger_version *version, bool *fresh)
{
    ledger_snapshot_options options = { .check = asked->check };
    cli_progress progress = cli_progress_begin("adding");
    int64_t files;
    if (progress.shown)
        ledger_snapshot_measure(path, &progress.total, &files);
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status = ledger_snapshot_take(store, path, &options, content);
    cli_progress_end(&progress);
    EA_TRY(status);
    char *source = realpath(path, NULL);
    status = ledger_begin(store);
    if (status == EA_OK)
        status = ledger_data_record(store, asked->name, content, source ? source : path,
                                    asked->note, version, fresh);
    free(source);
    if (status != EA_OK) {
        ledger_rollback(store);
        return status;
    }
    return ledger_commit(store);
}

static int add(ledger_store *store, const request *asked)
{
    ledger_snapshot content;
    ledger_version version;
    bool fresh;
    if (ledger_check_name(NULL, "data", asked->name) != EA_OK)
        return cli_result("data", EA_ERR_ARGUMENT);
    ea_status status = add_version(store, asked, asked->operands[0], &content, &version, &fresh);
    if (status != EA_OK)
        return cli_result("data", status);
    if (content.left_out)
        fprintf(stderr, "left out %d folders named .git or .eadem\n", content.left_out);
    print_version(&version);
    if (!fresh)
        printf("unchanged\n");
    ledger_version_free(&version);
    return CLI_OK;
}

/* --- diff ------------------------------------------------------------------------------------- */

typedef struct differences {
    json_t *json;
    bool quiet;
    int64_t count;
} differences;

static json_t *entry_json(const ledger_tree_entry *entry)
{
    char hex[LEDGER_HEX_SIZE], type[2] = { (char)entry->type, 0 };
    json_t *out = json_pack("{s:s, s:I}", "type", type, "size", (json_int_t)entry->size);
    if (entry->has_digest)
        json_object_set_new(out, "sha256", json_string(ledger_hex(&entry->digest, hex)));
    return out;
}

static ea_status show_difference(void *argument, const ledger_difference *difference)
{
    differences *to = argument;
    const char *path = *difference->path ? difference->path : ".";
    char before[CLI_SIZE_TEXT], after[CLI_SIZE_TEXT], kind[2] = { difference->kind, 0 };
    to->count++;
    if (to->quiet)
        return EA_OK;
    if (to->json) {
        json_t *item = json_pack("{s:s, s:o}", "kind", kind, "path", cli_json_text(path));
        if (difference->before)
            json_object_set_new(item, "before", entry_json(difference->before));
        if (difference->after)
            json_object_set_new(item, "after", entry_json(difference->after));
        json_array_append_new(to->json, item);
        return EA_OK;
    }
    printf("%s ", kind);
    cli_print_text(stdout, path);
    if (difference->kind == '~' && difference->before->size != difference->after->size)
        printf("  (%s, now %s)", cli_size_text(difference->before->size, before),
               cli_size_text(difference->after->size, after));
    printf("\n");
    return EA_OK;
}

/* A second operand that names no version is a path. */
static ea_status compare(ledger_store *store, const request *asked, const ledger_version *before,
                         const char *second, differences *to)
{
    ledger_version after;
    struct stat info;
    if (ledger_data_find(store, second, &after) == EA_OK) {
        ea_status status =
            ledger_compare(store, &before->content, &after.content, show_difference, to);
        ledger_version_free(&after);
        return status;
    }
    if (stat(second, &info) != 0)
        return EA_ERR_STATE; /* the text says that there is no such version */
    cli_progress progress = cli_progress_begin("comparing");
    progress.total = before->content.size;
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status =
        ledger_compare_path(store, &before->content, second, asked->check, show_difference, to);
    cli_progress_end(&progress);
    return status;
}

static int diff(ledger_store *store, const request *asked)
{
    ledger_version before;
    differences to = { .json = asked->json ? json_array() : NULL };
    ea_status status = ledger_data_find(store, asked->operands[0], &before);
    if (status == EA_OK) {
        status = compare(store, asked, &before, asked->operands[1], &to);
        ledger_version_free(&before);
    }
    if (status == EA_OK && to.json)
        cli_print_json(to.json);
    json_decref(to.json);
    cli_result("data", status);
    return status != EA_OK ? 2 : to.count ? 1 : 0;
}

/* --- checkout, verify, rm --------------------------------------------------------------------- */

/* A file goes into an existing folder under the name it came with. */
static ea_status checkout_path(const ledger_version *version, const char *path, char out[PATH_MAX])
{
    struct stat info;
    const char *slash = strrchr(version->source, '/');
    const char *name = slash && slash[1] ? slash + 1 : version->name;
    bool inside = version->content.type != LEDGER_FOLDER_ENTRY && stat(path, &info) == 0 &&
                  S_ISDIR(info.st_mode) && ledger_name_allowed(name, strlen(name));
    int length =
        inside ? snprintf(out, PATH_MAX, "%s/%s", path, name) : snprintf(out, PATH_MAX, "%s", path);
    return length < PATH_MAX
               ? EA_OK
               : core_fail(NULL, EA_ERR_ARGUMENT, "the path %.200s… is too long", path);
}

static ea_status check_out(ledger_store *store, const request *asked, const ledger_version *version)
{
    char path[PATH_MAX];
    ledger_checkout_options options = { .read_only = asked->read_only,
                                        .any_link = asked->any_link };
    EA_TRY(checkout_path(version, asked->operands[1], path));
    cli_progress progress = cli_progress_begin("checking out");
    progress.total = version->content.size;
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status =
        ledger_checkout(store, version->content.type, &version->content.digest, path, &options);
    cli_progress_end(&progress);
    return status;
}

static ea_status verify(ledger_store *store, const request *asked, const ledger_version *version,
                        int64_t *differing)
{
    differences to = { .json = NULL };
    cli_progress progress = cli_progress_begin("verifying");
    progress.total = version->content.size;
    ledger_on_progress(store, cli_progress_add, &progress);
    ea_status status =
        asked->count > 1
            ? ledger_compare_path(store, &version->content, asked->operands[1], true,
                                  show_difference, &to)
            : ledger_verify_content(store, version->content.type, &version->content.digest);
    cli_progress_end(&progress);
    *differing = to.count;
    return status;
}

static ea_status remove_version(ledger_store *store, const request *asked,
                                const ledger_version *version)
{
    EA_TRY(ledger_begin(store));
    ea_status status = ledger_data_remove(store, version, asked->force);
    if (status != EA_OK) {
        ledger_rollback(store);
        return status;
    }
    return ledger_commit(store);
}

static int on_version(ledger_store *store, const request *asked, const char *action)
{
    ledger_version version;
    int64_t differing = 0;
    ea_status status = ledger_data_find(store, asked->operands[0], &version);
    if (status != EA_OK)
        return cli_result("data", status);
    if (strcmp(action, "checkout") == 0)
        status = check_out(store, asked, &version);
    else if (strcmp(action, "verify") == 0)
        status = verify(store, asked, &version, &differing);
    else
        status = remove_version(store, asked, &version);
    if (status == EA_OK && strcmp(action, "verify") == 0 && !differing) {
        cli_print_text(stdout, version.name);
        printf("@%lld is whole\n", (long long)version.version);
    }
    ledger_version_free(&version);
    return status == EA_OK && differing ? CLI_FAILED : cli_result("data", status);
}

/* --- The command ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int least, most; /* operands */
} actions[] = { { "add", 1, 1 },      { "list", 0, 0 },   { "log", 1, 1 }, { "diff", 2, 2 },
                { "checkout", 2, 2 }, { "verify", 1, 2 }, { "rm", 1, 1 } };

static bool is_action(const char *action, const request *asked)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, action) == 0)
            return asked->count >= actions[i].least && asked->count <= actions[i].most &&
                   (i != 0 || asked->name);
    return false;
}

static int act(ledger_store *store, const request *asked, const char *action)
{
    if (strcmp(action, "add") == 0)
        return add(store, asked);
    if (strcmp(action, "list") == 0)
        return show_versions(store, asked, NULL);
    if (strcmp(action, "log") == 0)
        return show_versions(store, asked, asked->operands[0]);
    if (strcmp(action, "diff") == 0)
        return diff(store, asked);
    return on_version(store, asked, action);
}

int cli_data(int argc, char **argv)
{
    request asked = { 0 };
    const char *action = argc > 1 ? argv[1] : "";
    if (strcmp(action, "--help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (argc < 2 || !parse(argc - 1, argv + 1, &asked))
        return cli_usage("data");
    if (asked.help) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(action, "add") == 0 && asked.count == 1 && !asked.name)
        fprintf(stderr, "eadem data: --name NAME is missing\n");
    if (!is_action(action, &asked))
        return cli_usage("data");
    ledger_store *store;
    int flags = strcmp(action, "add") == 0 ? LEDGER_CREATE : 0;
    ea_status status = ledger_open(NULL, NULL, flags, &store);
    if (status != EA_OK)
        return cli_result("data", status);
    int code = act(store, &asked, action);
    ledger_close(store);
    return code;
}
