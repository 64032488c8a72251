/* checkout.c: writing trees to disk. */
#define _GNU_SOURCE /* syncfs */
#include "ledger/checkout.h"
#include "core/memory.h"
#include "ledger/inside.h"
#include "ledger/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TEXT = 4096 };

typedef struct checkout {
    ledger_store *store;
    ledger_checkout_options options;
    mode_t mask;
    char path[PATH_TEXT]; /* for error texts */
} checkout;

static ea_status fail_at(checkout *job, const char *doing, const char *name)
{
    const char *remedy = errno == ENOSPC ? ": free some space and try again" : "";
    return core_fail(ledger_context(job->store), EA_ERR_IO, "cannot %s %.200s/%.200s: %s%s", doing,
                     job->path, name, strerror(errno), remedy);
}

/* --- Files ------------------------------------------------------------------------------------ */

typedef struct file_sink {
    checkout *job;
    const char *name;
    int fd;
} file_sink;

static ea_status write_sink(void *argument, const void *data, size_t size)
{
    file_sink *to = argument;
    return ledger_write(to->fd, data, size) ? EA_OK : fail_at(to->job, "write", to->name);
}

/* An interrupted checkout may have left this very file; its content decides. */
static bool is_there(checkout *job, int folder, const ledger_tree_entry *entry)
{
    bool same = false;
    struct stat info;
    ledger_digest digest;
    ledger_sha *sha = job->store->whole_sha;
    int fd = openat(folder, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == entry->size &&
        ledger_sha_begin(sha) == EA_OK) {
        ssize_t n;
        while ((n = read(fd, job->store->content, LEDGER_CHUNK_MAX)) > 0)
            if (ledger_sha_add(sha, job->store->content, (size_t)n) != EA_OK)
                break;
        same = n == 0 && ledger_sha_end(sha, &digest) == EA_OK &&
               ledger_digest_equal(&digest, &entry->digest);
    }
    close(fd);
    return same;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return mask;
}

static mode_t file_mode(const checkout *job, ledger_type type)
{
    mode_t mode = type == LEDGER_PLAIN ? 0666 : 0777;
    mode &= ~job->mask;
    return job->options.read_only ? mode & 0555 : mode;
}

static ea_status write_file(checkout *job, int folder, const ledger_tree_entry *entry)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, entry->name, flags, 0600);
    if (fd < 0 && errno == EEXIST) {
        if (is_there(job, folder, entry))
            return fchmodat(folder, entry->name, file_mode(job, entry->type), 0) == 0
                       ? EA_OK
                       : fail_at(job, "set the mode of", entry->name);
        if (unlinkat(folder, entry->name, 0) == 0)
            fd = openat(folder, entry->name, flags, 0600);
    }
    if (fd < 0)
        return fail_at(job, "make", entry->name);
    ea_status status =
        ledger_get(job->store, &entry->digest, write_sink, &(file_sink){ job, entry->name, fd });
    if (status == EA_OK && fchmod(fd, file_mode(job, entry->type)) != 0)
        status = fail_at(job, "write", entry->name);
    if (close(fd) != 0 && status == EA_OK)
        status = fail_at(job, "write", entry->name);
    return status;
}

/* --- Links ------------------------------------------------------------------------------------ */

bool ledger_link_stays_inside(const char *target, int depth)
{
    bool front = true;
    if (*target == '/' || *target == 0)
        return false;
    while (*target) {
        size_t length = strcspn(target, "/");
        bool up = length == 2 && memcmp(target, "..", 2) == 0;
        if (up && (!front || --depth < 0))
            return false;
        if (!up && length && !(length == 1 && *target == '.'))
            front = false;
        target += length + (target[length] == '/');
    }
    return true;
}

