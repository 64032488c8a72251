/* tokenizer.h: text to token ids and back, bit for bit as Hugging Face's `tokenizers`.
 *
 * A tokenizer is read from tokenizer.json or from GGUF metadata, and then never changes: threads
 * may share it. Text that is not well-formed UTF-8 is repaired first: each maximal ill-formed part
 * becomes U+FFFD. Whatever the file asks for and this reader does not have is refused by name.
 */
#ifndef LLM_TOKENIZER_H
#define LLM_TOKENIZER_H

#include "llm/bpe.h"
#include "llm/gguf.h"

typedef struct llm_tokenizer llm_tokenizer;

/* From the bytes of a tokenizer.json. "truncation" and "padding" in it are not used. */
ea_status llm_tokenizer_from_json(ea_context *ctx, const char *json, size_t size,
                                  llm_tokenizer **out);
/* From a tokenizer.json file. */
ea_status llm_tokenizer_open(ea_context *ctx, const char *path, llm_tokenizer **out);
/* From the metadata of a GGUF file, which is not needed afterwards. */
ea_status llm_tokenizer_from_gguf(ea_context *ctx, const llm_gguf *gguf, llm_tokenizer **out);
void llm_tokenizer_free(llm_tokenizer *tokenizer);

/* Appends the tokens of a text; with `special`, between those that the post-processor puts around
 * it (such as a begin-of-text token). */
ea_status llm_tokenizer_encode(ea_context *ctx, const llm_tokenizer *tokenizer, const char *text,
                               size_t size, bool special, llm_ids *ids);

/* Appends the text of tokens; ids that are no tokens give nothing. `skip_special` leaves special
 * tokens out. */
ea_status llm_tokenizer_decode(ea_context *ctx, const llm_tokenizer *tokenizer, const int32_t *ids,
                               size_t count, bool skip_special, llm_text *out);

/* Appends the bytes that one token stands for, which may be no whole characters. */
ea_status llm_tokenizer_bytes(ea_context *ctx, const llm_tokenizer *tokenizer, int32_t id,
                              llm_text *out);

/* The id of a token written out ("<|im_end|>"), or LLM_NO_TOKEN. */
int32_t llm_tokenizer_find(const llm_tokenizer *tokenizer, const char *token);
/* One more than the largest id. */
int32_t llm_tokenizer_size(const llm_tokenizer *tokenizer);

/* --- Decoding as tokens come: the parts joined are what decoding the whole gives ---------------
 */

typedef struct llm_decoder {
    const llm_tokenizer *tokenizer;
    bool skip_special;
    bool started;  /* a token has been seen */
    int to_strip;  /* leading spaces that may still go */
    llm_text held; /* bytes that are not a whole character yet */
} llm_decoder;

void llm_decoder_begin(llm_decoder *decoder, const llm_tokenizer *tokenizer, bool skip_special);
/* The tokens to come follow others: their first space stays. */
void llm_decoder_continue(llm_decoder *decoder);
/* Appends the text that is certain after this token. */
ea_status llm_decoder_push(ea_context *ctx, llm_decoder *decoder, int32_t id, llm_text *out);
/* Appends what was held back, as U+FFFD where it is no character. */
ea_status llm_decoder_end(ea_context *ctx, llm_decoder *decoder, llm_text *out);
void llm_decoder_free(llm_decoder *decoder);

#endif
