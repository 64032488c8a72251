/* object.c: putting content into the store and getting it out. */
#include "core/memory.h"
#include "ledger/inside.h"
#include "ledger/newfile.h"
#include "ledger/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* pack.name is 16 random bytes, so no text of a database ever becomes part of a path. An object row
 * is an index entry: everything in it stands in the pack too. */
static const char *const object_steps[] = {
    "CREATE TABLE pack (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL);"
    "CREATE TABLE object (digest BLOB PRIMARY KEY, pack INTEGER NOT NULL,"
    "                     offset INTEGER NOT NULL, encoding INTEGER NOT NULL,"
    "                     size INTEGER NOT NULL, stored INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE ref (owner TEXT NOT NULL, object BLOB NOT NULL, kind INTEGER NOT NULL,"
    "                  PRIMARY KEY (owner, object, kind)) WITHOUT ROWID;",
};

const ledger_schema ledger_object_schema = { "object", object_steps, 1 };

/* --- Where an object is ----------------------------------------------------------------------- */

ea_status ledger_locate(ledger_store *store, const ledger_digest *digest, bool *found,
                        ledger_record *record, ledger_place *place)
{
    const ledger_entry *entry = ledger_pending_find(store, digest);
    *found = entry != NULL;
    if (entry) {
        *record = entry->record;
        *place = (ledger_place){ 0, entry->offset };
        return EA_OK;
    }
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT pack, offset, encoding, size, stored FROM object WHERE digest = ?",
                        "h", digest));
    ea_status status = ledger_step(store, rows, found);
    if (status == EA_OK && *found) {
        *place = (ledger_place){ sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1) };
        *record = (ledger_record){ .encoding = (ledger_encoding)sqlite3_column_int(rows, 2),
                                   .size = sqlite3_column_int64(rows, 3),
                                   .stored = sqlite3_column_int64(rows, 4),
                                   .digest = *digest };
    }
    ledger_done(store, rows);
    return status;
}

ea_status ledger_find(ledger_store *store, const ledger_digest *digest, bool *found,
                      ledger_object *out)
{
    ledger_record record;
    ledger_place place;
    EA_TRY(ledger_locate(store, digest, found, &record, &place));
    if (*found && out)
        *out = (ledger_object){ *digest, record.size };
    return EA_OK;
}

static ea_status locate_or_fail(ledger_store *store, const ledger_digest *digest,
                                ledger_record *record, ledger_place *place)
{
    bool found;
    char hex[LEDGER_HEX_SIZE];
    EA_TRY(ledger_locate(store, digest, &found, record, place));
    return found ? EA_OK
                 : core_fail(store->ctx, EA_ERR_STATE, "object %.16s… is not in %.300s",
                             ledger_hex(digest, hex), store->path);
}

/* --- Putting ---------------------------------------------------------------------------------- */

/* Adds a chunk that is not there yet, in its compressed form unless that is NULL. */
static ea_status add_chunk(ledger_store *store, const ledger_digest *digest, const void *data,
                           size_t size, const void *compressed, size_t compressed_size)
{
    ledger_record record = { .encoding = compressed ? LEDGER_ZSTD : LEDGER_RAW,
                             .size = (int64_t)size,
                             .stored = (int64_t)(compressed ? compressed_size : size),
                             .digest = *digest };
    EA_TRY(ledger_pending_add(store, record, compressed ? compressed : data));
    return ledger_pending_full(store) ? ledger_flush(store) : EA_OK;
}

static ea_status put_chunk(ledger_store *store, const ledger_digest *digest, const void *data,
                           size_t size)
{
    bool found;
    const void *compressed;
    size_t compressed_size;
    EA_TRY(ledger_lock(store));
    EA_TRY(ledger_find(store, digest, &found, NULL));
    if (found)
        return EA_OK;
    EA_TRY(ledger_compress(store->packer, data, size, &compressed, &compressed_size));
    return add_chunk(store, digest, data, size, compressed, compressed_size);
}

