/* file.c: whole files. */
#include "io/file.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

/* --- Reading ------------------------------------------------------------------------------------
 */

/* Opens a regular file and tells its size. */
static ea_status open_regular(ea_context *ctx, const char *path, int *fd, size_t *size)
{
    struct stat status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not make us wait */
    if (*fd < 0 || fstat(*fd, &status) != 0) {
        int error = errno;
        if (*fd >= 0)
            close(*fd);
        return core_fail(ctx, EA_ERR_IO, "%s: cannot be opened: %s", path, strerror(error));
    }
    if (!S_ISREG(status.st_mode)) {
        close(*fd);
        return core_fail(ctx, EA_ERR_IO, "%s: is not a regular file", path);
    }
    *size = (size_t)status.st_size;
    return EA_OK;
}

ea_status io_map_file(ea_context *ctx, const char *path, io_map *out)
{
    int fd = -1;
    *out = (io_map){ 0 };
    EA_TRY(open_regular(ctx, path, &fd, &out->size));
    void *data = NULL;
    if (out->size > 0)
        data = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    close(fd);
    if (data == MAP_FAILED) {
        *out = (io_map){ 0 };
        return core_fail(ctx, EA_ERR_IO, "%s: cannot be mapped: %s", path, strerror(error));
    }
    out->data = data;
    return EA_OK;
}

void io_unmap(io_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (io_map){ 0 };
}

static ea_status read_all(ea_context *ctx, const char *path, int fd, char *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = read(fd, to + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return core_fail(ctx, EA_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0)
            return core_fail(ctx, EA_ERR_IO, "%s: became shorter while it was read", path);
        have += (size_t)got;
    }
    return EA_OK;
}

ea_status io_read_file(ea_context *ctx, const char *path, size_t max, char **out, size_t *size)
{
    int fd = -1;
    *out = NULL;
    EA_TRY(open_regular(ctx, path, &fd, size));
    ea_status status = EA_OK;
    char *bytes = NULL;
    if (*size > max)
        status = core_fail(ctx, EA_ERR_FORMAT, "%s: has %zu bytes: at most %zu are taken", path,
                           *size, max);
    else if (!(bytes = core_alloc(*size + 1)))
        status = core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %zu bytes", path, *size);
    else
        status = read_all(ctx, path, fd, bytes, *size);
    close(fd);
    if (status != EA_OK) {
        core_free(bytes);
        return status;
    }
    bytes[*size] = 0;
    *out = bytes;
    return EA_OK;
}

/* --- Writing ------------------------------------------------------------------------------------
 */

/* FOLDER/.NAME.PID-NUMBER.tmp */
static char *temporary_name(const char *path)
{
    static _Atomic unsigned number;
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    size_t size = strlen(path) + 48;
    char *name = core_alloc(size);
    if (name)
        snprintf(name, size, "%.*s.%s.%d-%u.tmp", folder, path, path + folder, (int)getpid(),
                 atomic_fetch_add(&number, 1));
    return name;
}

void io_writer_abandon(io_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temporary)
        unlink(writer->temporary);
    core_free(writer->temporary);
    core_free(writer->buffer);
    *writer = (io_writer){ .fd = -1 };
}

static ea_status writer_error(io_writer *writer, const char *what)
{
    ea_status status = core_fail(writer->ctx, EA_ERR_IO, "%s: cannot be %s: %s", writer->path, what,
                                 strerror(errno));
    io_writer_abandon(writer);
    return status;
}

ea_status io_writer_open(ea_context *ctx, const char *path, io_writer *writer)
{
    *writer = (io_writer){ .ctx = ctx, .path = path, .fd = -1 };
    char *temporary = temporary_name(path);
    writer->buffer = core_alloc(BUFFER);
    if (!temporary || !writer->buffer) {
        core_free(temporary);
        io_writer_abandon(writer);
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory to write it", path);
    }
    writer->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (writer->fd < 0) {
        int error = errno;
        core_free(temporary);
        errno = error;
        return writer_error(writer, "created");
    }
    writer->temporary = temporary;
    return EA_OK;
}

static ea_status flush(io_writer *writer)
{
    for (size_t done = 0; done < writer->used;) {
        ssize_t put = write(writer->fd, writer->buffer + done, writer->used - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return writer_error(writer, "written");
        done += (size_t)put;
    }
    writer->used = 0;
    return EA_OK;
}

ea_status io_writer_write(io_writer *writer, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    while (size > 0) {
        if (writer->used == BUFFER)
            EA_TRY(flush(writer));
        size_t piece = BUFFER - writer->used;
        piece = piece < size ? piece : size;
        memcpy(writer->buffer + writer->used, from, piece);
        writer->used += piece;
        from += piece;
        size -= piece;
    }
    return EA_OK;
}

/* So that the new name survives a power cut. Folders of some file systems cannot be synced. */
static void sync_folder(const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    if (length >= sizeof folder)
        return;
    if (length > 0) {
        memcpy(folder, path, length);
        folder[length] = 0;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

ea_status io_writer_commit(io_writer *writer)
{
    EA_TRY(flush(writer));
    if (fsync(writer->fd) != 0)
        return writer_error(writer, "synced");
    int failed = close(writer->fd);
    writer->fd = -1;
    if (failed)
        return writer_error(writer, "closed");
    if (rename(writer->temporary, writer->path) != 0)
        return writer_error(writer, "replaced");
    sync_folder(writer->path);
    core_free(writer->temporary);
    writer->temporary = NULL;
    io_writer_abandon(writer);
    return EA_OK;
}

ea_status io_write_file(ea_context *ctx, const char *path, const void *bytes, size_t size)
{
    io_writer writer;
    EA_TRY(io_writer_open(ctx, path, &writer));
    EA_TRY(io_writer_write(&writer, bytes, size));
    return io_writer_commit(&writer);
}

ea_status io_make_folder(ea_context *ctx, const char *path)
{
    char partial[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial)
        return core_fail(ctx, EA_ERR_ARGUMENT, "'%.60s' is no folder name: give 1 to %zu bytes",
                         path, sizeof partial - 1);
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != 0)
            continue;
        partial[i] = 0;
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return core_fail(ctx, EA_ERR_IO, "%s: cannot be created: %s", partial, strerror(errno));
        partial[i] = path[i];
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return core_fail(ctx, EA_ERR_IO, "%s: is not a folder", path);
    return EA_OK;
}
