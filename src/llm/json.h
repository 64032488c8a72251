/* json.h: reading members of JSON objects with errors that name them. */
#ifndef LLM_JSON_H
#define LLM_JSON_H

#include "core/context.h"

#include <jansson.h>

/* `what` names the document in error texts. The caller gives *out back with json_decref(). */
ea_status llm_json_parse(ea_context *ctx, const char *what, const char *bytes, size_t size,
                         json_t **out);

/* Members that are missing or null give the default (NULL for texts); a wrong type is an error. */
ea_status llm_json_string(ea_context *ctx, const char *what, const json_t *object, const char *key,
                          const char **out);
ea_status llm_json_bool(ea_context *ctx, const char *what, const json_t *object, const char *key,
                        bool fallback, bool *out);
ea_status llm_json_int(ea_context *ctx, const char *what, const json_t *object, const char *key,
                       int64_t fallback, int64_t low, int64_t high, int64_t *out);
ea_status llm_json_real(ea_context *ctx, const char *what, const json_t *object, const char *key,
                        double fallback, double *out);

/* The whole of a file in memory, a NUL after it; the caller frees it with core_free(). */
ea_status llm_read_file(ea_context *ctx, const char *path, size_t limit, char **bytes,
                        size_t *size);

#endif
