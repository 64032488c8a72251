/* bundle.c: writing bundles. Whatever an object needs comes before it. */
#include "ledger/bundle.h"
#include "core/memory.h"
#include "ledger/bundle_format.h"
#include "ledger/data.h"
#include "ledger/inside.h"
#include "ledger/json.h"
#include "ledger/model.h"
#include "ledger/newfile.h"
#include "ledger/signed.h"
#include "ledger/source.h"
#include "ledger/tablecopy.h"
#include "ledger/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What mark() keeps beside the kinds of objects. */
enum { RUN_SEEN = -1, JOINS_SEEN = -2, JOINS_DEPTH = 1000 };

typedef struct writer {
    ledger_store *store;
    FILE *file;
    const char *path;
    json_t *manifest;
    int64_t objects, bytes;
} writer;

static ea_status write_bytes(writer *job, const void *data, size_t size)
{
    job->bytes += (int64_t)size;
    return fwrite(data, 1, size, job->file) == size
               ? EA_OK
               : ledger_io_error(job->store, "write", job->path);
}

/* --- Objects ---------------------------------------------------------------------------------- */

static ea_status write_object(writer *job, const ledger_digest *digest, ledger_kind kind,
                              int depth);

static ea_status copy_payload(writer *job, const ledger_record *record, const ledger_place *place)
{
    unsigned char header[LEDGER_RECORD_SIZE];
    ledger_record written = *record;
    EA_TRY(ledger_check_header(job->store, place, record, &written.check));
    ledger_record_encode(&written, header);
    EA_TRY(write_bytes(job, header, sizeof header));
    for (int64_t at = 0; at < record->stored;) {
        int64_t left = record->stored - at;
        size_t size = left < LEDGER_CHUNK_MAX ? (size_t)left : LEDGER_CHUNK_MAX;
        EA_TRY(ledger_read_payload(job->store, place, record, at, size, job->store->payload));
        EA_TRY(write_bytes(job, job->store->payload, size));
        at += (int64_t)size;
    }
    job->objects++;
    return EA_OK;
}

static ea_status write_chunks(writer *job, const ledger_record *record, const ledger_place *place)
{
    for (int64_t i = 0; i < record->stored / LEDGER_LIST_ENTRY; i++) {
        ledger_object chunk;
        EA_TRY(ledger_read_entry(job->store, place, record, i, &chunk));
        EA_TRY(write_object(job, &chunk.digest, LEDGER_FILE, 0));
    }
    return EA_OK;
}

static ea_status write_entries(writer *job, const ledger_digest *digest, int depth)
{
    ledger_listing listing;
    EA_TRY(ledger_tree_read(job->store, digest, &listing));
    ea_status status = EA_OK;
    for (size_t i = 0; i < listing.count && status == EA_OK; i++) {
        const ledger_tree_entry *entry = &listing.entries[i];
        bool folder = entry->type == LEDGER_FOLDER_ENTRY;
        status =
            depth >= LEDGER_TREE_DEPTH
                ? core_fail(job->store->ctx, EA_ERR_FORMAT, "a tree deeper than %d folders",
                            (int)LEDGER_TREE_DEPTH)
                : write_object(job, &entry->digest, folder ? LEDGER_TREE : LEDGER_FILE, depth + 1);
    }
    ledger_listing_free(&listing);
    return status;
}

/* *fresh: it was not done before. */
static ea_status mark(writer *job, const ledger_digest *digest, int64_t kind, bool *fresh)
{
    EA_TRY(ledger_exec(job->store,
                       "INSERT OR IGNORE INTO temp.bundled (digest, kind) VALUES (?, ?)", "hi",
                       digest, kind));
    *fresh = sqlite3_changes(job->store->db) > 0;
    return EA_OK;
}

static ea_status write_object(writer *job, const ledger_digest *digest, ledger_kind kind, int depth)
{
    ledger_record record;
    ledger_place place;
    bool fresh, found, walked = true;
    char hex[LEDGER_HEX_SIZE];
    if (kind == LEDGER_TREE)
        EA_TRY(mark(job, digest, LEDGER_TREE, &walked));
    if (kind == LEDGER_TREE && walked)
        EA_TRY(write_entries(job, digest, depth));
    EA_TRY(mark(job, digest, LEDGER_FILE, &fresh));
    if (!fresh)
        return EA_OK;
    EA_TRY(ledger_locate(job->store, digest, &found, &record, &place));
    if (!found)
        return core_fail(job->store->ctx, EA_ERR_STATE,
                         "object %.16s… is not in %.300s: run eadem fsck", ledger_hex(digest, hex),
                         job->store->path);
    if (record.encoding == LEDGER_LIST)
        EA_TRY(write_chunks(job, &record, &place));
    ledger_report(job->store, record.stored, 0);
    return copy_payload(job, &record, &place);
}

