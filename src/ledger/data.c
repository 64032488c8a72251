/* data.c: the table of data versions. */
#include "ledger/data.h"
#include "core/memory.h"
#include "ledger/lineage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* data_name.last only grows, so that a removed version's number never means something else. */
static const char *const data_steps[] = {
    "CREATE TABLE data_name (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE data_version (name TEXT NOT NULL REFERENCES data_name (name),"
    "                           version INTEGER NOT NULL, type INTEGER NOT NULL,"
    "                           digest BLOB NOT NULL, size INTEGER NOT NULL,"
    "                           files INTEGER NOT NULL, time INTEGER NOT NULL,"
    "                           source TEXT NOT NULL, note TEXT NOT NULL,"
    "                           PRIMARY KEY (name, version)) WITHOUT ROWID;",
};

const ledger_schema ledger_data_schema = { "data", data_steps, 1 };

#define COLUMNS "name, version, type, digest, size, files, time, source, note"

enum { NAME_MAX_BYTES = 200, OWNER_TEXT = 320 };

int64_t ledger_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- Names ------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at `text`; 0 when it is none. */
static int utf8_length(const unsigned char *text)
{
    int length = *text < 0x80 ? 1 : *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : *text >= 0xc2 ? 2 : 0;
    for (int i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f) ||
        (*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] > 0x8f) || *text > 0xf4)
        return 0;
    return length;
}

ea_status ledger_check_name(ea_context *ctx, const char *what, const char *name)
{
    size_t length = strlen(name);
    bool good = length >= 1 && length <= NAME_MAX_BYTES;
    for (size_t i = 0; i < length && good;) {
        int step = utf8_length((const unsigned char *)name + i);
        good = step > 0 && name[i] != '@' && !iscntrl((unsigned char)name[i]);
        i += (size_t)step;
    }
    return good ? EA_OK
                : core_fail(ctx, EA_ERR_ARGUMENT,
                            "the %s's name '%.200s' is not possible: give 1 to %d bytes of UTF-8 "
                            "without '@' and control characters",
                            what, name, (int)NAME_MAX_BYTES);
}

ea_status ledger_split_reference(ea_context *ctx, const char *what, const char *reference,
                                 char name[256], int64_t *version)
{
    const char *at = strrchr(reference, '@');
    size_t length = at ? (size_t)(at - reference) : strlen(reference);
    snprintf(name, 256, "%.*s", length < 256 ? (int)length : 255, reference);
    EA_TRY(ledger_check_name(ctx, what, name));
    *version = 0;
    if (!at)
        return EA_OK;
    char *end;
    errno = 0;
    long long number = strtoll(at + 1, &end, 10);
    if (!isdigit((unsigned char)at[1]) || *end || errno || number < 1)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "'%.200s' names no version: write NAME@1, or NAME for the newest",
                         reference);
    *version = number;
    return EA_OK;
}

/* --- Rows ------------------------------------------------------------------------------------- */

void ledger_version_free(ledger_version *version)
{
    core_free(version->source);
    core_free(version->note);
    version->source = version->note = NULL;
}

static const char *column_text(sqlite3_stmt *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    return text ? text : "";
}

static ea_status read_row(ledger_store *store, sqlite3_stmt *rows, ledger_version *out)
{
    *out = (ledger_version){ .version = sqlite3_column_int64(rows, 1),
                             .time = sqlite3_column_int64(rows, 6) };
    snprintf(out->name, sizeof out->name, "%s", column_text(rows, 0));
    out->content.type = (ledger_type)sqlite3_column_int(rows, 2);
    out->content.size = sqlite3_column_int64(rows, 4);
    out->content.files = sqlite3_column_int64(rows, 5);
    if (!ledger_column_digest(rows, 3, &out->content.digest))
        return core_fail(ledger_context(store), EA_ERR_FORMAT,
                         "%.200s: data %.200s@%lld has no digest: run eadem fsck",
                         ledger_path(store), out->name, (long long)out->version);
    out->source = core_strdup(column_text(rows, 7));
    out->note = core_strdup(column_text(rows, 8));
    if (out->source && out->note)
        return EA_OK;
    ledger_version_free(out);
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a data version");
}

