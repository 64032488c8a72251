/* family_mistral.c: Mistral 7B and its kin (Jiang et al. 2023): Llama with a sliding window. In
 * GGUF they are of architecture "llama". */
#include "llm/family.h"

static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *config)
{
    EA_TRY(llm_configure_decoder(ctx, source, config));
    return llm_configure_window(ctx, source, true, 0, config);
}

const llm_family llm_mistral = {
    .model_type = "mistral",
    .names = &llm_decoder_names,
    .configure = configure,
};
