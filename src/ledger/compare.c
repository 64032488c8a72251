/* compare.c: walking two folders side by side; equal subfolders of the store are not opened. */
#include "ledger/compare.h"
#include "core/memory.h"
#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TEXT = 4096 };

typedef struct comparison {
    ledger_store *store;
    ledger_taker *taker; /* NULL: the second side is in the store */
    ledger_difference_visit visit;
    void *argument;
    const char *root; /* the folder on disk, for error texts */
    char path[PATH_TEXT];
} comparison;

/* One side of a folder: a tree of the store, or a folder on disk when fd ≥ 0. */
typedef struct side {
    const ledger_digest *digest;
    int fd;
} side;

static ea_status compare_folder(comparison *job, side before, side after, int depth);

static ea_status report(comparison *job, char kind, const ledger_tree_entry *before,
                        const ledger_tree_entry *after)
{
    ledger_difference difference = { kind, job->path, before, after };
    return job->visit(job->argument, &difference);
}

static ea_status compare_subfolder(comparison *job, const ledger_tree_entry *before, side after,
                                   ledger_tree_entry *entry, int depth)
{
    if (depth >= LEDGER_TREE_DEPTH)
        return core_fail(ledger_context(job->store), EA_ERR_UNSUPPORTED,
                         "%.300s is deeper than %d folders", job->path, (int)LEDGER_TREE_DEPTH);
    if (after.fd < 0)
        return compare_folder(job, (side){ &before->digest, -1 }, (side){ &entry->digest, -1 },
                              depth + 1);
    int fd = openat(after.fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return core_fail(ledger_context(job->store), EA_ERR_IO, "cannot open %.200s/%.200s: %s",
                         job->root, job->path, strerror(errno));
    ea_status status =
        compare_folder(job, (side){ &before->digest, -1 }, (side){ NULL, fd }, depth + 1);
    close(fd);
    return status;
}

/* Both sides have the name. */
static ea_status compare_entry(comparison *job, const ledger_tree_entry *before, side after,
                               ledger_tree_entry *entry, int depth)
{
    if (before->type != entry->type)
        return report(job, '~', before, entry);
    if (entry->type == LEDGER_FOLDER_ENTRY) {
        if (entry->has_digest && ledger_digest_equal(&before->digest, &entry->digest))
            return EA_OK;
        return compare_subfolder(job, before, after, entry, depth);
    }
    if (before->size == entry->size && !entry->has_digest)
        EA_TRY(ledger_taker_entry(job->taker, after.fd, job->root, entry));
    bool same = before->size == entry->size && ledger_digest_equal(&before->digest, &entry->digest);
    return same ? EA_OK : report(job, '~', before, entry);
}

static ea_status load(comparison *job, side from, ledger_listing *out)
{
    return from.fd < 0 ? ledger_tree_read(job->store, from.digest, out)
                       : ledger_folder_read(ledger_context(job->store), from.fd, job->root, out);
}

/* Appends a name to the path and returns the length to go back to. */
static ea_status enter(comparison *job, const char *name, size_t *length)
{
    *length = strlen(job->path);
    if (*length + strlen(name) + 2 > PATH_TEXT)
        return core_fail(ledger_context(job->store), EA_ERR_UNSUPPORTED,
                         "the path %.300s… is too long", job->path);
    sprintf(job->path + *length, "%s%s", *length ? "/" : "", name);
    return EA_OK;
}

static ea_status merge(comparison *job, const ledger_listing *a, const ledger_listing *b,
                       side after, int depth)
{
    for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : strcmp(a->entries[i].name, b->entries[j].name);
        size_t length;
        ea_status status = enter(job, order > 0 ? b->entries[j].name : a->entries[i].name, &length);
        if (status == EA_OK && order < 0)
            status = report(job, '-', &a->entries[i], NULL);
        else if (status == EA_OK && order > 0)
            status = report(job, '+', NULL, &b->entries[j]);
        else if (status == EA_OK)
            status = compare_entry(job, &a->entries[i], after, &b->entries[j], depth);
        job->path[length] = 0;
        EA_TRY(status);
        i += order <= 0;
        j += order >= 0;
    }
    return EA_OK;
}

static ea_status compare_folder(comparison *job, side before, side after, int depth)
{
    ledger_listing a, b;
    EA_TRY(load(job, before, &a));
    ea_status status = load(job, after, &b);
    if (status == EA_OK) {
        status = merge(job, &a, &b, after, depth);
        ledger_listing_free(&b);
    }
    ledger_listing_free(&a);
    return status;
}

static ledger_tree_entry root_entry(const ledger_snapshot *of)
{
    return (ledger_tree_entry){
        .type = of->type, .name = "", .size = of->size, .digest = of->digest, .has_digest = true
    };
}

ea_status ledger_compare(ledger_store *store, const ledger_snapshot *before,
                         const ledger_snapshot *after, ledger_difference_visit visit,
                         void *argument)
{
    comparison *job = core_alloc_zero(sizeof *job);
    if (!job)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory to compare");
    *job = (comparison){ .store = store, .visit = visit, .argument = argument, .root = "" };
    ledger_tree_entry a = root_entry(before), b = root_entry(after);
    ea_status status = compare_entry(job, &a, (side){ &b.digest, -1 }, &b, 0);
    core_free(job);
    return status;
}

/* --- Against the disk ------------------------------------------------------------------------- */

static ea_status compare_open(comparison *job, const ledger_snapshot *before, const char *path,
                              const struct stat *info)
{
    ledger_tree_entry a = root_entry(before);
    ledger_tree_entry b = { .name = "", .size = info->st_size };
    if (S_ISDIR(info->st_mode)) {
        b.type = LEDGER_FOLDER_ENTRY;
        if (a.type != b.type)
            return report(job, '~', &a, &b);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return core_fail(ledger_context(job->store), EA_ERR_IO, "cannot open %.300s: %s", path,
                             strerror(errno));
        ea_status status = compare_folder(job, (side){ &a.digest, -1 }, (side){ NULL, fd }, 0);
        close(fd);
        return status;
    }
    b.type = info->st_mode & 0100 ? LEDGER_EXECUTABLE : LEDGER_PLAIN;
    return compare_entry(job, &a, (side){ NULL, AT_FDCWD }, &b, 0);
}

ea_status ledger_compare_path(ledger_store *store, const ledger_snapshot *before, const char *path,
                              bool check, ledger_difference_visit visit, void *argument)
{
    struct stat info;
    comparison *job = core_alloc_zero(sizeof *job);
    if (!job)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory to compare");
    *job = (comparison){ .store = store, .visit = visit, .argument = argument, .root = path };
    ledger_snapshot_options options = { .check = check, .hash_only = true };
    ea_status status = ledger_taker_create(store, &options, &job->taker);
    if (status == EA_OK && stat(path, &info) != 0)
        status = core_fail(ledger_context(store), EA_ERR_IO, "cannot open %.300s: %s", path,
                           strerror(errno));
    if (status == EA_OK)
        status = compare_open(job, before, path, &info);
    if (status == EA_OK)
        status = ledger_taker_finish(job->taker);
    ledger_taker_destroy(job->taker);
    ledger_unlock(store);
    core_free(job);
    return status;
}