/* The list of chunks of one object, while it is put. */
typedef struct list {
    unsigned char *entries;
    size_t count, capacity;
    int64_t size;
} list;

static ea_status list_add(ledger_store *store, list *chunks, const ledger_digest *digest,
                          size_t size)
{
    if (chunks->count == LEDGER_LIST_MAX)
        return core_fail(store->ctx, EA_ERR_UNSUPPORTED, "one file of more than %d chunks",
                         (int)LEDGER_LIST_MAX);
    if (chunks->count == chunks->capacity) {
        size_t capacity = chunks->capacity ? 2 * chunks->capacity : 256;
        void *grown = core_realloc(chunks->entries, chunks->count * LEDGER_LIST_ENTRY,
                                   capacity * LEDGER_LIST_ENTRY);
        if (!grown)
            return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for a list of %zu chunks",
                             capacity);
        chunks->entries = grown;
        chunks->capacity = capacity;
    }
    unsigned char *entry = chunks->entries + LEDGER_LIST_ENTRY * chunks->count++;
    memcpy(entry, digest->bytes, LEDGER_DIGEST_SIZE);
    ledger_put_le64(entry + LEDGER_DIGEST_SIZE, size);
    chunks->size += (int64_t)size;
    return EA_OK;
}

static ea_status put_list(ledger_store *store, const list *chunks, const ledger_digest *digest)
{
    bool found;
    EA_TRY(ledger_find(store, digest, &found, NULL));
    if (found)
        return EA_OK;
    ledger_record record = { .encoding = LEDGER_LIST,
                             .size = chunks->size,
                             .stored = (int64_t)(chunks->count * LEDGER_LIST_ENTRY),
                             .digest = *digest };
    return ledger_pending_add(store, record, chunks->entries);
}

static ea_status put_block(ledger_store *store, const ledger_block *block, list *chunks)
{
    const unsigned char *data = block->data;
    bool wanted[LEDGER_BLOCK_CHUNKS], found;
    const void *packed[LEDGER_BLOCK_CHUNKS];
    size_t sizes[LEDGER_BLOCK_CHUNKS];
    EA_TRY(ledger_lock(store));
    for (int i = 0; i < block->count; i++) {
        EA_TRY(ledger_find(store, &block->digests[i], &found, NULL));
        wanted[i] = !found;
    }
    EA_TRY(ledger_squeeze(store->squeezer, block, wanted, packed, sizes));
    for (int i = 0; i < block->count; i++) {
        const ledger_digest *digest = &block->digests[i];
        size_t length = block->lengths[i];
        if (wanted[i] && !ledger_pending_find(store, digest)) /* a block may repeat itself */
            EA_TRY(add_chunk(store, digest, data, length, packed[i], sizes[i]));
        EA_TRY(list_add(store, chunks, digest, length));
        ledger_report(store, (int64_t)length, 0);
        data += length;
    }
    return EA_OK;
}

static ea_status put_blocks(ledger_store *store, const ledger_block *block, list *chunks)
{
    EA_TRY(put_block(store, block, chunks));
    while (!block->last) {
        EA_TRY(ledger_stream_next(store->stream, &block));
        EA_TRY(put_block(store, block, chunks));
    }
    return EA_OK;
}

ea_status ledger_put_fd(ledger_store *store, int fd, const char *name, ledger_object *out)
{
    const ledger_block *block;
    EA_TRY(
        ledger_stream_begin(store->stream, fd, name, store->whole_sha, store->chunk_sha, &block));
    if (block->last && block->count <= 1) {
        EA_TRY(ledger_stream_end(store->stream, &out->digest));
        out->size = (int64_t)block->used;
        ledger_report(store, out->size, 0);
        return put_chunk(store, &out->digest, block->data, block->used);
    }
    list chunks = { 0 };
    ea_status status = put_blocks(store, block, &chunks);
    ea_status ended = ledger_stream_end(store->stream, &out->digest);
    out->size = chunks.size;
    if (status == EA_OK)
        status = ended;
    if (status == EA_OK)
        status = put_list(store, &chunks, &out->digest);
    core_free(chunks.entries);
    return status;
}

