/* fuzz.h: what the fuzz targets share: the input as a file, and a context. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "eadem/core.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ea_context *fuzz_context(void)
{
    static ea_context *ctx;
    if (!ctx && ea_context_create(&(ea_context_options){ .threads = 1 }, &ctx) != EA_OK)
        abort();
    return ctx;
}

/* A path under which the input can be opened, until the next call. */
static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    if (fd >= 0)
        close(fd);
    fd = memfd_create("input", 0);
    if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* What every parser owes its caller: a result or a sentence, never both and never neither. */
static inline void fuzz_check(ea_status status, const void *result)
{
    if ((status == EA_OK) != (result != NULL) ||
        (status != EA_OK && !*ea_error_text(fuzz_context())))
        abort();
}

#endif
