/* model.c: the model registry. */
#include "ledger/model.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/lineage.h"
#include "ledger/path.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An alias is the last row of its history. */
static const char *const model_steps[] = {
    "CREATE TABLE model_name (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE model (name TEXT NOT NULL REFERENCES model_name (name),"
    "                    version INTEGER NOT NULL, run TEXT NOT NULL, path TEXT NOT NULL,"
    "                    type INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,"
    "                    time INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (name, version))"
    "                    WITHOUT ROWID;"
    "CREATE INDEX model_digest ON model (digest);"
    "CREATE TABLE model_alias (name TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL,"
    "                          PRIMARY KEY (name, alias)) WITHOUT ROWID;"
    "CREATE TABLE model_promotion (number INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    "                              alias TEXT NOT NULL, version INTEGER NOT NULL,"
    "                              time INTEGER NOT NULL);",
};

const ledger_schema ledger_model_schema = { "model", model_steps, 1 };

#define COLUMNS "name, version, run, path, type, digest, size, time, note"
#define ALIASES                                                            \
    "(SELECT ifnull(group_concat(alias, ','), '') FROM model_alias WHERE " \
    "model_alias.name = model.name AND model_alias.version = model.version)"

enum { OWNER_TEXT = 320 };

void ledger_model_free(ledger_model *model)
{
    core_free(model->path);
    core_free(model->note);
    core_free(model->aliases);
    model->path = model->note = model->aliases = NULL;
}

static char *copy_column(sqlite3_stmt *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    return core_strdup(text ? text : "");
}

static ea_status read_row(ledger_store *store, sqlite3_stmt *rows, ledger_model *out)
{
    *out = (ledger_model){ .version = sqlite3_column_int64(rows, 1),
                           .type = (ledger_type)sqlite3_column_int(rows, 4),
                           .size = sqlite3_column_int64(rows, 6),
                           .time = sqlite3_column_int64(rows, 7) };
    snprintf(out->name, sizeof out->name, "%s", (const char *)sqlite3_column_text(rows, 0));
    snprintf(out->run, sizeof out->run, "%s", (const char *)sqlite3_column_text(rows, 2));
    if (!ledger_column_digest(rows, 5, &out->digest))
        return core_fail(ledger_context(store), EA_ERR_FORMAT,
                         "%.200s: model %.200s@%lld has no digest: run eadem fsck",
                         ledger_path(store), out->name, (long long)out->version);
    out->path = copy_column(rows, 3);
    out->note = copy_column(rows, 8);
    out->aliases = copy_column(rows, 9);
    if (out->path && out->note && out->aliases)
        return EA_OK;
    ledger_model_free(out);
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a model");
}

/* --- Finding ---------------------------------------------------------------------------------- */

/* What stands behind '@' is a number or an alias. */
static ea_status read_reference(ledger_store *store, const char *reference, char name[256],
                                int64_t *version)
{
    const char *at = strrchr(reference, '@');
    if (!at || isdigit((unsigned char)at[1]))
        return ledger_split_reference(ledger_context(store), "model", reference, name, version);
    snprintf(name, 256, "%.*s", at - reference < 255 ? (int)(at - reference) : 255, reference);
    *version = 0;
    EA_TRY(ledger_value(store, version,
                        "SELECT version FROM model_alias WHERE name = ? AND alias = ?", "tt", name,
                        at + 1));
    return *version ? EA_OK
                    : core_fail(ledger_context(store), EA_ERR_STATE,
                                "the model '%.200s' has no alias '%.100s': eadem model promote "
                                "gives it",
                                name, at + 1);
}

ea_status ledger_model_find(ledger_store *store, const char *reference, ledger_model *out)
{
    char name[256];
    int64_t version;
    bool found;
    sqlite3_stmt *rows;
    EA_TRY(read_reference(store, reference, name, &version));
    EA_TRY(ledger_query(store, &rows,
                        "SELECT " COLUMNS ", " ALIASES " FROM model WHERE name = ?1 AND "
                        "(version = ?2 OR ?2 = 0) ORDER BY version DESC LIMIT 1",
                        "ti", name, version));
    ea_status status = ledger_step(store, rows, &found);
    if (status == EA_OK && found)
        status = read_row(store, rows, out);
    ledger_done(store, rows);
    EA_TRY(status);
    return found ? EA_OK
                 : core_fail(ledger_context(store), EA_ERR_STATE,
                             "there is no model %.210s: eadem model list shows what there is",
                             reference);
}

