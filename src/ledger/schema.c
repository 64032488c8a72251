/* schema.c: the list of subjects with tables, and their migration.
 *
 * Each subject has its own version, so that two subjects can grow without agreeing on a number. */
#include "ledger/schema.h"

#include <string.h>

extern const ledger_schema ledger_object_schema, ledger_lineage_schema, ledger_cache_schema,
    ledger_data_schema, ledger_feature_schema, ledger_model_schema, ledger_run_schema,
    ledger_source_schema, ledger_signed_schema;

static const ledger_schema *const schemas[] = {
    &ledger_object_schema, &ledger_lineage_schema, &ledger_cache_schema,
    &ledger_data_schema,   &ledger_feature_schema, &ledger_model_schema,
    &ledger_run_schema,    &ledger_source_schema,  &ledger_signed_schema,
};

enum { SCHEMAS = sizeof schemas / sizeof schemas[0] };

static const ledger_schema *find_schema(const char *subject)
{
    for (int i = 0; i < SCHEMAS; i++)
        if (strcmp(schemas[i]->subject, subject) == 0)
            return schemas[i];
    return NULL;
}

/* Fails for a database that this program is too old for. */
static ea_status check_known(ledger_store *store)
{
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(store, &rows, "SELECT subject, version FROM schema", ""));
    ea_status status;
    bool row;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        const char *subject = (const char *)sqlite3_column_text(rows, 0);
        const ledger_schema *schema = find_schema(subject ? subject : "");
        if (schema && sqlite3_column_int64(rows, 1) <= schema->count)
            continue;
        status = core_fail(
            ledger_context(store), EA_ERR_STATE,
            "%s was written by a newer Eadem (its '%.40s' tables have version %lld): "
            "use that version or a later one",
            ledger_path(store), subject ? subject : "", (long long)sqlite3_column_int64(rows, 1));
        break;
    }
    ledger_done(store, rows);
    return status;
}

static ea_status current_version(ledger_store *store, const ledger_schema *schema, int64_t *version)
{
    *version = 0;
    return ledger_value(store, version, "SELECT version FROM schema WHERE subject = ?", "t",
                        schema->subject);
}

static ea_status run_steps(ledger_store *store, const ledger_schema *schema)
{
    int64_t version;
    EA_TRY(current_version(store, schema, &version));
    for (; version < schema->count; version++)
        if (sqlite3_exec(ledger_db(store), schema->steps[version], NULL, NULL, NULL) != SQLITE_OK)
            return ledger_sql_error(store, "change the tables");
    return ledger_exec(store, "INSERT OR REPLACE INTO schema (subject, version) VALUES (?, ?)",
                       "ti", schema->subject, version);
}

static ea_status make_schema_table(ledger_store *store)
{
    return ledger_exec(store,
                       "CREATE TABLE IF NOT EXISTS schema (subject TEXT PRIMARY KEY, "
                       "version INTEGER NOT NULL) WITHOUT ROWID",
                       "");
}

static ea_status is_current(ledger_store *store, bool *current)
{
    int64_t tables = 0, version;
    *current = false;
    EA_TRY(ledger_value(
        store, &tables,
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema'", ""));
    if (!tables)
        return EA_OK;
    EA_TRY(check_known(store));
    for (int i = 0; i < SCHEMAS; i++) {
        EA_TRY(current_version(store, schemas[i], &version));
        if (version < schemas[i]->count)
            return EA_OK;
    }
    *current = true;
    return EA_OK;
}

ea_status ledger_migrate(ledger_store *store)
{
    bool current;
    EA_TRY(is_current(store, &current));
    if (current)
        return EA_OK;
    EA_TRY(ledger_begin(store));
    ea_status status = make_schema_table(store);
    for (int i = 0; i < SCHEMAS && status == EA_OK; i++)
        status = run_steps(store, schemas[i]);
    if (status != EA_OK) {
        ledger_rollback(store);
        return status;
    }
    return ledger_commit(store);
}
