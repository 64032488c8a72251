/* import.c: reading bundles, which may come from strangers. */
#include "core/memory.h"
#include "ledger/bundle.h"
#include "ledger/bundle_format.h"
#include "ledger/data.h"
#include "ledger/inside.h"
#include "ledger/json.h"
#include "ledger/model.h"
#include "ledger/signed.h"
#include "ledger/source.h"
#include "ledger/tablecopy.h"
#include "ledger/tree_check.h"

#include <errno.h>
#include <string.h>

enum { EXPANSION = 1000, EXPANSION_FREE = 1 << 30, GROWTH = 1 << 20, ENTRIES_MAX = 100000000 };

typedef struct reader {
    ledger_store *store;
    FILE *file;
    const char *name;
    bool any_size;
    int64_t read, expanded; /* bytes of the bundle, and of the contents that it promises */
    int64_t objects, bytes; /* new in the store */
    json_t *result;
    json_t *tables; /* names of feature tables in the bundle: what they are called here */
} reader;

static ea_status bad(reader *job, const char *what)
{
    return core_fail(job->store->ctx, EA_ERR_FORMAT, "%.200s, near byte %lld: %s", job->name,
                     (long long)job->read, what);
}

static ea_status read_bytes(reader *job, void *data, size_t size)
{
    if (fread(data, 1, size, job->file) != size)
        return ferror(job->file) ? ledger_io_error(job->store, "read", job->name)
                                 : bad(job, "the bundle ends too early");
    job->read += (int64_t)size;
    return EA_OK;
}

/* Memory grows with the bytes that really come, whatever the header promised. */
static ea_status read_payload(reader *job, size_t size, unsigned char **out)
{
    size_t capacity = size < GROWTH ? size : GROWTH, used = 0;
    unsigned char *data = core_alloc(capacity + 1);
    *out = NULL;
    while (data && used < size) {
        if (used == capacity) {
            size_t wider = 2 * capacity < size ? 2 * capacity : size;
            unsigned char *grown = core_realloc(data, used, wider + 1);
            if (!grown)
                break;
            data = grown;
            capacity = wider;
        }
        ea_status status = read_bytes(job, data + used, capacity - used);
        if (status != EA_OK) {
            core_free(data);
            return status;
        }
        used = capacity;
    }
    if (!data || used < size) {
        core_free(data);
        return core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for %zu bytes of %.200s", size,
                         job->name);
    }
    data[size] = 0;
    *out = data;
    return EA_OK;
}

/* --- Objects ---------------------------------------------------------------------------------- */

static ea_status check_chunk(reader *job, const ledger_record *record, const unsigned char *payload)
{
    ledger_digest digest;
    const void *content = payload;
    if (record->encoding == LEDGER_ZSTD) {
        EA_TRY(ledger_expand(job->store->packer, payload, (size_t)record->stored,
                             job->store->content, (size_t)record->size));
        content = job->store->content;
    }
    EA_TRY(ledger_sha_of(job->store->chunk_sha, content, (size_t)record->size, &digest));
    return ledger_digest_equal(&digest, &record->digest) ? EA_OK
                                                         : bad(job, "an object has another digest");
}

/* A list may promise far more than the bundle is large: a few chunks, many times. */
static ea_status check_expansion(reader *job, int64_t size)
{
    int64_t allowed = EXPANSION_FREE + EXPANSION * job->read;
    if (size <= allowed - job->expanded || job->any_size) {
        job->expanded += job->any_size ? 0 : size;
        return EA_OK;
    }
    return core_fail(job->store->ctx, EA_ERR_UNSUPPORTED,
                     "%.200s promises content a thousand times larger than itself: give --any-size "
                     "if you trust where it comes from",
                     job->name);
}

static ea_status check_list(reader *job, const ledger_record *record, const unsigned char *payload)
{
    int64_t total = 0;
    EA_TRY(check_expansion(job, record->size));
    for (int64_t i = 0; i < record->stored / LEDGER_LIST_ENTRY; i++) {
        const unsigned char *entry = payload + i * LEDGER_LIST_ENTRY;
        ledger_digest digest;
        ledger_record chunk;
        ledger_place place;
        bool found;
        memcpy(digest.bytes, entry, LEDGER_DIGEST_SIZE);
        EA_TRY(ledger_locate(job->store, &digest, &found, &chunk, &place));
        if (!found || chunk.encoding == LEDGER_LIST ||
            (uint64_t)chunk.size != ledger_get_le64(entry + LEDGER_DIGEST_SIZE))
            return bad(job, "a list names a chunk that is not there");
        total += chunk.size;
    }
    return total == record->size ? EA_OK : bad(job, "a list has another size than its chunks");
}