static ea_status make_link(checkout *job, int folder, const ledger_tree_entry *entry, int depth,
                           const char *target)
{
    char there[LEDGER_LINK_MAX + 1];
    if (!job->options.any_link && !ledger_link_stays_inside(target, depth))
        return core_fail(ledger_context(job->store), EA_ERR_UNSUPPORTED,
                         "the link %.150s/%.100s leads out of the folder, to '%.100s': give "
                         "--any-link if you trust where this data comes from",
                         job->path, entry->name, target);
    if (symlinkat(target, folder, entry->name) == 0)
        return EA_OK;
    if (errno != EEXIST)
        return fail_at(job, "make the link", entry->name);
    ssize_t length = readlinkat(folder, entry->name, there, sizeof there);
    if (length == entry->size && memcmp(there, target, (size_t)length) == 0)
        return EA_OK;
    if (unlinkat(folder, entry->name, 0) != 0 || symlinkat(target, folder, entry->name) != 0)
        return fail_at(job, "make the link", entry->name);
    return EA_OK;
}

static ea_status write_link(checkout *job, int folder, const ledger_tree_entry *entry, int depth)
{
    char *target;
    size_t size;
    EA_TRY(ledger_get_bytes(job->store, &entry->digest, LEDGER_LINK_MAX, &target, &size));
    ea_status status;
    if (strlen(target) != size)
        status =
            core_fail(ledger_context(job->store), EA_ERR_FORMAT,
                      "the link %.200s/%.200s has a NUL in its target", job->path, entry->name);
    else
        status = make_link(job, folder, entry, depth, target);
    core_free(target);
    return status;
}

/* --- Folders ---------------------------------------------------------------------------------- */

static ea_status write_tree(checkout *job, int folder, const ledger_digest *digest, int depth);

static ea_status write_folder(checkout *job, int parent, const ledger_tree_entry *entry, int depth)
{
    size_t length = strlen(job->path);
    if (depth >= LEDGER_TREE_DEPTH || length + strlen(entry->name) + 2 > PATH_TEXT)
        return core_fail(ledger_context(job->store), EA_ERR_UNSUPPORTED,
                         "%.300s is deeper than %d folders", job->path, (int)LEDGER_TREE_DEPTH);
    if (mkdirat(parent, entry->name, 0700) != 0 && errno != EEXIST)
        return fail_at(job, "make the folder", entry->name);
    int fd = openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_at(job, "open the folder", entry->name);
    sprintf(job->path + length, "/%s", entry->name);
    ea_status status = write_tree(job, fd, &entry->digest, depth + 1);
    job->path[length] = 0;
    if (status == EA_OK && fchmod(fd, file_mode(job, LEDGER_FOLDER_ENTRY)) != 0)
        status = fail_at(job, "set the mode of", entry->name);
    close(fd);
    return status;
}

static ea_status write_entry(checkout *job, int folder, const ledger_tree_entry *entry, int depth)
{
    switch (entry->type) {
    case LEDGER_FOLDER_ENTRY:
        return write_folder(job, folder, entry, depth);
    case LEDGER_LINK:
        EA_TRY(write_link(job, folder, entry, depth));
        break;
    default:
        EA_TRY(write_file(job, folder, entry));
    }
    ledger_report(job->store, 0, 1);
    return EA_OK;
}

static ea_status write_tree(checkout *job, int folder, const ledger_digest *digest, int depth)
{
    ledger_listing listing;
    EA_TRY(ledger_tree_read(job->store, digest, &listing));
    ea_status status = EA_OK;
    for (size_t i = 0; i < listing.count && status == EA_OK; i++)
        status = write_entry(job, folder, &listing.entries[i], depth);
    ledger_listing_free(&listing);
    return status;
}

/* --- The whole -------------------------------------------------------------------------------- */

/* Everything reaches the disk with one call, then the name. */
static ea_status publish(checkout *job, int fd, const char *partial, const char *path)
{
    if (syncfs(fd) != 0 || fchmod(fd, file_mode(job, LEDGER_FOLDER_ENTRY)) != 0)
        return fail_at(job, "write", "");
    if (rename(partial, path) != 0)
        return core_fail(ledger_context(job->store), EA_ERR_IO,
                         "cannot rename %.200s to %.200s: %s", partial, path, strerror(errno));
    return EA_OK;
}

