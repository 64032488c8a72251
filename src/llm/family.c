/* family.c: the supported families, and what those that descend from Llama share. */
#include "llm/family.h"
#include "llm/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const llm_family *const families[] = { &llm_llama,     &llm_mistral, &llm_qwen2, &llm_qwen3,
                                              &llm_qwen3_moe, &llm_gpt2,    &llm_bert };

ea_status llm_family_of(ea_context *ctx, const llm_source *source, const llm_family **out)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const char *name = source->is_gguf ? families[i]->architecture : families[i]->model_type;
        if (name && strcmp(name, source->architecture) == 0) {
            *out = families[i];
            return EA_OK;
        }
    }
    return llm_unsupported(ctx, source, "model type", source->architecture);
}

const llm_names llm_decoder_names = {
    .embedding = "model.embed_tokens",
    .final_norm = "model.norm",
    .output = "lm_head",
    .norm1 = "model.layers.%d.input_layernorm",
    .norm2 = "model.layers.%d.post_attention_layernorm",
    .q = "model.layers.%d.self_attn.q_proj",
    .k = "model.layers.%d.self_attn.k_proj",
    .v = "model.layers.%d.self_attn.v_proj",
    .o = "model.layers.%d.self_attn.o_proj",
    .q_norm = "model.layers.%d.self_attn.q_norm",
    .k_norm = "model.layers.%d.self_attn.k_norm",
    .gate = "model.layers.%d.mlp.gate_proj",
    .up = "model.layers.%d.mlp.up_proj",
    .down = "model.layers.%d.mlp.down_proj",
    .router = "model.layers.%d.mlp.gate",
    .expert_gate = "model.layers.%d.mlp.experts.%d.gate_proj",
    .expert_up = "model.layers.%d.mlp.experts.%d.up_proj",
    .expert_down = "model.layers.%d.mlp.experts.%d.down_proj",
};

const llm_names llm_decoder_gguf_names = {
    .embedding = "token_embd",
    .final_norm = "output_norm",
    .output = "output",
    .norm1 = "blk.%d.attn_norm",
    .norm2 = "blk.%d.ffn_norm",
    .q = "blk.%d.attn_q",
    .k = "blk.%d.attn_k",
    .v = "blk.%d.attn_v",
    .o = "blk.%d.attn_output",
    .q_norm = "blk.%d.attn_q_norm",
    .k_norm = "blk.%d.attn_k_norm",
    .gate = "blk.%d.ffn_gate",
    .up = "blk.%d.ffn_up",
    .down = "blk.%d.ffn_down",
    .router = "blk.%d.ffn_gate_inp",
    .all_gate = "blk.%d.ffn_gate_exps",
    .all_up = "blk.%d.ffn_up_exps",
    .all_down = "blk.%d.ffn_down_exps",
};

/* --- Sizes -------------------------------------------------------------------------------------
 */

enum { MAX_SIZE = 1 << 20 };

static ea_status size_of(ea_context *ctx, const llm_source *source, llm_key key, int64_t fallback,
                         int64_t *out)
{
    return llm_setting_int(ctx, source, key, fallback, 1, MAX_SIZE, out);
}

ea_status llm_configure_sizes(ea_context *ctx, const llm_source *source, llm_config *c)
{
    EA_TRY(size_of(ctx, source, (llm_key){ "hidden_size", "embedding_length" }, 0, &c->hidden));
    EA_TRY(size_of(ctx, source, (llm_key){ "num_hidden_layers", "block_count" }, 0, &c->layers));
    EA_TRY(size_of(ctx, source, (llm_key){ "num_attention_heads", "attention.head_count" }, 0,
                   &c->heads));
    EA_TRY(size_of(ctx, source, (llm_key){ "num_key_value_heads", "attention.head_count_kv" },
                   c->heads, &c->kv_heads));
    EA_TRY(size_of(ctx, source, (llm_key){ "head_dim", "attention.key_length" },
                   c->hidden / c->heads, &c->dim));
    EA_TRY(size_of(ctx, source, (llm_key){ "intermediate_size", "feed_forward_length" }, 1,
                   &c->inner));
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "max_position_embeddings", "context_length" },
                           2048, 1, 1 << 24, &c->context));
    if (c->heads % c->kv_heads != 0 || c->dim % 2 != 0 || c->dim > 1024)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: %lld heads of %lld elements, %lld of them for keys and values: these "
                         "must divide the heads, and elements be even and at most 1024",
                         source->path, (long long)c->heads, (long long)c->dim,
                         (long long)c->kv_heads);
    return EA_OK;
}

/* --- Rotary positions --------------------------------------------------------------------------
 */

static ea_status positive(ea_context *ctx, const llm_source *source, const char *key, double value)
{
    return value > 0 && isfinite(value)
               ? EA_OK
               : core_fail(ctx, EA_ERR_FORMAT, "%s: %s must be positive", source->path, key);
}

