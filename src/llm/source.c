/* source.c: opening a model's files; its settings and tensors by name. */
#include "llm/source.h"
#include "core/memory.h"
#include "core/view.h"
#include "llm/json.h"
#include "llm/model_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_LIMIT = 64 << 20 };

/* --- Opening -----------------------------------------------------------------------------------
 */

static ea_status load_json(ea_context *ctx, const char *folder, const char *name, json_t **out)
{
    char path[LLM_PATH_SIZE], *bytes;
    size_t size;
    EA_TRY(llm_join_path(ctx, folder, name, path));
    EA_TRY(llm_read_file(ctx, path, CONFIG_LIMIT, &bytes, &size));
    ea_status status = llm_json_parse(ctx, path, bytes, size, out);
    core_free(bytes);
    return status;
}

static ea_status add_file(ea_context *ctx, llm_source *source, const char *name)
{
    char path[LLM_PATH_SIZE];
    ea_tensor_file *file;
    if (strchr(name, '/'))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: shard '%s' lies in another folder", source->path,
                         name);
    EA_TRY(llm_reserve(ctx, (void **)&source->files, source->file_count, &source->file_capacity, 1,
                       sizeof file));
    EA_TRY(llm_join_path(ctx, source->path, name, path));
    EA_TRY(ea_safetensors_open(ctx, path, &file));
    source->files[source->file_count++] = file;
    return EA_OK;
}

/* Opens every file that the index names, once: `seen` is a set of names. */
static ea_status add_shards(ea_context *ctx, llm_source *source, json_t *index, json_t *seen)
{
    json_t *map = json_object_get(index, "weight_map"), *file;
    const char *tensor;
    if (!json_is_object(map))
        return core_fail(ctx, EA_ERR_FORMAT, "%s: the index has no weight_map", source->path);
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (!name)
            return core_fail(ctx, EA_ERR_FORMAT, "%s: weight_map: '%s' is in no file", source->path,
                             tensor);
        if (json_object_get(seen, name))
            continue;
        EA_TRY(add_file(ctx, source, name));
        if (json_object_set_new(seen, name, json_true()) != 0)
            return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for its index", source->path);
    }
    return EA_OK;
}

static ea_status open_tensors(ea_context *ctx, llm_source *source)
{
    static const char index_name[] = "model.safetensors.index.json";
    char path[LLM_PATH_SIZE];
    EA_TRY(llm_join_path(ctx, source->path, index_name, path));
    if (access(path, F_OK) != 0)
        return add_file(ctx, source, "model.safetensors");
    json_t *index;
    EA_TRY(load_json(ctx, source->path, index_name, &index));
    json_t *seen = json_object();
    ea_status status = add_shards(ctx, source, index, seen);
    json_decref(index);
    json_decref(seen);
    return status;
}

static ea_status open_source(ea_context *ctx, llm_source *source)
{
    llm_gguf_text name = { 0 };
    if (llm_is_folder(source->path)) {
        const char *type;
        EA_TRY(load_json(ctx, source->path, "config.json", &source->config));
        EA_TRY(llm_json_string(ctx, "config.json", source->config, "model_type", &type));
        name = (llm_gguf_text){ type, type ? strlen(type) : 0 };
        EA_TRY(open_tensors(ctx, source));
    } else if (llm_ends_with(source->path, ".gguf")) {
        source->is_gguf = true;
        EA_TRY(llm_gguf_open(ctx, source->path, &source->gguf));
        EA_TRY(llm_gguf_string(ctx, &source->gguf, "general.architecture", &name));
    } else {
        return access(source->path, F_OK) == 0
                   ? core_fail(ctx, EA_ERR_ARGUMENT, "%s: neither a folder nor a .gguf file",
                               source->path)
                   : core_fail(ctx, EA_ERR_IO, "%s: %s", source->path, strerror(errno));
    }
    snprintf(source->architecture, sizeof source->architecture, "%.*s", (int)(name.size & 0xff),
             name.data ? name.data : "");
    return EA_OK;
}

ea_status llm_source_open(ea_context *ctx, const char *path, llm_source *source)
{
    *source = (llm_source){ .path = path };
    ea_status status = open_source(ctx, source);
    if (status != EA_OK)
        llm_source_close(source);
    return status;
}

