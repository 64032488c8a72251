/* kernels_conv.h: the inner loops of convolution (src/cpu/conv.c). As in kernels_gemm.h, a tile of
 * output elements is held in registers and every lane is one element's chain. */
#include <math.h>

/* Rows that fit beside one vector of columns, with their addresses; not less than GEMM_ROWS. */
#if VF_LANES == 16
enum { CONV_WIDE_ROWS = 14 };
#elif VF_LANES == 8
enum { CONV_WIDE_ROWS = 9 };
#else
enum { CONV_WIDE_ROWS = 8 };
#endif

/* --- Output channels times output positions ----------------------------------------------------
 */

GEMM_INLINE void conv_window_tile(const int rows, const cpu_conv_window *w, const float *a,
                                  float *out)
{
    vf sum[GEMM_ROWS][GEMM_VECTORS];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        GEMM_UNROLL
    for (int j = 0; j < GEMM_VECTORS; j++)
        sum[i][j] = vf_zero();
    GEMM_REPEAT
    for (int64_t k = 0; k < w->terms; k++) {
        const float *x = w->x + w->offset[k];
        vf y[GEMM_VECTORS];
        GEMM_UNROLL
        for (int j = 0; j < GEMM_VECTORS; j++)
            y[j] = vf_load(x + w->at[j]);
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            vf scale = vf_set(a[i * w->a_line + k]);
            GEMM_UNROLL
            for (int j = 0; j < GEMM_VECTORS; j++)
                sum[i][j] = vf_fma(scale, y[j], sum[i][j]);
        }
    }
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        GEMM_UNROLL
    for (int j = 0; j < GEMM_VECTORS; j++) {
        float *to = out + i * w->out_row + w->to[j];
        vf s = sum[i][j];
        if (w->add)
            s = vf_add(vf_load_n(to, w->lanes[j]), s);
        if (w->lanes[j] == VF_LANES)
            vf_store(to, s);
        else
            vf_store_n(to, s, w->lanes[j]);
    }
}

static void conv_window(const cpu_conv_window *w)
{
    int64_t row = 0;
    for (; row + GEMM_ROWS <= w->rows; row += GEMM_ROWS)
        conv_window_tile(GEMM_ROWS, w, w->a + row * w->a_line, w->out + row * w->out_row);
    const float *a = w->a + row * w->a_line;
    float *out = w->out + row * w->out_row;
    switch (w->rows - row) {
#define CONV_REST(n)                                                \
    case n:                                                         \
        conv_window_tile(n < GEMM_ROWS ? n : GEMM_ROWS, w, a, out); \
        break;
        CONV_REST(1)
        CONV_REST(2)
        CONV_REST(3)
        CONV_REST(4)
        CONV_REST(5)
        CONV_REST(6)
        CONV_REST(7)
        CONV_REST(8)
        CONV_REST(9)
        CONV_REST(10)
        CONV_REST(11)
        CONV_REST(12)
        CONV_REST(13)
#undef CONV_REST
    }
}

/* --- Output positions of one channel ------------------------------------------------------------
 */

/* Four vectors at a time, the last of which ends with the line: what it covers twice is the same.
 */
static void conv_lines(const cpu_conv_lines *w)
{
    enum { VECTORS = 4 };
    int64_t last = w->columns - VF_LANES, step = VECTORS * VF_LANES;
    for (int64_t i = 0; i < w->rows; i++)
        for (int64_t j = 0; j < w->columns; j += step) {
            const float *x = w->x + i * w->x_row;
            float *out = w->out + i * w->out_row;
            int64_t at[VECTORS];
            vf sum[VECTORS];
            for (int v = 0; v < VECTORS; v++) {
                int64_t column = j + v * VF_LANES;
                at[v] = column < last ? column : last > 0 ? last : 0;
                sum[v] = vf_zero();
            }
            GEMM_REPEAT
            for (int64_t k = 0; k < w->terms; k++) {
                vf scale = vf_set(w->a[k]);
                for (int v = 0; v < VECTORS; v++)
                    sum[v] = vf_fma(scale, vf_load(x + w->offset[k] + at[v]), sum[v]);
            }
            for (int v = 0; v < VECTORS && last >= 0; v++)
                vf_store(out + at[v], sum[v]);
            if (last < 0)
                vf_store_n(out, sum[0], (int)w->columns);
        }
}

/* --- Kernel positions times output channels, along the pixels ------------------------------------
 */

