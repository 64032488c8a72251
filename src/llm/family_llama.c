/* family_llama.c: Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024). */
#include "llm/family.h"

/* GGUF files of this architecture have the rows of q and k permuted for adjacent pairs. */
static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *config)
{
    EA_TRY(llm_expect_bool(ctx, source, "mlp_bias", false));
    config->adjacent_pairs = source->is_gguf;
    return llm_configure_decoder(ctx, source, config);
}

const llm_family llm_llama = {
    .model_type = "llama",
    .architecture = "llama",
    .names = &llm_decoder_names,
    .gguf_names = &llm_decoder_gguf_names,
    .configure = configure,
};
