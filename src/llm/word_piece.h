/* word_piece.h: WordPiece (Schuster and Nakajima 2012; Devlin et al. 2018): a word becomes the
 * longest token that begins it, then the longest that goes on, and so forth. */
#ifndef LLM_WORD_PIECE_H
#define LLM_WORD_PIECE_H

#include "llm/bpe.h"

typedef struct llm_word_piece {
    char *prefix; /* of tokens inside a word; NULL: the tokenizer is none of this kind */
    int32_t unknown;
    int64_t longest; /* characters; longer words are unknown */
} llm_word_piece;

/* Appends the tokens of one word of well-formed UTF-8: the unknown token when it has no cut. */
ea_status llm_word_piece_encode(ea_context *ctx, const llm_word_piece *model,
                                const llm_vocab *vocab, const char *word, size_t size,
                                llm_ids *ids);

#endif