static ea_status read_llama3(ea_context *ctx, const llm_source *source, const json_t *json,
                             ref_rope *rope)
{
    static const char what[] = "config.json";
    EA_TRY(llm_json_real(ctx, what, json, "low_freq_factor", 0, &rope->low_factor));
    EA_TRY(llm_json_real(ctx, what, json, "high_freq_factor", 0, &rope->high_factor));
    EA_TRY(
        llm_json_real(ctx, what, json, "original_max_position_embeddings", 0, &rope->old_context));
    EA_TRY(positive(ctx, source, "low_freq_factor", rope->low_factor));
    EA_TRY(positive(ctx, source, "original_max_position_embeddings", rope->old_context));
    return positive(ctx, source, "high_freq_factor − low_freq_factor",
                    rope->high_factor - rope->low_factor);
}

/* "rope_scaling", or else, since transformers 5, "rope_parameters", which also holds theta. */
static ea_status read_scaling(ea_context *ctx, const llm_source *source, ref_rope *rope)
{
    static const char what[] = "config.json";
    const json_t *json = json_object_get(source->config, "rope_scaling");
    if (json_object_size(json) == 0)
        json = json_object_get(source->config, "rope_parameters");
    if (!json_is_object(json))
        return EA_OK;
    const char *type, *old_type;
    EA_TRY(llm_json_real(ctx, what, json, "rope_theta", rope->theta, &rope->theta));
    EA_TRY(llm_json_string(ctx, what, json, "rope_type", &type));
    EA_TRY(llm_json_string(ctx, what, json, "type", &old_type));
    type = type ? type : old_type ? old_type : "default";
    if (strcmp(type, "default") == 0)
        return EA_OK;
    rope->kind = strcmp(type, "linear") == 0 ? REF_ROPE_LINEAR : REF_ROPE_LLAMA3;
    if (rope->kind == REF_ROPE_LLAMA3 && strcmp(type, "llama3") != 0)
        return llm_unsupported(ctx, source, "rope type", type);
    EA_TRY(llm_json_real(ctx, what, json, "factor", 0, &rope->factor));
    EA_TRY(positive(ctx, source, "rope factor", rope->factor));
    return rope->kind == REF_ROPE_LLAMA3 ? read_llama3(ctx, source, json, rope) : EA_OK;
}

/* GGUF: linear scaling by metadata; llama3's is written out as a tensor of divisors (model.c). */
static ea_status read_gguf_scaling(ea_context *ctx, const llm_source *source, ref_rope *rope)
{
    llm_gguf_text type;
    char key[160];
    snprintf(key, sizeof key, "%s.rope.scaling.type", source->architecture);
    EA_TRY(llm_gguf_string(ctx, &source->gguf, key, &type));
    if (type.size == 0 || (type.size == 4 && memcmp(type.data, "none", 4) == 0))
        return EA_OK;
    if (type.size != 6 || memcmp(type.data, "linear", 6) != 0)
        return llm_unsupported(ctx, source, "rope scaling", "other than linear");
    rope->kind = REF_ROPE_LINEAR;
    EA_TRY(
        llm_setting_real(ctx, source, (llm_key){ NULL, "rope.scaling.factor" }, 0, &rope->factor));
    return positive(ctx, source, "rope factor", rope->factor);
}

/* --- All ---------------------------------------------------------------------------------------
 */

ea_status llm_configure_decoder(ea_context *ctx, const llm_source *source, llm_config *c)
{
    double eps, share;
    EA_TRY(llm_configure_sizes(ctx, source, c));
    EA_TRY(llm_expect_text(ctx, source, "hidden_act", "silu"));
    EA_TRY(llm_setting_real(
        ctx, source, (llm_key){ "rms_norm_eps", "attention.layer_norm_rms_epsilon" }, 1e-6, &eps));
    EA_TRY(positive(ctx, source, "rms_norm_eps", eps));
    c->eps = (float)eps;
    EA_TRY(llm_setting_real(ctx, source, (llm_key){ "partial_rotary_factor", NULL }, 1, &share));
    if (share != 1)
        return llm_unsupported(ctx, source, "partial_rotary_factor", "other than 1");
    EA_TRY(llm_setting_real(ctx, source, (llm_key){ "rope_theta", "rope.freq_base" }, 10000,
                            &c->rope.theta));
    EA_TRY(source->is_gguf ? read_gguf_scaling(ctx, source, &c->rope)
                           : read_scaling(ctx, source, &c->rope));
    EA_TRY(positive(ctx, source, "rope_theta", c->rope.theta));
    return llm_setting_bool(ctx, source, "tie_word_embeddings", false, &c->tied);
}

ea_status llm_configure_window(ea_context *ctx, const llm_source *source, bool wanted,
                               int64_t first_layer, llm_config *c)
{
    EA_TRY(llm_setting_int(ctx, source, (llm_key){ "sliding_window", "attention.sliding_window" },
                           0, 0, 1 << 24, &c->window));
    if (!wanted)
        c->window = 0;
    c->window_from = first_layer;
    const json_t *types = json_object_get(source->config, "layer_types"), *type;
    size_t i;
    json_array_foreach(types, i, type)
    {
        bool windowed = c->window > 0 && (int64_t)i >= first_layer;
        const char *expected = windowed ? "sliding_attention" : "full_attention";
        const char *given = json_string_value(type);
        if (!given || strcmp(given, expected) != 0)
            return llm_unsupported(ctx, source, "layer_types entry", given ? given : "?");
    }
    return EA_OK;
}