static ea_status to_nowhere(void *argument, const void *data, size_t size)
{
    (void)argument, (void)data, (void)size;
    return EA_OK;
}

static ea_status add_object(reader *job, const ledger_record *record, const unsigned char *payload)
{
    bool found;
    EA_TRY(ledger_find(job->store, &record->digest, &found, NULL));
    if (found)
        return EA_OK;
    EA_TRY(record->encoding == LEDGER_LIST ? check_list(job, record, payload)
                                           : check_chunk(job, record, payload));
    EA_TRY(ledger_pending_add(job->store, *record, payload));
    job->objects++;
    job->bytes += record->stored;
    if (record->encoding == LEDGER_LIST) /* the digest of the whole */
        EA_TRY(ledger_get(job->store, &record->digest, to_nowhere, NULL));
    return ledger_pending_full(job->store) ? ledger_flush(job->store) : EA_OK;
}

static ea_status read_object(reader *job, const unsigned char header[LEDGER_RECORD_SIZE])
{
    ledger_record record;
    unsigned char *payload;
    EA_TRY(ledger_record_decode(job->store->ctx, job->name, header, &record));
    EA_TRY(read_payload(job, (size_t)record.stored, &payload));
    ea_status status = ledger_check(payload, (size_t)record.stored) == record.check
                           ? add_object(job, &record, payload)
                           : bad(job, "an object is damaged");
    core_free(payload);
    return status;
}

