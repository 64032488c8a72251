/* feature.c: defining, filling and asking feature tables. */
#include "ledger/feature.h"
#include "core/memory.h"
#include "ledger/csv.h"
#include "ledger/lineage.h"
#include "ledger/moment.h"
#include "ledger/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row's place in the primary key is the rule of which value counts: the last one not after the
 * moment. cells: the values as one CSV record. The ingested file is kept too: rows could be made
 * again from it. */
static const char *const feature_steps[] = {
    "CREATE TABLE feature (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL,"
    "                      time TEXT NOT NULL, columns TEXT NOT NULL);"
    "CREATE TABLE feature_version (feature INTEGER NOT NULL REFERENCES feature (id),"
    "                              version INTEGER NOT NULL, digest BLOB NOT NULL,"
    "                              rows INTEGER NOT NULL, time INTEGER NOT NULL,"
    "                              source TEXT NOT NULL, PRIMARY KEY (feature, version)) WITHOUT "
    "ROWID;"
    "CREATE TABLE feature_row (feature INTEGER NOT NULL, key TEXT NOT NULL, time INTEGER NOT NULL,"
    "                          version INTEGER NOT NULL, line INTEGER NOT NULL, cells TEXT NOT "
    "NULL,"
    "                          PRIMARY KEY (feature, key, time, version, line)) WITHOUT ROWID;",
};

const ledger_schema ledger_feature_schema = { "feature", feature_steps, 1 };

void ledger_table_free(ledger_table *table)
{
    json_decref(table->columns);
    table->columns = NULL;
}

ea_status ledger_table_find(ledger_store *store, const char *reference, ledger_table *out)
{
    sqlite3_stmt *rows;
    bool row;
    int64_t wanted;
    *out = (ledger_table){ 0 };
    EA_TRY(ledger_split_reference(ledger_context(store), "feature", reference, out->name, &wanted));
    EA_TRY(ledger_query(store, &rows,
                        "SELECT id, key, time, columns, (SELECT ifnull(max(version), 0) FROM "
                        "feature_version WHERE feature = id) FROM feature WHERE name = ?",
                        "t", out->name));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row) {
        out->id = sqlite3_column_int64(rows, 0);
        snprintf(out->key, sizeof out->key, "%s", (const char *)sqlite3_column_text(rows, 1));
        snprintf(out->time, sizeof out->time, "%s", (const char *)sqlite3_column_text(rows, 2));
        out->columns = json_loads((const char *)sqlite3_column_text(rows, 3), 0, NULL);
        out->newest = sqlite3_column_int64(rows, 4);
    }
    ledger_done(store, rows);
    EA_TRY(status);
    out->version = wanted ? wanted : out->newest;
    if (!row)
        return core_fail(ledger_context(store), EA_ERR_STATE,
                         "there is no feature table '%.200s': eadem feature define makes one",
                         out->name);
    if (out->columns && out->version <= out->newest)
        return EA_OK;
    ledger_table_free(out);
    return core_fail(ledger_context(store), EA_ERR_STATE,
                     "the feature table '%.200s' has %lld versions, not %lld", out->name,
                     (long long)out->newest, (long long)wanted);
}

/* --- Defining --------------------------------------------------------------------------------- */

static ea_status check_columns(ledger_store *store, const char *key, const char *time,
                               const char *const *columns)
{
    const char *fixed[] = { key, time };
    for (int i = 0; i < 2; i++)
        if (!*fixed[i] || strlen(fixed[i]) >= LEDGER_COLUMN_MAX)
            return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                             "the column name '%.100s' is not possible: give 1 to %d bytes",
                             fixed[i], (int)LEDGER_COLUMN_MAX - 1);
    for (int i = 0; columns[i]; i++) {
        bool twice = strcmp(columns[i], key) == 0 || strcmp(columns[i], time) == 0;
        for (int k = 0; k < i; k++)
            twice |= strcmp(columns[i], columns[k]) == 0;
        if (twice || !*columns[i])
            return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                             "the column '%.100s' is named twice or empty", columns[i]);
    }
    return columns[0] && strcmp(key, time) != 0
               ? EA_OK
               : core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                           "a feature table needs a key, a time and at least one other column");
}

