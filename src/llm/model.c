/* model.c: finding, checking and arranging a model's weights. */
#include "llm/model.h"
#include "core/memory.h"
#include "cpu/quant.h"
#include "llm/family.h"
#include "llm/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 192, MAX_LAYERS = 4096, MAX_VOCAB = 1 << 20 };

typedef struct loader {
    ea_context *ctx;
    llm_model *model;
    const llm_names *names;
} loader;

/* --- Tensors -----------------------------------------------------------------------------------
 */

/* "blk.%d.ffn_up" and ".weight" to a tensor; models saved without their head lack the first part of
 * the name. */
static bool find(const loader *l, const char *name, const char *suffix, int64_t layer,
                 int64_t expert, char full[NAME_SIZE], llm_tensor *out)
{
    size_t used = 0;
    int numbers = 0;
    for (const char *p = name; *p && used < NAME_SIZE - 32; p++) {
        if (*p == '%') {
            int64_t number = numbers++ ? expert : layer;
            used += (size_t)snprintf(full + used, NAME_SIZE - used, "%d", (int)number);
            p++;
        } else {
            full[used++] = *p;
        }
    }
    snprintf(full + used, NAME_SIZE - used, "%s", suffix);
    const char *dot = strchr(full, '.');
    return llm_source_find(&l->model->source, full, out) ||
           (dot && llm_source_find(&l->model->source, dot + 1, out));
}

static ea_status own(const loader *l, size_t bytes, void **out)
{
    llm_model *m = l->model;
    EA_TRY(llm_reserve(l->ctx, (void **)&m->owned, m->owned_count, &m->owned_capacity, 1,
                       sizeof *m->owned));
    *out = core_alloc(bytes);
    if (!*out)
        return core_fail(l->ctx, EA_ERR_MEMORY, "%s: no memory for %zu bytes of weights",
                         m->source.path, bytes);
    m->owned[m->owned_count++] = *out;
    return EA_OK;
}

static bool mapped_dtype(const loader *l, const llm_tensor *tensor, core_dtype *out)
{
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    *out = tensor->format == REF_QUANT_F32   ? CORE_F32
           : tensor->format == REF_QUANT_F16 ? CORE_F16
                                             : CORE_BF16;
    bool plain = tensor->format == REF_QUANT_F32 || tensor->format == REF_QUANT_F16 ||
                 tensor->format == REF_QUANT_BF16;
    bool native = little || !l->model->source.is_gguf;
    return plain && native && (uintptr_t)tensor->data % core_dtype_size(*out) == 0;
}

/* The tensor where it is mapped if it can be used there, else expanded to float32. */
static ea_status view_tensor(const loader *l, const llm_tensor *tensor, ea_view *out)
{
    core_dtype dtype;
    if (mapped_dtype(l, tensor, &dtype)) {
        *out = core_view_make((void *)(uintptr_t)tensor->data, dtype, tensor->ndim, tensor->shape);
        return EA_OK;
    }
    int64_t n = 1;
    for (int d = 0; d < tensor->ndim; d++)
        n *= tensor->shape[d];
    void *floats;
    EA_TRY(own(l, (size_t)n * sizeof(float), &floats));
    cpu_dequantize(l->ctx, tensor->format, tensor->data, n, floats);
    *out = core_view_make(floats, CORE_F32, tensor->ndim, tensor->shape);
    return EA_OK;
}

/* The same for a matrix [out, in], or several of them: formats of blocks stay as they are mapped,
 * and `view` has their shape only. */
static ea_status view_matrix(const loader *l, const llm_tensor *tensor, ea_view *view,
                             ref_lines *lines)
{
    *lines = (ref_lines){ 0 };
    int elements, bytes;
    if (!ref_quant_block(tensor->format, &elements, &bytes) || elements == 1)
        return view_tensor(l, tensor, view);
    *view = core_view_make(NULL, CORE_F32, tensor->ndim, tensor->shape);
    *lines = (ref_lines){ tensor->format, tensor->data,
                          tensor->shape[tensor->ndim - 1] / elements * bytes };
    return EA_OK;
}

static ea_status wrong_shape(const loader *l, const char *name, int ndim, const int64_t *shape)
{
    char text[128];
    ea_view wanted = core_view_make(NULL, CORE_F32, ndim, shape);
    return core_fail(
        l->ctx, EA_ERR_FORMAT,
        "%s: tensor '%s' is not %s, as the settings say, of float32, float16 or bfloat16",
        l->model->source.path, name, core_shape_text(&wanted, text));
}

