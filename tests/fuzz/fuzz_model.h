/* fuzz_model.h: for the targets that run a model: a folder with a tokenizer and with weights of
 * every family, and a few tokens through whatever model opens. */
#ifndef FUZZ_FUZZ_MODEL_H
#define FUZZ_FUZZ_MODEL_H

#include "eadem/io.h"
#include "fuzz.h"
#include "llm/chat.h"
#include "llm/completion.h"
#include "llm/session.h"

#include <string.h>

/* --- Files -------------------------------------------------------------------------------------
 */

static char fuzz_folder_name[] = "/tmp/eadem-fuzz-XXXXXX";
static const char *const fuzz_file_names[] = { "config.json",
                                               "tokenizer_config.json",
                                               "generation_config.json",
                                               "chat_template.jinja",
                                               "model.safetensors.index.json",
                                               "model.safetensors",
                                               "fixed.safetensors",
                                               "tokenizer.json",
                                               "input.gguf" };

/* The path of a file in the folder, until the next call. */
static const char *fuzz_path(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder_name, name);
    return path;
}

static void fuzz_remove_folder(void)
{
    for (size_t i = 0; i < sizeof fuzz_file_names / sizeof fuzz_file_names[0]; i++)
        unlink(fuzz_path(fuzz_file_names[i]));
    rmdir(fuzz_folder_name);
}

static void fuzz_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(fuzz_path(name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
}

/* --- Weights -----------------------------------------------------------------------------------
 */

enum { FUZZ_VOCAB = 264, FUZZ_CONTEXT = 64 };

/* All have 2 layers, 2 heads of 4 elements (one for keys and values, where there may be fewer), 8
 * inner elements, and 2 experts. */
static const struct {
    const char *name;
    int rows, columns; /* columns 0: a vector */
} fuzz_weights[] = {
    { "model.embed_tokens.weight", FUZZ_VOCAB, 8 },
    { "model.norm.weight", 8, 0 },
    { "lm_head.weight", FUZZ_VOCAB, 8 },
    { "model.layers.%d.input_layernorm.weight", 8, 0 },
    { "model.layers.%d.post_attention_layernorm.weight", 8, 0 },
    { "model.layers.%d.self_attn.q_proj.weight", 8, 8 },
    { "model.layers.%d.self_attn.q_proj.bias", 8, 0 },
    { "model.layers.%d.self_attn.k_proj.weight", 4, 8 },
    { "model.layers.%d.self_attn.v_proj.weight", 4, 8 },
    { "model.layers.%d.self_attn.o_proj.weight", 8, 8 },
    { "model.layers.%d.self_attn.q_norm.weight", 4, 0 },
    { "model.layers.%d.self_attn.k_norm.weight", 4, 0 },
    { "model.layers.%d.mlp.gate_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.up_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.down_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.gate.weight", 2, 8 },
    { "model.layers.%d.mlp.experts.0.gate_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.experts.0.up_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.experts.0.down_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.experts.1.gate_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.experts.1.up_proj.weight", 8, 8 },
    { "model.layers.%d.mlp.experts.1.down_proj.weight", 8, 8 },
    { "transformer.wte.weight", FUZZ_VOCAB, 8 },
    { "transformer.wpe.weight", FUZZ_CONTEXT, 8 },
    { "transformer.ln_f.weight", 8, 0 },
    { "transformer.ln_f.bias", 8, 0 },
    { "transformer.h.%d.ln_1.weight", 8, 0 },
    { "transformer.h.%d.ln_1.bias", 8, 0 },
    { "transformer.h.%d.ln_2.weight", 8, 0 },
    { "transformer.h.%d.ln_2.bias", 8, 0 },
    { "transformer.h.%d.attn.c_attn.weight", 8, 24 },
    { "transformer.h.%d.attn.c_attn.bias", 24, 0 },
    { "transformer.h.%d.attn.c_proj.weight", 8, 8 },
    { "transformer.h.%d.mlp.c_fc.weight", 8, 8 },
    { "transformer.h.%d.mlp.c_proj.weight", 8, 8 },
    { "bert.embeddings.word_embeddings.weight", FUZZ_VOCAB, 8 },
    { "bert.embeddings.position_embeddings.weight", FUZZ_CONTEXT, 8 },
    { "bert.embeddings.token_type_embeddings.weight", 2, 8 },
    { "bert.embeddings.LayerNorm.weight", 8, 0 },
    { "bert.embeddings.LayerNorm.bias", 8, 0 },
    { "bert.encoder.layer.%d.attention.self.query.weight", 8, 8 },
    { "bert.encoder.layer.%d.attention.self.key.weight", 8, 8 },
    { "bert.encoder.layer.%d.attention.self.value.weight", 8, 8 },
    { "bert.encoder.layer.%d.attention.output.dense.weight", 8, 8 },
    { "bert.encoder.layer.%d.attention.output.LayerNorm.weight", 8, 0 },
    { "bert.encoder.layer.%d.attention.output.LayerNorm.bias", 8, 0 },
    { "bert.encoder.layer.%d.intermediate.dense.weight", 8, 8 },
    { "bert.encoder.layer.%d.output.dense.weight", 8, 8 },
    { "bert.encoder.layer.%d.output.LayerNorm.weight", 8, 0 },
    { "bert.encoder.layer.%d.output.LayerNorm.bias", 8, 0 },
};

static DLTensor *fuzz_tensor(int rows, int columns)
{
    static uint32_t random = 1;
    DLTensor *t;
    if (ea_tensor_new(fuzz_context(), EA_FLOAT32, columns ? 2 : 1, (int64_t[]){ rows, columns },
                      &t) != EA_OK)
        abort();
    for (int64_t i = 0; i < ea_tensor_numel(t); i++) {
        random = random * 1664525 + 1013904223;
        ((float *)t->data)[i] = (float)(random >> 8) * 0x1p-23f - 1;
    }
    return t;
}

static void fuzz_save_weights(void)
{
    enum { KINDS = sizeof fuzz_weights / sizeof fuzz_weights[0], LAYERS = 2 };
    static ea_named_tensor tensors[KINDS * LAYERS];
    static char names[KINDS * LAYERS][96];
    int n = 0;
    for (int i = 0; i < KINDS; i++) {
        const char *name = fuzz_weights[i].name, *number = strstr(name, "%d");
        for (int layer = 0; layer < (number ? LAYERS : 1); layer++, n++) {
            if (number)
                snprintf(names[n], sizeof names[n], "%.*s%d%s", (int)(number - name), name, layer,
                         number + 2);
            else
                snprintf(names[n], sizeof names[n], "%s", name);
            tensors[n] = (ea_named_tensor){ .name = names[n],
                                            .tensor = fuzz_tensor(fuzz_weights[i].rows,
                                                                  fuzz_weights[i].columns) };
        }
    }
    if (ea_safetensors_save(fuzz_context(), fuzz_path("fixed.safetensors"), tensors, n, NULL, 0) !=
        EA_OK)
        abort();
    for (int i = 0; i < n; i++)
        ea_tensor_free((DLTensor *)(uintptr_t)tensors[i].tensor);
}

/* A token for each byte, a merge, and what the chat formats need. */
static void fuzz_save_tokenizer(void)
{
    static char json[8192];
    int at =
        snprintf(json, sizeof json,
                 "{\"added_tokens\": [{\"id\": 260, \"content\": \"<s>\", \"special\": true},"
                 "{\"id\": 261, \"content\": \"<|im_start|>\", \"special\": true},"
                 "{\"id\": 262, \"content\": \"<|im_end|>\", \"special\": true}],"
                 "\"decoder\": {\"type\": \"Sequence\", \"decoders\": ["
                 "{\"type\": \"Replace\", \"pattern\": {\"String\": \"_\"}, \"content\": \" \"},"
                 "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"},"
                 "{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]},"
                 "\"model\": {\"type\": \"BPE\", \"unk_token\": \"<unk>\", \"byte_fallback\": true,"
                 "\"merges\": [\"a b\"], \"vocab\": {");
    for (int byte = 0; byte < 256; byte++)
        at += snprintf(json + at, sizeof json - (size_t)at, "\"<0x%02X>\": %d,", byte, byte);
    at += snprintf(json + at, sizeof json - (size_t)at,
                   "\"<unk>\": 256, \"a\": 257, \"b\": 258, \"ab\": 259}}}");
    fuzz_write("tokenizer.json", json, (size_t)at);
}

