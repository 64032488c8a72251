/* kernels_reduce.h: the sum rule's chunk, sums down columns, and a row's maximum. */

#include <math.h>

enum { CHUNK_LANES = 16 }; /* of the contract */

static inline vf join(bool product, vf a, vf b)
{
    return product ? vf_mul(a, b) : vf_add(a, b);
}

/* One chunk, n ≤ 1024: lane j joins elements j, j + 16, … to +0, or to 1 for a product; lanes fold
 * 8, 4, 2, 1. The lanes that the last elements do not reach are joined with +0 or 1, which changes
 * no value: none of a sum is −0. */
static inline __attribute__((always_inline)) float fold_chunk(bool product, const float *x,
                                                              int64_t n)
{
    enum { VECTORS = CHUNK_LANES / VF_LANES };
    vf lanes[VECTORS];
    for (int v = 0; v < VECTORS; v++)
        lanes[v] = vf_set(product);
    int64_t i = 0;
    for (; i + CHUNK_LANES <= n; i += CHUNK_LANES)
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = join(product, lanes[v], vf_load(x + i + v * VF_LANES));
    float lane[CHUNK_LANES];
    if (i < n) {
        for (int j = 0; j < CHUNK_LANES; j++)
            lane[j] = i + j < n ? x[i + j] : product;
        for (int v = 0; v < VECTORS; v++)
            lanes[v] = join(product, lanes[v], vf_load(lane + v * VF_LANES));
    }
    for (int half = VECTORS / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            lanes[v] = join(product, lanes[v], lanes[v + half]);
    vf_store(lane, lanes[0]);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = product ? lane[j] * lane[j + half] : lane[j] + lane[j + half];
    return lane[0];
}

static float kernel_sum_chunk(const float *x, int64_t n)
{
    return fold_chunk(false, x, n);
}

static float kernel_product_chunk(const float *x, int64_t n)
{
    return fold_chunk(true, x, n);
}

/* y[j] = rows 0 … rows−1 of column j added up in order; x has `stride` elements a row. Four vectors
 * of columns at a time hide the addition's latency. */
static void kernel_sum_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                               float *y)
{
    int64_t j = 0;
    for (; j + 4 * VF_LANES <= columns; j += 4 * VF_LANES) {
        vf a = vf_zero(), b = a, c = a, d = a;
        for (const float *row = x + j, *end = row + rows * stride; row != end; row += stride) {
            a = vf_add(a, vf_load(row));
            b = vf_add(b, vf_load(row + VF_LANES));
            c = vf_add(c, vf_load(row + 2 * VF_LANES));
            d = vf_add(d, vf_load(row + 3 * VF_LANES));
        }
        vf_store(y + j, a);
        vf_store(y + j + VF_LANES, b);
        vf_store(y + j + 2 * VF_LANES, c);
        vf_store(y + j + 3 * VF_LANES, d);
    }
    for (; j < columns; j += VF_LANES) {
        int n = columns - j < VF_LANES ? (int)(columns - j) : VF_LANES;
        vf a = vf_zero();
        for (int64_t i = 0; i < rows; i++)
            a = vf_add(a, vf_load_n(x + i * stride + j, n));
        vf_store_n(y + j, a, n);
    }
}

/* Columns run across memory: the processor does not guess which lines come next. */
static inline void fetch_columns_ahead(const float *row)
{
    __builtin_prefetch(row + 128 / sizeof *row);
}

/* The chunk of each column, rows ≤ 1024: all lanes of a vector of columns stay in registers. */
static inline __attribute__((always_inline)) void fold_chunk_columns(bool product, const float *x,
                                                                     int64_t stride, int64_t rows,
                                                                     int64_t columns, float *y)
{
    for (int64_t j = 0; j < columns; j += VF_LANES) {
        int n = columns - j < VF_LANES ? (int)(columns - j) : VF_LANES;
        const float *row = x + j;
        vf lane[CHUNK_LANES];
        for (int k = 0; k < CHUNK_LANES; k++)
            lane[k] = vf_set(product);
        int64_t i = 0;
        for (; n == VF_LANES && i + CHUNK_LANES <= rows; i += CHUNK_LANES)
            for (int k = 0; k < CHUNK_LANES; k++, row += stride) {
                fetch_columns_ahead(row);
                lane[k] = join(product, lane[k], vf_load(row));
            }
        for (; i < rows; i += CHUNK_LANES)
            for (int k = 0; k < CHUNK_LANES && i + k < rows; k++, row += stride)
                lane[k] = join(product, lane[k], vf_load_n(row, n));
        for (int half = CHUNK_LANES / 2; half > 0; half /= 2)
            for (int k = 0; k < half; k++)
                lane[k] = join(product, lane[k], lane[k + half]);
        vf_store_n(y + j, lane[0], n);
    }
}

static void kernel_sum_chunk_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                                     float *y)
{
    fold_chunk_columns(false, x, stride, rows, columns, y);
}

static void kernel_product_chunk_columns(const float *x, int64_t stride, int64_t rows,
                                         int64_t columns, float *y)
{
    fold_chunk_columns(true, x, stride, rows, columns, y);
}

/* sum[r] continues with row[r][0 … n−1] in order, for VF_LANES rows. Rows become lanes, so the
 * additions of one step wait for nothing but the step before. */
