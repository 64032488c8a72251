/* json.c: typed access to JSON members; whole files. */
#include "llm/json.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ea_status llm_json_parse(ea_context *ctx, const char *what, const char *bytes, size_t size,
                         json_t **out)
{
    json_error_t error;
    *out = json_loadb(bytes, size, JSON_ALLOW_NUL, &error);
    if (*out)
        return EA_OK;
    return core_fail(ctx, EA_ERR_FORMAT, "%s: line %d, column %d: %s", what, error.line,
                     error.column, error.text);
}

/* The member, or NULL when it is missing or null. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static ea_status wrong_type(ea_context *ctx, const char *what, const char *key,
                            const char *expected)
{
    return core_fail(ctx, EA_ERR_FORMAT, "%s: '%s' must be %s", what, key, expected);
}

ea_status llm_json_string(ea_context *ctx, const char *what, const json_t *object, const char *key,
                          const char **out)
{
    const json_t *value = member(object, key);
    *out = NULL;
    if (!value)
        return EA_OK;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return wrong_type(ctx, what, key, "a string without NUL");
    *out = json_string_value(value);
    return EA_OK;
}

ea_status llm_json_bool(ea_context *ctx, const char *what, const json_t *object, const char *key,
                        bool fallback, bool *out)
{
    const json_t *value = member(object, key);
    *out = value ? json_is_true(value) : fallback;
    return value && !json_is_boolean(value) ? wrong_type(ctx, what, key, "true or false") : EA_OK;
}

ea_status llm_json_int(ea_context *ctx, const char *what, const json_t *object, const char *key,
                       int64_t fallback, int64_t low, int64_t high, int64_t *out)
{
    const json_t *value = member(object, key);
    *out = value ? json_integer_value(value) : fallback;
    if (value && !json_is_integer(value))
        return wrong_type(ctx, what, key, "an integer");
    if (*out < low || *out > high)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: '%s' is %lld: it must be %lld to %lld", what, key,
                         (long long)*out, (long long)low, (long long)high);
    return EA_OK;
}

ea_status llm_json_real(ea_context *ctx, const char *what, const json_t *object, const char *key,
                        double fallback, double *out)
{
    const json_t *value = member(object, key);
    *out = value ? json_number_value(value) : fallback;
    return value && !json_is_number(value) ? wrong_type(ctx, what, key, "a number") : EA_OK;
}

static ea_status read_all(ea_context *ctx, const char *path, int file, size_t size, char **bytes)
{
    *bytes = core_alloc(size + 1);
    if (!*bytes)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %zu bytes", path, size);
    for (size_t done = 0; done < size;) {
        ssize_t n = read(file, *bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            core_free(*bytes);
            *bytes = NULL;
            return core_fail(ctx, EA_ERR_IO, "%s: %s", path, n < 0 ? strerror(errno) : "it shrank");
        }
        done += (size_t)n;
    }
    (*bytes)[size] = 0;
    return EA_OK;
}

ea_status llm_read_file(ea_context *ctx, const char *path, size_t limit, char **bytes, size_t *size)
{
    *bytes = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) {
        ea_status status = core_fail(ctx, EA_ERR_IO, "%s: %s", path, strerror(errno));
        if (file >= 0)
            close(file);
        return status;
    }
    ea_status status = EA_OK;
    if (!S_ISREG(info.st_mode))
        status = core_fail(ctx, EA_ERR_IO, "%s: not a regular file", path);
    else if ((uint64_t)info.st_size > limit)
        status = core_fail(ctx, EA_ERR_FORMAT, "%s: %lld bytes: the limit is %zu", path,
                           (long long)info.st_size, limit);
    else
        status = read_all(ctx, path, file, *size = (size_t)info.st_size, bytes);
    close(file);
    return status;
}
