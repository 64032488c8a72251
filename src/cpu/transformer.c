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

enum { MAX_DIM = 1024, HEADS = CPU_ATTENTION_HEADS };

typedef struct attend_job {
    const ref_attention *a;
    const cpu_kernels *kernels;
    int64_t groups; /* of each key and value head: up to HEADS heads that share the reading of it */
} attend_job;

/* The heads of one row that are computed together, and what they have seen. */
typedef struct seen {
    int64_t row;
    int head, heads, kv_head;
    float maximum[HEADS], total[HEADS];
    float *values; /* [heads, dim] */
} seen;

/* A run of keys low … high−1 that lie in one page: the page, the first's place in it, their number.
 */
static const float *run_of_keys(const ref_attention *a, int64_t row, int64_t low, int64_t high,
                                int *first, int *count)
{
    *first = (int)(low % a->page);
    *count = (int)(high - low < a->page - *first ? high - low : a->page - *first);
    return a->pages[row][low / a->page] + a->offset;
}

/* Weights of keys low … high−1 by their place in the block, zeros around them, and the largest
 * scores. */
static void weigh(const attend_job *j, const seen *s, int64_t low, int64_t high,
                  float weight[][REF_KEY_BLOCK], float *maximum)
{
    const ref_attention *a = j->a;
    const float *q = a->q + (s->row * a->heads + s->head) * a->dim;
    memset(weight, 0, (size_t)s->heads * sizeof *weight);
    for (int64_t at = low; at < high;) {
        int first, count;
        const float *keys = run_of_keys(a, s->row, at, high, &first, &count);
        j->kernels->attention_scores(q, s->heads, a->dim,
                                     keys + (int64_t)s->kv_head * a->dim * a->page + first, a->page,
                                     count, weight[0] + at % REF_KEY_BLOCK, REF_KEY_BLOCK);
        at += count;
    }
    for (int h = 0; h < s->heads; h++) {
        float *x = weight[h] + low % REF_KEY_BLOCK;
        j->kernels->mul_scalar(x, a->scale, x, high - low);
        maximum[h] = -INFINITY;
        for (int64_t i = 0; i < high - low; i++)
            maximum[h] = fmaxf(maximum[h], x[i]);
        for (int64_t i = 0; i < high - low; i++)
            x[i] = x[i] - maximum[h];
        j->kernels->math[MATH_EXP](x, x, high - low);
    }
}

static void gather_values(const attend_job *j, const seen *s, float weight[][REF_KEY_BLOCK],
                          int64_t low, int64_t high, float chain[][MAX_DIM])
{
    const ref_attention *a = j->a;
    for (int h = 0; h < s->heads; h++)
        memset(chain[h], 0, (size_t)a->dim * sizeof **chain);
    for (int64_t at = low; at < high;) {
        int first, count;
        const float *values = run_of_keys(a, s->row, at, high, &first, &count) +
                              (int64_t)a->kv_heads * a->dim * a->page;
        j->kernels->attention_values(weight[0] + at % REF_KEY_BLOCK, REF_KEY_BLOCK, s->heads, count,
                                     values + ((int64_t)s->kv_head * a->page + first) * a->dim,
                                     a->dim, chain[0], MAX_DIM);
        at += count;
    }
}

static void attend_block(const attend_job *j, int64_t low, int64_t high, seen *s)
{
    float weight[HEADS][REF_KEY_BLOCK], chain[HEADS][MAX_DIM], maximum[HEADS];
    weigh(j, s, low, high, weight, maximum);
    gather_values(j, s, weight, low, high, chain);
    for (int h = 0; h < s->heads; h++) {
        float *values = s->values + h * j->a->dim;
        float block_total = sum_chunk(weight[h], REF_KEY_BLOCK);
        float merged = fmaxf(s->maximum[h], maximum[h]);
        float old_share = math_exp(s->maximum[h] - merged);
        float new_share = math_exp(maximum[h] - merged);
        for (int d = 0; d < j->a->dim; d++) {
            float old = values[d] * old_share, new = chain[h][d] * new_share;
            values[d] = old + new;
        }
        float old = s->total[h] * old_share, new = block_total *new_share;
        s->total[h] = old + new;
        s->maximum[h] = merged;
    }
}

static void attend_group(const attend_job *j, seen *s)
{
    const ref_attention *a = j->a;
    int64_t end = a->position[s->row] + 1;
    int64_t begin = a->window > 0 && end > a->window ? end - a->window : 0;
    for (int h = 0; h < s->heads; h++) {
        s->maximum[h] = -INFINITY;
        s->total[h] = 0;
    }
    memset(s->values, 0, (size_t)(s->heads * a->dim) * sizeof *s->values);
    for (int64_t low = begin; low < end;) {
        int64_t high = (low / REF_KEY_BLOCK + 1) * REF_KEY_BLOCK;
        high = high < end ? high : end;
        attend_block(j, low, high, s);
        low = high;
    }
    for (int i = 0; i < s->heads * a->dim; i++)
        s->values[i] = s->values[i] / s->total[i / a->dim];
}

static void attend_groups(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const attend_job *j = argument;
    const ref_attention *a = j->a;
    int shared = a->heads / a->kv_heads;
    for (int64_t item = first; item < last; item++) {
        int begin = (int)(item % j->groups) * HEADS;
        seen s = { .row = item / j->groups / a->kv_heads,
                   .kv_head = (int)(item / j->groups % a->kv_heads),
                   .heads = shared - begin < HEADS ? shared - begin : HEADS };
        s.head = s.kv_head * shared + begin;
        s.values = a->out + (s.row * a->heads + s.head) * a->dim;
        attend_group(j, &s);
    }
}

void cpu_attend(ea_context *ctx, const ref_attention *attention)
{
    int shared = attention->heads / attention->kv_heads;
    attend_job job = { attention, cpu_kernels_of(ctx), (shared + HEADS - 1) / HEADS };
    core_parallel(ctx, attention->rows * attention->kv_heads * job.groups, 1, attend_groups, &job);
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
