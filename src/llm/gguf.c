/* gguf.c: the description at the start of a GGUF file: metadata and tensors. */
#include "llm/gguf.h"
#include "core/memory.h"
#include "core/view.h"

#include <string.h>

/* What is left to read. `bad` once something did not fit; reads then give zeros. */
typedef struct reader {
    const unsigned char *begin, *at, *end;
    bool bad;
} reader;

enum { MAX_DEPTH_DIMS = 4, MAX_KEYS = 1 << 20, MAX_TENSORS = 1 << 20 };

static uint64_t load_le(const unsigned char *p, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | p[i];
    return x;
}

static const unsigned char *take(reader *r, uint64_t bytes)
{
    if (r->bad || bytes > (uint64_t)(r->end - r->at)) {
        r->bad = true;
        return NULL;
    }
    const unsigned char *p = r->at;
    r->at += bytes;
    return p;
}

static uint64_t read_int(reader *r, int bytes)
{
    const unsigned char *p = take(r, (uint64_t)bytes);
    return p ? load_le(p, bytes) : 0;
}

static llm_gguf_text read_text(reader *r)
{
    uint64_t size = read_int(r, 8);
    const unsigned char *p = take(r, size);
    return (llm_gguf_text){ (const char *)p, p ? (size_t)size : 0 };
}

/* Bytes of one element; 0 for strings, arrays and unknown types. */
static int type_size(uint64_t type)
{
    static const int sizes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    return type < sizeof sizes / sizeof sizes[0] ? sizes[type] : 0;
}

/* How much of a name an error text shows. */
static int shown(llm_gguf_text text)
{
    return text.size < 80 ? (int)text.size : 80;
}

/* --- Metadata ----------------------------------------------------------------------------------
 */

static void skip_elements(reader *r, llm_gguf_value *value)
{
    value->data = r->at;
    int size = type_size(value->type);
    if (value->type == LLM_GGUF_STRING) {
        for (uint64_t i = 0; i < value->count && !r->bad; i++)
            read_text(r);
    } else if (size == 0 || value->count > SIZE_MAX / 8) { /* arrays of arrays, unknown types */
        r->bad = true;
    } else {
        take(r, value->count * (uint64_t)size);
    }
}

static void read_value(reader *r, llm_gguf_value *value)
{
    value->key = read_text(r);
    value->type = (llm_gguf_type)read_int(r, 4);
    value->count = 1;
    value->array = value->type == LLM_GGUF_ARRAY;
    if (value->array) {
        value->type = (llm_gguf_type)read_int(r, 4);
        value->count = read_int(r, 8);
    }
    skip_elements(r, value);
}

/* --- Tensors -----------------------------------------------------------------------------------
 */

/* Reads one description; `data` is left as the offset from the data's start. */
static ea_status read_tensor(ea_context *ctx, const char *name, reader *r, llm_gguf_tensor *tensor,
                             uint64_t *offset)
{
    tensor->name = read_text(r);
    uint64_t ndim = read_int(r, 4);
    if (r->bad || ndim > MAX_DEPTH_DIMS)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: a tensor has %llu dimensions, or is cut short",
                         name, (unsigned long long)ndim);
    tensor->ndim = (int)ndim;
    tensor->numel = 1;
    for (int d = (int)ndim - 1; d >= 0; d--) {
        uint64_t size = read_int(r, 8);
        if (size > ((uint64_t)1 << 40) ||
            (size > 0 && tensor->numel > ((int64_t)1 << 40) / (int64_t)size))
            return core_fail(ctx, EA_ERR_FORMAT, "%s: tensor '%.*s' is too large", name,
                             shown(tensor->name), tensor->name.data);
        tensor->shape[d] = (int64_t)size;
        tensor->numel *= (int64_t)size;
    }
    uint64_t format = read_int(r, 4);
    *offset = read_int(r, 8);
    int elements, bytes;
    if (!ref_quant_block((uint32_t)format, &elements, &bytes))
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: tensor '%.*s' has format %llu: F32, F16, BF16, Q8_0, Q4_0, Q4_K and "
                         "Q6_K are supported",
                         name, shown(tensor->name), tensor->name.data, (unsigned long long)format);
    tensor->format = (ref_quant)format;
    return EA_OK;
}

/* Finds the tensor's bytes: whole rows of whole blocks, inside the file. *unclaimed counts the
 * bytes that are left: tensors that share theirs would make a small file ask for any amount of
 * memory. */