static ea_status insert_table(ledger_store *store, const char *name, const char *key,
                              const char *time, const char *const *columns)
{
    json_t *list = json_array();
    for (int i = 0; columns[i]; i++)
        if (json_array_append_new(list, json_string(columns[i])) != 0) {
            json_decref(list);
            return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                             "the column '%.100s' is not UTF-8", columns[i]);
        }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (!text)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a feature table");
    ea_status status =
        ledger_exec(store, "INSERT INTO feature (name, key, time, columns) VALUES (?, ?, ?, ?)",
                    "tttt", name, key, time, text);
    free(text);
    return status;
}

ea_status ledger_table_make(ledger_store *store, const char *name, const char *key,
                            const char *time, const char *const *columns)
{
    int64_t there = 0;
    EA_TRY(ledger_check_name(ledger_context(store), "feature table", name));
    EA_TRY(check_columns(store, key, time, columns));
    EA_TRY(ledger_value(store, &there, "SELECT count(*) FROM feature WHERE name = ?", "t", name));
    if (there)
        return core_fail(
            ledger_context(store), EA_ERR_STATE,
            "the feature table '%.200s' is there already: columns do not change, so give "
            "another name",
            name);
    return insert_table(store, name, key, time, columns);
}

/* Commits, or rolls back and hands the failure on. */
static ea_status finish(ledger_store *store, ea_status status)
{
    if (status == EA_OK)
        return ledger_commit(store);
    ledger_rollback(store);
    return status;
}

ea_status ledger_feature_define(ledger_store *store, const char *name, const char *key,
                                const char *time, const char *const *columns)
{
    EA_TRY(ledger_begin(store));
    return finish(store, ledger_table_make(store, name, key, time, columns));
}

/* --- Ingesting -------------------------------------------------------------------------------- */

ea_status ledger_column_find(const ledger_csv *csv, const char *name, int *out)
{
    for (int i = 0; i < csv->count; i++)
        if (strcmp(csv->fields[i], name) == 0) {
            *out = i;
            return EA_OK;
        }
    return core_fail(csv->ctx, EA_ERR_FORMAT, "%.200s has no column '%.100s'", csv->name, name);
}

ea_status ledger_moment_of(const ledger_csv *csv, const char *text, int64_t *out)
{
    if (ledger_moment_parse(text, out))
        return EA_OK;
    return core_fail(csv->ctx, EA_ERR_FORMAT,
                     "%.200s, line %lld: '%.60s' is no time: give seconds since 1970, a date, or "
                     "2026-11-21T09:13:05Z",
                     csv->name, (long long)csv->line, text);
}

typedef struct ingestion {
    ledger_store *store;
    ledger_table *table;
    ledger_csv csv;
    int key, time, *columns; /* places in the file */
    int fields;
    int64_t version, rows;
} ingestion;

static ea_status find_columns(ingestion *job)
{
    bool more;
    EA_TRY(ledger_csv_next(&job->csv, &more));
    size_t count = json_array_size(job->table->columns);
    job->fields = job->csv.count;
    job->columns = core_alloc(count * sizeof *job->columns);
    if (!job->columns)
        return core_fail(ledger_context(job->store), EA_ERR_MEMORY, "no memory for %zu columns",
                         count);
    EA_TRY(ledger_column_find(&job->csv, job->table->key, &job->key));
    EA_TRY(ledger_column_find(&job->csv, job->table->time, &job->time));
    for (size_t i = 0; i < count; i++)
        EA_TRY(ledger_column_find(&job->csv,
                                  json_string_value(json_array_get(job->table->columns, i)),
                                  &job->columns[i]));
    return EA_OK;
}

ea_status ledger_check_fields(const ledger_csv *csv, int fields)
{
    if (csv->count == fields)
        return EA_OK;
    return core_fail(csv->ctx, EA_ERR_FORMAT,
                     "%.200s, line %lld: %d fields where the header has %d", csv->name,
                     (long long)csv->line, csv->count, fields);
}

