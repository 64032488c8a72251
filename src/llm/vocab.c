/* vocab.c: open-addressing hash tables for token texts and for merges. */
#include "llm/vocab.h"
#include "core/memory.h"

#include <string.h>

static uint64_t hash_bytes(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* --- Texts ------------------------------------------------------------------------------------ */

static size_t find_slot(const llm_vocab *vocab, const char *text, size_t size)
{
    size_t mask = vocab->slot_count - 1, slot = hash_bytes(text, size) & mask;
    for (; vocab->slots[slot]; slot = (slot + 1) & mask) {
        const llm_vocab_entry *entry = &vocab->entries[vocab->slots[slot] - 1];
        if (entry->size == size && memcmp(vocab->texts.data + entry->start, text, size) == 0)
            break;
    }
    return slot;
}

static ea_status grow_slots(ea_context *ctx, llm_vocab *vocab)
{
    if ((vocab->count + 1) * 2 <= vocab->slot_count)
        return EA_OK;
    size_t wanted = vocab->slot_count ? vocab->slot_count * 2 : 256;
    uint32_t *slots = core_alloc_zero(wanted * sizeof *slots);
    if (!slots)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a vocabulary of %zu tokens",
                         vocab->count);
    core_free(vocab->slots);
    vocab->slots = slots;
    vocab->slot_count = wanted;
    for (size_t i = 0; i < vocab->count; i++) {
        const llm_vocab_entry *entry = &vocab->entries[i];
        slots[find_slot(vocab, vocab->texts.data + entry->start, entry->size)] = (uint32_t)i + 1;
    }
    return EA_OK;
}

static ea_status name_id(ea_context *ctx, llm_vocab *vocab, int32_t id, size_t entry)
{
    size_t wanted = (size_t)id + 1;
    if (wanted > vocab->ids) {
        EA_TRY(llm_reserve(ctx, (void **)&vocab->by_id, vocab->ids, &vocab->id_capacity,
                           wanted - vocab->ids, sizeof *vocab->by_id));
        memset(vocab->by_id + vocab->ids, 0xff, (wanted - vocab->ids) * sizeof *vocab->by_id);
        vocab->ids = wanted;
    }
    if (vocab->by_id[id] < 0)
        vocab->by_id[id] = (int32_t)entry;
    return EA_OK;
}

ea_status llm_vocab_add(ea_context *ctx, llm_vocab *vocab, const char *text, size_t size,
                        int64_t id)
{
    if (id < 0 || id >= LLM_MAX_TOKENS)
        return core_fail(ctx, EA_ERR_FORMAT, "vocabulary: token id %lld: ids are 0 to %d",
                         (long long)id, LLM_MAX_TOKENS - 1);
    if (size > UINT32_MAX || vocab->count >= LLM_MAX_TOKENS)
        return core_fail(ctx, EA_ERR_FORMAT, "vocabulary: too large");
    EA_TRY(grow_slots(ctx, vocab));
    size_t slot = find_slot(vocab, text, size);
    if (vocab->slots[slot]) {
        vocab->entries[vocab->slots[slot] - 1].id = (int32_t)id;
        return name_id(ctx, vocab, (int32_t)id, vocab->slots[slot] - 1);
    }
    EA_TRY(llm_reserve(ctx, (void **)&vocab->entries, vocab->count, &vocab->capacity, 1,
                       sizeof *vocab->entries));
    size_t start = vocab->texts.size;
    EA_TRY(llm_text_append(ctx, &vocab->texts, text, size));
    EA_TRY(name_id(ctx, vocab, (int32_t)id, vocab->count));
    vocab->entries[vocab->count++] = (llm_vocab_entry){ start, (uint32_t)size, (int32_t)id };
    vocab->slots[slot] = (uint32_t)vocab->count;
    return EA_OK;
}

int32_t llm_vocab_find(const llm_vocab *vocab, const char *text, size_t size)
{
    if (vocab->slot_count == 0)
        return LLM_NO_TOKEN;
    uint32_t index = vocab->slots[find_slot(vocab, text, size)];
    return index ? vocab->entries[index - 1].id : LLM_NO_TOKEN;
}

const char *llm_vocab_text(const llm_vocab *vocab, int32_t id, size_t *size)
{
    if (id < 0 || (size_t)id >= vocab->ids || vocab->by_id[id] < 0)
        return NULL;
    const llm_vocab_entry *entry = &vocab->entries[vocab->by_id[id]];
    *size = entry->size;
    return vocab->texts.data ? vocab->texts.data + entry->start : "";
}

void llm_vocab_free(llm_vocab *vocab)
{
    llm_text_free(&vocab->texts);
    core_free(vocab->entries);
    core_free(vocab->slots);
    core_free(vocab->by_id);
    *vocab = (llm_vocab){ 0 };
}

/* --- Merges ----------------------------------------------------------------------------------- */

static llm_merge *merge_slot(const llm_merges *merges, int32_t left, int32_t right)
{
    uint64_t hash = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    size_t mask = merges->slot_count - 1, slot = (hash ^ hash >> 29) & mask;
    while (merges->slots[slot].left >= 0 &&
           (merges->slots[slot].left != left || merges->slots[slot].right != right))
        slot = (slot + 1) & mask;
    return &merges->slots[slot];
}

static ea_status grow_merges(ea_context *ctx, llm_merges *merges)
{
    if ((merges->count + 1) * 2 <= merges->slot_count)
        return EA_OK;
    llm_merges grown = { .slot_count = merges->slot_count ? merges->slot_count * 2 : 256,
                         .count = merges->count };
    grown.slots = core_alloc(grown.slot_count * sizeof *grown.slots);
    if (!grown.slots)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %zu merges", merges->count);
    for (size_t i = 0; i < grown.slot_count; i++)
        grown.slots[i].left = -1;
    for (size_t i = 0; i < merges->slot_count; i++)
        if (merges->slots[i].left >= 0)
            *merge_slot(&grown, merges->slots[i].left, merges->slots[i].right) = merges->slots[i];
    core_free(merges->slots);
    *merges = grown;
    return EA_OK;
}

ea_status llm_merges_add(ea_context *ctx, llm_merges *merges, llm_merge merge)
{
    EA_TRY(grow_merges(ctx, merges));
    llm_merge *slot = merge_slot(merges, merge.left, merge.right);
    merges->count += slot->left < 0;
    *slot = merge;
    return EA_OK;
}

const llm_merge *llm_merges_find(const llm_merges *merges, int32_t left, int32_t right)
{
    if (merges->slot_count == 0)
        return NULL;
    const llm_merge *slot = merge_slot(merges, left, right);
    return slot->left >= 0 ? slot : NULL;
}

void llm_merges_free(llm_merges *merges)
{
    core_free(merges->slots);
    *merges = (llm_merges){ 0 };
}
