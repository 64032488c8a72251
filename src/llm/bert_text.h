/* bert_text.h: BERT's normalisation steps, and the classes of characters where it cuts words. */
#ifndef LLM_BERT_TEXT_H
#define LLM_BERT_TEXT_H

#include "llm/pieces.h"

/* Appends what a step (BERT_CLEAN, BERT_IDEOGRAPHS, STRIP_MARKS or LOWERCASE) makes of well-formed
 * text. */
ea_status llm_bert_normalize(ea_context *ctx, llm_step_kind kind, const char *text, size_t size,
                             llm_text *out);

bool llm_is_space(uint32_t code);
bool llm_is_bert_punctuation(uint32_t code);

#endif
