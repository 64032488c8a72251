/* join.c: labelled events with what was known at their times. */
#include "core/memory.h"
#include "ledger/feature.h"
#include "ledger/inside.h"
#include "ledger/lineage.h"
#include "ledger/table.h"

#include <errno.h>
#include <string.h>

enum { MAX_FEATURES = 64 };

typedef struct joined {
    ledger_table table;
    char event_key[LEDGER_COLUMN_MAX]; /* the events' name of the key column */
    int key;                           /* its place in the events */
} joined;

typedef struct joining {
    ledger_store *store;
    const ledger_join *join;
    joined features[MAX_FEATURES];
    int count;
    ledger_csv events;
    int time, fields;
    FILE *out;
} joining;

/* --- Which features --------------------------------------------------------------------------- */

/* "user@3=customer": the part behind '=' is the events' column. */
static ea_status find_feature(joining *job, const char *text, joined *out)
{
    char reference[LEDGER_COLUMN_MAX + 256];
    const char *equals = strrchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (length >= sizeof reference || (equals && strlen(equals + 1) >= LEDGER_COLUMN_MAX))
        return core_fail(ledger_context(job->store), EA_ERR_ARGUMENT,
                         "the feature '%.100s…' has too long a name", text);
    snprintf(reference, sizeof reference, "%.*s", (int)length, text);
    EA_TRY(ledger_table_find(job->store, reference, &out->table));
    snprintf(out->event_key, sizeof out->event_key, "%s", equals ? equals + 1 : out->table.key);
    if (out->table.version > 0)
        return EA_OK;
    ledger_table_free(&out->table);
    return core_fail(ledger_context(job->store), EA_ERR_STATE,
                     "the feature table '%.200s' is empty: eadem feature ingest fills it",
                     out->table.name);
}

static ea_status find_features(joining *job)
{
    for (int i = 0; job->join->features[i]; i++) {
        if (i == MAX_FEATURES)
            return core_fail(ledger_context(job->store), EA_ERR_ARGUMENT,
                             "more than %d feature tables in one join", (int)MAX_FEATURES);
        EA_TRY(find_feature(job, job->join->features[i], &job->features[i]));
        job->count++;
    }
    return job->count ? EA_OK
                      : core_fail(ledger_context(job->store), EA_ERR_ARGUMENT,
                                  "a join needs at least one feature table");
}

/* --- Rows ------------------------------------------------------------------------------------- */

static void write_fields(joining *job)
{
    for (int i = 0; i < job->fields; i++) {
        if (i)
            putc(',', job->out);
        ledger_csv_write(job->out, job->events.fields[i]);
    }
}

static ea_status write_header(joining *job)
{
    bool more;
    EA_TRY(ledger_csv_next(&job->events, &more));
    job->fields = job->events.count;
    EA_TRY(ledger_column_find(&job->events, job->join->time, &job->time));
    write_fields(job);
    for (int i = 0; i < job->count; i++) {
        joined *feature = &job->features[i];
        EA_TRY(ledger_column_find(&job->events, feature->event_key, &feature->key));
        for (size_t k = 0; k < json_array_size(feature->table.columns); k++) {
            char name[512];
            snprintf(name, sizeof name, "%s.%s", feature->table.name,
                     json_string_value(json_array_get(feature->table.columns, k)));
            putc(',', job->out);
            ledger_csv_write(job->out, name);
        }
    }
    putc('\n', job->out);
    return EA_OK;
}

/* The cells are one CSV record already. */
static ea_status write_value(joining *job, const joined *feature, int64_t moment)
{
    sqlite3_stmt *rows;
    bool found;
    EA_TRY(ledger_table_value(job->store, &feature->table, job->events.fields[feature->key], moment,
                              &rows, &found));
    putc(',', job->out);
    if (found) {
        fputs((const char *)sqlite3_column_text(rows, 0), job->out);
        ledger_done(job->store, rows);
    } else {
        for (size_t k = 1; k < json_array_size(feature->table.columns); k++)
            putc(',', job->out);
    }
    return EA_OK;
}

