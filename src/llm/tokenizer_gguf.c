/* tokenizer_gguf.c: the tokenizer in a GGUF file's metadata: "gpt2" (byte-level, with merges) and
 * "llama" (SentencePiece's byte-pair model, whose merges follow from the tokens' scores). */
#include "core/memory.h"
#include "llm/gguf.h"
#include "llm/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tokenizer.ggml.token_type */
enum { TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4 };

static const char mark[] = "▁";

#define TAIL "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

/* tokenizer.ggml.pre and the pattern that stands for it. */
static const struct {
    const char *name, *pattern;
    bool nfc, ignore_merges;
} patterns[] = {
    { "gpt-2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
      false, false },
    { "llama-bpe",
      CONTRACTIONS
      "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" TAIL,
      false, true },
    { "qwen2",
      CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" TAIL,
      true, false },
    { "tekken",
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"
      "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" TAIL,
      false, true },
};

/* --- Vocabulary --------------------------------------------------------------------------------
 */

static ea_status read_tokens(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    const llm_gguf_value *tokens, *types;
    EA_TRY(llm_gguf_array(ctx, gguf, "tokenizer.ggml.tokens", LLM_GGUF_STRING, &tokens));
    EA_TRY(llm_gguf_array(ctx, gguf, "tokenizer.ggml.token_type", LLM_GGUF_I32, &types));
    if (types->count != tokens->count)
        return core_fail(ctx, EA_ERR_FORMAT, "GGUF: %llu tokens and %llu token types",
                         (unsigned long long)tokens->count, (unsigned long long)types->count);
    t->bpe.unknown = LLM_NO_TOKEN;
    const unsigned char *at = tokens->data;
    for (uint64_t i = 0; i < tokens->count; i++) {
        llm_gguf_text text = llm_gguf_next_string(&at);
        int64_t type = llm_gguf_element_int(types, i);
        EA_TRY(llm_vocab_add(ctx, &t->bpe.vocab, text.data, text.size, (int64_t)i));
        if (type == TYPE_UNKNOWN)
            t->bpe.unknown = (int32_t)i;
        if (type == TYPE_UNKNOWN || type == TYPE_CONTROL || type == TYPE_USER)
            EA_TRY(llm_tokenizer_add(ctx, t,
                                     &(llm_added){ .id = (int32_t)i,
                                                   .content = (char *)(uintptr_t)text.data,
                                                   .size = text.size,
                                                   .special = type != TYPE_USER }));
    }
    return EA_OK;
}

static ea_status add_merge(ea_context *ctx, llm_tokenizer *t, llm_gguf_text left,
                           llm_gguf_text right, llm_gguf_text whole, uint32_t rank)
{
    const llm_vocab *vocab = &t->bpe.vocab;
    llm_merge merge = { llm_vocab_find(vocab, left.data, left.size),
                        llm_vocab_find(vocab, right.data, right.size), rank,
                        llm_vocab_find(vocab, whole.data, whole.size) };
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
        return EA_OK;
    return llm_merges_add(ctx, &t->bpe.merges, merge);
}

/* "left right"; the result is the two written together. */
static ea_status read_merges(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    const llm_gguf_value *merges;
    EA_TRY(llm_gguf_array(ctx, gguf, "tokenizer.ggml.merges", LLM_GGUF_STRING, &merges));
    const unsigned char *at = merges->data;
    llm_text joined = { 0 };
    ea_status status = EA_OK;
    for (uint64_t i = 0; status == EA_OK && i < merges->count; i++) {
        llm_gguf_text merge = llm_gguf_next_string(&at);
        const char *space = merge.size > 1 ? memchr(merge.data + 1, ' ', merge.size - 1) : NULL;
        if (!space) {
            status =
                core_fail(ctx, EA_ERR_FORMAT, "GGUF: merge %llu is no pair", (unsigned long long)i);
            break;
        }
        llm_gguf_text left = { merge.data, (size_t)(space - merge.data) };
        llm_gguf_text right = { space + 1, merge.size - left.size - 1 };
        joined.size = 0;
        status = llm_text_append(ctx, &joined, left.data, left.size);
        if (status == EA_OK)
            status = llm_text_append(ctx, &joined, right.data, right.size);
        if (status == EA_OK)
            status = add_merge(ctx, t, left, right, (llm_gguf_text){ joined.data, joined.size },
                               (uint32_t)i);
    }
    llm_text_free(&joined);
    return status;
}

/* --- Merges from scores ------------------------------------------------------------------------
 */

typedef struct scored {
    double score;
    int32_t id;
} scored;

