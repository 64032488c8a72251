/* json.h: JSON files, and members of an object whose absence or type is an error that names the
 * file. */
#ifndef IO_JSON_H
#define IO_JSON_H

#include "core/context.h"

#include <jansson.h>

/* Reads a file of at most 16 MiB; keys that come twice are errors. */
ea_status io_json_load(ea_context *ctx, const char *path, json_t **out);
/* Writes atomically; the same value gives the same bytes. */
ea_status io_json_save(ea_context *ctx, const char *path, const json_t *value);

/* Members that must be there. `path` is for the error text. */
ea_status io_json_int(ea_context *ctx, const char *path, const json_t *object, const char *key,
                      int64_t min, int64_t max, int64_t *out);
/* Lives as long as the object. */
ea_status io_json_string(ea_context *ctx, const char *path, const json_t *object, const char *key,
                         const char **out);

#endif