static ea_status read_manifest(reader *job, const unsigned char header[LEDGER_RECORD_SIZE],
                               json_t **out)
{
    ledger_digest digest, wanted;
    unsigned char *text;
    uint64_t size = ledger_get_le64(header + 8);
    if (size > LEDGER_MANIFEST_MAX)
        return bad(job, "the manifest is too large");
    EA_TRY(read_payload(job, (size_t)size, &text));
    memcpy(wanted.bytes, header + 32, LEDGER_DIGEST_SIZE);
    ea_status status = ledger_sha_of(job->store->chunk_sha, text, (size_t)size, &digest);
    if (status == EA_OK && !ledger_digest_equal(&digest, &wanted))
        status = bad(job, "the manifest is damaged");
    *out = status == EA_OK
               ? json_loadb((const char *)text, (size_t)size, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
    core_free(text);
    if (status == EA_OK && strcmp(ledger_json_string(*out, "format"), LEDGER_BUNDLE_FORMAT) != 0) {
        json_decref(*out);
        *out = NULL;
        status = bad(job, "the manifest is none of " LEDGER_BUNDLE_FORMAT);
    }
    return status;
}

static ea_status read_objects(reader *job, json_t **manifest)
{
    unsigned char header[LEDGER_RECORD_SIZE];
    char magic[LEDGER_PACK_MAGIC_SIZE];
    EA_TRY(read_bytes(job, magic, sizeof magic));
    if (memcmp(magic, LEDGER_BUNDLE_MAGIC, sizeof magic) != 0)
        return bad(job, "it is no bundle of Eadem");
    EA_TRY(ledger_lock(job->store));
    for (;;) {
        EA_TRY(read_bytes(job, header, sizeof header));
        if (memcmp(header, LEDGER_MANIFEST_MAGIC, 4) == 0)
            break;
        EA_TRY(read_object(job, header));
    }
    EA_TRY(read_manifest(job, header, manifest));
    return getc(job->file) == EOF ? EA_OK : bad(job, "bytes after the manifest");
}

/* --- References ---------------------------------------------------------------------------------
 */

/* What a stranger's record refers to must be there whole before anything refers to it here. */
static ea_status check_content(reader *job, const ledger_digest *digest, ledger_kind kind,
                               ledger_tree_total *total)
{
    bool found;
    ledger_object object;
    *total = (ledger_tree_total){ 0 };
    if (kind == LEDGER_TREE)
        return ledger_tree_check(job->store, digest, job->any_size ? INT64_MAX : ENTRIES_MAX,
                                 total);
    EA_TRY(ledger_find(job->store, digest, &found, &object));
    if (!found)
        return bad(job, "something that it refers to is not in it");
    *total = (ledger_tree_total){ 1, 1, object.size };
    return EA_OK;
}

static ea_status check_seen(void *argument, const ledger_digest *digest, ledger_kind kind)
{
    ledger_tree_total total;
    return check_content(argument, digest, kind, &total);
}

/* --- What is named ---------------------------------------------------------------------------- */

static ea_status note(reader *job, const char *kind, const char *name, int64_t version, bool fresh)
{
    json_t *entry = json_pack("{s:s, s:s, s:I, s:b}", "kind", kind, "name", name, "version",
                              (json_int_t)version, "new", fresh);
    if (json_array_append_new(job->result, entry) != 0)
        return core_fail(job->store->ctx, EA_ERR_MEMORY, "no memory for the bundle's manifest");
    return EA_OK;
}

static ea_status here_already(reader *job, const char *id, const ledger_digest *digest, bool *here)
{
    sqlite3_stmt *rows;
    ledger_digest own;
    EA_TRY(ledger_query(job->store, &rows, "SELECT record FROM run WHERE id = ?", "t", id));
    ea_status status = ledger_step(job->store, rows, here);
    bool same = status == EA_OK && *here && ledger_column_digest(rows, 0, &own) &&
                ledger_digest_equal(&own, digest);
    ledger_done(job->store, rows);
    EA_TRY(status);
    return *here && !same ? core_fail(job->store->ctx, EA_ERR_STATE,
                                      "run %.20s is here already with another record", id)
                          : EA_OK;
}

static ea_status load_record(reader *job, const ledger_digest *digest, json_t **out)
{
    char *text;
    size_t size;
    EA_TRY(ledger_get_bytes(job->store, digest, LEDGER_RECORD_MAX, &text, &size));
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    core_free(text);
    return *out ? EA_OK : bad(job, "a run's record is no JSON");
}

/* The record is kept as it came: what it is called is what it was made of. */
static ea_status save_run(reader *job, const char *id, const json_t *entry,
                          const ledger_digest *digest)
{
    json_t *record;
    ledger_digest tree, saved;
    EA_TRY(load_record(job, digest, &record));
    ea_status status = strcmp(ledger_json_string(record, "id"), id) == 0
                           ? ledger_record_objects(record, check_seen, job)
                           : bad(job, "a run's record has another id");
    if (status == EA_OK)
        status = ledger_record_save(job->store, record);
    char *text = status == EA_OK ? ledger_json_dump(record) : NULL;
    if (status == EA_OK && text)
        status = ledger_sha_of(job->store->chunk_sha, text, strlen(text), &saved);
    if (status == EA_OK && (!text || !ledger_digest_equal(&saved, digest)))
        status = bad(job, "a run's record is not in the form that Eadem writes");
    free(text);
    json_decref(record);
    EA_TRY(status);
    if (!ledger_record_digest(entry, "source", &tree))
        return EA_OK;
    EA_TRY(check_seen(job, &tree, LEDGER_TREE));
    return ledger_source_save(job->store, id, &tree);
}

/* Who signed is not asked here: `eadem verify --check` is told a key. */
static ea_status save_signed(reader *job, const char *id, const json_t *reports)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(reports, i, entry)
    {
        ledger_digest report, signature;
        if (!ledger_record_digest(entry, "report", &report) ||
            !ledger_record_digest(entry, "signature", &signature))
            return bad(job, "a signed report without its digests");
        EA_TRY(check_seen(job, &report, LEDGER_FILE));
        EA_TRY(check_seen(job, &signature, LEDGER_FILE));
        EA_TRY(ledger_signed_save(job->store, id, &report, &signature));
    }
    return EA_OK;
}

static ea_status import_run(reader *job, const json_t *entry)
{
    const char *id = ledger_json_string(entry, "id");
    ledger_digest digest;
    bool here;
    if (!ledger_record_digest(entry, "record", &digest))
        return bad(job, "a run without a record");
    EA_TRY(here_already(job, id, &digest, &here));
    if (!here)
        EA_TRY(save_run(job, id, entry, &digest));
    EA_TRY(save_signed(job, id, json_object_get(entry, "signed")));
    return note(job, "run", id, 0, !here);
}