ea_status ledger_model_each(ledger_store *store, const char *name, ledger_model_visit visit,
                            void *argument)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT " COLUMNS ", " ALIASES " FROM model WHERE ?1 IS NULL OR name = ?1 "
                        "ORDER BY name, version DESC",
                        "t", name));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_model model;
        status = read_row(store, rows, &model);
        if (status == EA_OK) {
            status = visit(argument, &model);
            ledger_model_free(&model);
        }
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}

ea_status ledger_model_history(ledger_store *store, const char *name, json_t **out)
{
    sqlite3_stmt *rows;
    bool row;
    *out = json_array();
    EA_TRY(ledger_query(store, &rows,
                        "SELECT alias, version, time FROM model_promotion WHERE name = ? ORDER BY "
                        "number",
                        "t", name));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row)
        json_array_append_new(*out,
                              json_pack("{s:s?, s:I, s:I}", "alias", sqlite3_column_text(rows, 0),
                                        "version", (json_int_t)sqlite3_column_int64(rows, 1),
                                        "time_ms", (json_int_t)sqlite3_column_int64(rows, 2)));
    ledger_done(store, rows);
    return status;
}

/* --- Registering ------------------------------------------------------------------------------ */

static bool path_is(const json_t *entry, const char *path)
{
    char *bytes = ledger_json_bytes(json_object_get(entry, "path"));
    bool same = bytes && strcmp(bytes, path) == 0;
    core_free(bytes);
    return same;
}

/* The output's entry; NULL: there is none. */
static const json_t *find_output(ledger_store *store, const json_t *record, const char *file)
{
    char here[PATH_MAX], path[PATH_MAX];
    const json_t *entry;
    size_t i;
    bool named = getcwd(here, sizeof here) && ledger_path_absolute(here, file, path);
    json_array_foreach(json_object_get(record, "outputs"), i, entry)
    {
        if (path_is(entry, file))
            return entry;
        if (named && path_is(entry, ledger_path_relative(ledger_project(store), path)))
            return entry;
    }
    return NULL;
}

static ea_status no_output(ledger_store *store, const char *id, const json_t *record,
                           const char *file)
{
    char list[300] = "";
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(record, "outputs"), i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        size_t used = strlen(list);
        if (path)
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", path);
        core_free(path);
    }
    return core_fail(
        ledger_context(store), EA_ERR_ARGUMENT,
        "run %s recorded no output %.150s; it has: %s (eadem run --out FILE records one)", id, file,
        *list ? list : "none");
}

static ea_status fill(ledger_store *store, const json_t *record, const char *file,
                      ledger_model *model)
{
    const json_t *entry = find_output(store, record, file);
    if (!entry || !ledger_record_digest(entry, "digest", &model->digest))
        return no_output(store, model->run, record, file);
    bool folder = strcmp(ledger_json_string(entry, "type"), "folder") == 0;
    model->type = folder ? LEDGER_FOLDER_ENTRY : LEDGER_PLAIN;
    model->size = ledger_json_integer(entry, "size");
    model->path = ledger_json_bytes(json_object_get(entry, "path"));
    return model->path ? EA_OK
                       : core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a model");
}

static ea_status insert_model(ledger_store *store, const ledger_model *model)
{
    char owner[OWNER_TEXT], node[LEDGER_NODE], run[LEDGER_RUN_ID + 8];
    EA_TRY(ledger_exec(store,
                       "INSERT INTO model_name (name, last) VALUES (?1, ?2) "
                       "ON CONFLICT (name) DO UPDATE SET last = max(last, ?2)",
                       "ti", model->name, model->version));
    EA_TRY(ledger_exec(store, "INSERT INTO model (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "tittihiit", model->name, model->version, model->run, model->path,
                       (int64_t)model->type, &model->digest, model->size, model->time,
                       model->note ? model->note : ""));
    snprintf(run, sizeof run, "run:%s", model->run);
    EA_TRY(ledger_link(store, ledger_object_node(&model->digest, node), run, "output"));
    snprintf(owner, sizeof owner, "model:%s@%lld", model->name, (long long)model->version);
    return ledger_ref(store, owner, &model->digest,
                      model->type == LEDGER_FOLDER_ENTRY ? LEDGER_TREE : LEDGER_FILE);
}