static ea_status find_version(ledger_store *store, const char *name, int64_t version, bool *found,
                              ledger_version *out)
{
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT " COLUMNS " FROM data_version WHERE name = ?1 AND "
                        "(version = ?2 OR ?2 = 0) ORDER BY version DESC LIMIT 1",
                        "ti", name, version));
    ea_status status = ledger_step(store, rows, found);
    if (status == EA_OK && *found)
        status = read_row(store, rows, out);
    ledger_done(store, rows);
    return status;
}

ea_status ledger_data_find(ledger_store *store, const char *reference, ledger_version *out)
{
    char name[256];
    int64_t version;
    bool found;
    EA_TRY(ledger_split_reference(ledger_context(store), "data", reference, name, &version));
    EA_TRY(find_version(store, name, version, &found, out));
    return found ? EA_OK
                 : core_fail(ledger_context(store), EA_ERR_STATE,
                             "there is no data %.210s: eadem data list shows what there is",
                             reference);
}

ea_status ledger_data_each(ledger_store *store, const char *name, ledger_version_visit visit,
                           void *argument)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT " COLUMNS " FROM data_version WHERE ?1 IS NULL OR name = ?1 "
                        "ORDER BY name, version DESC",
                        "t", name));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_version version;
        status = read_row(store, rows, &version);
        if (status == EA_OK) {
            status = visit(argument, &version);
            ledger_version_free(&version);
        }
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}

/* --- Recording and removing ------------------------------------------------------------------- */

static char *owner_name(const char *name, int64_t version, char owner[OWNER_TEXT])
{
    snprintf(owner, OWNER_TEXT, "data:%s@%lld", name, (long long)version);
    return owner;
}

static ea_status insert(ledger_store *store, const char *name, int64_t version,
                        const ledger_snapshot *content, const char *source, const char *note)
{
    char owner[OWNER_TEXT];
    EA_TRY(ledger_exec(store,
                       "INSERT INTO data_name (name, last) VALUES (?1, ?2) "
                       "ON CONFLICT (name) DO UPDATE SET last = max(last, ?2)",
                       "ti", name, version));
    EA_TRY(ledger_exec(
        store, "INSERT INTO data_version (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "tiihiiitt", name, version, (int64_t)content->type, &content->digest, content->size,
        content->files, ledger_now(), source ? source : "", note ? note : ""));
    return ledger_ref(store, owner_name(name, version, owner), &content->digest,
                      content->type == LEDGER_FOLDER_ENTRY ? LEDGER_TREE : LEDGER_FILE);
}

ea_status ledger_data_record(ledger_store *store, const char *name, const ledger_snapshot *content,
                             const char *source, const char *note, ledger_version *out, bool *fresh)
{
    bool found;
    int64_t last = 0;
    EA_TRY(ledger_check_name(ledger_context(store), "data", name));
    EA_TRY(find_version(store, name, 0, &found, out));
    *fresh = !found || out->content.type != content->type ||
             !ledger_digest_equal(&out->content.digest, &content->digest);
    if (!*fresh)
        return EA_OK;
    if (found)
        ledger_version_free(out);
    EA_TRY(ledger_value(store, &last, "SELECT last FROM data_name WHERE name = ?", "t", name));
    EA_TRY(insert(store, name, last + 1, content, source, note));
    return find_version(store, name, last + 1, &found, out);
}

ea_status ledger_data_remove(ledger_store *store, const ledger_version *version, bool force)
{
    char owner[OWNER_TEXT], node[LEDGER_NODE];
    int64_t children = 0;
    owner_name(version->name, version->version, owner);
    EA_TRY(ledger_value(store, &children, "SELECT count(*) FROM link WHERE parent = ?", "t",
                        ledger_object_node(&version->content.digest, node)));
    if (children && !force)
        return core_fail(ledger_context(store), EA_ERR_STATE,
                         "%lld things were made from %.200s@%lld (eadem lineage shows them): give "
                         "--force to remove it all the same",
                         (long long)children, version->name, (long long)version->version);
    EA_TRY(ledger_exec(store, "DELETE FROM data_version WHERE name = ? AND version = ?", "ti",
                       version->name, version->version));
    return ledger_unref(store, owner);
}