static ea_status insert_row(ingestion *job)
{
    int64_t moment;
    char *cells = NULL;
    size_t size;
    EA_TRY(ledger_check_fields(&job->csv, job->fields));
    EA_TRY(ledger_moment_of(&job->csv, job->csv.fields[job->time], &moment));
    FILE *text = open_memstream(&cells, &size);
    for (size_t i = 0; text && i < json_array_size(job->table->columns); i++) {
        if (i)
            putc(',', text);
        ledger_csv_write(text, job->csv.fields[job->columns[i]]);
    }
    ea_status status;
    if (!text || fclose(text) != 0)
        status = core_fail(ledger_context(job->store), EA_ERR_MEMORY, "no memory for a row");
    else
        status = ledger_exec(job->store,
                             "INSERT INTO feature_row (feature, key, time, version, line, cells) "
                             "VALUES (?, ?, ?, ?, ?, ?)",
                             "itiiit", job->table->id, job->csv.fields[job->key], moment,
                             job->version, job->csv.line, cells);
    free(cells);
    job->rows++;
    return status;
}

static ea_status insert_rows(ingestion *job)
{
    EA_TRY(find_columns(job));
    for (;;) {
        bool more;
        EA_TRY(ledger_csv_next(&job->csv, &more));
        if (!more)
            return EA_OK;
        EA_TRY(insert_row(job));
    }
}

static ea_status insert_version(ingestion *job, const ledger_object *file, const char *path)
{
    char node[320], before[320], object[LEDGER_NODE];
    ledger_store *store = job->store;
    EA_TRY(ledger_exec(store,
                       "INSERT INTO feature_version (feature, version, digest, rows, time, source) "
                       "VALUES (?, ?, ?, ?, ?, ?)",
                       "iihiit", job->table->id, job->version, &file->digest, job->rows,
                       ledger_now(), path));
    snprintf(node, sizeof node, "feature:%s@%lld", job->table->name, (long long)job->version);
    snprintf(before, sizeof before, "feature:%s@%lld", job->table->name,
             (long long)job->version - 1);
    EA_TRY(ledger_ref(store, node, &file->digest, LEDGER_FILE));
    EA_TRY(ledger_link(store, node, ledger_object_node(&file->digest, object), "ingest"));
    return job->version > 1 ? ledger_link(store, node, before, "version") : EA_OK;
}

ea_status ledger_table_add(ledger_store *store, ledger_table *table, FILE *file, const char *path,
                           const ledger_object *content, int64_t *version, int64_t *rows)
{
    ingestion job = { .store = store, .table = table };
    int64_t newest = 0; /* another ingestion may have come first */
    ledger_csv_open(ledger_context(store), file, path, &job.csv);
    ea_status status = ledger_value(
        store, &newest, "SELECT ifnull(max(version), 0) FROM feature_version WHERE feature = ?",
        "i", table->id);
    job.version = newest + 1;
    if (status == EA_OK)
        status = insert_rows(&job);
    if (status == EA_OK)
        status = insert_version(&job, content, path);
    ledger_csv_close(&job.csv);
    core_free(job.columns);
    *version = job.version;
    *rows = job.rows;
    return status;
}

static ea_status ingest_file(ledger_store *store, ledger_table *table, FILE *file, const char *path,
                             int64_t *version, int64_t *rows)
{
    ledger_object content;
    EA_TRY(ledger_put_fd(store, fileno(file), path, &content));
    if (fseek(file, 0, SEEK_SET) != 0)
        return core_fail(ledger_context(store), EA_ERR_IO, "cannot read %.200s again: %s", path,
                         strerror(errno));
    EA_TRY(ledger_begin(store));
    return finish(store, ledger_table_add(store, table, file, path, &content, version, rows));
}