static bool read_type(const json_t *entry, ledger_type *out)
{
    const char *type = ledger_json_string(entry, "type");
    *out = (ledger_type)*type;
    return strlen(type) == 1 && strchr("fxd", *type);
}

/* The name to use: the bundle's, or with "-imported" when it means something else here. */
static ea_status free_name(reader *job, const json_t *entry, const char *what, bool taken,
                           char name[256])
{
    const char *own = ledger_json_string(entry, "name");
    EA_TRY(ledger_check_name(job->store->ctx, what, own));
    if (snprintf(name, 256, "%s%s", own, taken ? "-imported" : "") >= 256)
        return bad(job, "a name is too long");
    return ledger_check_name(job->store->ctx, what, name);
}

static ea_status import_data(reader *job, const json_t *entry)
{
    ledger_snapshot content = { .size = ledger_json_integer(entry, "size"),
                                .files = ledger_json_integer(entry, "files") };
    const char *own = ledger_json_string(entry, "name");
    int64_t same = 0, taken = 0;
    char name[256];
    ledger_version version;
    ledger_tree_total total;
    bool fresh;
    if (!ledger_record_digest(entry, "digest", &content.digest) ||
        !read_type(entry, &content.type) || content.size < 0 || content.files < 0)
        return bad(job, "a data version that is none");
    ledger_kind kind = content.type == LEDGER_FOLDER_ENTRY ? LEDGER_TREE : LEDGER_FILE;
    EA_TRY(check_content(job, &content.digest, kind, &total));
    if (total.bytes != content.size || total.files != content.files)
        return bad(job, "a data version with other sizes than its content");
    EA_TRY(ledger_value(job->store, &same,
                        "SELECT version FROM data_version WHERE name = ? AND digest = ?", "th", own,
                        &content.digest));
    if (same)
        return note(job, "data", own, same, false);
    EA_TRY(ledger_value(job->store, &taken, "SELECT count(*) FROM data_version WHERE name = ?", "t",
                        own));
    EA_TRY(free_name(job, entry, "data", taken > 0, name));
    EA_TRY(ledger_data_record(job->store, name, &content, "", ledger_json_string(entry, "note"),
                              &version, &fresh));
    ea_status status = note(job, "data", name, version.version, fresh);
    ledger_version_free(&version);
    return status;
}

static ea_status import_model(reader *job, const json_t *entry)
{
    ledger_model model;
    const char *own = ledger_json_string(entry, "name");
    int64_t same = 0, taken = 0;
    ledger_digest digest;
    char name[256], *path = ledger_json_bytes(json_object_get(entry, "path"));
    ea_status status = ledger_record_digest(entry, "digest", &digest) && path
                           ? EA_OK
                           : bad(job, "a model that is none");
    if (status == EA_OK)
        status = ledger_value(job->store, &same,
                              "SELECT version FROM model WHERE name = ? AND digest = ?", "th", own,
                              &digest);
    if (status == EA_OK)
        status =
            ledger_value(job->store, &taken, "SELECT count(*) FROM model WHERE name = ?", "t", own);
    if (status == EA_OK && same)
        status = note(job, "model", own, same, false);
    else if (status == EA_OK) {
        status = free_name(job, entry, "model", taken > 0, name);
        if (status == EA_OK)
            status = ledger_model_add(job->store, ledger_json_string(entry, "run"), path, name,
                                      ledger_json_string(entry, "note"), &model);
        if (status == EA_OK) {
            status = note(job, "model", name, model.version, true);
            ledger_model_free(&model);
        }
    }
    core_free(path);
    return status;
}

/* Its rows take as much room as its files, however small the bundle is. */
static ea_status check_table(reader *job, const json_t *entry)
{
    const json_t *versions = json_object_get(entry, "versions");
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const char *hex = json_string_value(json_array_get(versions, i));
        ledger_digest digest;
        ledger_object content;
        bool found = false;
        if (hex && ledger_from_hex(hex, &digest))
            EA_TRY(ledger_find(job->store, &digest, &found, &content));
        if (!found)
            return bad(job, "a feature table without its files");
        EA_TRY(check_expansion(job, content.size));
    }
    return EA_OK;
}

