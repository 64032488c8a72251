/* transformer.c: definitions of the steps of a language model. */
#include "ref/transformer.h"
#include "math/math.h"
#include "ref/ref.h"

#include <math.h>

/* --- Projection --------------------------------------------------------------------------------
 */

void ref_projection(int64_t rows, const float *x, const ea_view *weight, const float *bias,
                    float *out)
{
    int64_t terms = weight->shape[0], columns = weight->shape[1];
    for (int64_t i = 0; i < rows * columns; i++) {
        int64_t row = i / columns, column = i % columns;
        ref_chain chain;
        ref_chain_begin_blocks(&chain, REF_PROJECTION_BLOCK);
        for (int64_t k = 0; k < terms; k++)
            ref_chain_add(&chain, x[row * terms + k],
                          core_load(weight, k * weight->stride[0] + column * weight->stride[1]));
        out[i] = ref_chain_end(&chain);
        if (bias)
            out[i] += bias[column];
    }
}

/* --- The sum rule, for rows of at most 2^20 elements -------------------------------------------
 */

enum { LANES = 16, CHUNK = 1024, MAX_CHUNKS = 1024 };

static float fold(float lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

static float sum_chunk(const float *x, int64_t n)
{
    float lane[LANES] = { 0 };
    for (int64_t i = 0; i < n; i++)
        lane[i % LANES] += x[i];
    return fold(lane);
}

static float sum(const float *x, int64_t n)
{
    float chunks[MAX_CHUNKS];
    int64_t count = 0;
    if (n <= CHUNK)
        return sum_chunk(x, n);
    for (int64_t i = 0; i < n; i += CHUNK)
        chunks[count++] = sum_chunk(x + i, n - i < CHUNK ? n - i : CHUNK);
    return sum_chunk(chunks, count);
}

/* The sum of f(x[i]) where f squares the distance from `centre`. */
static float sum_squares(const float *x, int64_t n, float centre)
{
    float chunks[MAX_CHUNKS], squares[CHUNK];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t length = n - i < CHUNK ? n - i : CHUNK;
        for (int64_t j = 0; j < length; j++) {
            float d = x[i + j] - centre;
            squares[j] = d * d;
        }
        chunks[count++] = sum_chunk(squares, length);
    }
    return count == 1 ? chunks[0] : sum(chunks, count);
}

/* --- Normalisation -----------------------------------------------------------------------------
 */

void ref_rms_norm(int64_t rows, int64_t n, const float *x, const float *weight, float eps,
                  float *out)
{
    for (int64_t r = 0; r < rows; r++, x += n, out += n) {
        float mean = sum_squares(x, n, 0) / (float)n;
        float scale = 1 / math_sqrt(mean + eps);
        for (int64_t i = 0; i < n; i++) {
            float normal = x[i] * scale;
            out[i] = normal * weight[i];
        }
    }
}

void ref_layer_norm(int64_t rows, int64_t n, const float *x, const float *weight, const float *bias,
                    float eps, float *out)
{
    for (int64_t r = 0; r < rows; r++, x += n, out += n) {
        float mean = sum(x, n) / (float)n;
        float variance = sum_squares(x, n, mean) / (float)n;
        float scale = 1 / math_sqrt(variance + eps);
        for (int64_t i = 0; i < n; i++) {
            float d = x[i] - mean;
            float normal = d * scale;
            float scaled = normal * weight[i];
            out[i] = scaled + bias[i];
        }
    }
}

/* --- Elementwise -------------------------------------------------------------------------------
 */

void ref_silu_mul(int64_t n, float *gate, const float *up)
{
    for (int64_t i = 0; i < n; i++)
        gate[i] = math_silu(gate[i]) * up[i];
}

void ref_gelu(int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = math_gelu(x[i]);
}

void ref_gelu_tanh(int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = math_gelu_tanh(x[i]);
}

void ref_accumulate(int64_t n, float *x, const float *y)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += y[i];
}

/* --- Attention ---------------------------------------------------------------------------------
 */

/* What one query head has seen so far. */
typedef struct seen {
    float maximum;
    float total;
    float *values; /* [dim] */
} seen;

static const float *key_at(const ref_attention *a, int64_t row, int kv_head, int64_t at)
{
    const float *keys = a->pages[row][at / a->page] + a->offset;
    return keys + (int64_t)kv_head * a->dim * a->page + at % a->page;
}

