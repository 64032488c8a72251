/* kernels_gemm.h: the inner loops of contractions (src/cpu/gemm.c).
 *
 * A tile of output elements is held in registers, GEMM_ROWS rows of GEMM_VECTORS vectors. Every
 * lane is one element's chain of fused multiply-adds over ascending k; no sum is ever split.
 */

/* As many accumulators as the register file holds beside one row of b and one element of a. */
#if VF_LANES == 16
enum { GEMM_ROWS = 14, GEMM_VECTORS = 2 };
#elif VF_LANES == 8
enum { GEMM_ROWS = 6, GEMM_VECTORS = 2 };
#elif defined(__aarch64__)
enum { GEMM_ROWS = 8, GEMM_VECTORS = 3 };
#else
enum { GEMM_ROWS = 4, GEMM_VECTORS = 2 };
#endif

enum { GEMM_COLUMNS = GEMM_VECTORS * VF_LANES };

#ifdef __clang__
#define GEMM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GEMM_UNROLL _Pragma("GCC unroll 16")
#endif
#define GEMM_INLINE static inline __attribute__((always_inline))

/* Fetches what the tile at `to` will write and the one below it will read, `rows` rows. */
GEMM_INLINE void gemm_fetch(const int rows, const float *to, int64_t row_size)
{
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        __builtin_prefetch(to + i * row_size + GEMM_COLUMNS - 1, 1);
}

/* One tile of `rows` rows from row `row` of the panel. `rows`, `vectors` and `first` are constants
 * at every call, so that the loops over rows and vectors unroll and `sum` stays in registers. */
GEMM_INLINE void gemm_tile(const int rows, const int vectors, const bool first, int64_t a_line,
                           int64_t a_k, const float *b, int64_t b_k, const cpu_gemm_panel *p,
                           const float *a, int64_t row)
{
    vf sum[GEMM_ROWS][GEMM_VECTORS];
    const float *start = p->start ? p->start + row * p->start_row : NULL;
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++)
        sum[i][j] = start ? vf_load(start + i * p->start_row + j * VF_LANES) : vf_zero();
    float *out = p->out + row * p->out_row;
    gemm_fetch(rows, out, p->out_row);
    if (start)
        gemm_fetch(rows, start + rows * p->start_row, p->start_row);

    float *keep = p->keep;
    const float *next = p->next ? p->next + GEMM_COLUMNS - 1 : p->b;
    for (int64_t k = 0; k < p->terms; k++) {
        vf y[GEMM_VECTORS];
        GEMM_UNROLL
        for (int j = 0; j < vectors; j++)
            y[j] = vf_load(b + j * VF_LANES);
        if (first) {
            __builtin_prefetch(next, 0, 2);
            next += p->next_k; /* 0 without a next */
        }
        if (first && keep) {
            GEMM_UNROLL
            for (int j = 0; j < vectors; j++)
                vf_store(keep + j * VF_LANES, y[j]);
            keep += GEMM_COLUMNS;
        }
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            vf x = vf_set(a[i * a_line]);
            GEMM_UNROLL
            for (int j = 0; j < vectors; j++)
                sum[i][j] = vf_fma(x, y[j], sum[i][j]);
        }
        a += a_k;
        b += b_k;
    }

    const float *total = p->total ? p->total + row * p->total_row : NULL;
    GEMM_UNROLL
    for (int i = 0; i < rows; i++)
        GEMM_UNROLL
    for (int j = 0; j < vectors; j++) {
        vf s = sum[i][j];
        if (total)
            s = vf_add(vf_load(total + i * p->total_row + j * VF_LANES), s);
        vf_store(out + i * p->out_row + j * VF_LANES, s);
    }
}

GEMM_INLINE void gemm_groups(const int rows, const int vectors, const cpu_gemm_panel *p)
{
    gemm_tile(rows, vectors, true, p->a_line, p->a_k, p->b, p->b_k, p, p->a, 0);
    const float *a = p->a + p->a_group, *b = p->keep ? p->keep : p->b;
    int64_t b_k = p->keep ? GEMM_COLUMNS : p->b_k;
    if (p->a_line == 1 && p->a_k == rows && b_k == GEMM_COLUMNS)
        for (int64_t g = 1; g < p->groups; g++, a += p->a_group)
            gemm_tile(rows, vectors, false, 1, rows, b, GEMM_COLUMNS, p, a, g * rows);
    else
        for (int64_t g = 1; g < p->groups; g++, a += p->a_group)
            gemm_tile(rows, vectors, false, p->a_line, p->a_k, b, b_k, p, a, g * rows);
}

