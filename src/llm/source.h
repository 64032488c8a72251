/* source.h: a model's files as one thing: settings and tensors of a Hugging Face folder
 * (config.json,
 * *.safetensors) or of a .gguf file. Files stay mapped while the source is open. */
#ifndef LLM_SOURCE_H
#define LLM_SOURCE_H

#include "eadem/io.h"
#include "llm/gguf.h"

#include <jansson.h>

typedef struct llm_source {
    const char *path; /* the caller's; for error texts */
    bool is_gguf;
    llm_gguf gguf;
    char architecture[64]; /* GGUF: general.architecture; else config.json's model_type */
    json_t *config;
    ea_tensor_file **files;
    size_t file_count, file_capacity;
} llm_source;

/* `source` need not be closed after an error. */
ea_status llm_source_open(ea_context *ctx, const char *path, llm_source *source);
void llm_source_close(llm_source *source);

typedef struct llm_tensor {
    const void *data;
    ref_quant format;
    int ndim; /* −1: more than 4, or the type is not float32, float16, bfloat16 or one of GGUF's */
    int64_t shape[4];
} llm_tensor;

/* False when there is none of that name. */
bool llm_source_find(const llm_source *source, const char *name, llm_tensor *out);

/* A setting's names: in config.json, and in GGUF after "ARCHITECTURE."; NULL where there is none.
 */
typedef struct llm_key {
    const char *json, *gguf;
} llm_key;

ea_status llm_setting_int(ea_context *ctx, const llm_source *source, llm_key key, int64_t fallback,
                          int64_t low, int64_t high, int64_t *out);
ea_status llm_setting_real(ea_context *ctx, const llm_source *source, llm_key key, double fallback,
                           double *out);
/* config.json only: fails, naming the setting, unless it is missing, null or `wanted`. */
ea_status llm_expect_text(ea_context *ctx, const llm_source *source, const char *key,
                          const char *wanted);
ea_status llm_expect_bool(ea_context *ctx, const llm_source *source, const char *key, bool wanted);
ea_status llm_setting_bool(ea_context *ctx, const llm_source *source, const char *key,
                           bool fallback, bool *out);
ea_status llm_unsupported(ea_context *ctx, const llm_source *source, const char *key,
                          const char *value);

#endif
