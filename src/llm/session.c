/* session.c: opening a model with its tokenizer. */
#include "llm/session.h"
#include "core/memory.h"
#include "llm/json.h"
#include "llm/model_files.h"

#include <unistd.h>

enum { CONFIG_LIMIT = 16 << 20 };

static ea_status add_stop(ea_context *ctx, llm_session *session, const json_t *id)
{
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) > LLM_MAX_TOKENS)
        return EA_OK; /* null: the model has none */
    return llm_ids_append(ctx, &session->stop, (int32_t)json_integer_value(id));
}

/* eos_token_id: a number or a list of them. */
static ea_status read_stop(ea_context *ctx, llm_session *session, const json_t *config)
{
    const json_t *ids = json_object_get(config, "eos_token_id"), *id;
    size_t i;
    if (!json_is_array(ids))
        return add_stop(ctx, session, ids);
    json_array_foreach(ids, i, id) EA_TRY(add_stop(ctx, session, id));
    return EA_OK;
}

static ea_status read_generation_config(ea_context *ctx, llm_session *session, const char *folder)
{
    char path[LLM_PATH_SIZE], *bytes;
    size_t size;
    json_t *json;
    EA_TRY(llm_join_path(ctx, folder, "generation_config.json", path));
    if (access(path, F_OK) != 0)
        return EA_OK;
    EA_TRY(llm_read_file(ctx, path, CONFIG_LIMIT, &bytes, &size));
    ea_status status = llm_json_parse(ctx, path, bytes, size, &json);
    core_free(bytes);
    EA_TRY(status);
    status = read_stop(ctx, session, json);
    json_decref(json);
    return status;
}

static ea_status find_stop(ea_context *ctx, llm_session *session, const char *path)
{
    const llm_source *source = &session->model->source;
    if (source->is_gguf) {
        int64_t id;
        EA_TRY(llm_gguf_int(ctx, &source->gguf, "tokenizer.ggml.eos_token_id", -1, -1,
                            LLM_MAX_TOKENS, &id));
        return id < 0 ? EA_OK : llm_ids_append(ctx, &session->stop, (int32_t)id);
    }
    EA_TRY(read_generation_config(ctx, session, path));
    return session->stop.count > 0 ? EA_OK : read_stop(ctx, session, source->config);
}

ea_status llm_session_open(ea_context *ctx, const char *path, llm_session *out)
{
    *out = (llm_session){ 0 };
    ea_status status = llm_model_open(ctx, path, &out->model);
    if (status == EA_OK)
        status = llm_open_tokenizer(ctx, path, &out->tokenizer);
    if (status == EA_OK)
        status = find_stop(ctx, out, path);
    if (status != EA_OK)
        llm_session_close(out);
    return status;
}

void llm_session_close(llm_session *session)
{
    llm_tokenizer_free(session->tokenizer);
    llm_model_close(session->model);
    llm_ids_free(&session->stop);
    *session = (llm_session){ 0 };
}