static ea_status place_tensor(ea_context *ctx, const char *name, const unsigned char *data,
                              uint64_t available, uint64_t alignment, uint64_t offset,
                              uint64_t *unclaimed, llm_gguf_tensor *tensor)
{
    int elements = 1, bytes = 1;
    ref_quant_block(tensor->format, &elements, &bytes);
    int64_t row = tensor->ndim > 0 ? tensor->shape[tensor->ndim - 1] : 1;
    uint64_t size = (uint64_t)(tensor->numel / elements) * (uint64_t)bytes;
    if (row % elements != 0 || offset % alignment != 0 || offset > available ||
        size > available - offset || size > *unclaimed)
        return core_fail(ctx, EA_ERR_FORMAT,
                         "%s: tensor '%.*s': its data do not lie in the file as its shape says",
                         name, shown(tensor->name), tensor->name.data);
    tensor->data = data + offset;
    *unclaimed -= size;
    return EA_OK;
}

static ea_status read_tensors(ea_context *ctx, const char *name, reader *r, llm_gguf *out,
                              uint64_t *offsets)
{
    int64_t alignment;
    for (size_t i = 0; i < out->tensor_count; i++)
        EA_TRY(read_tensor(ctx, name, r, &out->tensors[i], &offsets[i]));
    EA_TRY(llm_gguf_int(ctx, out, "general.alignment", 32, 1, 1 << 20, &alignment));
    uint64_t step = (uint64_t)alignment, used = (uint64_t)(r->at - r->begin);
    uint64_t start = (used + step - 1) / step * step, size = (uint64_t)(r->end - r->begin);
    if (r->bad)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: the list of tensors is cut short", name);
    start = start < size ? start : size;
    uint64_t available = size - start, unclaimed = available;
    for (size_t i = 0; i < out->tensor_count; i++)
        EA_TRY(place_tensor(ctx, name, r->begin + start, available, step, offsets[i], &unclaimed,
                            &out->tensors[i]));
    return EA_OK;
}

/* --- The whole ---------------------------------------------------------------------------------
 */

static ea_status read_header(ea_context *ctx, const char *name, reader *r, llm_gguf *out)
{
    const unsigned char *magic = take(r, 4);
    if (!magic || memcmp(magic, "GGUF", 4) != 0)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: not a GGUF file", name);
    uint64_t version = read_int(r, 4), tensors = read_int(r, 8), values = read_int(r, 8);
    if (!r->bad && version != 2 && version != 3)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: GGUF version %llu: 2 and 3 (little-endian) are supported", name,
                         (unsigned long long)version);
    /* Every value takes at least 13 bytes and every tensor 24, so counts cannot outgrow the file.
     */
    uint64_t left = (uint64_t)(r->end - r->at);
    if (r->bad || values > MAX_KEYS || tensors > MAX_TENSORS || values * 13 + tensors * 24 > left)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: %llu values and %llu tensors do not fit in it",
                         name, (unsigned long long)values, (unsigned long long)tensors);
    out->values = core_alloc_zero((size_t)values * sizeof *out->values);
    out->tensors = core_alloc_zero((size_t)tensors * sizeof *out->tensors);
    if (!out->values || !out->tensors)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for its description", name);
    out->value_count = (size_t)values;
    out->tensor_count = (size_t)tensors;
    return EA_OK;
}

static ea_status parse(ea_context *ctx, const char *name, reader *r, llm_gguf *out)
{
    EA_TRY(read_header(ctx, name, r, out));
    for (size_t i = 0; i < out->value_count; i++) {
        read_value(r, &out->values[i]);
        if (r->bad)
            return core_fail(ctx, EA_ERR_FORMAT,
                             "%s: metadata value %zu is cut short or of an unknown type", name, i);
    }
    uint64_t *offsets = core_alloc_zero(out->tensor_count * sizeof *offsets);
    if (!offsets)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for its tensors", name);
    ea_status status = read_tensors(ctx, name, r, out, offsets);
    core_free(offsets);
    return status;
}

ea_status llm_gguf_parse(ea_context *ctx, const char *name, const unsigned char *bytes, size_t size,
                         llm_gguf *out)
{
    *out = (llm_gguf){ 0 };
    static const unsigned char nothing[1];
    bytes = size ? bytes : nothing;
    reader r = { bytes, bytes, bytes + size, false };
    ea_status status = parse(ctx, name, &r, out);
    if (status != EA_OK)
        llm_gguf_free(out);
    return status;
}

ea_status llm_gguf_open(ea_context *ctx, const char *path, llm_gguf *out)
{
    io_map map;
    *out = (llm_gguf){ 0 };
    EA_TRY(io_map_file(ctx, path, &map));
    ea_status status = llm_gguf_parse(ctx, path, map.data, map.size, out);
    if (status == EA_OK)
        out->map = map;
    else
        io_unmap(&map);
    return status;
}

void llm_gguf_free(llm_gguf *gguf)
{
    core_free(gguf->values);
    core_free(gguf->tensors);
    io_unmap(&gguf->map);
    *gguf = (llm_gguf){ 0 };
}

/* --- Looking up --------------------------------------------------------------------------------
 */

