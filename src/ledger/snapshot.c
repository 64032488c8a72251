/* snapshot.c: walking a folder, and the cache that spares reading unchanged files. */
#define _GNU_SOURCE /* FTW_ACTIONRETVAL */
#include "ledger/snapshot.h"
#include "core/memory.h"
#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The key is the inode and not the path: it is small, survives a rename, and a new file in a reused
 * inode has another change time. */
static const char *const cache_steps[] = {
    "CREATE TABLE file_cache (device INTEGER NOT NULL, inode INTEGER NOT NULL,"
    "                         size INTEGER NOT NULL, modified INTEGER NOT NULL,"
    "                         changed INTEGER NOT NULL, digest BLOB NOT NULL,"
    "                         PRIMARY KEY (device, inode)) WITHOUT ROWID;",
};

const ledger_schema ledger_cache_schema = { "cache", cache_steps, 1 };

enum { CACHED_MAX = 8192, PATH_TEXT = 4096 };

typedef struct cached {
    int64_t device, inode, size, modified, changed;
    ledger_digest digest;
} cached;

struct ledger_taker {
    ledger_store *store;
    ledger_snapshot_options options;
    ledger_snapshot *total; /* NULL when single entries are taken */
    cached *news;
    int count;
};

/* --- The cache -------------------------------------------------------------------------------- */

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static cached identity(const struct stat *info)
{
    return (cached){ (int64_t)info->st_dev,      (int64_t)info->st_ino,      (int64_t)info->st_size,
                     nanoseconds(info->st_mtim), nanoseconds(info->st_ctim), { { 0 } } };
}

static bool same_file(const cached *a, const cached *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified == b->modified && a->changed == b->changed;
}

/* A change right after reading must give another time than the one remembered. Clocks of files move
 * in ticks of up to 10 ms, on file systems without fractions of a second in steps of up to 2 s. */
static bool times_are_settled(const cached *file, int64_t reading)
{
    int64_t newest = file->modified > file->changed ? file->modified : file->changed;
    int64_t margin = file->changed % 1000000 ? 100000000 : INT64_C(2000000000);
    return reading - newest > margin;
}

static ea_status look_up(ledger_taker *taker, const cached *file, ledger_digest *digest,
                         bool *found)
{
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(taker->store, &rows,
                        "SELECT digest FROM file_cache WHERE device = ? AND inode = ? AND size = ? "
                        "AND modified = ? AND changed = ?",
                        "iiiii", file->device, file->inode, file->size, file->modified,
                        file->changed));
    ea_status status = ledger_step(taker->store, rows, found);
    *found = *found && ledger_column_digest(rows, 0, digest);
    ledger_done(taker->store, rows);
    if (status == EA_OK && *found && !taker->options.hash_only)
        status = ledger_find(taker->store, digest, found, NULL);
    return status;
}

static ea_status insert_news(ledger_taker *taker)
{
    for (int i = 0; i < taker->count; i++) {
        const cached *file = &taker->news[i];
        EA_TRY(ledger_exec(taker->store,
                           "INSERT OR REPLACE INTO file_cache (device, inode, size, modified, "
                           "changed, digest) VALUES (?, ?, ?, ?, ?, ?)",
                           "iiiiih", file->device, file->inode, file->size, file->modified,
                           file->changed, &file->digest));
    }
    return EA_OK;
}

ea_status ledger_taker_finish(ledger_taker *taker)
{
    if (taker->count == 0)
        return ledger_flush(taker->store);
    EA_TRY(ledger_begin(taker->store));
    ea_status status = insert_news(taker);
    if (status != EA_OK) {
        ledger_rollback(taker->store);
        return status;
    }
    taker->count = 0;
    return ledger_commit_keeping_lock(taker->store);
}

static ea_status remember(ledger_taker *taker, const cached *file)
{
    if (taker->count == CACHED_MAX)
        EA_TRY(ledger_taker_finish(taker));
    taker->news[taker->count++] = *file;
    return EA_OK;
}

/* --- Files and links -------------------------------------------------------------------------- */

static ea_status path_error(ledger_taker *taker, const char *doing, const char *path,
                            const char *name)
{
    return core_fail(ledger_context(taker->store), EA_ERR_IO, "cannot %s %.200s%s%.200s: %s", doing,
                     path, *name ? "/" : "", name, strerror(errno));
}

