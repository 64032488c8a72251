/* family_bert.c: BERT (Devlin et al. 2018), an encoder: every token sees every other, norms follow
 * the steps, positions are learned. Its head and its pooler are not used. */
#include "llm/family.h"

static const llm_names names = {
    .embedding = "bert.embeddings.word_embeddings",
    .positions = "bert.embeddings.position_embeddings",
    .token_types = "bert.embeddings.token_type_embeddings",
    .embedding_norm = "bert.embeddings.LayerNorm",
    .norm1 = "bert.encoder.layer.%d.attention.output.LayerNorm",
    .norm2 = "bert.encoder.layer.%d.output.LayerNorm",
    .q = "bert.encoder.layer.%d.attention.self.query",
    .k = "bert.encoder.layer.%d.attention.self.key",
    .v = "bert.encoder.layer.%d.attention.self.value",
    .o = "bert.encoder.layer.%d.attention.output.dense",
    .up = "bert.encoder.layer.%d.intermediate.dense",
    .down = "bert.encoder.layer.%d.output.dense",
};

static ea_status configure(ea_context *ctx, const llm_source *source, llm_config *c)
{
    double eps;
    EA_TRY(llm_expect_text(ctx, source, "hidden_act", "gelu"));
    EA_TRY(llm_expect_text(ctx, source, "position_embedding_type", "absolute"));
    EA_TRY(llm_expect_bool(ctx, source, "is_decoder", false));
    EA_TRY(llm_expect_bool(ctx, source, "add_cross_attention", false));
    EA_TRY(llm_configure_sizes(ctx, source, c));
    EA_TRY(llm_setting_real(ctx, source, (llm_key){ "layer_norm_eps", NULL }, 1e-12, &eps));
    c->eps = (float)eps;
    return EA_OK;
}

const llm_family llm_bert = {
    .model_type = "bert",
    .names = &names,
    .layer_norm = true,
    .gelu = true,
    .encoder = true,
    .configure = configure,
};
