/* family.h: the families of models, one file each (family_NAME.c), and their shared readers. */
#ifndef LLM_FAMILY_H
#define LLM_FAMILY_H

#include "llm/model.h"

extern const llm_family llm_llama, llm_mistral, llm_qwen2, llm_qwen3, llm_qwen3_moe, llm_gpt2,
    llm_bert;

/* Sizes that have the same names in all families but GPT-2. */
ea_status llm_configure_sizes(ea_context *ctx, const llm_source *source, llm_config *config);
/* Sizes, RMS norm, rotary positions. */
ea_status llm_configure_decoder(ea_context *ctx, const llm_source *source, llm_config *config);
/* A sliding window, if `wanted`, in layers first_layer and above; layer_types must agree. */
ea_status llm_configure_window(ea_context *ctx, const llm_source *source, bool wanted,
                               int64_t first_layer, llm_config *config);

extern const llm_names llm_decoder_names, llm_decoder_gguf_names;

#endif