static ea_status write_seen(void *job, const ledger_digest *digest, ledger_kind kind)
{
    return write_object(job, digest, kind, 0);
}

/* --- What is named ---------------------------------------------------------------------------- */

static ea_status add_entry(writer *job, const char *list, json_t *entry)
{
    if (json_array_append_new(json_object_get(job->manifest, list), entry) != 0)
        return core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for the bundle's manifest");
    return EA_OK;
}

/* --- Joins --------------------------------------------------------------------------------------
 */

static ea_status add_joins(writer *job, const ledger_digest *result, int depth);

/* The table with its files up to the version; of several versions the longest list stays. */
static ea_status add_table(writer *job, const char *reference)
{
    json_t *features = json_object_get(job->manifest, "features"), *table;
    EA_TRY(ledger_table_describe(job->store, reference, &table));
    const json_t *versions = json_object_get(table, "versions");
    ea_status status = EA_OK;
    size_t place = 0;
    for (size_t i = 0; status == EA_OK && i < json_array_size(versions); i++) {
        ledger_digest digest;
        ledger_from_hex(json_string_value(json_array_get(versions, i)), &digest);
        status = write_object(job, &digest, LEDGER_FILE, 0);
    }
    while (place < json_array_size(features) &&
           !json_equal(json_object_get(json_array_get(features, place), "name"),
                       json_object_get(table, "name")))
        place++;
    const json_t *other = json_object_get(json_array_get(features, place), "versions");
    if (status == EA_OK && !other)
        return add_entry(job, "features", table);
    if (status == EA_OK && json_array_size(other) < json_array_size(versions))
        json_array_set(features, place, table);
    json_decref(table);
    return status;
}

static ea_status add_parents(writer *job, const json_t *parents, int depth)
{
    for (size_t i = 0; i < json_array_size(parents); i++) {
        const char *parent = json_string_value(json_array_get(parents, i));
        ledger_digest digest;
        if (strncmp(parent, "feature:", 8) == 0) {
            EA_TRY(add_table(job, parent + 8));
        } else if (strncmp(parent, "object:", 7) == 0 && ledger_from_hex(parent + 7, &digest)) {
            EA_TRY(write_object(job, &digest, LEDGER_FILE, 0));
            EA_TRY(add_joins(job, &digest, depth + 1));
        }
    }
    return EA_OK;
}

/* What a join's result was made from comes along: the events, which may be a join's result
 * themselves, and the feature tables. */
static ea_status add_joins(writer *job, const ledger_digest *result, int depth)
{
    json_t *parents;
    bool fresh;
    char hex[LEDGER_HEX_SIZE];
    EA_TRY(mark(job, result, JOINS_SEEN, &fresh));
    if (!fresh || depth > JOINS_DEPTH)
        return EA_OK;
    EA_TRY(ledger_join_parents(job->store, result, &parents));
    ea_status status = add_parents(job, parents, depth);
    if (status == EA_OK && json_array_size(parents))
        status = add_entry(
            job, "joins",
            json_pack("{s:s, s:O}", "result", ledger_hex(result, hex), "parents", parents));
    json_decref(parents);
    return status;
}

/* --- Runs, data, models -------------------------------------------------------------------------
 */

static ledger_kind kind_of(ledger_type type)
{
    return type == LEDGER_FOLDER_ENTRY ? LEDGER_TREE : LEDGER_FILE;
}

static ea_status add_data(void *argument, const ledger_version *version)
{
    writer *job = argument;
    char hex[LEDGER_HEX_SIZE], type[2] = { (char)version->content.type, 0 };
    EA_TRY(write_object(job, &version->content.digest, kind_of(version->content.type), 0));
    EA_TRY(add_joins(job, &version->content.digest, 0));
    return add_entry(job, "data",
                     json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:s}", "name", version->name,
                               "version", (json_int_t)version->version, "type", type, "digest",
                               ledger_hex(&version->content.digest, hex), "size",
                               (json_int_t)version->content.size, "files",
                               (json_int_t)version->content.files, "time",
                               (json_int_t)version->time, "note", version->note));
}