/* Commits, or rolls back and hands the failure on. */
static ea_status finish(ledger_store *store, ea_status status)
{
    if (status == EA_OK)
        return ledger_commit(store);
    ledger_rollback(store);
    return status;
}

static ea_status register_model(ledger_store *store, const json_t *record, const char *file,
                                ledger_model *model)
{
    EA_TRY(fill(store, record, file, model));
    EA_TRY(ledger_value(store, &model->version, "SELECT last FROM model_name WHERE name = ?", "t",
                        model->name));
    model->version++;
    return insert_model(store, model);
}

ea_status ledger_model_add(ledger_store *store, const char *run, const char *file, const char *name,
                           const char *note, ledger_model *out)
{
    json_t *record;
    *out = (ledger_model){ .time = ledger_now() };
    EA_TRY(ledger_check_name(ledger_context(store), "model", name));
    snprintf(out->name, sizeof out->name, "%s", name);
    EA_TRY(ledger_record_find(store, run, out->run));
    EA_TRY(ledger_record_load(store, out->run, &record));
    out->note = core_strdup(note ? note : "");
    out->aliases = core_strdup("");
    ea_status status = register_model(store, record, file, out);
    json_decref(record);
    if (status != EA_OK)
        ledger_model_free(out);
    return status;
}

ea_status ledger_model_register(ledger_store *store, const char *run, const char *file,
                                const char *name, const char *note, ledger_model *out)
{
    EA_TRY(ledger_begin(store));
    return finish(store, ledger_model_add(store, run, file, name, note, out));
}

/* --- Changing --------------------------------------------------------------------------------- */

static ea_status set_alias(ledger_store *store, const ledger_model *model, const char *alias)
{
    EA_TRY(ledger_exec(store,
                       "INSERT OR REPLACE INTO model_alias (name, alias, version) VALUES (?, ?, ?)",
                       "tti", model->name, alias, model->version));
    return ledger_exec(
        store, "INSERT INTO model_promotion (name, alias, version, time) VALUES (?, ?, ?, ?)",
        "ttii", model->name, alias, model->version, ledger_now());
}

ea_status ledger_model_promote(ledger_store *store, const ledger_model *model, const char *alias)
{
    EA_TRY(ledger_check_name(ledger_context(store), "alias", alias));
    if (isdigit((unsigned char)*alias) || strchr(alias, ','))
        return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                         "the alias '%.100s' begins with a digit or has a comma: give a word",
                         alias);
    EA_TRY(ledger_begin(store));
    return finish(store, set_alias(store, model, alias));
}

ea_status ledger_model_note(ledger_store *store, const ledger_model *model, const char *note)
{
    EA_TRY(ledger_begin(store));
    return finish(store,
                  ledger_exec(store, "UPDATE model SET note = ? WHERE name = ? AND version = ?",
                              "tti", note, model->name, model->version));
}

static ea_status remove_model(ledger_store *store, const ledger_model *model)
{
    char owner[OWNER_TEXT];
    snprintf(owner, sizeof owner, "model:%s@%lld", model->name, (long long)model->version);
    EA_TRY(ledger_exec(store, "DELETE FROM model WHERE name = ? AND version = ?", "ti", model->name,
                       model->version));
    return ledger_unref(store, owner);
}

ea_status ledger_model_remove(ledger_store *store, const ledger_model *model)
{
    if (*model->aliases)
        return core_fail(ledger_context(store), EA_ERR_STATE,
                         "%.200s@%lld is %.100s: promote another version first", model->name,
                         (long long)model->version, model->aliases);
    EA_TRY(ledger_begin(store));
    return finish(store, remove_model(store, model));
}