static const float *value_at(const ref_attention *a, int64_t row, int kv_head, int64_t at)
{
    const float *values =
        a->pages[row][at / a->page] + a->offset + (int64_t)a->kv_heads * a->dim * a->page;
    return values + ((int64_t)kv_head * a->page + at % a->page) * a->dim;
}

static float score(const ref_attention *a, int64_t row, int kv_head, const float *q, int64_t at)
{
    const float *key = key_at(a, row, kv_head, at);
    float chain = 0;
    for (int d = 0; d < a->dim; d++)
        chain = fmaf(q[d], key[(int64_t)d * a->page], chain);
    return a->scale * chain;
}

/* Keys low … high−1, all in one block, merged into what was seen before. */
static void attend_block(const ref_attention *a, int64_t row, int kv_head, const float *q,
                         int64_t low, int64_t high, seen *s)
{
    float weight[REF_KEY_BLOCK] = { 0 }; /* by place in the block; keys not seen weigh +0 */
    float maximum = -INFINITY;
    for (int64_t at = low; at < high; at++) {
        weight[at % REF_KEY_BLOCK] = score(a, row, kv_head, q, at);
        maximum = fmaxf(maximum, weight[at % REF_KEY_BLOCK]);
    }
    for (int64_t at = low; at < high; at++)
        weight[at % REF_KEY_BLOCK] = math_exp(weight[at % REF_KEY_BLOCK] - maximum);
    float total = sum_chunk(weight, REF_KEY_BLOCK);
    float merged = fmaxf(s->maximum, maximum);
    float old_share = math_exp(s->maximum - merged), new_share = math_exp(maximum - merged);
    for (int d = 0; d < a->dim; d++) {
        float chain = 0;
        for (int64_t at = low; at < high; at++)
            chain = fmaf(weight[at % REF_KEY_BLOCK], value_at(a, row, kv_head, at)[d], chain);
        float old = s->values[d] * old_share, new = chain *new_share;
        s->values[d] = old + new;
    }
    float old = s->total * old_share, new = total *new_share;
    s->total = old + new;
    s->maximum = merged;
}

void ref_attend(const ref_attention *a)
{
    for (int64_t row = 0; row < a->rows; row++) {
        int64_t end = a->position[row] + 1;
        int64_t begin = a->window > 0 && end > a->window ? end - a->window : 0;
        for (int head = 0; head < a->heads; head++) {
            int64_t place = (row * a->heads + head) * a->dim;
            seen s = { -INFINITY, 0, a->out + place };
            for (int d = 0; d < a->dim; d++)
                s.values[d] = 0;
            for (int64_t low = begin; low < end;) {
                int64_t high = (low / REF_KEY_BLOCK + 1) * REF_KEY_BLOCK;
                high = high < end ? high : end;
                attend_block(a, row, head / (a->heads / a->kv_heads), a->q + place, low, high, &s);
                low = high;
            }
            for (int d = 0; d < a->dim; d++)
                s.values[d] = s.values[d] / s.total;
        }
    }
}

/* --- Softmax and routing -----------------------------------------------------------------------
 */

float ref_row_exp_sum(int64_t n, const float *x, float *maximum)
{
    float chunks[MAX_CHUNKS], e[CHUNK];
    int64_t count = 0;
    *maximum = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        *maximum = fmaxf(*maximum, x[i]);
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t length = n - i < CHUNK ? n - i : CHUNK;
        for (int64_t j = 0; j < length; j++)
            e[j] = math_exp(x[i + j] - *maximum);
        chunks[count++] = sum_chunk(e, length);
    }
    return count == 1 ? chunks[0] : sum(chunks, count);
}

/* The index of the largest weight that is not taken; ties to the lowest. */
static int largest(int experts, const float *logits, const bool *taken)
{
    int best = -1;
    for (int e = 0; e < experts; e++)
        if (!taken[e] && (best < 0 || logits[e] > logits[best]))
            best = e;
    return best;
}

void ref_route(int experts, int k, bool normalize, const float *logits, int *chosen, float *weights)
{
    bool taken[CHUNK] = { false };
    float maximum, total = ref_row_exp_sum(experts, logits, &maximum);
    for (int i = 0; i < k; i++)
        taken[largest(experts, logits, taken)] = true;
    int count = 0;
    for (int e = 0; e < experts; e++)
        if (taken[e]) {
            chosen[count] = e;
            weights[count++] = math_exp(logits[e] - maximum) / total;
        }
    float share = sum_chunk(weights, k);
    for (int i = 0; normalize && i < k; i++)
        weights[i] = weights[i] / share;
}