/* The commit's files come along: elsewhere git may not have it. */
static ea_status add_source(writer *job, const json_t *record, json_t *entry)
{
    bool found;
    ledger_digest tree;
    char hex[LEDGER_HEX_SIZE];
    EA_TRY(ledger_source_keep(job->store, record, &found, &tree));
    if (!found)
        return EA_OK;
    json_object_set_new(entry, "source", json_string(ledger_hex(&tree, hex)));
    return write_object(job, &tree, LEDGER_TREE, 0);
}

/* A signed report on its way into a run's entry. */
typedef struct signed_writer {
    writer *job;
    json_t *list;
} signed_writer;

static ea_status add_signed(void *argument, const ledger_digest *report,
                            const ledger_digest *signature)
{
    signed_writer *to = argument;
    char report_hex[LEDGER_HEX_SIZE], signature_hex[LEDGER_HEX_SIZE];
    EA_TRY(write_object(to->job, report, LEDGER_FILE, 0));
    EA_TRY(write_object(to->job, signature, LEDGER_FILE, 0));
    json_t *entry = json_pack("{s:s, s:s}", "report", ledger_hex(report, report_hex), "signature",
                              ledger_hex(signature, signature_hex));
    return json_array_append_new(to->list, entry) == 0
               ? EA_OK
               : core_fail(to->job->store->ctx, EA_ERR_MEMORY, "no memory for the manifest");
}

static ea_status add_signed_reports(writer *job, const char *id, json_t *entry)
{
    signed_writer to = { job, json_array() };
    ea_status status = ledger_signed_each(job->store, id, add_signed, &to);
    if (status == EA_OK && json_array_size(to.list))
        json_object_set(entry, "signed", to.list);
    json_decref(to.list);
    return status;
}

static ea_status joins_of_seen(void *job, const ledger_digest *digest, ledger_kind kind)
{
    return kind == LEDGER_FILE ? add_joins(job, digest, 0) : EA_OK;
}

static ea_status add_record(writer *job, const char *id, const json_t *record)
{
    ledger_digest digest;
    sqlite3_stmt *rows;
    bool row;
    char hex[LEDGER_HEX_SIZE];
    EA_TRY(ledger_query(job->store, &rows, "SELECT record FROM run WHERE id = ?", "t", id));
    ea_status status = ledger_step(job->store, rows, &row);
    bool found = status == EA_OK && row && ledger_column_digest(rows, 0, &digest);
    ledger_done(job->store, rows);
    EA_TRY(status);
    if (!found)
        return core_fail(job->store->ctx, EA_ERR_STATE, "there is no run %s", id);
    EA_TRY(ledger_record_objects(record, write_seen, job));
    EA_TRY(ledger_record_objects(record, joins_of_seen, job));
    EA_TRY(write_object(job, &digest, LEDGER_FILE, 0));
    json_t *entry = json_pack("{s:s, s:s}", "id", id, "record", ledger_hex(&digest, hex));
    status = entry ? add_source(job, record, entry)
                   : core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for the manifest");
    if (status == EA_OK)
        status = add_signed_reports(job, id, entry);
    if (status != EA_OK) {
        json_decref(entry);
        return status;
    }
    return add_entry(job, "runs", entry);
}

static ea_status add_run(writer *job, const char *id)
{
    json_t *record;
    bool fresh;
    ledger_digest key = { { 0 } };
    memcpy(key.bytes, id, LEDGER_RUN_ID - 1);
    EA_TRY(mark(job, &key, RUN_SEEN, &fresh)); /* a run named twice is written once */
    if (!fresh)
        return EA_OK;
    EA_TRY(ledger_record_load(job->store, id, &record));
    ea_status status = add_record(job, id, record);
    json_decref(record);
    return status;
}

static ea_status add_model(writer *job, const ledger_model *model)
{
    char hex[LEDGER_HEX_SIZE], type[2] = { (char)model->type, 0 };
    EA_TRY(add_run(job, model->run));
    EA_TRY(write_object(job, &model->digest, kind_of(model->type), 0));
    return add_entry(job, "models",
                     json_pack("{s:s, s:I, s:s, s:o, s:s, s:s, s:I, s:I, s:s}", "name", model->name,
                               "version", (json_int_t)model->version, "run", model->run, "path",
                               ledger_json_text(model->path), "type", type, "digest",
                               ledger_hex(&model->digest, hex), "size", (json_int_t)model->size,
                               "time", (json_int_t)model->time, "note", model->note));
}