static ea_status find_tensor(const loader *l, const char *name, const char *suffix, int64_t layer,
                             int64_t expert, int ndim, const int64_t *shape, llm_tensor *out)
{
    char full[NAME_SIZE];
    if (!find(l, name, suffix, layer, expert, full, out))
        return core_fail(l->ctx, EA_ERR_FORMAT, "%s: there is no tensor '%s'",
                         l->model->source.path, full);
    return out->ndim == ndim && memcmp(out->shape, shape, sizeof *shape * (size_t)ndim) == 0
               ? EA_OK
               : wrong_shape(l, full, ndim, shape);
}

static ea_status load_tensor(const loader *l, const char *name, const char *suffix, int64_t layer,
                             int64_t expert, int ndim, const int64_t *shape, ea_view *out)
{
    llm_tensor tensor;
    EA_TRY(find_tensor(l, name, suffix, layer, expert, ndim, shape, &tensor));
    return view_tensor(l, &tensor, out);
}

/* A vector as float32; *out stays NULL when it is missing and `optional`. */
static ea_status load_vector(const loader *l, const char *name, const char *suffix, int64_t layer,
                             int64_t n, bool optional, float **out)
{
    char full[NAME_SIZE];
    llm_tensor tensor;
    ea_view view;
    void *floats;
    if (optional && (!name || !find(l, name, suffix, layer, 0, full, &tensor)))
        return EA_OK;
    EA_TRY(load_tensor(l, name, suffix, layer, 0, 1, &n, &view));
    EA_TRY(own(l, (size_t)n * sizeof(float), &floats));
    *out = floats;
    for (int64_t i = 0; i < n; i++)
        (*out)[i] = core_load(&view, i);
    return EA_OK;
}

static ea_status load_matrix(const loader *l, const char *name, int64_t layer, int64_t expert,
                             int64_t in, int64_t out, llm_matrix *matrix)
{
    bool input_major = l->model->family->input_major && !l->model->source.is_gguf;
    llm_tensor tensor;
    ea_view view;
    EA_TRY(find_tensor(l, name, ".weight", layer, expert, 2,
                       (int64_t[]){ input_major ? in : out, input_major ? out : in }, &tensor));
    EA_TRY(view_matrix(l, &tensor, &view, &matrix->lines));
    matrix->weight = core_view_make(view.data, view.dtype, 2, (int64_t[]){ in, out });
    matrix->weight.stride[0] = input_major ? out : 1;
    matrix->weight.stride[1] = input_major ? 1 : in;
    return load_vector(l, name, ".bias", layer, out, true, &matrix->bias);
}

static ea_status load_norm(const loader *l, const char *name, int64_t layer, llm_norm *norm)
{
    int64_t n = l->model->config.hidden;
    EA_TRY(load_vector(l, name, ".weight", layer, n, false, &norm->weight));
    return load_vector(l, name, ".bias", layer, n, !l->model->family->layer_norm, &norm->bias);
}

/* --- Layers ------------------------------------------------------------------------------------
 */

/* Columns first … first + count − 1 of a matrix. */
static llm_matrix columns(llm_matrix all, int64_t first, int64_t count)
{
    if (all.lines.data)
        all.lines.data += first * all.lines.line_bytes;
    else
        all.weight.data = (char *)all.weight.data + (size_t)(first * all.weight.stride[1]) *
                                                        core_dtype_size(all.weight.dtype);
    all.weight.shape[1] = count;
    all.bias = all.bias ? all.bias + first : NULL;
    return all;
}

static ea_status load_attention(const loader *l, int64_t i, llm_layer *layer)
{
    const llm_config *c = &l->model->config;
    int64_t q = c->heads * c->dim, kv = c->kv_heads * c->dim;
    if (l->names->qkv) {
        llm_matrix all = { 0 };
        EA_TRY(load_matrix(l, l->names->qkv, i, 0, c->hidden, q + 2 * kv, &all));
        layer->q = columns(all, 0, q);
        layer->k = columns(all, q, kv);
        layer->v = columns(all, q + kv, kv);
    } else {
        EA_TRY(load_matrix(l, l->names->q, i, 0, c->hidden, q, &layer->q));
        EA_TRY(load_matrix(l, l->names->k, i, 0, c->hidden, kv, &layer->k));
        EA_TRY(load_matrix(l, l->names->v, i, 0, c->hidden, kv, &layer->v));
    }
    EA_TRY(load_vector(l, l->names->q_norm, ".weight", i, c->dim, true, &layer->q_norm));
    EA_TRY(load_vector(l, l->names->k_norm, ".weight", i, c->dim, true, &layer->k_norm));
    return load_matrix(l, l->names->o, i, 0, q, c->hidden, &layer->o);
}

