/* family_qwen3_moe.c: Qwen 3 with a mixture of experts in every layer. */
#include "llm/family.h"

enum { MAX_EXPERTS = 1024 };

static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *config)
{
    int64_t step;
    EA_TRY(llm_configure_decoder(ctx, source, config));
    EA_TRY(llm_expect_bool(ctx, source, "use_sliding_window", false));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "decoder_sparse_step", NULL }, 1, 0, 1 << 20,
                           &step));
    if (step != 1 || json_array_size(json_object_get(source->config, "mlp_only_layers")) > 0)
        return llm_unsupported(ctx, source, "decoder_sparse_step or mlp_only_layers",
                               "layers without experts");
    EA_TRY(llm_setting_int(ctx, source,
                           (llm_key){ "moe_intermediate_size", "expert_feed_forward_length" }, 0, 1,
                           1 << 20, &config->inner));
    int64_t experts; /* transformers 5 writes num_local_experts */
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "num_local_experts", NULL }, 128, 1, MAX_EXPERTS,
                           &experts));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "num_experts", "expert_count" }, experts, 1,
                           MAX_EXPERTS, &config->experts));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "num_experts_per_tok", "expert_used_count" }, 8,
                           1, config->experts, &config->experts_used));
    return llm_setting_bool(ctx, source, "norm_topk_prob", source->is_gguf,
                            &config->normalize_experts);
}

const llm_family llm_qwen3_moe = {
    .model_type = "qwen3_moe",
    .architecture = "qwen3moe",
    .names = &llm_decoder_names,
    .gguf_names = &llm_decoder_gguf_names,
    .configure = configure,
};
