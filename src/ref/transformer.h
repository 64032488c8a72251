/* transformer.h: the steps of a language model (docs/contract.md, Language models). Rows are
 * contiguous float32; a row's result depends on that row alone. */
#ifndef REF_TRANSFORMER_H
#define REF_TRANSFORMER_H

#include "core/context.h"
#include "core/view.h"

enum {
    REF_KEY_BLOCK = 256,      /* keys of a block of attention */
    REF_PROJECTION_BLOCK = 32 /* terms of a chain of a projection */
};

/* out [rows, columns] = x [rows, terms] · weight + bias; weight [terms, columns] with any strides,
 * of any floating type; bias [columns] or NULL. */
void ref_projection(int64_t rows, const float *x, const ea_view *weight, const float *bias,
                    float *out);

/* x, out [rows, n]; weight, bias [n]; out may be x. */
void ref_rms_norm(int64_t rows, int64_t n, const float *x, const float *weight, float eps,
                  float *out);
void ref_layer_norm(int64_t rows, int64_t n, const float *x, const float *weight, const float *bias,
                    float eps, float *out);

/* gate[i] = silu(gate[i]) · up[i] */
void ref_silu_mul(int64_t n, float *gate, const float *up);
/* x[i] = gelu(x[i]); by tanh */
void ref_gelu(int64_t n, float *x);
void ref_gelu_tanh(int64_t n, float *x);
/* x[i] += y[i] */
void ref_accumulate(int64_t n, float *x, const float *y);

/* Keys and values live in pages of `page` tokens, a power of two up to REF_KEY_BLOCK. In a page, at
 * `offset` floats, stand this layer's keys [kv_heads, dim, page], then its values
 * [kv_heads, page, dim]. */
typedef struct ref_attention {
    int64_t rows;
    int heads, kv_heads, dim;
    const float *q;             /* [rows, heads, dim] */
    const int64_t *position;    /* of each row; it sees the keys at 0 … position */
    float *const *const *pages; /* of each row's sequence */
    int page;
    int64_t offset;
    float scale;
    int64_t window; /* a row sees this many keys, itself included; 0: all */
    float *out;     /* [rows, heads, dim] */
} ref_attention;

void ref_attend(const ref_attention *attention);

/* The maximum of a row and the sum of exp(x − maximum). */
float ref_row_exp_sum(int64_t n, const float *x, float *maximum);

/* Routing of one row: softmax of `logits` [experts]; the `k` largest, ties to the lowest index, in
 * ascending order of index, and their weights, divided by their sum when `normalize`. */
void ref_route(int experts, int k, bool normalize, const float *logits, int *chosen,
               float *weights);

#endif
