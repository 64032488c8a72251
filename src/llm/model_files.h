/* model_files.h: what a MODEL argument names: a Hugging Face folder, or a .gguf file. */
#ifndef LLM_MODEL_FILES_H
#define LLM_MODEL_FILES_H

#include "llm/tokenizer.h"

/* The tokenizer of a folder (its tokenizer.json), of a .gguf file, or of a tokenizer.json itself.
 */
ea_status llm_open_tokenizer(ea_context *ctx, const char *model, llm_tokenizer **out);

/* "folder/name" in `out`; error when it is too long. */
enum { LLM_PATH_SIZE = 4096 };
ea_status llm_join_path(ea_context *ctx, const char *folder, const char *name,
                        char out[LLM_PATH_SIZE]);
bool llm_is_folder(const char *path);
bool llm_ends_with(const char *text, const char *end);

#endif
