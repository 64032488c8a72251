/* pending.c: the pack being written. One pack holds what one operation puts, so that a million
 * small files cost one fsync and not a million. */
#include "core/memory.h"
#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *temporary_name(const unsigned char name[LEDGER_PACK_NAME], char text[LEDGER_PACK_PATH])
{
    for (int i = 0; i < LEDGER_PACK_NAME; i++)
        sprintf(text + 2 * i, "%02x", name[i]);
    return text;
}

char *ledger_pack_path(const unsigned char name[LEDGER_PACK_NAME], char path[LEDGER_PACK_PATH])
{
    char hex[LEDGER_PACK_PATH];
    temporary_name(name, hex);
    snprintf(path, LEDGER_PACK_PATH, "%.2s/%.30s.pack", hex, hex + 2);
    return path;
}

/* --- The table of what the pack holds --------------------------------------------------------- */

static uint64_t digest_key(const ledger_digest *digest)
{
    return ledger_get_le64(digest->bytes);
}

const ledger_entry *ledger_pending_find(const ledger_store *store, const ledger_digest *digest)
{
    const ledger_pending *pending = &store->pending;
    if (pending->count == 0)
        return NULL;
    int mask = pending->slot_count - 1;
    for (int i = (int)(digest_key(digest) & (uint64_t)mask); pending->slots[i];
         i = (i + 1) & mask) {
        const ledger_entry *entry = &pending->entries[pending->slots[i] - 1];
        if (ledger_digest_equal(&entry->record.digest, digest))
            return entry;
    }
    return NULL;
}

static void insert_slot(ledger_pending *pending, int number)
{
    int mask = pending->slot_count - 1;
    int i = (int)(digest_key(&pending->entries[number].record.digest) & (uint64_t)mask);
    while (pending->slots[i])
        i = (i + 1) & mask;
    pending->slots[i] = number + 1;
}

