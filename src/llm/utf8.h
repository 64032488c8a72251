/* utf8.h: UTF-8 one character at a time, and the growable byte string that the tokenizers work on.
 */
#ifndef LLM_UTF8_H
#define LLM_UTF8_H

#include "core/context.h"

#include <stddef.h>
#include <stdint.h>

/* Reads the character at text[0 … size−1], size > 0. Returns its length, 1 to 4, and the code
 * point; for ill-formed bytes minus the length of the maximal ill-formed part (Unicode 15,
 * section 3.9: what becomes one U+FFFD). */
int llm_utf8_read(const char *text, size_t size, uint32_t *code);

/* Writes 1 to 4 bytes and returns how many. */
int llm_utf8_write(uint32_t code, char out[4]);

/* How many bytes at the end are the beginning of a character that is not complete: 0 to 3. */
size_t llm_utf8_tail(const char *text, size_t size);

/* Bytes that grow. Not NUL-terminated. Zero-initialised is empty. */
typedef struct llm_text {
    char *data;
    size_t size;
    size_t capacity;
} llm_text;

ea_status llm_text_append(ea_context *ctx, llm_text *text, const char *bytes, size_t size);
/* Appends bytes, each maximal ill-formed part replaced by U+FFFD. */
ea_status llm_text_append_lossy(ea_context *ctx, llm_text *text, const char *bytes, size_t size);
void llm_text_free(llm_text *text);

/* Makes room for `more` further elements of `size` bytes in a growing array. */
ea_status llm_reserve(ea_context *ctx, void **array, size_t count, size_t *capacity, size_t more,
                      size_t size);

#endif
