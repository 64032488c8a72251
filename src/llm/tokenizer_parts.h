/* tokenizer_parts.h: the inside of a tokenizer, for its readers (tokenizer_json.c,
 * tokenizer_gguf.c) and its use (tokenizer.c, decoder.c). */
#ifndef LLM_TOKENIZER_PARTS_H
#define LLM_TOKENIZER_PARTS_H

#include "llm/added.h"
#include "llm/pieces.h"
#include "llm/tokenizer.h"
#include "llm/word_piece.h"

typedef enum llm_decoding {
    LLM_DECODE_BYTE_CHARS, /* characters stand for bytes */
    LLM_DECODE_WORDS,      /* WordPiece: spaces before tokens without the prefix */
    LLM_DECODE_PIECES      /* SentencePiece: a mark for spaces, <0xNN> for bytes */
} llm_decoding;

struct llm_tokenizer {
    llm_steps normalizer;
    llm_steps pre_tokenizer;
    llm_bpe bpe; /* its vocabulary is WordPiece's too */
    llm_word_piece word_piece;
    llm_added *added;
    size_t added_count, added_capacity;
    int32_t *added_by_id; /* id → index into added, or −1; `size` long */
    int32_t size;
    llm_added_set raw;        /* added tokens searched for in the text as it is … */
    llm_added_set normalized; /* … and in the normalised text */
    llm_ids before, after;    /* what the post-processor puts around a text */
    llm_decoding decoding;
    char *mark;       /* PIECES: what stands for a space */
    bool byte_pieces; /* PIECES: <0xNN> are bytes */
    bool cleanup;     /* WORDS: no spaces before punctuation */
    bool drop_first;  /* PIECES: marks of the first token go */
    int strip;        /* PIECES: this many leading spaces go */
};

/* Adds a token that the vocabulary may or may not have; `content` is copied. */
ea_status llm_tokenizer_add(ea_context *ctx, llm_tokenizer *tokenizer, const llm_added *token);
/* Builds the search sets; call when all tokens are there. */
ea_status llm_tokenizer_finish(ea_context *ctx, llm_tokenizer *tokenizer);
/* The text of a token and whether it is an added one; NULL for no token. */
const char *llm_tokenizer_text(const llm_tokenizer *tokenizer, int32_t id, size_t *size,
                               const llm_added **added);

#endif