ea_status ledger_put_file(ledger_store *store, const char *path, ledger_object *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ledger_io_error(store, "open", path);
    ea_status status = ledger_put_fd(store, fd, path, out);
    close(fd);
    return status;
}

ea_status ledger_put_bytes(ledger_store *store, const void *data, size_t size, ledger_object *out)
{
    const unsigned char *bytes = data;
    EA_TRY(ledger_sha_of(store->whole_sha, data, size, &out->digest));
    out->size = (int64_t)size;
    size_t length = ledger_chunk_cut(bytes, size);
    if (length == size)
        return put_chunk(store, &out->digest, data, size);
    list chunks = { 0 };
    ea_status status = EA_OK;
    for (size_t at = 0; at < size && status == EA_OK; at += length) {
        ledger_digest digest;
        length = ledger_chunk_cut(bytes + at, size - at);
        status = ledger_sha_of(store->chunk_sha, bytes + at, length, &digest);
        if (status == EA_OK)
            status = put_chunk(store, &digest, bytes + at, length);
        if (status == EA_OK)
            status = list_add(store, &chunks, &digest, length);
    }
    if (status == EA_OK)
        status = put_list(store, &chunks, &out->digest);
    core_free(chunks.entries);
    return status;
}

/* --- Reading records -------------------------------------------------------------------------- */

void ledger_forget_packs(ledger_store *store)
{
    for (int i = 0; i < LEDGER_OPEN_PACKS; i++)
        if (store->open_packs[i].pack) {
            close(store->open_packs[i].fd);
            store->open_packs[i].pack = 0;
        }
}

static ea_status open_pack(ledger_store *store, int64_t pack, int *fd)
{
    sqlite3_stmt *rows;
    bool row;
    char path[LEDGER_PACK_PATH] = "";
    EA_TRY(ledger_query(store, &rows, "SELECT name FROM pack WHERE id = ?", "i", pack));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row && sqlite3_column_bytes(rows, 0) == LEDGER_PACK_NAME)
        ledger_pack_path(sqlite3_column_blob(rows, 0), path);
    ledger_done(store, rows);
    if (status == EA_OK && !*path)
        status =
            core_fail(store->ctx, EA_ERR_FORMAT, "%.300s: pack %lld is not known: run eadem fsck",
                      store->path, (long long)pack);
    if (status != EA_OK)
        return status;
    *fd = openat(store->objects, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? ledger_io_error(store, "open the pack", path) : EA_OK;
}

static ea_status pack_descriptor(ledger_store *store, int64_t pack, int *fd)
{
    if (pack == 0)
        return ledger_pending_descriptor(store, fd);
    for (int i = 0; i < LEDGER_OPEN_PACKS; i++)
        if (store->open_packs[i].pack == pack) {
            *fd = store->open_packs[i].fd;
            return EA_OK;
        }
    EA_TRY(open_pack(store, pack, fd));
    int place = store->next_open_pack;
    store->next_open_pack = (place + 1) % LEDGER_OPEN_PACKS;
    if (store->open_packs[place].pack)
        close(store->open_packs[place].fd);
    store->open_packs[place].pack = pack;
    store->open_packs[place].fd = *fd;
    return EA_OK;
}

ea_status ledger_damaged(ledger_store *store, const ledger_digest *digest, const char *how)
{
    char hex[LEDGER_HEX_SIZE];
    return core_fail(
        store->ctx, EA_ERR_FORMAT,
        "object %.16s… in %.300s %s: restore it from a copy (eadem fsck lists all damage)",
        ledger_hex(digest, hex), store->path, how);
}

ea_status ledger_read_payload(ledger_store *store, const ledger_place *place,
                              const ledger_record *record, int64_t from, size_t size, void *out)
{
    int fd;
    EA_TRY(pack_descriptor(store, place->pack, &fd));
    if (ledger_pread(fd, out, size, place->offset + LEDGER_RECORD_SIZE + from))
        return EA_OK;
    return errno ? ledger_io_error(store, "read objects of", store->path)
                 : ledger_damaged(store, &record->digest, "is cut short");
}

