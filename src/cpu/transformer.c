/* transformer.c: the steps of a language model on the CPU: rows and heads in parallel, attention's
 * chains and the elementary functions on vectors. */
#include "cpu/transformer.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "math/math.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 4096, LANES = 16, CHUNK = 1024, MAX_CHUNKS = 1024 };

/* --- The sum rule ------------------------------------------------------------------------------
 */

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
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (int j = 0; i + j < n; j++)
        lane[j] += x[i + j];
    return fold(lane);
}

/* The sum of (x[i] − centre)², or of x[i] itself. */
static float sum_row(const float *x, int64_t n, bool squared, float centre)
{
    float chunks[MAX_CHUNKS], squares[CHUNK];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t length = n - i < CHUNK ? n - i : CHUNK;
        const float *terms = x + i;
        if (squared) {
            for (int64_t j = 0; j < length; j++) {
                float d = x[i + j] - centre;
                squares[j] = d * d;
            }
            terms = squares;
        }
        chunks[count++] = sum_chunk(terms, length);
    }
    return count == 1 ? chunks[0] : sum_chunk(chunks, count);
}

/* --- Rows --------------------------------------------------------------------------------------
 */

typedef struct norm_job {
    int64_t n;
    const float *x, *weight, *bias;
    float eps;
    float *out;
} norm_job;

static void rms_norm_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const norm_job *j = argument;
    for (int64_t r = begin; r < end; r++) {
        const float *x = j->x + r * j->n;
        float *out = j->out + r * j->n;
        float scale = 1 / sqrtf(sum_row(x, j->n, true, 0) / (float)j->n + j->eps);
        for (int64_t i = 0; i < j->n; i++) {
            float normal = x[i] * scale;
            out[i] = normal * j->weight[i];
        }
    }
}

static void layer_norm_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const norm_job *j = argument;
    for (int64_t r = begin; r < end; r++) {
        const float *x = j->x + r * j->n;
        float *out = j->out + r * j->n;
        float mean = sum_row(x, j->n, false, 0) / (float)j->n;
        float scale = 1 / sqrtf(sum_row(x, j->n, true, mean) / (float)j->n + j->eps);
        for (int64_t i = 0; i < j->n; i++) {
            float d = x[i] - mean;
            float normal = d * scale;
            float scaled = normal * j->weight[i];
            out[i] = scaled + j->bias[i];
        }
    }
}

void cpu_rms_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x, const float *weight,
                  float eps, float *out)
{
    norm_job job = { n, x, weight, NULL, eps, out };
    core_parallel(ctx, rows, GRAIN / n, rms_norm_rows, &job);
}

void cpu_layer_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x, const float *weight,
                    const float *bias, float eps, float *out)
{
    norm_job job = { n, x, weight, bias, eps, out };
    core_parallel(ctx, rows, GRAIN / n, layer_norm_rows, &job);
}

/* --- Elementwise -------------------------------------------------------------------------------
 */

typedef struct map_job {
    const cpu_kernels *kernels;
    float *x;
    const float *y;
    math_function function;
} map_job;

static void silu_mul_piece(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const map_job *j = argument;
    j->kernels->math[MATH_SILU](j->x + begin, j->x + begin, end - begin);
    for (int64_t i = begin; i < end; i++)
        j->x[i] *= j->y[i];
}

static void function_piece(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const map_job *j = argument;
    j->kernels->math[j->function](j->x + begin, j->x + begin, end - begin);
}

static void accumulate_piece(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const map_job *j = argument;
    for (int64_t i = begin; i < end; i++)
        j->x[i] += j->y[i];
}

void cpu_silu_mul(ea_context *ctx, int64_t n, float *gate, const float *up)
{
    map_job job = { .kernels = cpu_kernels_of(ctx), .x = gate, .y = up };
    core_parallel(ctx, n, GRAIN, silu_mul_piece, &job);
}

void cpu_gelu(ea_context *ctx, int64_t n, float *x)
{
    map_job job = { cpu_kernels_of(ctx), x, NULL, MATH_GELU };
    core_parallel(ctx, n, GRAIN, function_piece, &job);
}

void cpu_gelu_tanh(ea_context *ctx, int64_t n, float *x)
{
    map_job job = { cpu_kernels_of(ctx), x, NULL, MATH_GELU_TANH };
    core_parallel(ctx, n, GRAIN, function_piece, &job);
}

void cpu_accumulate(ea_context *ctx, int64_t n, float *x, const float *y)
{
    map_job job = { .x = x, .y = y };
    core_parallel(ctx, n, 4 * GRAIN, accumulate_piece, &job);
}

/* --- Attention ---------------------------------------------------------------------------------
 */

typedef struct attend_job {
    const ref_attention *a;
    const cpu_kernels *kernels;
} attend_job;

