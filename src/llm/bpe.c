/* bpe.c: characters to symbols, then the merges: always the one of lowest rank, leftmost first. */
#include "llm/bpe.h"
#include "core/memory.h"

#include <stdio.h>

/* A doubly linked list in an array, so that a merge takes constant time. */
typedef struct symbol {
    int32_t id;             /* LLM_NO_TOKEN: merged into the one before */
    int32_t previous, next; /* −1 at the ends */
} symbol;

/* A merge that was possible when it was queued. */
typedef struct candidate {
    uint32_t rank;
    int32_t at; /* its left symbol */
    int32_t result;
} candidate;

typedef struct work {
    ea_context *ctx;
    const llm_bpe *bpe;
    symbol *symbols;
    size_t count, capacity;
    candidate *heap;
    size_t queued, heap_capacity;
} work;

ea_status llm_ids_append(ea_context *ctx, llm_ids *ids, int32_t id)
{
    EA_TRY(llm_reserve(ctx, (void **)&ids->data, ids->count, &ids->capacity, 1, sizeof id));
    ids->data[ids->count++] = id;
    return EA_OK;
}

void llm_ids_free(llm_ids *ids)
{
    core_free(ids->data);
    *ids = (llm_ids){ 0 };
}

void llm_bpe_find_bytes(llm_bpe *bpe)
{
    for (int b = 0; b < 256; b++) {
        char name[8];
        int size = snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        bpe->bytes[b] = llm_vocab_find(&bpe->vocab, name, (size_t)size);
    }
}

void llm_bpe_free(llm_bpe *bpe)
{
    llm_vocab_free(&bpe->vocab);
    llm_merges_free(&bpe->merges);
}

/* --- Characters to symbols -------------------------------------------------------------------- */

static ea_status add_symbol(work *w, int32_t id)
{
    EA_TRY(
        llm_reserve(w->ctx, (void **)&w->symbols, w->count, &w->capacity, 1, sizeof *w->symbols));
    int32_t at = (int32_t)w->count++;
    w->symbols[at] = (symbol){ id, at - 1, at + 1 };
    return EA_OK;
}

static bool has_bytes(const llm_bpe *bpe, const char *text, int size)
{
    for (int i = 0; i < size; i++)
        if (bpe->bytes[(unsigned char)text[i]] == LLM_NO_TOKEN)
            return false;
    return true;
}

/* `pending` is whether an unknown token waits. It is written when the next known character comes,
 * but not before byte tokens: `tokenizers` does so too. */
static ea_status make_symbols(work *w, const char *piece, size_t size)
{
    const llm_bpe *bpe = w->bpe;
    bool pending = false;
    int length;
    for (size_t at = 0; at < size; at += (size_t)length) {
        uint32_t code;
        length = llm_utf8_read(piece + at, size - at, &code);
        length = length < 0 ? -length : length;
        int32_t id = llm_vocab_find(&bpe->vocab, piece + at, (size_t)length);
        if (id != LLM_NO_TOKEN) {
            if (pending)
                EA_TRY(add_symbol(w, bpe->unknown));
            pending = false;
            EA_TRY(add_symbol(w, id));
        } else if (bpe->byte_fallback && has_bytes(bpe, piece + at, length)) {
            for (int i = 0; i < length; i++)
                EA_TRY(add_symbol(w, bpe->bytes[(unsigned char)piece[at + (size_t)i]]));
        } else if (bpe->unknown != LLM_NO_TOKEN) {
            if (pending && !bpe->fuse_unknown)
                EA_TRY(add_symbol(w, bpe->unknown));
            pending = true;
        }
    }
    return pending ? add_symbol(w, bpe->unknown) : EA_OK;
}

/* --- Merges ----------------------------------------------------------------------------------- */

static bool sooner(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static ea_status push(work *w, candidate c)
{
    EA_TRY(llm_reserve(w->ctx, (void **)&w->heap, w->queued, &w->heap_capacity, 1, sizeof c));
    size_t at = w->queued++;
    for (; at > 0 && sooner(&c, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = c;
    return EA_OK;
}

static candidate pop(work *w)
{
    candidate top = w->heap[0], last = w->heap[--w->queued];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= w->queued)
            break;
        if (child + 1 < w->queued && sooner(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!sooner(&w->heap[child], &last))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = last;
    return top;
}

/* Queues the merge of symbol `at` with its right neighbour, if there is one. */
static ea_status consider(work *w, int32_t at)
{
    if (at < 0 || w->symbols[at].next < 0)
        return EA_OK;
    const llm_merge *merge =
        llm_merges_find(&w->bpe->merges, w->symbols[at].id, w->symbols[w->symbols[at].next].id);
    return merge ? push(w, (candidate){ merge->rank, at, merge->result }) : EA_OK;
}

/* False when its symbols have changed since it was queued. */
static bool still_possible(const work *w, const candidate *c)
{
    const symbol *left = &w->symbols[c->at];
    if (left->id == LLM_NO_TOKEN || left->next < 0)
        return false;
    const llm_merge *merge = llm_merges_find(&w->bpe->merges, left->id, w->symbols[left->next].id);
    return merge && merge->result == c->result;
}

static ea_status merge_symbols(work *w)
{
    for (size_t i = 0; i < w->count; i++)
        EA_TRY(consider(w, (int32_t)i));
    while (w->queued > 0) {
        candidate c = pop(w);
        if (!still_possible(w, &c))
            continue;
        symbol *left = &w->symbols[c.at], *right = &w->symbols[left->next];
        left->id = c.result;
        left->next = right->next;
        right->id = LLM_NO_TOKEN;
        if (left->next >= 0)
            w->symbols[left->next].previous = c.at;
        EA_TRY(consider(w, left->previous));
        EA_TRY(consider(w, c.at));
    }
    return EA_OK;
}

static ea_status encode(work *w, const char *piece, size_t size, llm_ids *ids)
{
    EA_TRY(make_symbols(w, piece, size));
    if (w->count == 0)
        return EA_OK;
    w->symbols[w->count - 1].next = -1;
    EA_TRY(merge_symbols(w));
    for (int32_t at = 0; at >= 0; at = w->symbols[at].next)
        EA_TRY(llm_ids_append(w->ctx, ids, w->symbols[at].id));
    return EA_OK;
}

ea_status llm_bpe_encode(ea_context *ctx, const llm_bpe *bpe, const char *piece, size_t size,
                         llm_ids *ids)
{
    if (size > INT32_MAX)
        return core_fail(ctx, EA_ERR_ARGUMENT, "a piece of %zu bytes is too long to tokenize",
                         size);
    if (bpe->ignore_merges) {
        int32_t whole = llm_vocab_find(&bpe->vocab, piece, size);
        if (whole != LLM_NO_TOKEN)
            return llm_ids_append(ctx, ids, whole);
    }
    work w = { .ctx = ctx, .bpe = bpe };
    ea_status status = encode(&w, piece, size, ids);
    core_free(w.symbols);
    core_free(w.heap);
    return status;
}
