/* file.h: whole files: mapped, read, and written so that a half-written one is never seen. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include "core/context.h"

#include <stddef.h>

/* --- Reading ------------------------------------------------------------------------------------
 */

typedef struct io_map {
    const unsigned char *data; /* NULL when the file is empty */
    size_t size;
} io_map;

/* Maps a regular file. io_unmap() takes a zeroed map. */
ea_status io_map_file(ea_context *ctx, const char *path, io_map *out);
void io_unmap(io_map *map);

/* The bytes of a file of at most `max` bytes, with a NUL after them; give back with core_free(). */
ea_status io_read_file(ea_context *ctx, const char *path, size_t max, char **out, size_t *size);

/* --- Writing ------------------------------------------------------------------------------------
 */

typedef struct io_writer {
    ea_context *ctx;
    const char *path; /* the caller's */
    char *temporary;
    int fd;
    unsigned char *buffer;
    size_t used;
} io_writer;

/* Opens a temporary file beside `path`. After an error from any of these the writer is closed and
 * the temporary file gone; io_writer_abandon() does the same. */
ea_status io_writer_open(ea_context *ctx, const char *path, io_writer *writer);
ea_status io_writer_write(io_writer *writer, const void *bytes, size_t size);
/* Syncs, renames to `path`, syncs the folder. */
ea_status io_writer_commit(io_writer *writer);
void io_writer_abandon(io_writer *writer);

/* All of these for bytes that are at hand. */
ea_status io_write_file(ea_context *ctx, const char *path, const void *bytes, size_t size);

/* Makes a folder and those above it; fine when it is there. */
ea_status io_make_folder(ea_context *ctx, const char *path);

#endif
