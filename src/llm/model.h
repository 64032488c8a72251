/* model.h: a language model, a decoder or an encoder: its sizes, its weights, and one step over any
 * rows. */
#ifndef LLM_MODEL_H
#define LLM_MODEL_H

#include "core/view.h"
#include "cpu/panels.h"
#include "llm/source.h"
#include "ref/rope.h"

typedef struct llm_config {
    int64_t vocab, hidden, layers, heads, kv_heads, dim /* of a head */, inner /* feed-forward */;
    int64_t context;     /* the most positions */
    int64_t window;      /* keys that a row sees; 0: all; it holds … */
    int64_t window_from; /* … in the layers from this on */
    float eps;
    ref_rope rope;
    bool adjacent_pairs; /* rotary positions turn elements 2i and 2i + 1 */
    bool tied;           /* the output projection is the embedding */
    int64_t experts, experts_used;
    bool normalize_experts;
} llm_config;

/* Tensor names; "%d" in a layer's name is its number. NULL: the family has none. A matrix's name
 * ends before ".weight" and ".bias". */
typedef struct llm_names {
    const char *embedding, *positions, *final_norm, *output;
    const char *token_types, *embedding_norm;
    const char *norm1, *norm2;
    const char *qkv; /* one matrix for q, k and v; else the three below */
    const char *q, *k, *v, *o, *q_norm, *k_norm;
    const char *gate, *up, *down;
    const char *router, *expert_gate, *expert_up, *expert_down; /* second "%d": the expert */
    const char *all_gate, *all_up, *all_down; /* the experts of a layer in one tensor */
} llm_names;

/* One of the supported kinds of model: everything that tells it from the others. */
typedef struct llm_family {
    const char *model_type;   /* config.json's */
    const char *architecture; /* GGUF's general.architecture; NULL: not read from GGUF */
    const llm_names *names, *gguf_names;
    bool layer_norm;  /* with bias, instead of RMS norm */
    bool gelu;        /* up, GELU by tanh, down, instead of the gated unit */
    bool encoder;     /* rows see all rows, norms follow the steps, GELU is exact; no next token */
    bool input_major; /* config.json: matrices are [in, out] */
    /* Reads the sizes; refuses, by name, what the family does not have. */
    ea_status (*configure)(ea_context *ctx, const llm_source *source, llm_config *config);
} llm_family;

/* The kind of model that the source holds, or an error that names its type. */
ea_status llm_family_of(ea_context *ctx, const llm_source *source, const llm_family **out);

/* --- Weights -----------------------------------------------------------------------------------
 */

typedef struct llm_matrix {
    ea_view weight;    /* [in, out], any strides … */
    ref_lines lines;   /* … without data when the columns are stored as these */
    cpu_panels panels; /* the same laid out anew, but for the definition, which reads the above */
    float *bias;       /* [out] or NULL */
} llm_matrix;

typedef struct llm_norm {
    float *weight, *bias;
} llm_norm;

typedef struct llm_unit {
    llm_matrix gate, up, down; /* gate is unused with GELU */
} llm_unit;

typedef struct llm_layer {
    llm_norm norm1, norm2;
    llm_matrix q, k, v, o;
    float *q_norm, *k_norm; /* [dim] or NULL */
    llm_unit unit;          /* without experts */
    llm_matrix router;
    llm_unit *experts;
} llm_layer;

typedef struct llm_model {
    const llm_family *family;
    llm_config config;
    llm_source source;
    llm_matrix embedding;    /* its weight is [vocab, hidden]; its lines are tokens */
    ea_view positions;       /* [context, hidden] or no data */
    float *token_type;       /* [hidden], of all rows; NULL: none */
    llm_norm embedding_norm; /* encoders */
    llm_norm final_norm;
    llm_matrix output;
    llm_layer *layers;
    float *frequencies; /* [dim / 2] */
    void **owned;       /* memory of vectors and of tensors that could not be used as mapped */
    size_t owned_count, owned_capacity;
    unsigned char *panels; /* of all matrices */
} llm_model;

/* Lays out the matrices of a loaded model (layout.c). */
ea_status llm_model_lay_out(ea_context *ctx, llm_model *model);

/* Opens a folder or a .gguf file. Matrices are read from the mapped files once and laid out as
 * panels (cpu/panels.h) in the format that they have; Q4_K and Q6_K become float32. `path` must
 * outlive the model. */
ea_status llm_model_open(ea_context *ctx, const char *path, llm_model **out);
void llm_model_close(llm_model *model);

/* --- One step (forward.c) ----------------------------------------------------------------------
 */

/* Floats of one page of `page` tokens: the keys and values of all layers. */
int64_t llm_page_floats(const llm_config *config, int page);

typedef struct llm_row {
    int32_t token;
    int64_t position;
    int64_t last;        /* it sees the keys at 0 … last: its own position, or its text's last */
    float *const *pages; /* of its sequence: enough for position + 1 tokens */
    bool wanted;         /* its last hidden state is asked for */
} llm_row;

/* Computes the rows, in any mixture of sequences; those of one sequence must come in order of
 * position, and all before them must have been computed. Writes keys and values into the pages, and
 * the normalised last hidden states of the wanted rows, in order, to `hidden`. */
ea_status llm_forward(ea_context *ctx, const llm_model *model, const llm_row *rows, int64_t count,
                      int page, float *hidden);

/* logits [rows, vocab] of hidden states [rows, hidden]. */
ea_status llm_logits(ea_context *ctx, const llm_model *model, const float *hidden, int64_t rows,
                     float *logits);

#endif
