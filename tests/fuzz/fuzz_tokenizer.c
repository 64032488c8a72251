/* A tokenizer.json from outside, then, after a NUL byte, a text for it. */
#include "llm/tokenizer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *text = memchr(data, 0, size);
    size_t json = text ? (size_t)(text - data) : size;
    llm_tokenizer *tokenizer;
    if (llm_tokenizer_from_json(NULL, (const char *)data, json, &tokenizer) != EA_OK)
        return 0;
    llm_ids ids = { 0 };
    llm_text out = { 0 };
    if (text)
        llm_tokenizer_encode(NULL, tokenizer, (const char *)text, size - json, true, &ids);
    llm_tokenizer_decode(NULL, tokenizer, ids.data, ids.count, false, &out);
    llm_ids_free(&ids);
    llm_text_free(&out);
    llm_tokenizer_free(tokenizer);
    return 0;
}
