/* decoder.c: token ids to text, one token at a time. */
#include "core/memory.h"
#include "llm/tokenizer_parts.h"

#include <string.h>

void llm_decoder_begin(llm_decoder *decoder, const llm_tokenizer *tokenizer, bool skip_special)
{
    *decoder = (llm_decoder){ .tokenizer = tokenizer,
                              .skip_special = skip_special,
                              .to_strip = tokenizer->strip };
}

void llm_decoder_continue(llm_decoder *decoder)
{
    decoder->started = true;
    decoder->to_strip = 0;
}

void llm_decoder_free(llm_decoder *decoder)
{
    llm_text_free(&decoder->held);
}

/* --- Byte characters ---------------------------------------------------------------------------
 */

/* Appends the bytes that a token's characters stand for; a token with a character that stands for
 * none is its own bytes. */
static ea_status append_bytes(ea_context *ctx, llm_text *held, const char *token, size_t size)
{
    size_t before = held->size;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        int length = llm_utf8_read(token + at, size - at, &code);
        int byte = length > 0 ? llm_char_byte(code) : -1;
        if (byte < 0) {
            held->size = before;
            return llm_text_append(ctx, held, token, size);
        }
        EA_TRY(llm_text_append(ctx, held, &(char){ (char)byte }, 1));
        at += (size_t)length;
    }
    return EA_OK;
}

static ea_status push_byte_chars(ea_context *ctx, llm_decoder *decoder, const char *token,
                                 size_t size, llm_text *out)
{
    llm_text *held = &decoder->held;
    EA_TRY(append_bytes(ctx, held, token, size));
    size_t tail = llm_utf8_tail(held->data, held->size), whole = held->size - tail;
    EA_TRY(llm_text_append_lossy(ctx, out, held->data, whole));
    memmove(held->data, held->data + whole, tail);
    held->size = tail;
    return EA_OK;
}

/* --- Pieces ------------------------------------------------------------------------------------
 */