static ea_status check_out_folder(checkout *job, const ledger_digest *digest, const char *path)
{
    char partial[PATH_TEXT], hex[LEDGER_HEX_SIZE];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (snprintf(partial, sizeof partial, "%.*s.eadem-%.16s", (int)length, path,
                 ledger_hex(digest, hex)) >= (int)sizeof partial)
        return core_fail(ledger_context(job->store), EA_ERR_ARGUMENT,
                         "the path %.200s… is too long", path);
    strcpy(job->path, partial);
    if (mkdir(partial, 0700) != 0 && errno != EEXIST)
        return fail_at(job, "make the folder", "");
    int fd = open(partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_at(job, "open the folder", "");
    ea_status status;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = core_fail(ledger_context(job->store), EA_ERR_STATE,
                           "another checkout is writing %.300s", partial);
    } else {
        status = write_tree(job, fd, digest, 0);
        if (status == EA_OK)
            status = publish(job, fd, partial, path);
        if (status != EA_OK && status != EA_ERR_IO) /* trying again would not help */
            ledger_remove_folder(partial);
    }
    close(fd);
    return status;
}

static bool is_in_the_way(const char *path)
{
    struct stat info;
    ledger_listing listing;
    if (lstat(path, &info) != 0)
        return false;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool empty = ledger_folder_read(NULL, fd, path, &listing) == EA_OK && listing.count == 0 &&
                 listing.left_out == 0;
    ledger_listing_free(&listing);
    close(fd);
    return !empty; /* rename() replaces an empty folder */
}

ea_status ledger_checkout(ledger_store *store, ledger_type type, const ledger_digest *digest,
                          const char *path, const ledger_checkout_options *options)
{
    static const ledger_checkout_options defaults;
    checkout *job = core_alloc_zero(sizeof *job);
    if (!job)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a checkout");
    job->store = store;
    job->mask = current_umask();
    job->options = options ? *options : defaults;
    bool held = store->locked;
    ea_status status = ledger_lock(store);
    if (status == EA_OK && is_in_the_way(path))
        status = core_fail(ledger_context(store), EA_ERR_STATE,
                           "%.300s is there already: name a path that is not", path);
    if (status == EA_OK)
        status = type == LEDGER_FOLDER_ENTRY
                     ? check_out_folder(job, digest, path)
                     : ledger_get_file(store, digest, path, file_mode(job, type));
    if (!held)
        ledger_unlock(store);
    core_free(job);
    return status;
}

/* --- Verifying -------------------------------------------------------------------------------- */

static ea_status to_nowhere(void *argument, const void *data, size_t size)
{
    (void)argument, (void)data, (void)size;
    return EA_OK;
}

static ea_status verify_tree(ledger_store *store, const ledger_digest *digest, int depth);

static ea_status verify_entry(ledger_store *store, ledger_type type, const ledger_digest *digest,
                              int depth)
{
    if (type != LEDGER_FOLDER_ENTRY) {
        EA_TRY(ledger_get(store, digest, to_nowhere, NULL));
        ledger_report(store, 0, 1);
        return EA_OK;
    }
    if (depth >= LEDGER_TREE_DEPTH)
        return core_fail(ledger_context(store), EA_ERR_FORMAT, "a tree deeper than %d folders",
                         (int)LEDGER_TREE_DEPTH);
    return verify_tree(store, digest, depth + 1);
}

static ea_status verify_tree(ledger_store *store, const ledger_digest *digest, int depth)
{
    ledger_listing listing;
    EA_TRY(ledger_tree_read(store, digest, &listing));
    ea_status status = EA_OK;
    for (size_t i = 0; i < listing.count && status == EA_OK; i++)
        status = verify_entry(store, listing.entries[i].type, &listing.entries[i].digest, depth);
    ledger_listing_free(&listing);
    return status;
}

ea_status ledger_verify_content(ledger_store *store, ledger_type type, const ledger_digest *digest)
{
    return verify_entry(store, type, digest, 0);
}