static ea_status hash_descriptor(ledger_taker *taker, int fd, const char *name, ledger_object *out)
{
    static const size_t size = LEDGER_CHUNK_MAX;
    ledger_store *store = taker->store;
    EA_TRY(ledger_sha_begin(store->whole_sha));
    out->size = 0;
    for (;;) {
        ssize_t n = read(fd, store->content, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return path_error(taker, "read", name, "");
        if (n == 0)
            return ledger_sha_end(store->whole_sha, &out->digest);
        EA_TRY(ledger_sha_add(store->whole_sha, store->content, (size_t)n));
        out->size += n;
        ledger_report(store, n, 0);
    }
}

static ea_status take_open_file(ledger_taker *taker, int fd, const char *path, const char *name,
                                ledger_tree_entry *entry)
{
    struct stat before, after;
    struct timespec now;
    ledger_object object;
    clock_gettime(CLOCK_REALTIME, &now);
    if (fstat(fd, &before) != 0)
        return path_error(taker, "look at", path, name);
    EA_TRY(taker->options.hash_only
               ? hash_descriptor(taker, fd, name, &object)
               : ledger_put_fd(taker->store, fd, *name ? name : path, &object));
    if (fstat(fd, &after) != 0)
        return path_error(taker, "look at", path, name);
    cached file = identity(&before), again = identity(&after);
    if (!same_file(&file, &again) || object.size != file.size)
        return core_fail(ledger_context(taker->store), EA_ERR_STATE,
                         "%.200s%s%.200s changed while it was read: stop what writes to it and try "
                         "again",
                         path, *name ? "/" : "", name);
    entry->size = object.size;
    entry->digest = file.digest = object.digest;
    entry->has_digest = true;
    return times_are_settled(&file, nanoseconds(now)) ? remember(taker, &file) : EA_OK;
}

/* name "" means the path itself. */
static ea_status take_file(ledger_taker *taker, int fd, const char *path, const char *name,
                           ledger_tree_entry *entry)
{
    struct stat info;
    bool found = false;
    int follow = *name ? AT_SYMLINK_NOFOLLOW : 0;
    const char *target = *name ? name : path;
    if (fstatat(fd, target, &info, follow) != 0)
        return path_error(taker, "look at", path, name);
    cached file = identity(&info);
    if (!taker->options.check)
        EA_TRY(look_up(taker, &file, &entry->digest, &found));
    if (found) {
        entry->size = info.st_size;
        entry->has_digest = true;
        ledger_report(taker->store, info.st_size, 0);
        return ledger_lock(taker->store);
    }
    int file_fd = openat(fd, target, O_RDONLY | O_CLOEXEC | O_NOCTTY | (*name ? O_NOFOLLOW : 0));
    if (file_fd < 0)
        return path_error(taker, "open", path, name);
    ea_status status = take_open_file(taker, file_fd, path, name, entry);
    close(file_fd);
    return status;
}

static ea_status take_bytes(ledger_taker *taker, const void *data, size_t size,
                            ledger_tree_entry *entry)
{
    ledger_object object;
    if (taker->options.hash_only)
        EA_TRY(ledger_sha_of(taker->store->whole_sha, data, size, &object.digest));
    else
        EA_TRY(ledger_put_bytes(taker->store, data, size, &object));
    entry->digest = object.digest;
    entry->has_digest = true;
    return EA_OK;
}

static ea_status take_link(ledger_taker *taker, int fd, const char *path, ledger_tree_entry *entry)
{
    char target[LEDGER_LINK_MAX + 1];
    ssize_t length = readlinkat(fd, entry->name, target, sizeof target);
    if (length < 0)
        return path_error(taker, "read the link", path, entry->name);
    if (length > LEDGER_LINK_MAX)
        return core_fail(ledger_context(taker->store), EA_ERR_UNSUPPORTED,
                         "the link %.200s/%.200s is longer than %d bytes", path, entry->name,
                         (int)LEDGER_LINK_MAX);
    entry->size = length;
    return take_bytes(taker, target, (size_t)length, entry);
}

ea_status ledger_taker_entry(ledger_taker *taker, int fd, const char *path,
                             ledger_tree_entry *entry)
{
    EA_TRY(entry->type == LEDGER_LINK ? take_link(taker, fd, path, entry)
                                      : take_file(taker, fd, path, entry->name, entry));
    ledger_report(taker->store, 0, 1);
    return EA_OK;
}

/* --- Folders ---------------------------------------------------------------------------------- */

static ea_status take_folder(ledger_taker *taker, int fd, char *path, int depth,
                             ledger_tree_entry *entry);

static ea_status take_subfolder(ledger_taker *taker, int fd, char *path, int depth,
                                ledger_tree_entry *entry)
{
    size_t length = strlen(path);
    if (depth >= LEDGER_TREE_DEPTH || length + strlen(entry->name) + 2 > PATH_TEXT)
        return core_fail(ledger_context(taker->store), EA_ERR_UNSUPPORTED,
                         "%.300s is deeper than %d folders", path, (int)LEDGER_TREE_DEPTH);
    int folder = openat(fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return path_error(taker, "open", path, entry->name);
    sprintf(path + length, "/%s", entry->name);
    ea_status status = take_folder(taker, folder, path, depth + 1, entry);
    path[length] = 0;
    close(folder);
    return status;
}

static ea_status take_entries(ledger_taker *taker, int fd, char *path, int depth,
                              ledger_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        ledger_tree_entry *entry = &listing->entries[i];
        if (entry->type == LEDGER_FOLDER_ENTRY) {
            EA_TRY(take_subfolder(taker, fd, path, depth, entry));
        } else {
            EA_TRY(ledger_taker_entry(taker, fd, path, entry));
            taker->total->size += entry->size;
            taker->total->files++;
        }
    }
    return EA_OK;
}

static ea_status take_listing(ledger_taker *taker, const ledger_listing *listing,
                              ledger_tree_entry *entry)
{
    char *data;
    size_t size;
    entry->size = 0;
    for (size_t i = 0; i < listing->count; i++)
        entry->size += listing->entries[i].size;
    EA_TRY(ledger_tree_encode(ledger_context(taker->store), listing, &data, &size));
    ea_status status = take_bytes(taker, data, size, entry);
    core_free(data);
    return status;
}

static ea_status take_folder(ledger_taker *taker, int fd, char *path, int depth,
                             ledger_tree_entry *entry)
{
    ledger_listing listing;
    EA_TRY(ledger_folder_read(ledger_context(taker->store), fd, path, &listing));
    taker->total->left_out += listing.left_out;
    ea_status status = take_entries(taker, fd, path, depth, &listing);
    if (status == EA_OK)
        status = take_listing(taker, &listing, entry);
    ledger_listing_free(&listing);
    return status;
}

/* --- The whole -------------------------------------------------------------------------------- */

ea_status ledger_taker_create(ledger_store *store, const ledger_snapshot_options *options,
                              ledger_taker **out)
{
    ledger_taker *taker = core_alloc_zero(sizeof *taker);
    *out = taker;
    if (taker) {
        taker->store = store;
        taker->options = *options;
        taker->news = core_alloc(CACHED_MAX * sizeof *taker->news);
        if (taker->news)
            return EA_OK;
    }
    ledger_taker_destroy(taker);
    *out = NULL;
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory to read a folder");
}

void ledger_taker_destroy(ledger_taker *taker)
{
    if (!taker)
        return;
    core_free(taker->news);
    core_free(taker);
}

static ea_status take_root_folder(ledger_taker *taker, const char *path, ledger_tree_entry *root)
{
    char text[PATH_TEXT];
    if (snprintf(text, sizeof text, "%s", path) >= (int)sizeof text)
        return core_fail(ledger_context(taker->store), EA_ERR_ARGUMENT,
                         "the path %.200s… is too long", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return path_error(taker, "open", path, "");
    ea_status status = take_folder(taker, fd, text, 0, root);
    close(fd);
    return status;
}

static ea_status take_root(ledger_taker *taker, const char *path)
{
    struct stat info;
    ledger_tree_entry root = { 0 };
    if (stat(path, &info) != 0)
        return path_error(taker, "open", path, "");
    if (S_ISDIR(info.st_mode)) {
        root.type = LEDGER_FOLDER_ENTRY;
        EA_TRY(take_root_folder(taker, path, &root));
    } else if (S_ISREG(info.st_mode)) {
        root.type = info.st_mode & 0100 ? LEDGER_EXECUTABLE : LEDGER_PLAIN;
        EA_TRY(take_file(taker, AT_FDCWD, path, "", &root));
        ledger_report(taker->store, 0, 1);
        taker->total->size = root.size;
        taker->total->files = 1;
    } else {
        return core_fail(ledger_context(taker->store), EA_ERR_UNSUPPORTED,
                         "%.300s is neither a file nor a folder", path);
    }
    taker->total->type = root.type;
    taker->total->digest = root.digest;
    return ledger_taker_finish(taker);
}

ea_status ledger_snapshot_take(ledger_store *store, const char *path,
                               const ledger_snapshot_options *options, ledger_snapshot *out)
{
    static const ledger_snapshot_options defaults;
    ledger_taker *taker;
    *out = (ledger_snapshot){ 0 };
    EA_TRY(ledger_taker_create(store, options ? options : &defaults, &taker));
    taker->total = out;
    ea_status status = take_root(taker, path);
    ledger_taker_destroy(taker);
    return status;
}

/* --- Measuring -------------------------------------------------------------------------------- */

static _Thread_local int64_t measured_bytes, measured_files;

static int measure_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    const char *name = path + where->base;
    if (where->level > 0 && type == FTW_D && !ledger_name_allowed(name, strlen(name)))
        return FTW_SKIP_SUBTREE;
    if (type == FTW_F || type == FTW_SL) {
        measured_bytes += info->st_size;
        measured_files++;
    }
    return FTW_CONTINUE;
}

void ledger_snapshot_measure(const char *path, int64_t *bytes, int64_t *files)
{
    measured_bytes = measured_files = 0;
    nftw(path, measure_one, 64, FTW_PHYS | FTW_ACTIONRETVAL);
    *bytes = measured_bytes;
    *files = measured_files;
}
