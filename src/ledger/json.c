/* json.c: bytes from the file system in JSON, and reading values out of JSON without trusting it.
 */
#include "ledger/json.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

json_t *ledger_json_text_n(const char *text, size_t size)
{
    json_t *string = json_stringn(text, size); /* NULL unless UTF-8 */
    if (string)
        return string;
    char *hex = core_alloc(2 * size + 1);
    if (!hex)
        return NULL;
    for (size_t i = 0; i < size; i++)
        sprintf(hex + 2 * i, "%02x", (unsigned char)text[i]);
    hex[2 * size] = 0;
    json_t *object = json_pack("{s:s}", "hex", hex);
    core_free(hex);
    return object;
}

json_t *ledger_json_text(const char *text)
{
    return ledger_json_text_n(text, strlen(text));
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static char *from_hex(const char *hex)
{
    size_t size = strlen(hex) / 2;
    char *bytes = core_alloc(size + 1);
    for (size_t i = 0; bytes && i < size; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0 || high + low == 0) {
            core_free(bytes);
            return NULL;
        }
        bytes[i] = (char)(high << 4 | low);
    }
    if (bytes)
        bytes[size] = 0;
    return bytes;
}

char *ledger_json_bytes(const json_t *value)
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return strlen(text) == json_string_length(value) ? core_strdup(text) : NULL;
    }
    const json_t *hex = json_object_get(value, "hex");
    return json_is_string(hex) && json_string_length(hex) % 2 == 0
               ? from_hex(json_string_value(hex))
               : NULL;
}

const char *ledger_json_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int64_t ledger_json_integer(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

bool ledger_json_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

char *ledger_json_dump(const json_t *value)
{
    return json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
}