static void gemm_panel(const cpu_gemm_panel *p)
{
    switch (p->height) {
#define GEMM_HEIGHT(n)                                                   \
    case n:                                                              \
        if (p->narrow)                                                   \
            gemm_groups(n < GEMM_ROWS ? n : GEMM_ROWS, 1, p);            \
        else                                                             \
            gemm_groups(n < GEMM_ROWS ? n : GEMM_ROWS, GEMM_VECTORS, p); \
        break;
        GEMM_HEIGHT(1)
        GEMM_HEIGHT(2)
        GEMM_HEIGHT(3)
        GEMM_HEIGHT(4)
#if VF_LANES > 4 || defined(__aarch64__)
        GEMM_HEIGHT(5)
        GEMM_HEIGHT(6)
#endif
#if VF_LANES == 16 || defined(__aarch64__)
        GEMM_HEIGHT(7)
        GEMM_HEIGHT(8)
#endif
#if VF_LANES == 16
        GEMM_HEIGHT(9)
        GEMM_HEIGHT(10)
        GEMM_HEIGHT(11)
        GEMM_HEIGHT(12)
        GEMM_HEIGHT(13)
        GEMM_HEIGHT(14)
#endif
#undef GEMM_HEIGHT
    }
}

/* --- Packing ---------------------------------------------------------------------------------- */

/* Stores the row of one k, `wide` ≤ VF_LANES elements. A whole vector may be stored when more rows
 * follow: they are written later. */
GEMM_INLINE void gemm_store_row(float *to, vf row, int wide, bool more)
{
    if (wide == VF_LANES || more)
        vf_store(to, row);
    else
        vf_store_n(to, row, wide);
}

/* Panels of `width` lines, `panel` elements apart, from lines whose elements for one k are
 * neighbours: to[p·panel + k·width + i] = from[k·stride + p·width + i] for p·width + i < lines,
 * zero above. */
static void gemm_pack_copy(const float *from, int64_t stride, int64_t lines, int width,
                           int64_t terms, int64_t panel, float *to)
{
    for (int64_t k = 0; k < terms; k++, from += stride, to += width) {
        float *at = to;
        for (int64_t line = 0; line < lines; line += width, at += panel) {
            int left = lines - line < width ? (int)(lines - line) : width;
            for (int i = 0; i < width; i += VF_LANES) {
                int wide = width - i < VF_LANES ? width - i : VF_LANES;
                const float *p = from + line + i;
                vf row = left - i >= VF_LANES ? vf_load(p) : vf_load_n(p, left > i ? left - i : 0);
                gemm_store_row(at + i, row, wide, k + 1 < terms && i + wide == width);
            }
        }
    }
}

/* `wide` ≤ VF_LANES lines of one panel, by squares of VF_LANES lines by VF_LANES terms that are
 * transposed in registers. `lines` are left in memory: more than `wide` belong to the next panel,
 * which is written later. `alone`: these are the first lines of the panel, so that a whole vector
 * reaches only what is still to be written. */
GEMM_INLINE void gemm_pack_lines(const float *from, int64_t stride, int64_t lines, int wide,
                                 int width, int64_t terms, bool alone, float *to)
{
    int64_t k = 0;
    vf rows[VF_LANES];
    for (; lines >= VF_LANES && (alone || wide == VF_LANES) && k + VF_LANES <= terms;
         k += VF_LANES, to += VF_LANES * width) {
        for (int i = 0; i < VF_LANES; i++)
            rows[i] = vf_load(from + i * stride + k);
        vf_transpose(rows);
        for (int i = 0; i < VF_LANES; i++)
            vf_store(to + i * width, rows[i]);
    }
    for (; k < terms; k += VF_LANES, to += VF_LANES * width) {
        int deep = terms - k < VF_LANES ? (int)(terms - k) : VF_LANES;
        for (int i = 0; i < VF_LANES; i++)
            rows[i] = i >= lines        ? vf_zero()
                      : deep < VF_LANES ? vf_load_n(from + i * stride + k, deep)
                                        : vf_load(from + i * stride + k);
        vf_transpose(rows);
        for (int i = 0; i < deep; i++)
            gemm_store_row(to + i * width, rows[i], wide, alone && k + i + 1 < terms);
    }
}

