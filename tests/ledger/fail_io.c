/* A shim for LD_PRELOAD. The FAIL_AT-th call that changes the file system fails with FAIL_ERRNO; as FAIL_HOW says
 * it alone (once), with all after it (on), or the process is killed there (kill). A failing write first writes half,
 * as a full disk does. The number of calls is written to the file FAIL_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls;

static int is(const char *how)
{
    const char *wanted = getenv("FAIL_HOW");
    return wanted && strcmp(wanted, how) == 0;
}

static int fails(void)
{
    const char *at = getenv("FAIL_AT");
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST), wanted = at ? atol(at) : 0;
    return wanted && (is("on") ? number >= wanted : number == wanted);
}

static int refuse(void)
{
    const char *error = getenv("FAIL_ERRNO");
    if (is("kill"))
        kill(getpid(), SIGKILL);
    errno = error ? atoi(error) : EIO;
    return -1;
}

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("FAIL_COUNT");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", calls);
        fclose(file);
    }
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = REAL(ssize_t, write, int, const void *, size_t);
    if (fd <= 2)
        return real(fd, data, size);
    if (!fails())
        return real(fd, data, size);
    real(fd, data, size / 2);
    return refuse();
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return fails() ? refuse() : REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return fails() ? refuse()
                   : REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, size, at);
}

int fsync(int fd)
{
    return fails() ? refuse() : REAL(int, fsync, int)(fd);
}

int fdatasync(int fd)
{
    return fails() ? refuse() : REAL(int, fdatasync, int)(fd);
}

int syncfs(int fd)
{
    return fails() ? refuse() : REAL(int, syncfs, int)(fd);
}

int ftruncate(int fd, off_t size)
{
    return fails() ? refuse() : REAL(int, ftruncate, int, off_t)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return fails() ? refuse() : REAL(int, ftruncate64, int, off64_t)(fd, size);
}

int rename(const char *from, const char *to)
{
    return fails() ? refuse() : REAL(int, rename, const char *, const char *)(from, to);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails() ? refuse()
                   : REAL(int, renameat, int, const char *, int, const char *)(from_fd, from, to_fd,
                                                                               to);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
    return fails() ? refuse() : REAL(int, mkdirat, int, const char *, mode_t)(fd, name, mode);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return fails() ? refuse()
                   : REAL(int, linkat, int, const char *, int, const char *, int)(from_fd, from, to_fd,
                                                                                  to, flags);
}

int symlinkat(const char *target, int fd, const char *name)
{
    return fails() ? refuse() : REAL(int, symlinkat, const char *, int, const char *)(target, fd, name);
}

/* O_TMPFILE has bits in common with O_DIRECTORY. */
static int creates(int flags)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

static mode_t mode_of(int flags, va_list list)
{
    return creates(flags) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...)                              \
    {                                                                       \
        va_list list;                                                       \
        va_start(list, flags);                                              \
        mode_t mode = mode_of(flags, list);                                 \
        va_end(list);                                                       \
        if (creates(flags) && fails())                                      \
            return refuse();                                                \
        return REAL(int, name, const char *, int, ...)(path, flags, mode);  \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                \
    int name(int fd, const char *path, int flags, ...)                              \
    {                                                                               \
        va_list list;                                                               \
        va_start(list, flags);                                                      \
        mode_t mode = mode_of(flags, list);                                         \
        va_end(list);                                                               \
        if (creates(flags) && fails())                                              \
            return refuse();                                                        \
        return REAL(int, name, int, const char *, int, ...)(fd, path, flags, mode); \
    }

OPENAT(openat)
OPENAT(openat64)