/* "run:", "data:" or "model:" in front says which; else they are tried in this order. */
static ea_status add_reference(writer *job, const char *reference)
{
    char id[LEDGER_RUN_ID];
    ledger_version version;
    ledger_model model;
    bool is_data = strncmp(reference, "data:", 5) == 0,
         is_model = strncmp(reference, "model:", 6) == 0;
    if (!is_data && !is_model && ledger_record_find(job->store, reference, id) == EA_OK)
        return add_run(job, id);
    if (!is_model &&
        ledger_data_find(job->store, reference + (is_data ? 5 : 0), &version) == EA_OK) {
        ea_status status = add_data(job, &version);
        ledger_version_free(&version);
        return status;
    }
    if (!is_data &&
        ledger_model_find(job->store, reference + (is_model ? 6 : 0), &model) == EA_OK) {
        ea_status status = add_model(job, &model);
        ledger_model_free(&model);
        return status;
    }
    return core_fail(job->store->ctx, EA_ERR_STATE,
                     "'%.200s' is no run, data version or model here", reference);
}

/* --- The file --------------------------------------------------------------------------------- */

static ea_status write_manifest(writer *job)
{
    unsigned char header[LEDGER_RECORD_SIZE] = LEDGER_MANIFEST_MAGIC;
    char *text = ledger_json_dump(job->manifest);
    if (!text)
        return core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for the bundle's manifest");
    size_t size = strlen(text);
    ledger_digest digest;
    ea_status status = ledger_sha_of(job->store->chunk_sha, text, size, &digest);
    ledger_put_le64(header + 8, size);
    memcpy(header + 32, digest.bytes, LEDGER_DIGEST_SIZE);
    if (status == EA_OK && size > LEDGER_MANIFEST_MAX)
        status = core_fail(job->store->ctx, EA_ERR_UNSUPPORTED, "too much for one bundle");
    if (status == EA_OK)
        status = write_bytes(job, header, sizeof header);
    if (status == EA_OK)
        status = write_bytes(job, text, size);
    free(text);
    return status;
}

static ea_status write_all(writer *job, const char *const *references)
{
    EA_TRY(ledger_exec(job->store, "DROP TABLE IF EXISTS temp.bundled", ""));
    EA_TRY(ledger_exec(job->store,
                       "CREATE TEMP TABLE bundled (digest BLOB NOT NULL, kind INTEGER NOT NULL, "
                       "PRIMARY KEY (digest, kind)) WITHOUT ROWID",
                       ""));
    job->manifest = json_pack("{s:s, s:s, s:[], s:[], s:[], s:[], s:[]}", "format",
                              LEDGER_BUNDLE_FORMAT, "producer", "eadem " EADEM_VERSION, "runs",
                              "data", "models", "features", "joins");
    if (!job->manifest)
        return core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for the bundle's manifest");
    EA_TRY(write_bytes(job, LEDGER_BUNDLE_MAGIC, LEDGER_PACK_MAGIC_SIZE));
    for (int i = 0; references[i]; i++)
        EA_TRY(add_reference(job, references[i]));
    return write_manifest(job);
}

/* The stream gets a descriptor of its own: closing it must not close the file. */
static ea_status write_to(writer *job, int fd, const char *const *references)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    job->file = copy < 0 ? NULL : fdopen(copy, "wb");
    if (!job->file) {
        if (copy >= 0)
            close(copy);
        return ledger_io_error(job->store, "write", job->path);
    }
    ea_status status = ledger_lock(job->store);
    if (status == EA_OK)
        status = write_all(job, references);
    if (fclose(job->file) != 0 && status == EA_OK)
        status = ledger_io_error(job->store, "write", job->path);
    ledger_rollback(job->store); /* objects that were made for the bundle only */
    return status;
}

ea_status ledger_bundle_write(ledger_store *store, const char *const *references, const char *path,
                              ledger_bundle_result *out)
{
    writer job = { .store = store, .path = path };
    ledger_newfile file;
    *out = (ledger_bundle_result){ 0 };
    EA_TRY(ledger_newfile_make(store->ctx, path, 0666, &file));
    ea_status status = write_to(&job, file.fd, references);
    if (status == EA_OK)
        status = ledger_newfile_publish(store->ctx, &file);
    else
        ledger_newfile_drop(&file);
    if (status == EA_OK)
        *out = (ledger_bundle_result){ job.objects, job.bytes, job.manifest };
    else
        json_decref(job.manifest);
    return status;
}