static ea_status import_table(reader *job, const json_t *entry)
{
    char name[256];
    bool fresh;
    EA_TRY(check_table(job, entry));
    EA_TRY(ledger_table_import(job->store, entry, name, &fresh));
    json_object_set_new(job->tables, ledger_json_string(entry, "name"), json_string(name));
    return note(job, "feature table", name,
                (int64_t)json_array_size(json_object_get(entry, "versions")), fresh);
}

/* "feature:user@2" as the table is called here. */
static json_t *local_parent(reader *job, const char *parent)
{
    const char *at = strrchr(parent, '@');
    char name[256];
    if (strncmp(parent, "feature:", 8) != 0 || !at ||
        snprintf(name, sizeof name, "%.*s", (int)(at - parent - 8), parent + 8) >= (int)sizeof name)
        return json_string(parent);
    return json_sprintf("feature:%s%s", ledger_json_string(job->tables, name), at);
}

static ea_status import_join(reader *job, const json_t *entry)
{
    const json_t *parents = json_object_get(entry, "parents");
    ledger_digest result;
    bool found = false;
    if (ledger_record_digest(entry, "result", &result))
        EA_TRY(ledger_find(job->store, &result, &found, NULL));
    json_t *local = json_array();
    for (size_t i = 0; i < json_array_size(parents); i++) {
        const char *parent = json_string_value(json_array_get(parents, i));
        json_array_append_new(local, local_parent(job, parent ? parent : ""));
    }
    ea_status status = found ? ledger_join_import(job->store, &result, local)
                             : bad(job, "a join without its result");
    json_decref(local);
    return status;
}

static const struct {
    const char *list;
    ea_status (*import)(reader *job, const json_t *entry);
} sections[] = { { "runs", import_run },
                 { "data", import_data },
                 { "models", import_model },
                 { "features", import_table },
                 { "joins", import_join } };

static ea_status import_sections(reader *job, const json_t *manifest)
{
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const json_t *entry;
        size_t k;
        json_array_foreach(json_object_get(manifest, sections[i].list), k, entry)
            EA_TRY(sections[i].import(job, entry));
    }
    return EA_OK;
}

ea_status ledger_bundle_is(ea_context *ctx, const char *path, bool *is_bundle)
{
    char magic[LEDGER_PACK_MAGIC_SIZE];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return core_fail(ctx, EA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    *is_bundle = fread(magic, 1, sizeof magic, file) == sizeof magic &&
                 memcmp(magic, LEDGER_BUNDLE_MAGIC, sizeof magic) == 0;
    fclose(file);
    return EA_OK;
}

/* --- The whole -------------------------------------------------------------------------------- */

static ea_status import_all(reader *job)
{
    json_t *manifest = NULL;
    ea_status status = ledger_exec(job->store, "DROP TABLE IF EXISTS temp.checked", "");
    if (status == EA_OK)
        status = read_objects(job, &manifest);
    if (status == EA_OK)
        status = ledger_begin(job->store);
    if (status == EA_OK)
        status = import_sections(job, manifest);
    json_decref(manifest);
    if (status == EA_OK)
        return ledger_commit(job->store);
    ledger_rollback(job->store);
    return status;
}

ea_status ledger_bundle_read_file(ledger_store *store, FILE *file, const char *name, bool any_size,
                                  ledger_bundle_result *out)
{
    reader job = { .store = store, .file = file, .name = name, .any_size = any_size };
    *out = (ledger_bundle_result){ 0 };
    job.result = json_array();
    job.tables = json_object();
    ea_status status = job.result && job.tables
                           ? import_all(&job)
                           : core_fail(store->ctx, EA_ERR_MEMORY, "no memory to read %.300s", name);
    json_decref(job.tables);
    if (status == EA_OK)
        *out = (ledger_bundle_result){ job.objects, job.bytes, job.result };
    else
        json_decref(job.result);
    return status;
}

ea_status ledger_bundle_read(ledger_store *store, const char *path, bool any_size,
                             ledger_bundle_result *out)
{
    FILE *file = fopen(path, "rbe");
    *out = (ledger_bundle_result){ 0 };
    if (!file)
        return ledger_io_error(store, "open", path);
    ea_status status = ledger_bundle_read_file(store, file, path, any_size, out);
    fclose(file);
    return status;
}