/* Room for one entry more; the hash table stays at most half full. */
static ea_status grow(ledger_store *store)
{
    ledger_pending *pending = &store->pending;
    if (pending->count < pending->capacity)
        return EA_OK;
    int capacity = pending->capacity ? 2 * pending->capacity : 64;
    int32_t *slots = core_alloc_zero(2 * (size_t)capacity * sizeof *slots);
    ledger_entry *entries = core_realloc(pending->entries, (size_t)pending->count * sizeof *entries,
                                         (size_t)capacity * sizeof *entries);
    if (entries)
        pending->entries = entries;
    if (!entries || !slots) {
        core_free(slots);
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for %d new objects", capacity);
    }
    core_free(pending->slots);
    pending->slots = slots;
    pending->slot_count = 2 * capacity;
    pending->capacity = capacity;
    for (int i = 0; i < pending->count; i++)
        insert_slot(pending, i);
    return EA_OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static ea_status write_out(ledger_store *store)
{
    ledger_pending *pending = &store->pending;
    if (pending->buffered && !ledger_write(pending->fd, pending->buffer, pending->buffered))
        return ledger_io_error(store, "write objects to", store->path);
    pending->buffered = 0;
    return EA_OK;
}

ea_status ledger_pending_descriptor(ledger_store *store, int *fd)
{
    *fd = store->pending.fd;
    return write_out(store);
}

static ea_status append(ledger_store *store, const void *data, size_t size)
{
    ledger_pending *pending = &store->pending;
    if (pending->buffered + size > LEDGER_WRITE_BUFFER)
        EA_TRY(write_out(store));
    if (size > LEDGER_WRITE_BUFFER) {
        if (!ledger_write(pending->fd, data, size))
            return ledger_io_error(store, "write objects to", store->path);
    } else {
        memcpy(pending->buffer + pending->buffered, data, size);
        pending->buffered += size;
    }
    pending->size += (int64_t)size;
    return EA_OK;
}

static ea_status start(ledger_store *store)
{
    ledger_pending *pending = &store->pending;
    char name[LEDGER_PACK_PATH];
    if (!pending->buffer)
        pending->buffer = core_alloc(LEDGER_WRITE_BUFFER);
    if (!pending->buffer)
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for the store's write buffer");
    if (RAND_bytes(pending->name, LEDGER_PACK_NAME) != 1)
        return core_fail(store->ctx, EA_ERR_IO,
                         "libcrypto has no random numbers for a pack's name");
    pending->fd = openat(store->temporary, temporary_name(pending->name, name),
                         O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (pending->fd < 0)
        return ledger_io_error(store, "make a file in", store->path);
    pending->size = 0;
    pending->buffered = 0;
    return append(store, LEDGER_PACK_MAGIC, LEDGER_PACK_MAGIC_SIZE);
}

/* A write that failed leaves the file's end unknown, so the whole pack goes. */
static ea_status add(ledger_store *store, ledger_record *record, const void *payload)
{
    EA_TRY(grow(store));
    if (store->pending.fd < 0)
        EA_TRY(start(store));
    unsigned char header[LEDGER_RECORD_SIZE];
    record->check = ledger_check(payload, (size_t)record->stored);
    ledger_record_encode(record, header);
    EA_TRY(append(store, header, sizeof header));
    int64_t offset = store->pending.size;
    EA_TRY(append(store, payload, (size_t)record->stored));
    ledger_pending *pending = &store->pending;
    pending->entries[pending->count] = (ledger_entry){ *record, offset - LEDGER_RECORD_SIZE };
    insert_slot(pending, pending->count++);
    return EA_OK;
}

ea_status ledger_pending_add(ledger_store *store, ledger_record record, const void *payload)
{
    EA_TRY(ledger_lock(store));
    ea_status status = add(store, &record, payload);
    if (status != EA_OK)
        ledger_pending_drop(store);
    return status;
}

bool ledger_pending_full(const ledger_store *store)
{
    return store->pending.count >= LEDGER_PACK_RECORDS || store->pending.size >= LEDGER_PACK_BYTES;
}

/* --- Making it last --------------------------------------------------------------------------- */

ea_status ledger_pending_sync(ledger_store *store)
{
    if (store->pending.count == 0)
        return EA_OK;
    EA_TRY(write_out(store));
    if (fdatasync(store->pending.fd) != 0)
        return ledger_io_error(store, "write objects to", store->path);
    return EA_OK;
}

/* Moves the synced file to its place and makes the names in the folders last. */
static ea_status publish(ledger_store *store)
{
    char path[LEDGER_PACK_PATH], name[LEDGER_PACK_PATH], folder[3];
    ledger_pack_path(store->pending.name, path);
    snprintf(folder, sizeof folder, "%.2s", path);
    bool made = mkdirat(store->objects, folder, 0777) == 0;
    if (!made && errno != EEXIST)
        return ledger_io_error(store, "make a folder in", store->path);
    int fd = openat(store->objects, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ledger_io_error(store, "open a folder of", store->path);
    bool done =
        renameat(store->temporary, temporary_name(store->pending.name, name), fd, path + 3) == 0 &&
        fsync(fd) == 0 && (!made || fsync(store->objects) == 0);
    ea_status status = done ? EA_OK : ledger_io_error(store, "move objects in", store->path);
    close(fd);
    return status;
}

/* Another writer may have stored the same content meanwhile: the first one's row stays, and gc
 * takes back the space of the second. */
static ea_status insert_rows(ledger_store *store)
{
    ledger_pending *pending = &store->pending;
    EA_TRY(ledger_exec(store, "INSERT INTO pack (name, size) VALUES (?, ?)", "bi", pending->name,
                       (size_t)LEDGER_PACK_NAME, pending->size));
    int64_t pack = sqlite3_last_insert_rowid(store->db);
    for (int i = 0; i < pending->count; i++) {
        const ledger_entry *entry = &pending->entries[i];
        EA_TRY(ledger_exec(store,
                           "INSERT OR IGNORE INTO object (digest, pack, offset, encoding, size, "
                           "stored) VALUES (?, ?, ?, ?, ?, ?)",
                           "hiiiii", &entry->record.digest, pack, entry->offset,
                           (int64_t)entry->record.encoding, entry->record.size,
                           entry->record.stored));
    }
    return EA_OK;
}

static void forget(ledger_store *store)
{
    ledger_pending *pending = &store->pending;
    if (pending->fd >= 0)
        close(pending->fd);
    core_free(pending->entries);
    core_free(pending->slots);
    core_free(pending->buffer);
    *pending = (ledger_pending){ .fd = -1 };
}

ea_status ledger_pending_seal(ledger_store *store)
{
    if (store->pending.count == 0)
        return EA_OK;
    ea_status status = ledger_pending_sync(store);
    if (status == EA_OK)
        status = publish(store);
    if (status == EA_OK)
        status = insert_rows(store);
    if (status == EA_OK)
        forget(store);
    return status;
}

void ledger_pending_drop(ledger_store *store)
{
    char name[LEDGER_PACK_PATH];
    if (store->pending.fd >= 0)
        unlinkat(store->temporary, temporary_name(store->pending.name, name), 0);
    forget(store);
}