void llm_source_close(llm_source *source)
{
    for (size_t i = 0; i < source->file_count; i++)
        ea_tensor_file_close(source->files[i]);
    core_free(source->files);
    json_decref(source->config);
    llm_gguf_free(&source->gguf);
    *source = (llm_source){ 0 };
}

/* --- Tensors -----------------------------------------------------------------------------------
 */

static void from_dl(const DLTensor *tensor, llm_tensor *out)
{
    core_dtype dtype;
    out->ndim = -1;
    if (!core_dtype_of(tensor->dtype, &dtype) || !(CORE_BIT(dtype) & CORE_FLOATS) ||
        tensor->ndim > 4)
        return;
    out->format = dtype == CORE_F32   ? REF_QUANT_F32
                  : dtype == CORE_F16 ? REF_QUANT_F16
                                      : REF_QUANT_BF16;
    out->data = (const char *)tensor->data + tensor->byte_offset;
    out->ndim = tensor->ndim;
    memcpy(out->shape, tensor->shape, sizeof *out->shape * (size_t)tensor->ndim);
}

bool llm_source_find(const llm_source *source, const char *name, llm_tensor *out)
{
    *out = (llm_tensor){ 0 };
    if (source->is_gguf) {
        const llm_gguf_tensor *tensor = llm_gguf_find_tensor(&source->gguf, name);
        if (!tensor)
            return false;
        *out = (llm_tensor){ .data = tensor->data, .format = tensor->format, .ndim = tensor->ndim };
        memcpy(out->shape, tensor->shape, sizeof out->shape);
        return true;
    }
    for (size_t i = 0; i < source->file_count; i++) {
        const DLTensor *tensor = ea_tensor_file_find(source->files[i], name);
        if (tensor) {
            from_dl(tensor, out);
            return true;
        }
    }
    return false;
}

/* --- Settings ----------------------------------------------------------------------------------
 */

enum { KEY_SIZE = 160 };

static const char *gguf_key(const llm_source *source, llm_key key, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, "%s.%s", source->architecture, key.gguf);
    return out;
}

ea_status llm_setting_int(ea_context *ctx, const llm_source *source, llm_key key, int64_t fallback,
                          int64_t low, int64_t high, int64_t *out)
{
    char name[KEY_SIZE];
    *out = fallback;
    if (source->is_gguf)
        return key.gguf ? llm_gguf_int(ctx, &source->gguf, gguf_key(source, key, name), fallback,
                                       low, high, out)
                        : EA_OK;
    return key.json ? llm_json_int(ctx, "config.json", source->config, key.json, fallback, low,
                                   high, out)
                    : EA_OK;
}

ea_status llm_setting_real(ea_context *ctx, const llm_source *source, llm_key key, double fallback,
                           double *out)
{
    char name[KEY_SIZE];
    *out = fallback;
    if (source->is_gguf)
        return key.gguf
                   ? llm_gguf_real(ctx, &source->gguf, gguf_key(source, key, name), fallback, out)
                   : EA_OK;
    return key.json ? llm_json_real(ctx, "config.json", source->config, key.json, fallback, out)
                    : EA_OK;
}

ea_status llm_setting_bool(ea_context *ctx, const llm_source *source, const char *key,
                           bool fallback, bool *out)
{
    *out = fallback;
    return source->is_gguf ? EA_OK
                           : llm_json_bool(ctx, "config.json", source->config, key, fallback, out);
}

ea_status llm_unsupported(ea_context *ctx, const llm_source *source, const char *key,
                          const char *value)
{
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: %s '%s' is not supported", source->path, key,
                     value);
}

ea_status llm_expect_text(ea_context *ctx, const llm_source *source, const char *key,
                          const char *wanted)
{
    const char *value = NULL;
    if (!source->is_gguf)
        EA_TRY(llm_json_string(ctx, "config.json", source->config, key, &value));
    return !value || strcmp(value, wanted) == 0 ? EA_OK : llm_unsupported(ctx, source, key, value);
}

ea_status llm_expect_bool(ea_context *ctx, const llm_source *source, const char *key, bool wanted)
{
    bool value;
    EA_TRY(llm_setting_bool(ctx, source, key, wanted, &value));
    return value == wanted ? EA_OK : llm_unsupported(ctx, source, key, value ? "true" : "false");
}