/* The same from lines whose terms are neighbours: from[(p·width + i)·stride + k]. */
static void gemm_pack_transpose(const float *from, int64_t stride, int64_t lines, int width,
                                int64_t terms, int64_t panel, float *to)
{
    for (int64_t line = 0; line < lines; line += width, to += panel) {
        for (int i = 0; i < width; i += VF_LANES) {
            int wide = width - i < VF_LANES ? width - i : VF_LANES;
            gemm_pack_lines(from + (line + i) * stride, stride, lines - line - i, wide, width,
                            terms, i == 0, to + i);
        }
    }
}

/* --- Few rows: every element of b is used once or a few times, so b is read in place -------------
 */

/* out[j] = fma chain over `terms` ≤ GEMM_STREAMS rows of b, begun at out[j], or at +0. */
enum { GEMM_STREAMS = 8 };

GEMM_INLINE void gemm_stream(const int terms, const float *x, const float *b, int64_t b_k,
                             int64_t columns, bool fresh, float *out)
{
    vf scale[GEMM_STREAMS];
    GEMM_UNROLL
    for (int k = 0; k < terms; k++)
        scale[k] = vf_set(x[k]);
    int64_t j = 0;
    for (; j + VF_LANES <= columns; j += VF_LANES) {
        vf sum = fresh ? vf_zero() : vf_load(out + j);
        GEMM_UNROLL
        for (int k = 0; k < terms; k++)
            sum = vf_fma(scale[k], vf_load(b + k * b_k + j), sum);
        vf_store(out + j, sum);
    }
    if (j < columns) {
        int rest = (int)(columns - j);
        vf sum = fresh ? vf_zero() : vf_load_n(out + j, rest);
        GEMM_UNROLL
        for (int k = 0; k < terms; k++)
            sum = vf_fma(scale[k], vf_load_n(b + k * b_k + j, rest), sum);
        vf_store_n(out + j, sum, rest);
    }
}

/* One row of a times b with neighbouring columns, into out, from +0. */
static void gemm_row(const float *a, int64_t a_k, const float *b, int64_t b_k, int64_t terms,
                     int64_t columns, float *out)
{
    for (int64_t k = 0; k < terms; k += GEMM_STREAMS) {
        float x[GEMM_STREAMS];
        int streams = terms - k < GEMM_STREAMS ? (int)(terms - k) : GEMM_STREAMS;
        for (int i = 0; i < streams; i++)
            x[i] = a[(k + i) * a_k];
        if (streams == GEMM_STREAMS)
            gemm_stream(GEMM_STREAMS, x, b + k * b_k, b_k, columns, k == 0, out);
        else
            for (int i = 0; i < streams; i++)
                gemm_stream(1, x + i, b + (k + i) * b_k, b_k, columns, k + i == 0, out);
    }
}

/* One row of a times up to GEMM_DOTS·VF_LANES columns of b whose terms are neighbours, from +0:
 * squares of b are transposed in registers, so that lanes are columns. */
enum { GEMM_DOTS = 2 };

static void gemm_dots(const float *a, int64_t a_k, const float *b, int64_t b_column, int64_t terms,
                      int columns, float *out)
{
    vf sum[GEMM_DOTS];
    for (int g = 0; g < GEMM_DOTS; g++)
        sum[g] = vf_zero();
    for (int64_t k = 0; k < terms; k += VF_LANES) {
        int deep = terms - k < VF_LANES ? (int)(terms - k) : VF_LANES;
        for (int g = 0; g < GEMM_DOTS; g++) {
            vf rows[VF_LANES];
            for (int i = 0; i < VF_LANES; i++) {
                int column = g * VF_LANES + i < columns ? g * VF_LANES + i : columns - 1;
                const float *p = b + column * b_column + k;
                rows[i] = deep < VF_LANES ? vf_load_n(p, deep) : vf_load(p);
            }
            vf_transpose(rows);
            for (int i = 0; i < deep; i++)
                sum[g] = vf_fma(vf_set(a[(k + i) * a_k]), rows[i], sum[g]);
        }
    }
    for (int g = 0; g * VF_LANES < columns; g++) {
        int rest = columns - g * VF_LANES;
        vf_store_n(out + g * VF_LANES, sum[g], rest < VF_LANES ? rest : VF_LANES);
    }
}