ea_status ledger_feature_ingest(ledger_store *store, const char *name, const char *path,
                                int64_t *version, int64_t *rows)
{
    ledger_table table;
    EA_TRY(ledger_table_find(store, name, &table));
    FILE *file = fopen(path, "rbe");
    ea_status status = file ? ingest_file(store, &table, file, path, version, rows)
                            : core_fail(ledger_context(store), EA_ERR_IO, "cannot open %.300s: %s",
                                        path, strerror(errno));
    if (file)
        fclose(file);
    ledger_table_free(&table);
    return status;
}

/* --- Looking up ------------------------------------------------------------------------------- */

ea_status ledger_table_value(ledger_store *store, const ledger_table *table, const char *key,
                             int64_t moment, sqlite3_stmt **rows, bool *found)
{
    EA_TRY(ledger_query(store, rows,
                        "SELECT cells, time FROM feature_row WHERE feature = ? AND key = ? AND "
                        "time <= ? AND version <= ? ORDER BY time DESC, version DESC, line DESC "
                        "LIMIT 1",
                        "itii", table->id, key, moment, table->version));
    ea_status status = ledger_step(store, *rows, found);
    if (status != EA_OK || !*found)
        ledger_done(store, *rows);
    return status;
}

static ea_status cells_to_json(ledger_store *store, const ledger_table *table, const char *cells,
                               int64_t time, json_t **out)
{
    FILE *file = fmemopen((void *)(uintptr_t)cells, strlen(cells) + !*cells, "rb");
    bool more;
    ledger_csv csv;
    if (!file)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory to read a row");
    ledger_csv_open(ledger_context(store), file, "a feature's row", &csv);
    ea_status status = ledger_csv_next(&csv, &more);
    *out = json_object();
    for (size_t i = 0; status == EA_OK && i < json_array_size(table->columns); i++)
        json_object_set_new(*out, json_string_value(json_array_get(table->columns, i)),
                            json_string((int)i < csv.count && *cells ? csv.fields[i] : ""));
    json_object_set_new(*out, "time_ns", json_integer(time));
    ledger_csv_close(&csv);
    fclose(file);
    return status;
}

ea_status ledger_feature_get(ledger_store *store, const char *reference, const char *key,
                             int64_t moment, json_t **out)
{
    ledger_table table;
    sqlite3_stmt *rows;
    bool found;
    *out = NULL;
    EA_TRY(ledger_table_find(store, reference, &table));
    ea_status status = ledger_table_value(store, &table, key, moment, &rows, &found);
    if (status == EA_OK && found) {
        status = cells_to_json(store, &table, (const char *)sqlite3_column_text(rows, 0),
                               sqlite3_column_int64(rows, 1), out);
        ledger_done(store, rows);
    }
    ledger_table_free(&table);
    return status;
}

static json_t *version_row(sqlite3_stmt *rows)
{
    ledger_digest digest = { { 0 } };
    char hex[LEDGER_HEX_SIZE];
    ledger_column_digest(rows, 4, &digest);
    return json_pack(
        "{s:s?, s:s?, s:s?, s:I, s:s, s:I, s:I, s:s?}", "name", sqlite3_column_text(rows, 0), "key",
        sqlite3_column_text(rows, 1), "time_column", sqlite3_column_text(rows, 2), "version",
        (json_int_t)sqlite3_column_int64(rows, 3), "sha256", ledger_hex(&digest, hex), "rows",
        (json_int_t)sqlite3_column_int64(rows, 5), "time",
        (json_int_t)sqlite3_column_int64(rows, 6), "source", sqlite3_column_text(rows, 7));
}

ea_status ledger_feature_list(ledger_store *store, const char *name, json_t **out)
{
    sqlite3_stmt *rows;
    bool row;
    *out = json_array();
    EA_TRY(
        ledger_query(store, &rows,
                     "SELECT name, key, feature.time, ifnull(version, 0), digest, ifnull(rows, 0), "
                     "feature_version.time, source FROM feature LEFT JOIN feature_version "
                     "ON feature = id WHERE ?1 IS NULL OR name = ?1 ORDER BY name, version",
                     "t", name));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row)
        json_array_append_new(*out, version_row(rows));
    ledger_done(store, rows);
    return status;
}