GEMM_INLINE void conv_pixels_tile(const int rows, const int vectors, const bool depthwise,
                                  const cpu_conv_pixels *p)
{
    vf sum[CONV_WIDE_ROWS][GEMM_VECTORS];
    int64_t offset[CONV_WIDE_ROWS];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) {
        offset[i] = p->offset[i];
        GEMM_UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = p->fresh ? vf_zero() : vf_load(p->sum + (i * vectors + j) * VF_LANES);
    }
    const float *x = p->x, *g = p->g;
    int64_t column = p->column;
    for (int64_t left = p->terms; left > 0;) {
        int64_t run = p->columns - column < left ? p->columns - column : left;
        GEMM_REPEAT
        for (int64_t k = 0; k < run; k++) {
            vf y[GEMM_VECTORS];
            GEMM_UNROLL
            for (int j = 0; j < vectors; j++)
                y[j] = vf_load(g + j * VF_LANES);
            GEMM_UNROLL
            for (int i = 0; i < rows; i++) {
                vf scale = depthwise ? vf_load(x + offset[i]) : vf_set(x[offset[i]]);
                GEMM_UNROLL
                for (int j = 0; j < vectors; j++)
                    sum[i][j] = vf_fma(scale, y[j], sum[i][j]);
            }
            x += p->step;
            g += vectors * VF_LANES;
        }
        left -= run;
        x += p->next_row;
        column = 0;
    }
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        vf_store(p->sum + (i * vectors + j) * VF_LANES, sum[i][j]);
}

#define CONV_ROWS(n, most, vectors, depthwise)                        \
    case n:                                                           \
        conv_pixels_tile(n < most ? n : most, vectors, depthwise, p); \
        break;
#define CONV_ALL_ROWS(most, vectors, depthwise) \
    CONV_ROWS(1, most, vectors, depthwise)      \
    CONV_ROWS(2, most, vectors, depthwise)      \
    CONV_ROWS(3, most, vectors, depthwise)      \
    CONV_ROWS(4, most, vectors, depthwise)      \
    CONV_ROWS(5, most, vectors, depthwise)      \
    CONV_ROWS(6, most, vectors, depthwise)      \
    CONV_ROWS(7, most, vectors, depthwise)      \
    CONV_ROWS(8, most, vectors, depthwise)      \
    CONV_ROWS(9, most, vectors, depthwise)      \
    CONV_ROWS(10, most, vectors, depthwise)     \
    CONV_ROWS(11, most, vectors, depthwise)     \
    CONV_ROWS(12, most, vectors, depthwise)     \
    CONV_ROWS(13, most, vectors, depthwise)     \
    CONV_ROWS(14, most, vectors, depthwise)

/* `rows` ≤ conv_wide_rows with one vector of output channels, ≤ gemm_rows with all. */
static void conv_pixels(const cpu_conv_pixels *p)
{
    if (p->depthwise)
        switch (p->rows) {
            CONV_ALL_ROWS(CONV_WIDE_ROWS, 1, true)
        }
    else if (p->vectors == 1)
        switch (p->rows) {
            CONV_ALL_ROWS(CONV_WIDE_ROWS, 1, false)
        }
    else
        switch (p->rows) {
            CONV_ALL_ROWS(GEMM_ROWS, GEMM_VECTORS, false)
        }
}
#undef CONV_ALL_ROWS
#undef CONV_ROWS

/* --- Range --------------------------------------------------------------------------------------
 */

/* Smallest magnitude but zero (infinity when all are zero); false when one is infinite or NaN. */
static bool conv_range(const float *x, int64_t n, float *smallest)
{
    vf least = vf_set(INFINITY), infinite = vf_set(INFINITY);
    unsigned unusual = 0;
    for (int64_t i = 0; i < n; i += VF_LANES) {
        vf a = vf_abs(n - i < VF_LANES ? vf_load_n(x + i, (int)(n - i)) : vf_load(x + i));
        unusual |= ~vfm_bits(vf_lt(a, infinite));
        least = vf_select(vfm_and(vf_gt(a, vf_zero()), vf_lt(a, least)), a, least);
    }
    float lanes[VF_LANES];
    vf_store(lanes, least);
    *smallest = lanes[0];
    for (int i = 1; i < VF_LANES; i++)
        *smallest = lanes[i] < *smallest ? lanes[i] : *smallest;
    return !(unusual & ((1ull << VF_LANES) - 1));
}