static int by_score(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* Every way to put a token together from two others, at the token's rank. */
static ea_status add_splits(ea_context *ctx, llm_tokenizer *t, int32_t id, uint32_t rank)
{
    size_t size;
    const char *text = llm_vocab_text(&t->bpe.vocab, id, &size);
    for (size_t cut = 1; text && cut < size && size <= 256; cut++)
        if (((unsigned char)text[cut] & 0xc0) != 0x80)
            EA_TRY(add_merge(ctx, t, (llm_gguf_text){ text, cut },
                             (llm_gguf_text){ text + cut, size - cut },
                             (llm_gguf_text){ text, size }, rank));
    return EA_OK;
}

static ea_status derive_merges(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    const llm_gguf_value *scores;
    size_t count = t->bpe.vocab.ids;
    EA_TRY(llm_gguf_array(ctx, gguf, "tokenizer.ggml.scores", LLM_GGUF_F32, &scores));
    if (scores->count != count)
        return core_fail(ctx, EA_ERR_FORMAT, "GGUF: %zu tokens and %llu scores", count,
                         (unsigned long long)scores->count);
    scored *order = core_alloc((count + 1) * sizeof *order);
    if (!order)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %zu scores", count);
    for (size_t i = 0; i < count; i++)
        order[i] = (scored){ llm_gguf_element_real(scores, i), (int32_t)i };
    qsort(order, count, sizeof *order, by_score);
    ea_status status = EA_OK;
    uint32_t rank = 0;
    for (size_t i = 0; status == EA_OK && i < count; i++) {
        rank += i > 0 && order[i].score != order[i - 1].score;
        status = add_splits(ctx, t, order[i].id, rank);
    }
    core_free(order);
    return status;
}

/* --- Both kinds --------------------------------------------------------------------------------
 */

static ea_status copy_text(ea_context *ctx, const char *text, char **out)
{
    *out = core_strdup(text);
    return *out ? EA_OK : core_fail(ctx, EA_ERR_MEMORY, "no memory for a tokenizer");
}

static ea_status read_byte_level(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    llm_gguf_text pre;
    llm_step *step;
    EA_TRY(llm_gguf_string(ctx, gguf, "tokenizer.ggml.pre", &pre));
    size_t i = 0, count = sizeof patterns / sizeof patterns[0];
    while (i < count && (pre.size != strlen(patterns[i].name) ||
                         memcmp(pre.data, patterns[i].name, pre.size) != 0))
        i++;
    if (i == count)
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "GGUF: tokenizer.ggml.pre '%.*s'",
                         pre.size < 80 ? (int)pre.size : 80, pre.data ? pre.data : "");
    if (patterns[i].nfc)
        EA_TRY(llm_steps_add(ctx, &t->normalizer, LLM_STEP_NFC, &step));
    EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_SPLIT, &step));
    EA_TRY(llm_regex_compile(ctx, patterns[i].pattern, false, &step->regex));
    EA_TRY(llm_steps_add(ctx, &t->pre_tokenizer, LLM_STEP_BYTE_CHARS, &step));
    t->bpe.ignore_merges = patterns[i].ignore_merges;
    t->decoding = LLM_DECODE_BYTE_CHARS;
    return read_merges(ctx, gguf, t);
}

static ea_status read_pieces(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    bool prefix;
    llm_step *step;
    EA_TRY(llm_gguf_bool(ctx, gguf, "tokenizer.ggml.add_space_prefix", true, &prefix));
    if (prefix) {
        EA_TRY(llm_steps_add(ctx, &t->normalizer, LLM_STEP_PREPEND, &step));
        EA_TRY(copy_text(ctx, mark, &step->text));
    }
    EA_TRY(llm_steps_add(ctx, &t->normalizer, LLM_STEP_REPLACE, &step));
    EA_TRY(copy_text(ctx, " ", &step->text));
    EA_TRY(copy_text(ctx, mark, &step->replacement));
    EA_TRY(copy_text(ctx, mark, &t->mark));
    t->decoding = LLM_DECODE_PIECES;
    t->byte_pieces = true;
    t->strip = prefix;
    t->bpe.byte_fallback = true;
    t->bpe.fuse_unknown = true;
    return derive_merges(ctx, gguf, t);
}

/* A token to put before or after a text, when the file says so. */
static ea_status read_edge(ea_context *ctx, const llm_gguf *gguf, const char *flag, bool fallback,
                           const char *key, llm_ids *ids)
{
    bool wanted;
    int64_t id;
    EA_TRY(llm_gguf_bool(ctx, gguf, flag, fallback, &wanted));
    EA_TRY(llm_gguf_int(ctx, gguf, key, -1, -1, LLM_MAX_TOKENS - 1, &id));
    return wanted && id >= 0 ? llm_ids_append(ctx, ids, (int32_t)id) : EA_OK;
}

static ea_status read_tokenizer(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer *t)
{
    llm_gguf_text model;
    EA_TRY(llm_gguf_string(ctx, gguf, "tokenizer.ggml.model", &model));
    bool pieces = model.size == 5 && memcmp(model.data, "llama", 5) == 0;
    if (!pieces && (model.size != 4 || memcmp(model.data, "gpt2", 4) != 0))
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "GGUF: tokenizer.ggml.model '%.*s'",
                         model.size < 80 ? (int)model.size : 80, model.data ? model.data : "");
    EA_TRY(read_tokens(ctx, gguf, t));
    EA_TRY(pieces ? read_pieces(ctx, gguf, t) : read_byte_level(ctx, gguf, t));
    EA_TRY(read_edge(ctx, gguf, "tokenizer.ggml.add_bos_token", pieces,
                     "tokenizer.ggml.bos_token_id", &t->before));
    EA_TRY(read_edge(ctx, gguf, "tokenizer.ggml.add_eos_token", false,
                     "tokenizer.ggml.eos_token_id", &t->after));
    return llm_tokenizer_finish(ctx, t);
}

ea_status llm_tokenizer_from_gguf(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer **out)
{
    *out = NULL;
    llm_tokenizer *t = core_alloc_zero(sizeof *t);
    if (!t)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a tokenizer");
    ea_status status = read_tokenizer(ctx, gguf, t);
    if (status == EA_OK)
        *out = t;
    else
        llm_tokenizer_free(t);
    return status;
}
