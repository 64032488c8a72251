/* tree.c: tree objects as bytes, and the listing of a folder on disk. */
#include "ledger/tree.h"
#include "core/memory.h"
#include "ledger/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "EADEMTR1";

/* type, size, digest, length of the name; the name follows */
enum { ENTRY_HEADER = 1 + 8 + LEDGER_DIGEST_SIZE + 1 };

void ledger_listing_free(ledger_listing *listing)
{
    for (size_t i = 0; i < listing->count && !listing->names; i++)
        core_free((char *)listing->entries[i].name);
    core_free(listing->names);
    core_free(listing->entries);
    *listing = (ledger_listing){ 0 };
}

static bool is_own_folder(const char *name)
{
    return strcasecmp(name, ".git") == 0 || strcasecmp(name, LEDGER_FOLDER) == 0;
}

bool ledger_name_allowed(const char *name, size_t length)
{
    if (length == 0 || length > LEDGER_NAME_MAX || strlen(name) != length || strchr(name, '/'))
        return false;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !is_own_folder(name);
}

static ea_status grow(ea_context *ctx, ledger_listing *listing)
{
    if (listing->count < listing->capacity)
        return EA_OK;
    size_t capacity = listing->capacity ? 2 * listing->capacity : 64;
    void *grown = core_realloc(listing->entries, listing->count * sizeof *listing->entries,
                               capacity * sizeof *listing->entries);
    if (!grown)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a folder of %zu entries", capacity);
    listing->entries = grown;
    listing->capacity = capacity;
    return EA_OK;
}

/* --- Decoding --------------------------------------------------------------------------------- */

static bool type_is_known(unsigned char type)
{
    return type == LEDGER_PLAIN || type == LEDGER_EXECUTABLE || type == LEDGER_FOLDER_ENTRY ||
           type == LEDGER_LINK;
}

static ea_status bad_tree(ea_context *ctx, size_t offset, const char *what)
{
    return core_fail(ctx, EA_ERR_FORMAT, "a folder's object is damaged at byte %zu: %s", offset,
                     what);
}

/* Decodes one entry at `offset`; its name goes to `names`, with a NUL. */
static ea_status decode_entry(ea_context *ctx, const unsigned char *data, size_t size,
                              size_t offset, char *names, ledger_tree_entry *out)
{
    const unsigned char *entry = data + offset;
    if (size - offset < ENTRY_HEADER || size - offset - ENTRY_HEADER < entry[ENTRY_HEADER - 1])
        return bad_tree(ctx, offset, "it ends inside an entry");
    size_t length = entry[ENTRY_HEADER - 1];
    out->type = (ledger_type)entry[0];
    out->size = (int64_t)ledger_get_le64(entry + 1);
    memcpy(out->digest.bytes, entry + 9, LEDGER_DIGEST_SIZE);
    out->has_digest = true;
    memcpy(names, entry + ENTRY_HEADER, length);
    names[length] = 0;
    out->name = names;
    if (!type_is_known(entry[0]))
        return bad_tree(ctx, offset, "an unknown type of entry");
    if (out->size < 0 || (out->type == LEDGER_LINK && out->size > LEDGER_LINK_MAX))
        return bad_tree(ctx, offset, "an impossible size");
    return ledger_name_allowed(names, length) ? EA_OK
                                              : bad_tree(ctx, offset, "a name that is not allowed");
}

/* Every entry is at least ENTRY_HEADER long, and its name with NUL takes less than it, so `size`
 * bytes are room for all names. */
