/* A tokenizer.json from outside, then, after a NUL byte, a text for it: encoded, and decoded; its
 * bytes also as ids. Decoding token by token gives the text of the whole. */
#include "llm/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const llm_tokenizer *tokenizer, const llm_ids *ids, bool skip_special)
{
    llm_text whole = { 0 }, parts = { 0 };
    llm_decoder decoder;
    llm_decoder_begin(&decoder, tokenizer, skip_special);
    ea_status status =
        llm_tokenizer_decode(NULL, tokenizer, ids->data, ids->count, skip_special, &whole);
    for (size_t i = 0; i < ids->count && status == EA_OK; i++)
        status = llm_decoder_push(NULL, &decoder, ids->data[i], &parts);
    if (status == EA_OK)
        status = llm_decoder_end(NULL, &decoder, &parts);
    if (status == EA_OK &&
        (parts.size != whole.size || (whole.size && memcmp(parts.data, whole.data, whole.size))))
        abort();
    llm_decoder_free(&decoder);
    llm_text_free(&whole);
    llm_text_free(&parts);
}

static void use(const llm_tokenizer *tokenizer, const uint8_t *text, size_t size)
{
    llm_ids ids = { 0 };
    if (llm_tokenizer_encode(NULL, tokenizer, (const char *)text, size, true, &ids) == EA_OK)
        decode(tokenizer, &ids, false);
    ids.count = 0;
    for (size_t i = 0; i < size; i++)
        if (llm_ids_append(NULL, &ids, (int32_t)text[i] - 2) != EA_OK)
            break;
    decode(tokenizer, &ids, true);
    llm_ids_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *text = memchr(data, 0, size);
    size_t json = text ? (size_t)(text - data) : size;
    llm_tokenizer *tokenizer;
    if (llm_tokenizer_from_json(NULL, (const char *)data, json, &tokenizer) != EA_OK)
        return 0;
    if (text)
        use(tokenizer, text + 1, size - json - 1);
    llm_tokenizer_free(tokenizer);
    return 0;
}
