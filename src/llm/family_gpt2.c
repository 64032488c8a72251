/* family_gpt2.c: GPT-2 (Radford et al. 2019): layer norm, learned positions, GELU, one matrix for
 * q, k and v; in Hugging Face folders matrices are stored [in, out]. */
#include "llm/family.h"
#include "llm/json.h"

static const llm_names names = {
    .embedding = "transformer.wte",
    .positions = "transformer.wpe",
    .final_norm = "transformer.ln_f",
    .output = "lm_head",
    .norm1 = "transformer.h.%d.ln_1",
    .norm2 = "transformer.h.%d.ln_2",
    .qkv = "transformer.h.%d.attn.c_attn",
    .o = "transformer.h.%d.attn.c_proj",
    .up = "transformer.h.%d.mlp.c_fc",
    .down = "transformer.h.%d.mlp.c_proj",
};

static const llm_names gguf_names = {
    .embedding = "token_embd",
    .positions = "position_embd",
    .final_norm = "output_norm",
    .output = "output",
    .norm1 = "blk.%d.attn_norm",
    .norm2 = "blk.%d.ffn_norm",
    .qkv = "blk.%d.attn_qkv",
    .o = "blk.%d.attn_output",
    .up = "blk.%d.ffn_up",
    .down = "blk.%d.ffn_down",
};

static ea_status refuse(ea_context *ctx, const llm_source *source)
{
    EA_TRY(llm_expect_text(ctx, source, "activation_function", "gelu_new"));
    EA_TRY(llm_expect_bool(ctx, source, "scale_attn_weights", true));
    EA_TRY(llm_expect_bool(ctx, source, "scale_attn_by_inverse_layer_idx", false));
    return llm_expect_bool(ctx, source, "add_cross_attention", false);
}

static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *c)
{
    double eps;
    EA_TRY(refuse(ctx, source));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "n_embd", "embedding_length" }, 768, 1, 1 << 20,
                           &c->hidden));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "n_layer", "block_count" }, 12, 1, 1 << 20,
                           &c->layers));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "n_head", "attention.head_count" }, 12, 1,
                           c->hidden, &c->heads));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "n_positions", "context_length" }, 1024, 1,
                           1 << 24, &c->context));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "n_inner", "feed_forward_length" },
                           4 * c->hidden, 1, 1 << 22, &c->inner));
    EA_TRY(llm_setting_real(ctx, source,
                            (llm_key){ "layer_norm_epsilon", "attention.layer_norm_epsilon" }, 1e-5,
                            &eps));
    c->eps = (float)eps;
    c->kv_heads = c->heads;
    c->dim = c->hidden / c->heads;
    if (c->dim * c->heads != c->hidden || c->dim > 1024)
        return llm_unsupported(ctx, source, "n_head", "one that does not divide n_embd");
    return llm_setting_bool(ctx, source, "tie_word_embeddings", true, &c->tied);
}

const llm_family llm_gpt2 = {
    .model_type = "gpt2",
    .architecture = "gpt2",
    .names = &names,
    .gguf_names = &gguf_names,
    .layer_norm = true,
    .gelu = true,
    .input_major = true,
    .configure = configure,
};