ea_status ledger_tree_decode(ea_context *ctx, const char *data, size_t size, ledger_listing *out)
{
    *out = (ledger_listing){ 0 };
    if (size < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return bad_tree(ctx, 0, "it does not begin as one");
    out->names = core_alloc(size);
    if (!out->names)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a folder's object of %zu bytes", size);
    ea_status status = EA_OK;
    char *names = out->names;
    for (size_t offset = sizeof magic; offset < size && status == EA_OK;) {
        ledger_tree_entry entry;
        status = grow(ctx, out);
        if (status == EA_OK)
            status = decode_entry(ctx, (const unsigned char *)data, size, offset, names, &entry);
        if (status == EA_OK && out->count &&
            strcmp(out->entries[out->count - 1].name, entry.name) >= 0)
            status = bad_tree(ctx, offset, "the names are not in order");
        if (status != EA_OK)
            break;
        out->entries[out->count++] = entry;
        offset += ENTRY_HEADER + strlen(names);
        names += strlen(names) + 1;
    }
    if (status != EA_OK)
        ledger_listing_free(out);
    return status;
}

ea_status ledger_tree_read(ledger_store *store, const ledger_digest *digest, ledger_listing *out)
{
    char *data;
    size_t size;
    *out = (ledger_listing){ 0 };
    EA_TRY(ledger_get_bytes(store, digest, LEDGER_TREE_BYTES, &data, &size));
    ea_status status = ledger_tree_decode(ledger_context(store), data, size, out);
    core_free(data);
    return status;
}

/* --- Encoding --------------------------------------------------------------------------------- */

ea_status ledger_tree_encode(ea_context *ctx, const ledger_listing *listing, char **data,
                             size_t *size)
{
    *size = sizeof magic;
    for (size_t i = 0; i < listing->count; i++)
        *size += ENTRY_HEADER + strlen(listing->entries[i].name);
    if (*size > LEDGER_TREE_BYTES)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "one folder of %zu entries: spread them over subfolders", listing->count);
    *data = core_alloc(*size);
    if (!*data)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a folder of %zu entries",
                         listing->count);
    memcpy(*data, magic, sizeof magic);
    unsigned char *at = (unsigned char *)*data + sizeof magic;
    for (size_t i = 0; i < listing->count; i++) {
        const ledger_tree_entry *entry = &listing->entries[i];
        size_t length = strlen(entry->name);
        at[0] = (unsigned char)entry->type;
        ledger_put_le64(at + 1, (uint64_t)entry->size);
        memcpy(at + 9, entry->digest.bytes, LEDGER_DIGEST_SIZE);
        at[ENTRY_HEADER - 1] = (unsigned char)length;
        memcpy(at + ENTRY_HEADER, entry->name, length);
        at += ENTRY_HEADER + length;
    }
    return EA_OK;
}

/* --- A folder on disk ------------------------------------------------------------------------- */

static ea_status type_of(ea_context *ctx, const char *path, const char *name,
                         const struct stat *info, ledger_type *out)
{
    if (S_ISREG(info->st_mode))
        *out = info->st_mode & 0100 ? LEDGER_EXECUTABLE : LEDGER_PLAIN;
    else if (S_ISDIR(info->st_mode))
        *out = LEDGER_FOLDER_ENTRY;
    else if (S_ISLNK(info->st_mode))
        *out = LEDGER_LINK;
    else
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%.200s/%.200s is no file, folder or link: move it out of the folder",
                         path, name);
    return EA_OK;
}

static ea_status add_entry(ea_context *ctx, int fd, const char *path, const char *name,
                           ledger_listing *out)
{
    struct stat info;
    if (is_own_folder(name)) {
        out->left_out++;
        return EA_OK;
    }
    if (!ledger_name_allowed(name, strlen(name)))
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%.200s/%.200s: the name is too long", path,
                         name);
    if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return core_fail(ctx, EA_ERR_IO, "cannot look at %.200s/%.200s: %s", path, name,
                         strerror(errno));
    EA_TRY(grow(ctx, out));
    ledger_tree_entry *entry = &out->entries[out->count];
    *entry = (ledger_tree_entry){ .size = S_ISDIR(info.st_mode) ? 0 : info.st_size };
    EA_TRY(type_of(ctx, path, name, &info, &entry->type));
    entry->name = core_strdup(name);
    if (!entry->name)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the names of %.300s", path);
    out->count++;
    return EA_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ledger_tree_entry *)a)->name, ((const ledger_tree_entry *)b)->name);
}

static ea_status read_names(ea_context *ctx, DIR *folder, const char *path, ledger_listing *out)
{
    for (;;) {
        errno = 0;
        const struct dirent *item = readdir(folder);
        if (!item && errno)
            return core_fail(ctx, EA_ERR_IO, "cannot list %.300s: %s", path, strerror(errno));
        if (!item)
            return EA_OK;
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            EA_TRY(add_entry(ctx, dirfd(folder), path, item->d_name, out));
    }
}

ea_status ledger_folder_read(ea_context *ctx, int fd, const char *path, ledger_listing *out)
{
    *out = (ledger_listing){ 0 };
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own < 0 ? NULL : fdopendir(own);
    if (!folder) {
        if (own >= 0)
            close(own);
        return core_fail(ctx, EA_ERR_IO, "cannot list %.300s: %s", path, strerror(errno));
    }
    ea_status status = read_names(ctx, folder, path, out);
    closedir(folder);
    if (status == EA_OK && out->count)
        qsort(out->entries, out->count, sizeof *out->entries, by_name);
    else if (status != EA_OK)
        ledger_listing_free(out);
    return status;
}
