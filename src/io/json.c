/* json.c: JSON files. */
#include "io/json.h"
#include "core/memory.h"
#include "io/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 16 << 20 };

ea_status io_json_load(ea_context *ctx, const char *path, json_t **out)
{
    char *text;
    size_t size;
    json_error_t error;
    *out = NULL;
    EA_TRY(io_read_file(ctx, path, MAX_BYTES, &text, &size));
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    core_free(text);
    if (!*out)
        return core_fail(ctx, EA_ERR_FORMAT, "%s:%d: not valid JSON: %s", path, error.line,
                         error.text);
    return EA_OK;
}

ea_status io_json_save(ea_context *ctx, const char *path, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(1));
    if (!text)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory to write it", path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the NUL: a text file ends with a new line */
    ea_status status = io_write_file(ctx, path, text, length + 1);
    free(text);
    return status;
}

ea_status io_json_int(ea_context *ctx, const char *path, const json_t *object, const char *key,
                      int64_t min, int64_t max, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return core_fail(ctx, EA_ERR_FORMAT,
                         "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64, path, key,
                         min, max);
    *out = json_integer_value(value);
    return EA_OK;
}

ea_status io_json_string(ea_context *ctx, const char *path, const json_t *object, const char *key,
                         const char **out)
{
    *out = json_string_value(json_object_get(object, key));
    if (!*out)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: \"%s\" is not a string", path, key);
    return EA_OK;
}
