/* vocab.h: the two tables of a byte-pair model: token text ↔ id, and pair of ids → merge. */
#ifndef LLM_VOCAB_H
#define LLM_VOCAB_H

#include "llm/utf8.h"

enum { LLM_NO_TOKEN = -1, LLM_MAX_TOKENS = 1 << 24 };

typedef struct llm_vocab_entry {
    size_t start; /* in texts */
    uint32_t size;
    int32_t id;
} llm_vocab_entry;

typedef struct llm_vocab {
    llm_text texts;
    llm_vocab_entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* hash table of 1 + index into entries; 0 is free */
    size_t slot_count;
    int32_t *by_id; /* id → index into entries, or −1 */
    size_t ids, id_capacity;
} llm_vocab;

/* A text that is there already gets the new id (as the last of equal JSON keys wins); two texts may
 * have one id: then the first is what the id stands for. */
ea_status llm_vocab_add(ea_context *ctx, llm_vocab *vocab, const char *text, size_t size,
                        int64_t id);
int32_t llm_vocab_find(const llm_vocab *vocab, const char *text, size_t size);
/* The text of an id, or NULL. */
const char *llm_vocab_text(const llm_vocab *vocab, int32_t id, size_t *size);
void llm_vocab_free(llm_vocab *vocab);

typedef struct llm_merge {
    int32_t left, right;
    uint32_t rank; /* lower is sooner */
    int32_t result;
} llm_merge;

typedef struct llm_merges {
    llm_merge *slots; /* hash table; left < 0 is free */
    size_t slot_count, count;
} llm_merges;

/* A pair that is there already gets the new rank and result. */
ea_status llm_merges_add(ea_context *ctx, llm_merges *merges, llm_merge merge);
const llm_merge *llm_merges_find(const llm_merges *merges, int32_t left, int32_t right);
void llm_merges_free(llm_merges *merges);

#endif