/* The byte that "<0xNN>" names, or −1. */
static int piece_byte(const char *token, size_t size)
{
    if (size != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    int byte = 0;
    for (int i = 3; i < 5; i++) {
        const char *digits = "0123456789abcdef", *digit;
        char c = token[i] >= 'A' && token[i] <= 'F' ? (char)(token[i] + 32) : token[i];
        if (c == 0 || !(digit = strchr(digits, c)))
            return -1;
        byte = byte * 16 + (int)(digit - digits);
    }
    return byte;
}

static ea_status put(ea_context *ctx, llm_decoder *decoder, const char *text, size_t size,
                     llm_text *out)
{
    while (size > 0 && decoder->to_strip > 0) {
        if (*text != ' ') {
            decoder->to_strip = 0;
            break;
        }
        decoder->to_strip--;
        text++;
        size--;
    }
    return llm_text_append(ctx, out, text, size);
}

/* A run of byte tokens is text if all of it is well-formed, else one U+FFFD a byte. */
static ea_status put_held(ea_context *ctx, llm_decoder *decoder, llm_text *out)
{
    llm_text *held = &decoder->held;
    bool good = true;
    for (size_t at = 0; good && at < held->size;) {
        uint32_t code;
        int length = llm_utf8_read(held->data + at, held->size - at, &code);
        good = length > 0;
        at += good ? (size_t)length : 0;
    }
    size_t size = held->size;
    held->size = 0;
    if (good)
        return put(ctx, decoder, held->data, size, out);
    for (size_t i = 0; i < size; i++)
        EA_TRY(put(ctx, decoder, "\xef\xbf\xbd", 3, out));
    return EA_OK;
}

static ea_status push_piece(ea_context *ctx, llm_decoder *decoder, const char *token, size_t size,
                            bool first, llm_text *out)
{
    const llm_tokenizer *t = decoder->tokenizer;
    int byte = t->byte_pieces ? piece_byte(token, size) : -1;
    if (byte >= 0)
        return llm_text_append(ctx, &decoder->held, &(char){ (char)byte }, 1);
    EA_TRY(put_held(ctx, decoder, out));
    size_t mark = strlen(t->mark);
    for (size_t at = 0; at < size;) {
        if (size - at >= mark && memcmp(token + at, t->mark, mark) == 0) {
            if (!(first && t->drop_first))
                EA_TRY(put(ctx, decoder, " ", 1, out));
            at += mark;
        } else {
            EA_TRY(put(ctx, decoder, token + at++, 1, out));
        }
    }
    return EA_OK;
}

/* --- Words --------------------------------------------------------------------------------------
 */

/* Replaces every `from` in the text from `begin` on, which gets no longer. */
static void replace_from(llm_text *text, size_t begin, const char *from, const char *to)
{
    size_t from_size = strlen(from), to_size = strlen(to);
    for (size_t at = begin; at + from_size <= text->size; at++)
        if (memcmp(text->data + at, from, from_size) == 0) {
            memcpy(text->data + at, to, to_size);
            memmove(text->data + at + to_size, text->data + at + from_size,
                    text->size - at - from_size);
            text->size -= from_size - to_size;
            at += to_size - 1;
        }
}

static ea_status push_word(ea_context *ctx, const llm_tokenizer *t, const char *token, size_t size,
                           bool first, llm_text *out)
{
    static const char *const tidy[][2] = {
        { " .", "." },   { " ?", "?" },     { " !", "!" },    { " ,", "," },
        { " ' ", "'" },  { " n't", "n't" }, { " 'm", "'m" },  { " do not", " don't" },
        { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" }
    };
    size_t begin = out->size, prefix = strlen(t->word_piece.prefix);
    bool inside = !first && size >= prefix && memcmp(token, t->word_piece.prefix, prefix) == 0;
    if (!first && !inside)
        EA_TRY(llm_text_append(ctx, out, " ", 1));
    EA_TRY(llm_text_append(ctx, out, token + (inside ? prefix : 0), size - (inside ? prefix : 0)));
    for (size_t i = 0; t->cleanup && i < sizeof tidy / sizeof tidy[0]; i++)
        replace_from(out, begin, tidy[i][0], tidy[i][1]);
    return EA_OK;
}

/* --- All --------------------------------------------------------------------------------------
 */

ea_status llm_decoder_push(ea_context *ctx, llm_decoder *decoder, int32_t id, llm_text *out)
{
    size_t size = 0;
    const llm_added *added;
    const char *token = llm_tokenizer_text(decoder->tokenizer, id, &size, &added);
    if (!token || (added && added->special && decoder->skip_special))
        return EA_OK;
    bool first = !decoder->started;
    decoder->started = true;
    if (decoder->tokenizer->decoding == LLM_DECODE_BYTE_CHARS)
        return push_byte_chars(ctx, decoder, token, size, out);
    if (decoder->tokenizer->decoding == LLM_DECODE_WORDS)
        return push_word(ctx, decoder->tokenizer, token, size, first, out);
    return push_piece(ctx, decoder, token, size, first, out);
}

ea_status llm_decoder_end(ea_context *ctx, llm_decoder *decoder, llm_text *out)
{
    if (decoder->tokenizer->decoding == LLM_DECODE_PIECES)
        return put_held(ctx, decoder, out);
    ea_status status = llm_text_append_lossy(ctx, out, decoder->held.data, decoder->held.size);
    decoder->held.size = 0;
    return status;
}

ea_status llm_tokenizer_decode(ea_context *ctx, const llm_tokenizer *tokenizer, const int32_t *ids,
                               size_t count, bool skip_special, llm_text *out)
{
    llm_decoder decoder;
    llm_decoder_begin(&decoder, tokenizer, skip_special);
    ea_status status = EA_OK;
    for (size_t i = 0; status == EA_OK && i < count; i++)
        status = llm_decoder_push(ctx, &decoder, ids[i], out);
    if (status == EA_OK)
        status = llm_decoder_end(ctx, &decoder, out);
    llm_decoder_free(&decoder);
    return status;
}

ea_status llm_tokenizer_bytes(ea_context *ctx, const llm_tokenizer *tokenizer, int32_t id,
                              llm_text *out)
{
    size_t size = 0;
    const llm_added *added;
    const char *token = llm_tokenizer_text(tokenizer, id, &size, &added);
    if (!token)
        return EA_OK;
    if (tokenizer->decoding == LLM_DECODE_BYTE_CHARS)
        return append_bytes(ctx, out, token, size);
    if (tokenizer->decoding == LLM_DECODE_WORDS)
        return push_word(ctx, tokenizer, token, size, false, out);
    int byte = tokenizer->byte_pieces ? piece_byte(token, size) : -1;
    if (byte >= 0)
        return llm_text_append(ctx, out, &(char){ (char)byte }, 1);
    llm_decoder decoder;
    llm_decoder_begin(&decoder, tokenizer, false);
    llm_decoder_continue(&decoder);
    return push_piece(ctx, &decoder, token, size, false, out);
}
