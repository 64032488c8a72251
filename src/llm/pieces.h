/* pieces.h: a text cut into pieces, and the steps that normalise and cut it (the "normalizer" and
 * "pre_tokenizer" of tokenizer.json). Only the steps that the supported families use exist. */
#ifndef LLM_PIECES_H
#define LLM_PIECES_H

#include "llm/utf8.h"

typedef struct llm_piece {
    size_t start, size; /* in the text */
    bool at_start;      /* it begins where the whole input begins */
} llm_piece;

typedef struct llm_pieces {
    llm_text text;
    llm_piece *list;
    size_t count, capacity;
} llm_pieces;

/* Appends one piece; an empty one is left out. */
ea_status llm_pieces_add(ea_context *ctx, llm_pieces *pieces, const char *text, size_t size,
                         bool at_start);
void llm_pieces_clear(llm_pieces *pieces);
void llm_pieces_free(llm_pieces *pieces);

typedef struct llm_regex llm_regex; /* regex.c */

typedef enum llm_step_kind {
    LLM_STEP_NFC,
    LLM_STEP_NFD,
    LLM_STEP_NFKC,
    LLM_STEP_NFKD,
    LLM_STEP_PREPEND,         /* `text` before a piece, unless it is empty */
    LLM_STEP_REPLACE,         /* every `text` by `replacement` */
    LLM_STEP_SPLIT,           /* at matches of `regex`, which become pieces of their own or go */
    LLM_STEP_PREFIX_SPACE,    /* a space before a piece that has none */
    LLM_STEP_BYTE_CHARS,      /* every byte becomes the printable character that stands for it */
    LLM_STEP_BERT_CLEAN,      /* control characters go, white space becomes spaces */
    LLM_STEP_BERT_IDEOGRAPHS, /* spaces around Chinese characters */
    LLM_STEP_STRIP_MARKS,     /* non-spacing marks go */
    LLM_STEP_LOWERCASE,
    LLM_STEP_BERT_SPLIT, /* words and punctuation marks become pieces, white space goes */
    LLM_STEP_METASPACE   /* spaces become `replacement`, and one is prepended as `prefix` says */
} llm_step_kind;

typedef enum llm_prefix { LLM_PREFIX_NEVER, LLM_PREFIX_FIRST, LLM_PREFIX_ALWAYS } llm_prefix;

typedef struct llm_step {
    llm_step_kind kind;
    char *text;
    char *replacement;
    llm_regex *regex;
    bool drop;   /* SPLIT: matches go */
    bool invert; /* SPLIT: what does not match is the match */
    bool split;  /* METASPACE: cut before every replacement */
    llm_prefix prefix;
} llm_step;

enum { LLM_MAX_STEPS = 16 };

typedef struct llm_steps {
    llm_step list[LLM_MAX_STEPS];
    int count;
} llm_steps;

/* Adds an empty step for the caller to fill. */
ea_status llm_steps_add(ea_context *ctx, llm_steps *steps, llm_step_kind kind, llm_step **out);
/* Runs every step over every piece. */
ea_status llm_steps_run(ea_context *ctx, const llm_steps *steps, llm_pieces *pieces);
void llm_steps_free(llm_steps *steps);

/* The printable character that stands for a byte in byte-level vocabularies (GPT-2), and back: −1
 * for a character that stands for none. */
uint32_t llm_byte_char(unsigned char byte);
int llm_char_byte(uint32_t code);

/* --- regex.c ---------------------------------------------------------------------------------- */

/* `literal`: the pattern is plain text. */
ea_status llm_regex_compile(ea_context *ctx, const char *pattern, bool literal, llm_regex **out);
/* The next match in well-formed text at or after `from`; *found false when there is none. */
ea_status llm_regex_next(ea_context *ctx, const llm_regex *regex, const char *text, size_t size,
                         size_t from, size_t *start, size_t *end, bool *found);
void llm_regex_free(llm_regex *regex);
/* Did the character enter the class ("L", "M", "N") between Unicode 14 and 16? */
bool llm_class_gained(const char *name, uint32_t code);

/* --- unicode.c: Unicode normalisation forms ----------------------------------------------------*/

ea_status llm_unicode_normalize(ea_context *ctx, llm_step_kind form, const char *text, size_t size,
                                llm_text *out);

#endif
