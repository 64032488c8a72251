/* tiny_model.h: a random Llama of a few thousand weights as a Hugging Face folder. */
#ifndef TESTS_LLM_TINY_MODEL_H
#define TESTS_LLM_TINY_MODEL_H

#include "core/memory.h"
#include "eadem/io.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TINY_VOCAB = 61, TINY_CONTEXT = 400 };

static uint64_t tiny_state = 0x9e3779b97f4a7c15u;

static inline uint32_t tiny_random(uint32_t below)
{
    tiny_state ^= tiny_state << 13;
    tiny_state ^= tiny_state >> 7;
    tiny_state ^= tiny_state << 17;
    return (uint32_t)(tiny_state >> 20) % below;
}

static inline DLTensor *tiny_tensor(ea_context *ctx, int ndim, int64_t rows, int64_t columns)
{
    DLTensor *t;
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, ndim, (int64_t[]){ rows, columns }, &t), EA_OK);
    float *x = t->data;
    for (int64_t i = 0; i < ea_tensor_numel(t); i++) {
        float unit = (float)tiny_random(1 << 24) * 0x1p-23f - 1;
        x[i] = ndim == 1 ? 1 + 0.3f * unit : 0.5f * unit;
    }
    return t;
}

/* Writes the folder; `folder` receives its name. */
static inline void tiny_make(ea_context *ctx, char folder[64])
{
    static const struct {
        const char *name;
        int rows, columns; /* columns 0: a vector */
    } parts[] = {
        { "self_attn.q_proj", 32, 32 },        { "self_attn.k_proj", 16, 32 },
        { "self_attn.v_proj", 16, 32 },        { "self_attn.o_proj", 32, 32 },
        { "mlp.gate_proj", 48, 32 },           { "mlp.up_proj", 48, 32 },
        { "mlp.down_proj", 32, 48 },           { "input_layernorm", 32, 0 },
        { "post_attention_layernorm", 32, 0 },
    };
    enum { PARTS = sizeof parts / sizeof parts[0], LAYERS = 2, ALL = PARTS * LAYERS + 3 };
    ea_named_tensor tensors[ALL];
    char names[ALL][80], path[96];
    int n = 0;
    for (int layer = 0; layer < LAYERS; layer++)
        for (int i = 0; i < PARTS; i++, n++) {
            snprintf(names[n], sizeof names[n], "model.layers.%d.%s.weight", layer, parts[i].name);
            tensors[n].tensor =
                tiny_tensor(ctx, parts[i].columns ? 2 : 1, parts[i].rows, parts[i].columns);
        }
    strcpy(names[n], "model.embed_tokens.weight");
    tensors[n++].tensor = tiny_tensor(ctx, 2, TINY_VOCAB, 32);
    strcpy(names[n], "lm_head.weight");
    tensors[n++].tensor = tiny_tensor(ctx, 2, TINY_VOCAB, 32);
    strcpy(names[n], "model.norm.weight");
    tensors[n++].tensor = tiny_tensor(ctx, 1, 32, 0);
    for (int i = 0; i < n; i++)
        tensors[i].name = names[i];

    strcpy(folder, "tiny-model-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(ea_safetensors_save(ctx, path, tensors, n, NULL, 0), EA_OK);
    for (int i = 0; i < n; i++)
        ea_tensor_free((DLTensor *)(uintptr_t)tensors[i].tensor);
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *config = fopen(path, "w");
    assert_non_null(config);
    fprintf(config,
            "{\"model_type\": \"llama\", \"hidden_size\": 32, \"num_hidden_layers\": 2,"
            " \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"intermediate_size\": 48,"
            " \"max_position_embeddings\": %d}",
            TINY_CONTEXT);
    fclose(config);
}

static inline void tiny_remove(const char *folder)
{
    char path[96];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    rmdir(folder);
}

#endif
