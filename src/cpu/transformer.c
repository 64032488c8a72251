/* transformer.c: the steps of a language model on the CPU: rows and heads in parallel, attention's
 * chains and the elementary functions on vectors. */
#include "cpu/transformer.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/sizes.h"
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
 *
 * A line is one head of one row. Lines that read the same keys and values, heads that share them in
 * neighbouring rows of a sequence, are computed together.
 */

enum { MAX_DIM = 1024, LINES = CPU_ATTENTION_LINES };

typedef struct attend_job {
    const ref_attention *a;
    const cpu_kernels *kernels;
    int heads;     /* of a group: as many as share a key and value head, up to LINES */
    int64_t parts; /* groups of the heads that share it */
    int rows;      /* of a tile: LINES lines with the heads */
    int64_t tiles;
} attend_job;

/* Lines that are computed together, line r·heads + h being head `head` + h of row `row` + r, and
 * what they have seen. */
typedef struct group {
    const attend_job *job;
    int64_t row;
    int rows, head, heads, kv_head;
    int64_t low[LINES], high[LINES]; /* keys of each row in the present block */
    float q[LINES * MAX_DIM];
    float maximum[LINES], total[LINES];
    float *values[LINES]; /* [dim] */
    float weight[LINES][REF_KEY_BLOCK], chain[LINES][MAX_DIM];
} group;

/* A run of keys low … high−1 that lie in one page: the page, the first's place in it, their number.
 */
static const float *run_of_keys(const ref_attention *a, int64_t row, int64_t low, int64_t high,
                                int *first, int *count)
{
    *first = (int)(low % a->page);
    *count = (int)smaller(high - low, a->page - *first);
    return a->pages[row][low / a->page] + a->offset;
}

static void score(group *g, int line, int lines, int64_t low, int64_t high)
{
    const ref_attention *a = g->job->a;
    for (int first, count; low < high; low += count) {
        const float *keys = run_of_keys(a, g->row, low, high, &first, &count);
        g->job->kernels->attention_scores(g->q + line * a->dim, lines, a->dim,
                                          keys + (int64_t)g->kv_head * a->dim * a->page + first,
                                          a->page, count, g->weight[line] + low % REF_KEY_BLOCK,
                                          REF_KEY_BLOCK);
    }
}

static void gather(group *g, int line, int lines, int64_t low, int64_t high)
{
    const ref_attention *a = g->job->a;
    for (int first, count; low < high; low += count) {
        const float *values = run_of_keys(a, g->row, low, high, &first, &count) +
                              (int64_t)a->kv_heads * a->dim * a->page;
        g->job->kernels->attention_values(g->weight[line] + low % REF_KEY_BLOCK, REF_KEY_BLOCK,
                                          lines, count,
                                          values + ((int64_t)g->kv_head * a->page + first) * a->dim,
                                          a->dim, g->chain[line], MAX_DIM);
    }
}

/* Does `part` for every line and its keys in ascending order: the keys that all rows see at once,
 * those before and after them row by row. */
static void for_keys(group *g, int64_t block_end,
                     void (*part)(group *, int line, int lines, int64_t low, int64_t high))
{
    int64_t low = g->low[0], high = g->high[0];
    for (int r = 1; r < g->rows; r++) {
        low = larger(low, g->low[r]);
        high = smaller(high, g->high[r]);
    }
    if (low >= high)
        low = high = block_end;
    for (int r = 0; r < g->rows; r++)
        part(g, r * g->heads, g->heads, g->low[r], smaller(g->high[r], low));
    part(g, 0, g->rows * g->heads, low, high);
    for (int r = 0; r < g->rows; r++)
        part(g, r * g->heads, g->heads, larger(g->low[r], high), g->high[r]);
}

static float largest(const float *x, int64_t n)
{
    float lane[LANES], all = -INFINITY;
    for (int j = 0; j < LANES; j++)
        lane[j] = -INFINITY;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int j = 0; i + j < n; j++)
        lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int j = 0; j < LANES; j++)
        all = lane[j] > all ? lane[j] : all;
    return all;
}

/* Makes a line's scores weights. Returns the largest score. */
static float weigh(const group *g, float *x, int64_t n)
{
    const cpu_kernels *kernels = g->job->kernels;
    kernels->mul_scalar(x, g->job->a->scale, x, n);
    float maximum = largest(x, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] - maximum;
    kernels->math[MATH_EXP](x, x, n);
    return maximum;
}

static void merge_block(group *g, int line, float maximum)
{
    float *values = g->values[line];
    const float *chain = g->chain[line];
    float block_total = sum_chunk(g->weight[line], REF_KEY_BLOCK);
    float merged = fmaxf(g->maximum[line], maximum);
    float old_share = math_exp(g->maximum[line] - merged);
    float new_share = math_exp(maximum - merged);
    for (int d = 0; d < g->job->a->dim; d++) {
        float old = values[d] * old_share, new = chain[d] * new_share;
        values[d] = old + new;
    }
    float old = g->total[line] * old_share, new = block_total *new_share;
    g->total[line] = old + new;
    g->maximum[line] = merged;
}

