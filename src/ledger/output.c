/* output.c: what differs between the outputs of two runs. */
#include "ledger/output.h"
#include "ledger/compare.h"
#include "ledger/json.h"
#include "ledger/tensordiff.h"

#include <stdio.h>
#include <string.h>

enum { FILES_LISTED = 20 };

const json_t *ledger_find_path(const json_t *entries, const json_t *path)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(entries, i, entry)
    {
        if (json_equal(json_object_get(entry, "path"), path))
            return entry;
    }
    return NULL;
}

/* --- Folders ------------------------------------------------------------------------------------
 */

/* The list being made, and the first file that both folders have. */
typedef struct listing {
    json_t *entry;
    bool has_first;
    ledger_digest first_a, first_b;
} listing;

static ea_status list_file(void *argument, const ledger_difference *difference)
{
    listing *to = argument;
    json_t *files = json_object_get(to->entry, "files");
    char kind[2] = { difference->kind, 0 };
    if (json_array_size(files) < FILES_LISTED)
        json_array_append_new(files, json_pack("{s:s, s:o}", "kind", kind, "path",
                                               ledger_json_text(difference->path)));
    else
        json_object_set_new(to->entry, "more",
                            json_integer(ledger_json_integer(to->entry, "more") + 1));
    if (difference->kind == '~' && !to->has_first && difference->before->has_digest &&
        difference->after->has_digest && difference->before->type != LEDGER_FOLDER_ENTRY &&
        difference->after->type != LEDGER_FOLDER_ENTRY) {
        to->has_first = true;
        to->first_a = difference->before->digest;
        to->first_b = difference->after->digest;
        json_object_set_new(to->entry, "file", ledger_json_text(difference->path));
    }
    return EA_OK;
}

static bool folder_of(const json_t *entry, ledger_snapshot *out)
{
    *out = (ledger_snapshot){ .type = LEDGER_FOLDER_ENTRY };
    return strcmp(ledger_json_string(entry, "type"), "folder") == 0 &&
           ledger_record_digest(entry, "digest", &out->digest);
}

static ea_status list_files(ledger_store *store, const json_t *a, const json_t *b, listing *to)
{
    ledger_snapshot before, after;
    if (!folder_of(a, &before) || !folder_of(b, &after))
        return EA_OK;
    json_object_set_new(to->entry, "files", json_array());
    return ledger_compare(store, &before, &after, list_file, to);
}

ea_status ledger_list_files(ledger_store *store, const json_t *a, const json_t *b, json_t *entry)
{
    listing to = { .entry = entry };
    ea_status status = list_files(store, a, b, &to);
    json_object_del(entry, "file");
    return status;
}

/* --- Files --------------------------------------------------------------------------------------
 */

ea_status ledger_scratch_pair(ledger_store *store, const ledger_digest *a, const ledger_digest *b,
                              ledger_scratch *scratch, char path_a[PATH_MAX], char path_b[PATH_MAX])
{
    EA_TRY(ledger_scratch_make(NULL, scratch));
    snprintf(path_a, PATH_MAX, "%.*s/a", PATH_MAX - 4, scratch->path);
    snprintf(path_b, PATH_MAX, "%.*s/b", PATH_MAX - 4, scratch->path);
    EA_TRY(ledger_get_file(store, a, path_a, 0600));
    return ledger_get_file(store, b, path_b, 0600);
}

static void compare_bytes(const char *path_a, const char *path_b, json_t *entry)
{
    FILE *a = fopen(path_a, "rbe"), *b = fopen(path_b, "rbe");
    json_int_t at = 0;
    int x = 0;
    while (a && b && x != EOF && (x = getc(a)) == getc(b))
        at++;
    if (a && b)
        json_object_set_new(entry, "byte", json_integer(at));
    if (a)
        fclose(a);
    if (b)
        fclose(b);
}

static ea_status compare_contents(ledger_store *store, const ledger_digest *a,
                                  const ledger_digest *b, json_t *entry)
{
    ledger_scratch scratch;
    char path_a[PATH_MAX], path_b[PATH_MAX];
    ea_status status = ledger_scratch_pair(store, a, b, &scratch, path_a, path_b);
    if (status == EA_OK && !ledger_tensor_files_differ(path_a, path_b, entry))
        compare_bytes(path_a, path_b, entry);
    ledger_scratch_remove(&scratch);
    return status;
}

/* --- All ----------------------------------------------------------------------------------------
 */

static json_t *digest_or_null(const json_t *entry)
{
    const char *digest = ledger_json_string(entry, "digest");
    return *digest ? json_string(digest) : json_null();
}

/* That contents cannot be looked into (gone, no room for a copy) does not end the comparison: the
 * digests have told that they differ. */
static ea_status add_output(ledger_store *store, const json_t *path, const json_t *a,
                            const json_t *b, json_t *list)
{
    json_t *entry =
        json_pack("{s:O, s:o, s:o}", "path", path, "a", digest_or_null(a), "b", digest_or_null(b));
    listing to = { .entry = entry };
    bool both = ledger_record_digest(a, "digest", &to.first_a) &&
                ledger_record_digest(b, "digest", &to.first_b);
    if (!entry || json_array_append_new(list, entry) != 0)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory to compare two runs");
    if (!both)
        return EA_OK;
    ea_status status = list_files(store, a, b, &to);
    bool files = !json_object_get(entry, "files") &&
                 strcmp(ledger_json_string(a, "type"), "folder") != 0 &&
                 strcmp(ledger_json_string(b, "type"), "folder") != 0;
    if (status == EA_OK && (files || to.has_first))
        status = compare_contents(store, &to.first_a, &to.first_b, entry);
    if (status != EA_OK)
        json_object_set_new(entry, "why", ledger_json_text(ea_error_text(NULL)));
    return status == EA_ERR_MEMORY ? status : EA_OK;
}

ea_status ledger_outputs_compare(ledger_store *store, const json_t *a, const json_t *b,
                                 json_t *list, int64_t *compared)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(a, i, entry)
    {
        const json_t *path = json_object_get(entry, "path"), *other = ledger_find_path(b, path);
        const char *digest = ledger_json_string(entry, "digest");
        *compared += *digest != 0;
        if (!other || strcmp(digest, ledger_json_string(other, "digest")) != 0)
            EA_TRY(add_output(store, path, entry, other, list));
    }
    json_array_foreach(b, i, entry)
    {
        const json_t *path = json_object_get(entry, "path");
        if (!ledger_find_path(a, path))
            EA_TRY(add_output(store, path, NULL, entry, list));
    }
    return EA_OK;
}
