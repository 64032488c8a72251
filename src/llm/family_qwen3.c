/* family_qwen3.c: Qwen 3 (Yang et al. 2025): Llama with RMS norm of each head of q and k. */
#include "llm/family.h"

static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *config)
{
    bool window;
    int64_t first;
    EA_TRY(llm_configure_decoder(ctx, source, config));
    EA_TRY(llm_setting_bool(ctx, source, "use_sliding_window", false, &window));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "max_window_layers", NULL }, 28, 0, 1 << 20,
                           &first));
    return llm_configure_window(ctx, source, window, first, config);
}

const llm_family llm_qwen3 = {
    .model_type = "qwen3",
    .architecture = "qwen3",
    .names = &llm_decoder_names,
    .gguf_names = &llm_decoder_gguf_names,
    .configure = configure,
};
