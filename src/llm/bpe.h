/* bpe.h: byte-pair encoding of one piece of text (Sennrich et al. 2016), as Hugging Face's
 * `tokenizers` and SentencePiece do it. */
#ifndef LLM_BPE_H
#define LLM_BPE_H

#include "llm/vocab.h"

typedef struct llm_bpe {
    llm_vocab vocab;
    llm_merges merges;
    int32_t unknown;    /* id for a character that is no token, or LLM_NO_TOKEN: it is dropped */
    bool fuse_unknown;  /* a run of unknown characters is one token */
    bool byte_fallback; /* an unknown character becomes its bytes' tokens, <0x00> to <0xFF> */
    bool ignore_merges; /* a piece that is a token as a whole is that token */
    int32_t bytes[256]; /* ids of <0x00> … <0xFF>, or LLM_NO_TOKEN */
} llm_bpe;

typedef struct llm_ids {
    int32_t *data;
    size_t count;
    size_t capacity;
} llm_ids;

ea_status llm_ids_append(ea_context *ctx, llm_ids *ids, int32_t id);
void llm_ids_free(llm_ids *ids);

/* Looks the byte tokens up; call when the vocabulary is complete. */
void llm_bpe_find_bytes(llm_bpe *bpe);

/* Appends the tokens of one piece of well-formed UTF-8. Time O(n log n). */
ea_status llm_bpe_encode(ea_context *ctx, const llm_bpe *bpe, const char *piece, size_t size,
                         llm_ids *ids);
void llm_bpe_free(llm_bpe *bpe);

#endif
