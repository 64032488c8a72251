/* tokenizer.c: encoding: added tokens, normaliser, pre-tokenizer, model, post-processor. */
#include "llm/tokenizer.h"
#include "core/memory.h"
#include "llm/tokenizer_parts.h"

#include <string.h>

/* --- Building ----------------------------------------------------------------------------------
 */

ea_status llm_tokenizer_add(ea_context *ctx, llm_tokenizer *tokenizer, const llm_added *token)
{
    if (token->size == 0)
        return EA_OK;
    EA_TRY(llm_reserve(ctx, (void **)&tokenizer->added, tokenizer->added_count,
                       &tokenizer->added_capacity, 1, sizeof *tokenizer->added));
    llm_added *added = &tokenizer->added[tokenizer->added_count];
    *added = *token;
    added->content = core_alloc(token->size);
    if (!added->content)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for an added token");
    memcpy(added->content, token->content, token->size);
    tokenizer->added_count++;
    if (added->id < 0 || added->id >= LLM_MAX_TOKENS)
        return core_fail(ctx, EA_ERR_FORMAT, "added token '%.*s': id %d: ids are 0 to %d",
                         (int)token->size, token->content, (int)added->id, LLM_MAX_TOKENS - 1);
    return EA_OK;
}

/* A token that is searched for in normalised text is normalised itself, for decoding too. */
static ea_status normalize_added(ea_context *ctx, llm_tokenizer *tokenizer, llm_added *token)
{
    llm_pieces pieces = { 0 };
    ea_status status = llm_pieces_add(ctx, &pieces, token->content, token->size, true);
    if (status == EA_OK)
        status = llm_steps_run(ctx, &tokenizer->normalizer, &pieces);
    if (status == EA_OK && pieces.count == 1) {
        core_free(token->content);
        token->content = pieces.text.data;
        token->size = pieces.text.size;
        pieces.text = (llm_text){ 0 };
    }
    llm_pieces_free(&pieces);
    return status;
}

static ea_status index_added(ea_context *ctx, llm_tokenizer *tokenizer)
{
    tokenizer->size = (int32_t)tokenizer->bpe.vocab.ids;
    for (size_t i = 0; i < tokenizer->added_count; i++)
        if (tokenizer->added[i].id >= tokenizer->size)
            tokenizer->size = tokenizer->added[i].id + 1;
    size_t bytes = ((size_t)tokenizer->size + 1) * sizeof *tokenizer->added_by_id;
    tokenizer->added_by_id = core_alloc(bytes);
    if (!tokenizer->added_by_id)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %zu added tokens",
                         tokenizer->added_count);
    memset(tokenizer->added_by_id, 0xff, bytes);
    for (size_t i = 0; i < tokenizer->added_count; i++)
        tokenizer->added_by_id[tokenizer->added[i].id] = (int32_t)i;
    return EA_OK;
}

ea_status llm_tokenizer_finish(ea_context *ctx, llm_tokenizer *tokenizer)
{
    llm_bpe_find_bytes(&tokenizer->bpe);
    EA_TRY(index_added(ctx, tokenizer));
    for (size_t i = 0; i < tokenizer->added_count; i++) {
        llm_added *token = &tokenizer->added[i];
        if (token->normalized)
            EA_TRY(normalize_added(ctx, tokenizer, token));
        EA_TRY(llm_added_set_add(ctx, token->normalized ? &tokenizer->normalized : &tokenizer->raw,
                                 token->content, token->size, token));
    }
    llm_added_set_sort(&tokenizer->raw);
    llm_added_set_sort(&tokenizer->normalized);
    return EA_OK;
}

void llm_tokenizer_free(llm_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    llm_steps_free(&tokenizer->normalizer);
    llm_steps_free(&tokenizer->pre_tokenizer);
    llm_bpe_free(&tokenizer->bpe);
    for (size_t i = 0; i < tokenizer->added_count; i++)
        core_free(tokenizer->added[i].content);
    core_free(tokenizer->added);
    core_free(tokenizer->added_by_id);
    llm_added_set_free(&tokenizer->raw);
    llm_added_set_free(&tokenizer->normalized);
    llm_ids_free(&tokenizer->before);
    llm_ids_free(&tokenizer->after);
    core_free(tokenizer->mark);
    core_free(tokenizer->word_piece.prefix);
    core_free(tokenizer);
}

/* --- Encoding ----------------------------------------------------------------------------------
 */

/* What one call works with. */
typedef struct encoding {
    ea_context *ctx;
    const llm_tokenizer *tokenizer;
    llm_ids *ids;
    llm_text clean;
    llm_added_parts parts, inner;
    llm_pieces normal, pieces;
} encoding;