typedef struct seen {
    float maximum, total;
    float *values;
} seen;

enum { MAX_DIM = 1024 };

/* Weights of keys low … high−1 by their place in the block, zeros around them; returns the largest
 * score. */
static float weigh(const attend_job *j, int64_t row, int kv_head, const float *q, int64_t low,
                   int64_t high, float *weight)
{
    const ref_attention *a = j->a;
    memset(weight, 0, REF_KEY_BLOCK * sizeof *weight);
    for (int64_t at = low; at < high;) {
        int first = (int)(at % a->page);
        int count = (int)(high - at < a->page - first ? high - at : a->page - first);
        const float *keys =
            a->pages[row][at / a->page] + a->offset + (int64_t)kv_head * a->dim * a->page + first;
        j->kernels->attention_scores(q, a->dim, keys, a->page, count, weight + at % REF_KEY_BLOCK);
        at += count;
    }
    float maximum = -INFINITY, *x = weight + low % REF_KEY_BLOCK;
    for (int64_t i = 0; i < high - low; i++) {
        x[i] = a->scale * x[i];
        maximum = fmaxf(maximum, x[i]);
    }
    for (int64_t i = 0; i < high - low; i++)
        x[i] = x[i] - maximum;
    j->kernels->math[MATH_EXP](x, x, high - low);
    return maximum;
}

static void gather_values(const attend_job *j, int64_t row, int kv_head, const float *weight,
                          int64_t low, int64_t high, float *chain)
{
    const ref_attention *a = j->a;
    for (int64_t at = low; at < high;) {
        int first = (int)(at % a->page);
        int count = (int)(high - at < a->page - first ? high - at : a->page - first);
        const float *values = a->pages[row][at / a->page] + a->offset +
                              (int64_t)a->kv_heads * a->dim * a->page +
                              ((int64_t)kv_head * a->page + first) * a->dim;
        j->kernels->attention_values(weight + at % REF_KEY_BLOCK, count, values, a->dim, chain);
        at += count;
    }
}

static void attend_block(const attend_job *j, int64_t row, int kv_head, const float *q, int64_t low,
                         int64_t high, seen *s)
{
    float weight[REF_KEY_BLOCK], chain[MAX_DIM];
    float maximum = weigh(j, row, kv_head, q, low, high, weight);
    float total = sum_chunk(weight, REF_KEY_BLOCK);
    memset(chain, 0, (size_t)j->a->dim * sizeof *chain);
    gather_values(j, row, kv_head, weight, low, high, chain);
    float merged = fmaxf(s->maximum, maximum);
    float old_share = math_exp(s->maximum - merged), new_share = math_exp(maximum - merged);
    for (int d = 0; d < j->a->dim; d++) {
        float old = s->values[d] * old_share, new = chain[d] * new_share;
        s->values[d] = old + new;
    }
    float old = s->total * old_share, new = total *new_share;
    s->total = old + new;
    s->maximum = merged;
}

static void attend_heads(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const attend_job *j = argument;
    const ref_attention *a = j->a;
    for (int64_t item = first; item < last; item++) {
        int64_t row = item / a->heads, head = item % a->heads, end = a->position[row] + 1;
        int64_t begin = a->window > 0 && end > a->window ? end - a->window : 0;
        seen s = { -INFINITY, 0, a->out + item * a->dim };
        memset(s.values, 0, (size_t)a->dim * sizeof *s.values);
        for (int64_t low = begin; low < end;) {
            int64_t high = (low / REF_KEY_BLOCK + 1) * REF_KEY_BLOCK;
            high = high < end ? high : end;
            attend_block(j, row, (int)head / (a->heads / a->kv_heads), a->q + item * a->dim, low,
                         high, &s);
            low = high;
        }
        for (int d = 0; d < a->dim; d++)
            s.values[d] = s.values[d] / s.total;
    }
}

void cpu_attend(ea_context *ctx, const ref_attention *attention)
{
    attend_job job = { attention, cpu_kernels_of(ctx) };
    core_parallel(ctx, attention->rows * attention->heads, 1, attend_heads, &job);
}

/* --- Softmax -----------------------------------------------------------------------------------
 */

float cpu_row_exp_sum(ea_context *ctx, int64_t n, const float *x, float *maximum)
{
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    float chunks[MAX_CHUNKS], e[CHUNK];
    int64_t count = 0;
    *maximum = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        *maximum = fmaxf(*maximum, x[i]);
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t length = n - i < CHUNK ? n - i : CHUNK;
        for (int64_t j = 0; j < length; j++)
            e[j] = x[i + j] - *maximum;
        kernels->math[MATH_EXP](e, e, length);
        chunks[count++] = sum_chunk(e, length);
    }
    return count == 1 ? chunks[0] : sum_chunk(chunks, count);
}