/* All experts' matrices of one kind, [experts, out, in] in one tensor. */
static ea_status load_stack(const loader *l, const char *name, int64_t i, int64_t in, int64_t out,
                            size_t member, llm_layer *layer)
{
    int64_t experts = l->model->config.experts;
    llm_tensor tensor;
    ea_view all;
    ref_lines lines;
    EA_TRY(find_tensor(l, name, ".weight", i, 0, 3, (int64_t[]){ experts, out, in }, &tensor));
    EA_TRY(view_matrix(l, &tensor, &all, &lines));
    for (int64_t e = 0; e < experts; e++) {
        llm_matrix *matrix = (llm_matrix *)((char *)&layer->experts[e] + member);
        char *data = all.data;
        if (data)
            data += (size_t)(e * in * out) * core_dtype_size(all.dtype);
        matrix->lines = lines;
        if (lines.data)
            matrix->lines.data += e * out * lines.line_bytes;
        matrix->weight = core_view_make(data, all.dtype, 2, (int64_t[]){ in, out });
        matrix->weight.stride[0] = 1;
        matrix->weight.stride[1] = in;
    }
    return EA_OK;
}

static ea_status load_experts(const loader *l, int64_t i, llm_layer *layer)
{
    const llm_config *c = &l->model->config;
    const llm_names *n = l->names;
    layer->experts = core_alloc_zero(sizeof *layer->experts * (size_t)c->experts);
    if (!layer->experts)
        return core_fail(l->ctx, EA_ERR_MEMORY, "%s: no memory for its experts",
                         l->model->source.path);
    EA_TRY(load_matrix(l, n->router, i, 0, c->hidden, c->experts, &layer->router));
    if (n->all_gate) {
        EA_TRY(load_stack(l, n->all_gate, i, c->hidden, c->inner, offsetof(llm_unit, gate), layer));
        EA_TRY(load_stack(l, n->all_up, i, c->hidden, c->inner, offsetof(llm_unit, up), layer));
        return load_stack(l, n->all_down, i, c->inner, c->hidden, offsetof(llm_unit, down), layer);
    }
    for (int64_t e = 0; e < c->experts; e++) {
        llm_unit *unit = &layer->experts[e];
        EA_TRY(load_matrix(l, n->expert_gate, i, e, c->hidden, c->inner, &unit->gate));
        EA_TRY(load_matrix(l, n->expert_up, i, e, c->hidden, c->inner, &unit->up));
        EA_TRY(load_matrix(l, n->expert_down, i, e, c->inner, c->hidden, &unit->down));
    }
    return EA_OK;
}

static ea_status load_layer(const loader *l, int64_t i, llm_layer *layer)
{
    const llm_config *c = &l->model->config;
    EA_TRY(load_norm(l, l->names->norm1, i, &layer->norm1));
    EA_TRY(load_norm(l, l->names->norm2, i, &layer->norm2));
    EA_TRY(load_attention(l, i, layer));
    if (c->experts > 0)
        return load_experts(l, i, layer);
    if (!l->model->family->gelu)
        EA_TRY(load_matrix(l, l->names->gate, i, 0, c->hidden, c->inner, &layer->unit.gate));
    EA_TRY(load_matrix(l, l->names->up, i, 0, c->hidden, c->inner, &layer->unit.up));
    return load_matrix(l, l->names->down, i, 0, c->inner, c->hidden, &layer->unit.down);
}

/* --- The whole ---------------------------------------------------------------------------------
 */

/* Every token is of type 0. */
static ea_status load_encoder_embedding(const loader *l)
{
    int64_t n = l->model->config.hidden;
    char full[NAME_SIZE];
    llm_tensor tensor;
    ea_view types;
    void *floats;
    if (!find(l, l->names->token_types, ".weight", 0, 0, full, &tensor))
        return core_fail(l->ctx, EA_ERR_FORMAT, "%s: there is no tensor '%s'",
                         l->model->source.path, full);
    if (tensor.ndim != 2 || tensor.shape[0] < 1 || tensor.shape[1] != n)
        return wrong_shape(l, full, 2, (int64_t[]){ 1, n });
    EA_TRY(view_tensor(l, &tensor, &types));
    EA_TRY(own(l, (size_t)n * sizeof(float), &floats));
    l->model->token_type = floats;
    for (int64_t i = 0; i < n; i++)
        l->model->token_type[i] = core_load(&types, i);
    return load_norm(l, l->names->embedding_norm, 0, &l->model->embedding_norm);
}