/* The folder, with weights and tokenizer, and without a config.json. */
static const char *fuzz_folder(void)
{
    static bool made;
    if (made)
        return fuzz_folder_name;
    if (!mkdtemp(fuzz_folder_name) || atexit(fuzz_remove_folder) != 0)
        abort();
    made = true;
    fuzz_save_weights();
    fuzz_save_tokenizer();
    return fuzz_folder_name;
}

/* --- Running -----------------------------------------------------------------------------------
 */

static void fuzz_on_event(void *argument, const llm_event *event)
{
    llm_completion_take(fuzz_context(), argument, event);
}

/* A text continued, or embedded by an encoder. */
static void fuzz_continue(const llm_session *session, llm_engine *engine, float temperature)
{
    static const char text[] = "ab <s>c";
    llm_ids prompt = { 0 };
    llm_completion completion;
    bool embed = session->model->family->encoder;
    llm_completion_begin(&completion, session->tokenizer, NULL);
    ea_status status = llm_tokenizer_encode(fuzz_context(), session->tokenizer, text,
                                            sizeof text - 1, true, &prompt);
    if (status == EA_OK && prompt.count > 0)
        status = llm_engine_add(engine,
                                &(llm_request){ .prompt = prompt.data,
                                                .prompt_count = (int64_t)prompt.count,
                                                .max_tokens = embed ? 0 : 2,
                                                .sampling = { .temperature = temperature,
                                                              .top_k = 3,
                                                              .top_p = 0.9f,
                                                              .repetition = 1.1f },
                                                .stop_tokens = session->stop.data,
                                                .stop_count = session->stop.count,
                                                .top_count = embed ? 0 : 1,
                                                .embed = embed,
                                                .on_event = fuzz_on_event,
                                                .argument = &completion },
                                NULL);
    if (status == EA_OK)
        llm_engine_run(engine);
    llm_completion_free(&completion);
    llm_ids_free(&prompt);
}

/* Opens a model as the commands do; a model that opens must compute. */
static inline void fuzz_open(const char *path)
{
    llm_session session;
    llm_chat chat;
    llm_engine *engine;
    ea_status status = llm_session_open(fuzz_context(), path, &session);
    fuzz_check(status, session.model);
    llm_chat_of(fuzz_context(), path, &chat);
    if (status != EA_OK)
        return;
    status =
        llm_engine_create(fuzz_context(), session.model,
                          &(llm_engine_options){ .chunk = 8, .cache_bytes = 1 << 20 }, &engine);
    fuzz_check(status, engine);
    if (engine) {
        fuzz_continue(&session, engine, 0);
        fuzz_continue(&session, engine, 0.8f);
    }
    llm_engine_destroy(engine);
    llm_session_close(&session);
}

#endif