static void attend_block(group *g, int64_t block_end)
{
    float maximum[LINES];
    int lines = g->rows * g->heads;
    memset(g->weight, 0, (size_t)lines * sizeof *g->weight);
    for_keys(g, block_end, score);
    for (int i = 0; i < lines; i++) {
        int64_t low = g->low[i / g->heads], n = g->high[i / g->heads] - low;
        if (n > 0)
            maximum[i] = weigh(g, g->weight[i] + low % REF_KEY_BLOCK, n);
        memset(g->chain[i], 0, (size_t)g->job->a->dim * sizeof **g->chain);
    }
    for_keys(g, block_end, gather);
    for (int i = 0; i < lines; i++)
        if (g->low[i / g->heads] < g->high[i / g->heads])
            merge_block(g, i, maximum[i]);
}

static void start_lines(group *g)
{
    const ref_attention *a = g->job->a;
    for (int i = 0; i < g->rows * g->heads; i++) {
        int64_t at = ((g->row + i / g->heads) * a->heads + g->head + i % g->heads) * a->dim;
        memcpy(g->q + i * a->dim, a->q + at, (size_t)a->dim * sizeof *a->q);
        g->values[i] = a->out + at;
        memset(g->values[i], 0, (size_t)a->dim * sizeof *a->out);
        g->maximum[i] = -INFINITY;
        g->total[i] = 0;
    }
}

static void attend_group(group *g)
{
    const ref_attention *a = g->job->a;
    int64_t first = INT64_MAX, last = 0, begin[LINES], end[LINES];
    start_lines(g);
    for (int r = 0; r < g->rows; r++) {
        end[r] = a->position[g->row + r] + 1;
        begin[r] = a->window > 0 && end[r] > a->window ? end[r] - a->window : 0;
        first = smaller(first, begin[r]);
        last = larger(last, end[r]);
    }
    for (int64_t low = first / REF_KEY_BLOCK * REF_KEY_BLOCK; low < last; low += REF_KEY_BLOCK) {
        for (int r = 0; r < g->rows; r++) {
            g->low[r] = larger(begin[r], low);
            g->high[r] = smaller(end[r], low + REF_KEY_BLOCK);
        }
        attend_block(g, low + REF_KEY_BLOCK);
    }
    for (int i = 0; i < g->rows * g->heads; i++)
        for (int d = 0; d < a->dim; d++)
            g->values[i][d] = g->values[i][d] / g->total[i];
}

/* The tiles of one key and value head come one after the other, so that it stays in the caches. */
static void attend_tiles(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const attend_job *j = argument;
    const ref_attention *a = j->a;
    int shared = a->heads / a->kv_heads;
    group g;
    g.job = j;
    for (int64_t item = first; item < last; item++) {
        int part = (int)(item / j->tiles % j->parts) * j->heads;
        g.kv_head = (int)(item / j->tiles / j->parts);
        g.head = g.kv_head * shared + part;
        g.heads = (int)smaller(shared - part, j->heads);
        int64_t end = smaller((item % j->tiles + 1) * j->rows, a->rows);
        for (g.row = item % j->tiles * j->rows; g.row < end; g.row += g.rows) {
            for (g.rows = 1; g.row + g.rows < end; g.rows++)
                if (a->pages[g.row + g.rows] != a->pages[g.row])
                    break;
            attend_group(&g);
        }
    }
}

void cpu_attend(ea_context *ctx, const ref_attention *attention)
{
    int shared = attention->heads / attention->kv_heads;
    attend_job job = { .a = attention,
                       .kernels = cpu_kernels_of(ctx),
                       .heads = shared < LINES ? shared : LINES };
    job.parts = (shared + job.heads - 1) / job.heads;
    job.rows = LINES / job.heads;
    job.tiles = (attention->rows + job.rows - 1) / job.rows;
    core_parallel(ctx, attention->kv_heads * job.parts * job.tiles, 1, attend_tiles, &job);
}

/* --- Softmax -----------------------------------------------------------------------------------
 */

float cpu_row_exp_sum(ea_context *ctx, int64_t n, const float *x, float *maximum)
{
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    float chunks[MAX_CHUNKS], e[CHUNK];
    int64_t count = 0;
    *maximum = largest(x, n);
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t length = n - i < CHUNK ? n - i : CHUNK;
        for (int64_t j = 0; j < length; j++)
            e[j] = x[i + j] - *maximum;
        kernels->math[MATH_EXP](e, e, length);
        chunks[count++] = sum_chunk(e, length);
    }
    return count == 1 ? chunks[0] : sum_chunk(chunks, count);
}