static ea_status encode_piece(encoding *e, const char *piece, size_t size)
{
    const llm_tokenizer *t = e->tokenizer;
    return t->word_piece.prefix
               ? llm_word_piece_encode(e->ctx, &t->word_piece, &t->bpe.vocab, piece, size, e->ids)
               : llm_bpe_encode(e->ctx, &t->bpe, piece, size, e->ids);
}

static ea_status encode_plain(encoding *e, const char *text, size_t size, bool at_start)
{
    llm_pieces_clear(&e->pieces);
    EA_TRY(llm_pieces_add(e->ctx, &e->pieces, text, size, at_start));
    EA_TRY(llm_steps_run(e->ctx, &e->tokenizer->pre_tokenizer, &e->pieces));
    for (size_t i = 0; i < e->pieces.count; i++)
        EA_TRY(
            encode_piece(e, e->pieces.text.data + e->pieces.list[i].start, e->pieces.list[i].size));
    return EA_OK;
}

/* Text between raw added tokens: normalise, then look for the other added tokens. */
static ea_status encode_between(encoding *e, const char *text, size_t size, bool at_start)
{
    llm_pieces_clear(&e->normal);
    EA_TRY(llm_pieces_add(e->ctx, &e->normal, text, size, at_start));
    EA_TRY(llm_steps_run(e->ctx, &e->tokenizer->normalizer, &e->normal));
    const llm_text *normal = &e->normal.text;
    EA_TRY(llm_added_cut(e->ctx, &e->tokenizer->normalized, normal->data, normal->size, &e->inner));
    for (size_t i = 0; i < e->inner.count; i++) {
        const llm_added_part *part = &e->inner.list[i];
        if (part->token)
            EA_TRY(llm_ids_append(e->ctx, e->ids, part->token->id));
        else
            EA_TRY(encode_plain(e, normal->data + part->start, part->end - part->start,
                                at_start && part->start == 0));
    }
    return EA_OK;
}

static ea_status encode(encoding *e, const char *text, size_t size, bool special)
{
    const llm_tokenizer *t = e->tokenizer;
    for (size_t i = 0; special && i < t->before.count; i++)
        EA_TRY(llm_ids_append(e->ctx, e->ids, t->before.data[i]));
    EA_TRY(llm_text_append_lossy(e->ctx, &e->clean, text, size));
    EA_TRY(llm_added_cut(e->ctx, &t->raw, e->clean.data, e->clean.size, &e->parts));
    for (size_t i = 0; i < e->parts.count; i++) {
        const llm_added_part *part = &e->parts.list[i];
        if (part->token)
            EA_TRY(llm_ids_append(e->ctx, e->ids, part->token->id));
        else
            EA_TRY(encode_between(e, e->clean.data + part->start, part->end - part->start,
                                  part->start == 0));
    }
    for (size_t i = 0; special && i < t->after.count; i++)
        EA_TRY(llm_ids_append(e->ctx, e->ids, t->after.data[i]));
    return EA_OK;
}

ea_status llm_tokenizer_encode(ea_context *ctx, const llm_tokenizer *tokenizer, const char *text,
                               size_t size, bool special, llm_ids *ids)
{
    encoding e = { .ctx = ctx, .tokenizer = tokenizer, .ids = ids };
    ea_status status = encode(&e, text, size, special);
    llm_text_free(&e.clean);
    core_free(e.parts.list);
    core_free(e.inner.list);
    llm_pieces_free(&e.normal);
    llm_pieces_free(&e.pieces);
    return status;
}

/* --- Looking up --------------------------------------------------------------------------------
 */

const char *llm_tokenizer_text(const llm_tokenizer *tokenizer, int32_t id, size_t *size,
                               const llm_added **added)
{
    *added = NULL;
    if (id < 0 || id >= tokenizer->size)
        return NULL;
    if (tokenizer->added_by_id[id] < 0)
        return llm_vocab_text(&tokenizer->bpe.vocab, id, size);
    *added = &tokenizer->added[tokenizer->added_by_id[id]];
    *size = (*added)->size;
    return (*added)->content;
}

int32_t llm_tokenizer_find(const llm_tokenizer *tokenizer, const char *token)
{
    size_t size = strlen(token);
    for (size_t i = 0; i < tokenizer->added_count; i++)
        if (tokenizer->added[i].size == size &&
            memcmp(tokenizer->added[i].content, token, size) == 0)
            return tokenizer->added[i].id;
    return llm_vocab_find(&tokenizer->bpe.vocab, token, size);
}

int32_t llm_tokenizer_size(const llm_tokenizer *tokenizer)
{
    return tokenizer->size;
}