/* The header in the pack must be what the index says it is. */
ea_status ledger_check_header(ledger_store *store, const ledger_place *place,
                              const ledger_record *record, uint64_t *check)
{
    unsigned char bytes[LEDGER_RECORD_SIZE];
    ledger_record found;
    EA_TRY(ledger_read_payload(store, place, record, -LEDGER_RECORD_SIZE, sizeof bytes, bytes));
    EA_TRY(ledger_record_decode(store->ctx, store->path, bytes, &found));
    *check = found.check;
    if (found.encoding == record->encoding && found.size == record->size &&
        found.stored == record->stored && ledger_digest_equal(&found.digest, &record->digest))
        return EA_OK;
    return ledger_damaged(store, &record->digest, "is not where the index says");
}

ea_status ledger_read_chunk(ledger_store *store, const ledger_place *place,
                            const ledger_record *record)
{
    uint64_t check;
    EA_TRY(ledger_check_header(store, place, record, &check));
    bool raw = record->encoding == LEDGER_RAW;
    void *payload = raw ? store->content : store->payload;
    EA_TRY(ledger_read_payload(store, place, record, 0, (size_t)record->stored, payload));
    if (ledger_check(payload, (size_t)record->stored) != check)
        return ledger_damaged(store, &record->digest, "is damaged");
    return raw ? EA_OK
               : ledger_expand(store->packer, payload, (size_t)record->stored, store->content,
                               (size_t)record->size);
}

ea_status ledger_read_entry(ledger_store *store, const ledger_place *place,
                            const ledger_record *record, int64_t index, ledger_object *out)
{
    unsigned char entry[LEDGER_LIST_ENTRY];
    EA_TRY(
        ledger_read_payload(store, place, record, index * LEDGER_LIST_ENTRY, sizeof entry, entry));
    memcpy(out->digest.bytes, entry, LEDGER_DIGEST_SIZE);
    out->size = (int64_t)ledger_get_le64(entry + LEDGER_DIGEST_SIZE);
    return EA_OK;
}

/* --- Getting ---------------------------------------------------------------------------------- */

static ea_status get_chunk(ledger_store *store, const ledger_object *chunk, ledger_sink sink,
                           void *argument)
{
    ledger_record record;
    ledger_place place;
    EA_TRY(locate_or_fail(store, &chunk->digest, &record, &place));
    if (record.encoding == LEDGER_LIST || record.size != chunk->size)
        return ledger_damaged(store, &chunk->digest, "is not the chunk that a list says");
    EA_TRY(ledger_read_chunk(store, &place, &record));
    EA_TRY(ledger_sha_add(store->whole_sha, store->content, (size_t)record.size));
    ledger_report(store, record.size, 0);
    return sink(argument, store->content, (size_t)record.size);
}

static ea_status get_record(ledger_store *store, const ledger_record *record,
                            const ledger_place *place, ledger_sink sink, void *argument)
{
    if (record->encoding != LEDGER_LIST) {
        ledger_object chunk = { record->digest, record->size };
        return get_chunk(store, &chunk, sink, argument);
    }
    uint64_t check;
    EA_TRY(ledger_check_header(store, place, record, &check));
    for (int64_t i = 0; i < record->stored / LEDGER_LIST_ENTRY; i++) {
        ledger_object chunk;
        EA_TRY(ledger_read_entry(store, place, record, i, &chunk));
        EA_TRY(get_chunk(store, &chunk, sink, argument));
    }
    return EA_OK;
}

static ea_status get_locked(ledger_store *store, const ledger_digest *digest, ledger_sink sink,
                            void *argument)
{
    ledger_record record;
    ledger_place place;
    ledger_digest found;
    EA_TRY(locate_or_fail(store, digest, &record, &place));
    EA_TRY(ledger_sha_begin(store->whole_sha));
    EA_TRY(get_record(store, &record, &place, sink, argument));
    EA_TRY(ledger_sha_end(store->whole_sha, &found));
    return ledger_digest_equal(&found, digest)
               ? EA_OK
               : ledger_damaged(store, digest, "has another content");
}

