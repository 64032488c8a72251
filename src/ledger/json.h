/* json.h: bytes from the file system in JSON, and reading values out of JSON without trusting it.
 */
#ifndef LEDGER_JSON_H
#define LEDGER_JSON_H

#include "core/context.h"

#include <jansson.h>

/* File names and arguments are bytes. What is UTF-8 becomes a string, anything else
 * {"hex": "66ff"}. NULL when there is no memory. */
json_t *ledger_json_text(const char *text);
json_t *ledger_json_text_n(const char *text, size_t size);

/* The bytes again, for core_free(); NULL when `value` is neither form, holds a NUL, or there is no
 * memory. */
char *ledger_json_bytes(const json_t *value);

/* Members of an object: "" and 0 when missing or of another type. The text lives as long as the
 * object. */
const char *ledger_json_string(const json_t *object, const char *key);
int64_t ledger_json_integer(const json_t *object, const char *key);
bool ledger_json_true(const json_t *object, const char *key);

/* Sorted keys, no spaces: equal values have equal bytes. For free(); NULL: no memory. */
char *ledger_json_dump(const json_t *value);

#endif