static ea_status write_rows(joining *job)
{
    EA_TRY(write_header(job));
    for (;;) {
        bool more;
        int64_t moment;
        EA_TRY(ledger_csv_next(&job->events, &more));
        if (!more)
            return EA_OK;
        EA_TRY(ledger_check_fields(&job->events, job->fields));
        EA_TRY(ledger_moment_of(&job->events, job->events.fields[job->time], &moment));
        write_fields(job);
        for (int i = 0; i < job->count; i++)
            EA_TRY(write_value(job, &job->features[i], moment));
        putc('\n', job->out);
    }
}

/* --- The result ------------------------------------------------------------------------------- */

static ea_status record_result(joining *job, const ledger_object *events,
                               const ledger_object *result, ledger_version *out, bool *fresh)
{
    char child[LEDGER_NODE], parent[LEDGER_NODE], feature[320];
    ledger_snapshot content = {
        .type = LEDGER_PLAIN, .digest = result->digest, .size = result->size, .files = 1
    };
    ledger_object_node(&result->digest, child);
    EA_TRY(ledger_data_record(job->store, job->join->name, &content, "", "eadem feature join", out,
                              fresh));
    EA_TRY(ledger_ref(job->store, child, &events->digest, LEDGER_FILE));
    EA_TRY(ledger_link(job->store, child, ledger_object_node(&events->digest, parent), "join"));
    for (int i = 0; i < job->count; i++) {
        const ledger_table *table = &job->features[i].table;
        snprintf(feature, sizeof feature, "feature:%s@%lld", table->name,
                 (long long)table->version);
        EA_TRY(ledger_link(job->store, child, feature, "join"));
    }
    return EA_OK;
}

static ea_status store_result(joining *job, FILE *file, ledger_version *out, bool *fresh)
{
    ledger_object events, result;
    if (fflush(job->out) != 0 || ferror(job->out) || fseek(job->out, 0, SEEK_SET) != 0 ||
        fseek(file, 0, SEEK_SET) != 0)
        return ledger_io_error(job->store, "write the joined table in", ledger_path(job->store));
    EA_TRY(ledger_put_fd(job->store, fileno(file), job->join->events, &events));
    EA_TRY(ledger_put_fd(job->store, fileno(job->out), "the joined table", &result));
    EA_TRY(ledger_begin(job->store));
    ea_status status = record_result(job, &events, &result, out, fresh);
    if (status == EA_OK)
        return ledger_commit(job->store);
    ledger_rollback(job->store);
    return status;
}

static ea_status join_file(joining *job, FILE *file, ledger_version *out, bool *fresh)
{
    EA_TRY(ledger_check_name(ledger_context(job->store), "data", job->join->name));
    EA_TRY(find_features(job));
    EA_TRY(ledger_temporary(job->store, &job->out));
    ledger_csv_open(ledger_context(job->store), file, job->join->events, &job->events);
    EA_TRY(write_rows(job));
    return store_result(job, file, out, fresh);
}

ea_status ledger_feature_join(ledger_store *store, const ledger_join *join, ledger_version *out,
                              bool *fresh)
{
    joining *job = core_alloc_zero(sizeof *job);
    FILE *file = fopen(join->events, "rbe");
    ea_status status;
    if (!job)
        status = core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a join");
    else if (!file)
        status = core_fail(ledger_context(store), EA_ERR_IO, "cannot open %.300s: %s", join->events,
                           strerror(errno));
    else {
        job->store = store;
        job->join = join;
        status = join_file(job, file, out, fresh);
    }
    if (file)
        fclose(file);
    if (job && job->out)
        fclose(job->out);
    for (int i = 0; job && i < job->count; i++)
        ledger_table_free(&job->features[i].table);
    if (job)
        ledger_csv_close(&job->events);
    core_free(job);
    return status;
}