ea_status ledger_get(ledger_store *store, const ledger_digest *digest, ledger_sink sink,
                     void *argument)
{
    bool held = store->locked;
    EA_TRY(ledger_lock(store));
    ea_status status = get_locked(store, digest, sink, argument);
    if (!held)
        ledger_unlock(store);
    return status;
}

typedef struct memory_sink {
    ea_context *ctx;
    char *data;
    size_t used, size;
} memory_sink;

static ea_status to_memory(void *argument, const void *data, size_t size)
{
    memory_sink *to = argument;
    if (size > to->size - to->used)
        return core_fail(to->ctx, EA_ERR_FORMAT, "an object is larger than its record says");
    memcpy(to->data + to->used, data, size);
    to->used += size;
    return EA_OK;
}

ea_status ledger_get_bytes(ledger_store *store, const ledger_digest *digest, size_t limit,
                           char **data, size_t *size)
{
    ledger_record record;
    ledger_place place;
    char hex[LEDGER_HEX_SIZE];
    *data = NULL;
    EA_TRY(locate_or_fail(store, digest, &record, &place));
    if (record.size < 0 || (uint64_t)record.size > limit)
        return core_fail(store->ctx, EA_ERR_ARGUMENT,
                         "object %.16s… has %lld bytes: at most %zu are taken here",
                         ledger_hex(digest, hex), (long long)record.size, limit);
    memory_sink to = { store->ctx, core_alloc((size_t)record.size + 1), 0, (size_t)record.size };
    if (!to.data)
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for an object of %lld bytes",
                         (long long)record.size);
    ea_status status = ledger_get(store, digest, to_memory, &to);
    to.data[to.used] = 0;
    *size = to.used;
    if (status == EA_OK)
        *data = to.data;
    else
        core_free(to.data);
    return status;
}

typedef struct file_sink {
    ledger_store *store;
    int fd;
    const char *name;
} file_sink;

static ea_status to_file(void *argument, const void *data, size_t size)
{
    file_sink *to = argument;
    return ledger_write(to->fd, data, size) ? EA_OK : ledger_io_error(to->store, "write", to->name);
}

ea_status ledger_get_fd(ledger_store *store, const ledger_digest *digest, int fd)
{
    return ledger_get(store, digest, to_file, &(file_sink){ store, fd, "an object" });
}

ea_status ledger_get_file(ledger_store *store, const ledger_digest *digest, const char *path,
                          mode_t mode)
{
    ledger_newfile file;
    EA_TRY(ledger_newfile_make(store->ctx, path, 0600, &file));
    ea_status status = ledger_get(store, digest, to_file, &(file_sink){ store, file.fd, path });
    if (status == EA_OK && fchmod(file.fd, mode) != 0)
        status = ledger_io_error(store, "write", path);
    if (status == EA_OK)
        return ledger_newfile_publish(store->ctx, &file);
    ledger_newfile_drop(&file);
    return status;
}

/* --- References ------------------------------------------------------------------------------- */

ea_status ledger_ref(ledger_store *store, const char *owner, const ledger_digest *digest,
                     ledger_kind kind)
{
    ledger_record record;
    ledger_place place;
    if (!store->in_transaction)
        return core_fail(store->ctx, EA_ERR_STATE, "a reference by %.100s outside a transaction",
                         owner);
    EA_TRY(locate_or_fail(store, digest, &record, &place));
    return ledger_exec(store, "INSERT OR IGNORE INTO ref (owner, object, kind) VALUES (?, ?, ?)",
                       "thi", owner, digest, (int64_t)kind);
}

ea_status ledger_unref(ledger_store *store, const char *owner)
{
    return ledger_exec(store, "DELETE FROM ref WHERE owner = ?", "t", owner);
}
