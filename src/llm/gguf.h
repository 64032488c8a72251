/* gguf.h: reading GGUF files, versions 2 and 3, little-endian
 * (github.com/ggml-org/ggml, docs/gguf.md). The file is mapped; nothing in it is trusted. */
#ifndef LLM_GGUF_H
#define LLM_GGUF_H

#include "io/file.h"
#include "ref/quant.h"

typedef enum llm_gguf_type {
    LLM_GGUF_U8,
    LLM_GGUF_I8,
    LLM_GGUF_U16,
    LLM_GGUF_I16,
    LLM_GGUF_U32,
    LLM_GGUF_I32,
    LLM_GGUF_F32,
    LLM_GGUF_BOOL,
    LLM_GGUF_STRING,
    LLM_GGUF_ARRAY,
    LLM_GGUF_U64,
    LLM_GGUF_I64,
    LLM_GGUF_F64
} llm_gguf_type;

typedef struct llm_gguf_text {
    const char *data; /* in the file; not NUL-terminated */
    size_t size;
} llm_gguf_text;

/* One value, or an array of `count` of them; all its bytes are in the file. */
typedef struct llm_gguf_value {
    llm_gguf_text key;
    llm_gguf_type type; /* of the elements, if `array` */
    bool array;
    uint64_t count;
    const unsigned char *data;
} llm_gguf_value;

typedef struct llm_gguf_tensor {
    llm_gguf_text name;
    ref_quant format;
    int ndim;
    int64_t shape[4]; /* outermost first, as PyTorch writes it */
    int64_t numel;
    const unsigned char *data;
} llm_gguf_tensor;

typedef struct llm_gguf {
    io_map map;
    llm_gguf_value *values;
    size_t value_count;
    llm_gguf_tensor *tensors;
    size_t tensor_count;
} llm_gguf;

/* Reads the description at the start of the bytes, which must stay. `name` is for error texts.
 * llm_gguf_free() takes a zeroed one. */
ea_status llm_gguf_parse(ea_context *ctx, const char *name, const unsigned char *bytes, size_t size,
                         llm_gguf *out);
ea_status llm_gguf_open(ea_context *ctx, const char *path, llm_gguf *out);
void llm_gguf_free(llm_gguf *gguf);

/* NULL when there is none. */
const llm_gguf_value *llm_gguf_find(const llm_gguf *gguf, const char *key);
const llm_gguf_tensor *llm_gguf_find_tensor(const llm_gguf *gguf, const char *name);

/* Metadata values; a missing key gives the default, a wrong type or range is an error. */
ea_status llm_gguf_int(ea_context *ctx, const llm_gguf *gguf, const char *key, int64_t fallback,
                       int64_t low, int64_t high, int64_t *out);
ea_status llm_gguf_real(ea_context *ctx, const llm_gguf *gguf, const char *key, double fallback,
                        double *out);
ea_status llm_gguf_bool(ea_context *ctx, const llm_gguf *gguf, const char *key, bool fallback,
                        bool *out);
/* size 0 and data NULL when the key is missing. */
ea_status llm_gguf_string(ea_context *ctx, const llm_gguf *gguf, const char *key,
                          llm_gguf_text *out);
/* An array of `type` elements; an error when it is missing. */
ea_status llm_gguf_array(ea_context *ctx, const llm_gguf *gguf, const char *key, llm_gguf_type type,
                         const llm_gguf_value **out);
/* The string at *at of an array of strings; moves *at on. The first is at value->data. */
llm_gguf_text llm_gguf_next_string(const unsigned char **at);
int64_t llm_gguf_element_int(const llm_gguf_value *value, uint64_t index);
double llm_gguf_element_real(const llm_gguf_value *value, uint64_t index);

#endif