static void kernel_add_rows(const float *const *row, int64_t n, float *sum)
{
    vf total = vf_load(sum);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf step[VF_LANES];
        for (int r = 0; r < VF_LANES; r++)
            step[r] = vf_load(row[r] + i);
        vf_transpose(step);
        for (int k = 0; k < VF_LANES; k++)
            total = vf_add(total, step[k]);
    }
    vf_store(sum, total);
    for (; i < n; i++)
        for (int r = 0; r < VF_LANES; r++)
            sum[r] += row[r][i];
}

/* to[j] continues with row[0][j] … row[3][j] in order. Rows far apart in memory: the next four are
 * asked for at the pace at which these are read, a line of the cache for two vectors of 8 lanes. */
static void kernel_add_four(const float *const row[4], const float *const next[4], int64_t n,
                            float *to)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
    enum { LINE = 64 / sizeof(float) };
    int64_t j = 0;
    for (; j + LINE <= n; j += LINE) {
        for (int r = 0; r < 4; r++)
            __builtin_prefetch(next[r] + j);
        for (int v = 0; v < LINE; v += VF_LANES) {
            vf sum = vf_add(vf_load(to + j + v), vf_load(a + j + v));
            sum = vf_add(vf_add(sum, vf_load(b + j + v)), vf_load(c + j + v));
            vf_store(to + j + v, vf_add(sum, vf_load(d + j + v)));
        }
    }
    for (; j < n; j++)
        to[j] = to[j] + a[j] + b[j] + c[j] + d[j];
}

enum { EXTREME_CHAINS = 4 }; /* vectors side by side hide the comparison's latency */

/* The vectors leave open which of two zeros comes: +0 counts as larger than −0. */
static float zero_with_sign(const float *x, int64_t n, float zero, bool negative)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] == 0 && (signbit(x[i]) != 0) == negative)
            return x[i];
    return zero;
}

/* The largest (smallest) of n ≥ 1 elements; NaN when there is one. */
static inline __attribute__((always_inline)) float extreme(const float *x, int64_t n,
                                                           vf (*better)(vf, vf), bool smallest)
{
    enum { STEP = EXTREME_CHAINS * VF_LANES };
    vf best[EXTREME_CHAINS];
    for (int c = 0; c < EXTREME_CHAINS; c++)
        best[c] = vf_set(x[0]);
    vfm nan = vf_ne(best[0], best[0]);
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP)
        for (int c = 0; c < EXTREME_CHAINS; c++) {
            vf a = vf_load(x + i + c * VF_LANES);
            best[c] = better(a, best[c]);
            nan = vfm_or(nan, vf_ne(a, a));
        }
    for (int c = 1; c < EXTREME_CHAINS; c++)
        best[0] = better(best[c], best[0]);
    float lane[VF_LANES];
    vf_store(lane, best[0]);
    float result = lane[0];
    for (int j = 1; j < VF_LANES; j++)
        result = (smallest ? lane[j] < result : lane[j] > result) ? lane[j] : result;
    bool any_nan = vfm_bits(nan) != 0;
    for (; i < n; i++) {
        result = (smallest ? x[i] < result : x[i] > result) ? x[i] : result;
        any_nan |= x[i] != x[i];
    }
    if (any_nan)
        return NAN;
    return result == 0 ? zero_with_sign(x, n, result, smallest) : result;
}

static float kernel_maximum(const float *x, int64_t n)
{
    return extreme(x, n, vf_max, false);
}

static float kernel_minimum(const float *x, int64_t n)
{
    return extreme(x, n, vf_min, true);
}

/* The largest (smallest) of each column, rows ≥ 1; NaN where there is one. */
static inline __attribute__((always_inline)) void extreme_columns(vf (*better)(vf, vf),
                                                                  bool smallest, const float *x,
                                                                  int64_t stride, int64_t rows,
                                                                  int64_t columns, float *y)
{
    for (int64_t j = 0; j < columns; j += VF_LANES) {
        int n = columns - j < VF_LANES ? (int)(columns - j) : VF_LANES;
        vf best = vf_load_n(x + j, n);
        vfm nan = vf_ne(best, best);
        vi signs = vf_bits(best);
        for (const float *row = x + j, *end = row + rows * stride; row != end; row += stride) {
            vf a = n == VF_LANES ? vf_load(row) : vf_load_n(row, n);
            fetch_columns_ahead(row);
            best = better(a, best);
            nan = vfm_or(nan, vf_ne(a, a));
            signs = smallest ? vi_or(signs, vf_bits(a)) : vi_and(signs, vf_bits(a));
        }
        /* Of zeros, the largest is −0 if no element is +0, the smallest if one is −0. */
        vf zero = vi_float(vi_and(signs, vi_set(INT32_MIN)));
        best = vf_select(vf_eq(best, vf_zero()), zero, best);
        vf_store_n(y + j, vf_select(nan, vf_set(NAN), best), n);
    }
}

static void kernel_maximum_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                                   float *y)
{
    extreme_columns(vf_max, false, x, stride, rows, columns, y);
}

static void kernel_minimum_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                                   float *y)
{
    extreme_columns(vf_min, true, x, stride, rows, columns, y);
}
