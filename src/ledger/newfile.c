/* newfile.c: a file that appears whole or not at all. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "ledger/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static ea_status failed(ea_context *ctx, const char *doing, const char *path)
{
    return core_fail(ctx, EA_ERR_IO, "cannot %s %.300s: %s%s", doing, path, strerror(errno),
                     errno == ENOSPC ? ": free some space and try again" : "");
}

/* A name beside the file's own, for file systems where a file must have one, and for taking the
 * place of another. */
static bool choose_temporary(ledger_newfile *file)
{
    uint64_t number = 0;
    return getrandom(&number, sizeof number, 0) == sizeof number &&
           snprintf(file->temporary, PATH_MAX, "%.*s.%016llx.tmp", PATH_MAX - 24, file->path,
                    (unsigned long long)number) < PATH_MAX;
}

ea_status ledger_newfile_make(ea_context *ctx, const char *path, mode_t mode, ledger_newfile *out)
{
    char folder[PATH_MAX];
    *out = (ledger_newfile){ .fd = -1 };
    if (snprintf(out->path, PATH_MAX, "%s", path) >= PATH_MAX - 24)
        return core_fail(ctx, EA_ERR_ARGUMENT, "the path %.200s… is too long", path);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    out->fd = open(slash ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
    if (out->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR) && choose_temporary(out))
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return out->fd < 0 ? failed(ctx, "make", path) : EA_OK;
}

static bool give_name(const ledger_newfile *file, const char *name)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool name_it(ledger_newfile *file)
{
    if (!file->temporary[0]) {
        if (give_name(file, file->path))
            return true;
        if (errno != EEXIST || !choose_temporary(file) || !give_name(file, file->temporary))
            return false;
    }
    return rename(file->temporary, file->path) == 0;
}

ea_status ledger_newfile_publish(ea_context *ctx, ledger_newfile *file)
{
    ea_status status = EA_OK;
    if (fsync(file->fd) != 0)
        status = failed(ctx, "write", file->path);
    else if (!name_it(file))
        status = failed(ctx, "make", file->path);
    if (status != EA_OK) {
        ledger_newfile_drop(file);
        return status;
    }
    int error = close(file->fd);
    file->fd = -1;
    return error ? failed(ctx, "write", file->path) : EA_OK;
}

void ledger_newfile_drop(ledger_newfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    if (file->temporary[0])
        unlink(file->temporary);
}
