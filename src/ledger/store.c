/* store.c: finding, making, opening and locking a project's `.eadem` folder. */
#include "core/memory.h"
#include "ledger/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

ea_status ledger_io_error(ledger_store *store, const char *doing, const char *name)
{
    const char *remedy = errno == ENOSPC ? ": free some space and try again" : "";
    return core_fail(store->ctx, EA_ERR_IO, "cannot %s %.300s: %s%s", doing, name, strerror(errno),
                     remedy);
}

ea_status ledger_temporary(ledger_store *store, FILE **out)
{
    unsigned char random[LEDGER_PACK_NAME];
    char name[2 * LEDGER_PACK_NAME + 1];
    RAND_bytes(random, sizeof random);
    for (int i = 0; i < LEDGER_PACK_NAME; i++)
        sprintf(name + 2 * i, "%02x", random[i]);
    int fd = openat(store->temporary, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        unlinkat(store->temporary, name, 0);
    *out = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (*out)
        return EA_OK;
    if (fd >= 0)
        close(fd);
    return ledger_io_error(store, "make a file in", store->path);
}

/* --- Finding ---------------------------------------------------------------------------------- */

static bool is_folder(const char *path, const char *name)
{
    char full[PATH_MAX];
    struct stat info;
    return snprintf(full, sizeof full, "%s/%s", path, name) < (int)sizeof full &&
           lstat(full, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool exists(const char *path, const char *name)
{
    char full[PATH_MAX];
    struct stat info;
    return snprintf(full, sizeof full, "%s/%s", path, name) < (int)sizeof full &&
           lstat(full, &info) == 0;
}

/* Shortens `path` to the nearest folder upwards that has an entry `name`; false: there is none. */
static bool climb(char *path, const char *name, bool folder_only)
{
    for (;;) {
        if (folder_only ? is_folder(path, name) : exists(path, name))
            return true;
        char *slash = strrchr(path, '/');
        if (!slash || path[1] == 0)
            return false;
        slash[slash == path] = 0;
    }
}

static ea_status find_project(ea_context *ctx, const char *start, int flags, char project[PATH_MAX])
{
    const char *from = start ? start : ".";
    char here[PATH_MAX];
    if (!realpath(from, here))
        return core_fail(ctx, EA_ERR_IO, "cannot open the folder %.300s: %s", from,
                         strerror(errno));
    strcpy(project, here);
    if (climb(project, LEDGER_FOLDER, true))
        return EA_OK;
    strcpy(project, here);
    bool in_git = climb(project, ".git", false);
    if (!(flags & LEDGER_CREATE) && !(in_git && flags & LEDGER_CREATE_IN_GIT))
        return core_fail(
            ctx, EA_ERR_STATE,
            "there is no %s in %.300s or any folder above it: the first eadem run, data "
            "add or import makes one",
            LEDGER_FOLDER, here);
    if (!in_git)
        strcpy(project, here);
    return EA_OK;
}

/* EADEM_DIR names the `.eadem` folder itself. */
static ea_status project_of_environment(ea_context *ctx, const char *value, int flags,
                                        char project[PATH_MAX])
{
    char parent[PATH_MAX];
    size_t length = strlen(value);
    while (length > 1 && value[length - 1] == '/')
        length--;
    size_t name = strlen(LEDGER_FOLDER);
    bool fits = length >= name && length < sizeof parent &&
                strncmp(value + length - name, LEDGER_FOLDER, name) == 0 &&
                (length == name || value[length - name - 1] == '/');
    if (!fits)
        return core_fail(ctx, EA_ERR_ARGUMENT, "EADEM_DIR is '%.200s': give a folder named %s",
                         value, LEDGER_FOLDER);
    snprintf(parent, sizeof parent, "%.*s", (int)(length - name), value);
    if (!realpath(*parent ? parent : ".", project))
        return core_fail(ctx, EA_ERR_IO, "cannot open EADEM_DIR's folder %.200s: %s", parent,
                         strerror(errno));
    if (!(flags & LEDGER_CREATE) && !is_folder(project, LEDGER_FOLDER))
        return core_fail(ctx, EA_ERR_STATE, "EADEM_DIR is '%.200s', and there is no such folder",
                         value);
    return EA_OK;
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* Opens the folder `name` in `parent`, made if need be; −1: errno. Links are not followed: a store
 * from a stranger must not lead out of itself. */
static int open_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Git is told to leave the store alone by a file of the store. */
static bool write_ignore(int folder)
{
    int fd =
        openat(folder, ".gitignore", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno == EEXIST;
    bool written = ledger_write(fd, "*\n", 2);
    return close(fd) == 0 && written;
}

static ea_status open_folders(ledger_store *store)
{
    int project = open(store->project, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (project < 0)
        return ledger_io_error(store, "open", store->project);
    store->folder = open_folder(project, LEDGER_FOLDER);
    close(project);
    if (store->folder < 0)
        return ledger_io_error(store, "open", store->path);
    store->objects = open_folder(store->folder, "objects");
    store->temporary = open_folder(store->folder, "tmp");
    store->lock = openat(store->folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (store->objects < 0 || store->temporary < 0 || store->lock < 0 ||
        !write_ignore(store->folder))
        return ledger_io_error(store, "make the folders of", store->path);
    return EA_OK;
}

static ea_status allocate(ledger_store *store)
{
    EA_TRY(ledger_sha_create(store->ctx, &store->chunk_sha));
    EA_TRY(ledger_sha_create(store->ctx, &store->whole_sha));
    EA_TRY(ledger_packer_create(store->ctx, &store->packer));
    EA_TRY(ledger_squeezer_create(store->ctx, &store->squeezer));
    EA_TRY(ledger_stream_create(store->ctx, &store->stream));
    store->payload = core_alloc(LEDGER_CHUNK_MAX);
    store->content = core_alloc(LEDGER_CHUNK_MAX);
    if (!store->payload || !store->content)
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for the buffers of the store");
    return EA_OK;
}

static ea_status open_project(ledger_store *store, const char *project)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", project, LEDGER_FOLDER) >= (int)sizeof path)
        return core_fail(store->ctx, EA_ERR_ARGUMENT, "the path %.200s… is too long", project);
    store->project = core_strdup(project);
    store->path = core_strdup(path);
    if (!store->project || !store->path)
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory to open %.300s", path);
    EA_TRY(open_folders(store));
    EA_TRY(allocate(store));
    return ledger_database_open(store);
}

ea_status ledger_open(ea_context *ctx, const char *start, int flags, ledger_store **out)
{
    char project[PATH_MAX];
    const char *environment = start ? NULL : getenv("EADEM_DIR");
    *out = NULL;
    if (environment && *environment)
        EA_TRY(project_of_environment(ctx, environment, flags, project));
    else
        EA_TRY(find_project(ctx, start, flags, project));
    ledger_store *store = core_alloc_zero(sizeof *store);
    if (!store)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to open the store of %.300s", project);
    store->ctx = ctx;
    store->folder = store->objects = store->temporary = store->lock = store->pending.fd = -1;
    ea_status status = open_project(store, project);
    if (status == EA_OK)
        *out = store;
    else
        ledger_close(store);
    return status;
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

void ledger_close(ledger_store *store)
{
    if (!store)
        return;
    if (store->db)
        ledger_rollback(store);
    ledger_database_close(store);
    ledger_forget_packs(store);
    ledger_packer_destroy(store->packer);
    ledger_squeezer_destroy(store->squeezer);
    ledger_stream_destroy(store->stream);
    ledger_sha_destroy(store->chunk_sha);
    ledger_sha_destroy(store->whole_sha);
    close_descriptor(store->lock);
    close_descriptor(store->temporary);
    close_descriptor(store->objects);
    close_descriptor(store->folder);
    core_free(store->payload);
    core_free(store->content);
    core_free(store->path);
    core_free(store->project);
    core_free(store);
}

ea_context *ledger_context(const ledger_store *store)
{
    return store->ctx;
}

const char *ledger_project(const ledger_store *store)
{
    return store->project;
}

const char *ledger_path(const ledger_store *store)
{
    return store->path;
}

int ledger_folder(const ledger_store *store)
{
    return store->folder;
}

void ledger_on_progress(ledger_store *store, ledger_progress progress, void *argument)
{
    store->progress = progress;
    store->progress_argument = argument;
}

void ledger_report(ledger_store *store, int64_t bytes, int64_t files)
{
    if (store->progress)
        store->progress(store->progress_argument, bytes, files);
}

/* --- The lock --------------------------------------------------------------------------------- */

/* flock, because the kernel lets go of it when a process is killed. */
static ea_status lock_within(ledger_store *store, int operation, int seconds)
{
    for (int tries = 0;; tries++) {
        if (flock(store->lock, operation | LOCK_NB) == 0) {
            store->locked = true;
            return EA_OK;
        }
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ledger_io_error(store, "lock", store->path);
        if (tries >= seconds * 20)
            return core_fail(
                store->ctx, EA_ERR_STATE,
                "%.300s is in use by another process for %d seconds: try again when it "
                "is done",
                store->path, seconds);
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    }
}

ea_status ledger_lock(ledger_store *store)
{
    return store->locked ? EA_OK : lock_within(store, LOCK_SH, 600);
}

ea_status ledger_lock_alone(ledger_store *store, int seconds)
{
    return lock_within(store, LOCK_EX, seconds);
}

void ledger_unlock(ledger_store *store)
{
    if (store->locked)
        flock(store->lock, LOCK_UN);
    store->locked = false;
}
