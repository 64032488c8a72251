/* word_piece.c: cutting a word into the tokens of a WordPiece vocabulary. */
#include "llm/word_piece.h"

#include <string.h>

/* The bytes at `at` that make the longest token, after what `text` begins with; 0: none. */
static size_t longest_token(const llm_vocab *vocab, const char *text, size_t start, size_t size,
                            int32_t *id)
{
    for (size_t end = size; end > start; end--) {
        if (end < size && ((unsigned char)text[end] & 0xc0) == 0x80)
            continue; /* inside a character */
        *id = llm_vocab_find(vocab, text, end);
        if (*id != LLM_NO_TOKEN)
            return end - start;
    }
    return 0;
}

static int64_t count_characters(const char *word, size_t size)
{
    int64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)word[i] & 0xc0) != 0x80;
    return count;
}

static ea_status cut(ea_context *ctx, const llm_word_piece *model, const llm_vocab *vocab,
                     const char *word, size_t size, llm_text *rest, llm_ids *ids)
{
    size_t before = ids->count, used;
    int32_t id;
    for (size_t at = 0; at < size; at += used) {
        size_t start = at > 0 ? strlen(model->prefix) : 0;
        rest->size = 0;
        EA_TRY(llm_text_append(ctx, rest, model->prefix, start));
        EA_TRY(llm_text_append(ctx, rest, word + at, size - at));
        used = longest_token(vocab, rest->data, start, rest->size, &id);
        if (used == 0) {
            ids->count = before;
            return llm_ids_append(ctx, ids, model->unknown);
        }
        EA_TRY(llm_ids_append(ctx, ids, id));
    }
    return EA_OK;
}

ea_status llm_word_piece_encode(ea_context *ctx, const llm_word_piece *model,
                                const llm_vocab *vocab, const char *word, size_t size, llm_ids *ids)
{
    if (count_characters(word, size) > model->longest)
        return llm_ids_append(ctx, ids, model->unknown);
    llm_text rest = { 0 };
    ea_status status = cut(ctx, model, vocab, word, size, &rest, ids);
    llm_text_free(&rest);
    return status;
}