static bool is_text(llm_gguf_text text, const char *other)
{
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

const llm_gguf_value *llm_gguf_find(const llm_gguf *gguf, const char *key)
{
    for (size_t i = 0; i < gguf->value_count; i++)
        if (is_text(gguf->values[i].key, key))
            return &gguf->values[i];
    return NULL;
}

const llm_gguf_tensor *llm_gguf_find_tensor(const llm_gguf *gguf, const char *name)
{
    for (size_t i = 0; i < gguf->tensor_count; i++)
        if (is_text(gguf->tensors[i].name, name))
            return &gguf->tensors[i];
    return NULL;
}

int64_t llm_gguf_element_int(const llm_gguf_value *value, uint64_t index)
{
    int size = type_size(value->type);
    uint64_t x = load_le(value->data + index * (uint64_t)size, size);
    bool is_signed = value->type == LLM_GGUF_I8 || value->type == LLM_GGUF_I16 ||
                     value->type == LLM_GGUF_I32 || value->type == LLM_GGUF_I64;
    if (is_signed && size < 8 && x >> (8 * size - 1))
        x |= UINT64_MAX << (8 * size);
    return x > INT64_MAX && !is_signed ? INT64_MAX : (int64_t)x;
}

double llm_gguf_element_real(const llm_gguf_value *value, uint64_t index)
{
    if (value->type == LLM_GGUF_F32)
        return core_bits_float((uint32_t)load_le(value->data + index * 4, 4));
    if (value->type != LLM_GGUF_F64)
        return (double)llm_gguf_element_int(value, index);
    uint64_t bits = load_le(value->data + index * 8, 8);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

llm_gguf_text llm_gguf_next_string(const unsigned char **at)
{
    llm_gguf_text text = { (const char *)*at + 8, (size_t)load_le(*at, 8) };
    *at += 8 + text.size;
    return text;
}

static ea_status wrong_type(ea_context *ctx, const char *key, const char *expected)
{
    return core_fail(ctx, EA_ERR_FORMAT, "GGUF: '%s' must be %s", key, expected);
}

ea_status llm_gguf_int(ea_context *ctx, const llm_gguf *gguf, const char *key, int64_t fallback,
                       int64_t low, int64_t high, int64_t *out)
{
    const llm_gguf_value *value = llm_gguf_find(gguf, key);
    *out = fallback;
    if (value) {
        if (value->array || value->type == LLM_GGUF_STRING || value->type == LLM_GGUF_F32 ||
            value->type == LLM_GGUF_F64 || value->type == LLM_GGUF_BOOL)
            return wrong_type(ctx, key, "an integer");
        *out = llm_gguf_element_int(value, 0);
    }
    if (*out < low || *out > high)
        return core_fail(ctx, EA_ERR_FORMAT, "GGUF: '%s' is %lld: it must be %lld to %lld", key,
                         (long long)*out, (long long)low, (long long)high);
    return EA_OK;
}

ea_status llm_gguf_real(ea_context *ctx, const llm_gguf *gguf, const char *key, double fallback,
                        double *out)
{
    const llm_gguf_value *value = llm_gguf_find(gguf, key);
    *out = fallback;
    if (!value)
        return EA_OK;
    if (value->array || value->type == LLM_GGUF_STRING)
        return wrong_type(ctx, key, "a number");
    *out = llm_gguf_element_real(value, 0);
    return EA_OK;
}

ea_status llm_gguf_bool(ea_context *ctx, const llm_gguf *gguf, const char *key, bool fallback,
                        bool *out)
{
    const llm_gguf_value *value = llm_gguf_find(gguf, key);
    *out = fallback;
    if (!value)
        return EA_OK;
    if (value->array || value->type != LLM_GGUF_BOOL)
        return wrong_type(ctx, key, "a truth value");
    *out = value->data[0] != 0;
    return EA_OK;
}

ea_status llm_gguf_string(ea_context *ctx, const llm_gguf *gguf, const char *key,
                          llm_gguf_text *out)
{
    const llm_gguf_value *value = llm_gguf_find(gguf, key);
    *out = (llm_gguf_text){ 0 };
    if (!value)
        return EA_OK;
    if (value->array || value->type != LLM_GGUF_STRING)
        return wrong_type(ctx, key, "a string");
    const unsigned char *at = value->data;
    *out = llm_gguf_next_string(&at);
    return EA_OK;
}

ea_status llm_gguf_array(ea_context *ctx, const llm_gguf *gguf, const char *key, llm_gguf_type type,
                         const llm_gguf_value **out)
{
    *out = llm_gguf_find(gguf, key);
    if (*out && (*out)->array && (*out)->type == type)
        return EA_OK;
    return wrong_type(ctx, key, *out ? "an array of another type" : "there");
}