/* The vocabulary's size is the embedding's, whatever the settings say. */
static ea_status load_embedding(const loader *l)
{
    llm_model *m = l->model;
    char full[NAME_SIZE];
    llm_tensor tensor;
    if (!find(l, l->names->embedding, ".weight", 0, 0, full, &tensor))
        return core_fail(l->ctx, EA_ERR_FORMAT, "%s: there is no tensor '%s'", m->source.path,
                         full);
    m->config.vocab = tensor.shape[0];
    if (tensor.ndim != 2 || tensor.shape[1] != m->config.hidden || m->config.vocab < 1 ||
        m->config.vocab > MAX_VOCAB)
        return wrong_shape(l, full, 2, (int64_t[]){ m->config.vocab, m->config.hidden });
    EA_TRY(view_matrix(l, &tensor, &m->embedding.weight, &m->embedding.lines));
    if (m->family->encoder)
        EA_TRY(load_encoder_embedding(l));
    if (!l->names->positions)
        return EA_OK;
    return load_tensor(l, l->names->positions, ".weight", 0, 0, 2,
                       (int64_t[]){ m->config.context, m->config.hidden }, &m->positions);
}

static ea_status load_output(const loader *l)
{
    llm_model *m = l->model;
    char full[NAME_SIZE];
    llm_tensor tensor;
    if (m->source.is_gguf)
        m->config.tied = !find(l, l->names->output, ".weight", 0, 0, full, &tensor);
    if (!m->config.tied) {
        bool input_major = m->family->input_major && !m->source.is_gguf;
        if (input_major)
            return llm_unsupported(l->ctx, &m->source, "tie_word_embeddings", "false");
        return load_matrix(l, l->names->output, 0, 0, m->config.hidden, m->config.vocab,
                           &m->output);
    }
    m->output = m->embedding;
    m->output.weight.shape[0] = m->config.hidden;
    m->output.weight.shape[1] = m->config.vocab;
    m->output.weight.stride[0] = 1;
    m->output.weight.stride[1] = m->config.hidden;
    return EA_OK;
}

/* A GGUF file may have a divisor for each frequency. */
static ea_status load_frequencies(const loader *l)
{
    static const char name[] = "rope_freqs.weight";
    llm_model *m = l->model;
    ref_rope rope = m->config.rope;
    int64_t half = m->config.dim / 2;
    float *divisors = NULL;
    if (m->source.is_gguf)
        EA_TRY(load_vector(l, "rope_freqs", ".weight", 0, half, true, &divisors));
    for (int64_t i = 0; divisors && i < half; i++)
        if (!(divisors[i] > 0) || isinf(divisors[i]))
            return core_fail(l->ctx, EA_ERR_FORMAT, "%s: %s holds %g; divisors are positive",
                             m->source.path, name, (double)divisors[i]);
    rope.divisors = divisors;
    ref_rope_frequencies(&rope, (int)m->config.dim, m->frequencies);
    return EA_OK;
}

static ea_status load(ea_context *ctx, const char *path, llm_model *m)
{
    EA_TRY(llm_source_open(ctx, path, &m->source));
    EA_TRY(llm_family_of(ctx, &m->source, &m->family));
    if (json_object_get(m->source.config, "quantization_config"))
        return llm_unsupported(ctx, &m->source, "setting", "quantization_config");
    EA_TRY(m->family->configure(ctx, &m->source, &m->config));
    loader l = { ctx, m, m->source.is_gguf ? m->family->gguf_names : m->family->names };
    const llm_config *c = &m->config;
    if (c->layers > MAX_LAYERS)
        return core_fail(ctx, EA_ERR_UNSUPPORTED, "%s: %lld layers: the most is %d", path,
                         (long long)c->layers, MAX_LAYERS);
    EA_TRY(load_embedding(&l));
    if (!m->family->encoder) {
        EA_TRY(load_norm(&l, l.names->final_norm, 0, &m->final_norm));
        EA_TRY(load_output(&l));
    }
    m->layers = core_alloc_zero(sizeof *m->layers * (size_t)c->layers);
    m->frequencies = core_alloc(sizeof *m->frequencies * (size_t)(c->dim / 2 + 1));
    if (!m->layers || !m->frequencies)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %lld layers", path,
                         (long long)c->layers);
    if (c->rope.theta > 0)
        EA_TRY(load_frequencies(&l));
    for (int64_t i = 0; i < c->layers; i++)
        EA_TRY(load_layer(&l, i, &m->layers[i]));
    return llm_model_lay_out(ctx, m);
}

ea_status llm_model_open(ea_context *ctx, const char *path, llm_model **out)
{
    *out = NULL;
    llm_model *m = core_alloc_zero(sizeof *m);
    if (!m)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for a model", path);
    ea_status status = load(ctx, path, m);
    if (status == EA_OK)
        *out = m;
    else
        llm_model_close(m);
    return status;
}

void llm_model_close(llm_model *model)
{
    if (!model)
        return;
    for (int64_t i = 0; model->layers && i < model->config.layers; i++)
        core_free(model->layers[i].experts);
    core_free(model->layers);
    core_free(model->frequencies);
    for (size_t i = 0; i < model->owned_count; i++)
        core_free(model->owned[i]);
    core_free(model->owned);
    core_free(model->panels);
    llm_source_close(&model->source);
    core_free(model);
}
