/* kernels_panel.h: products with panels of weights (cpu/panels.h). Lanes are columns; each runs its
 * own chain. A weight is widened once for all rows of a. */

enum { PANEL_VECTORS = CPU_PANEL / VF_LANES };

/* PANEL_ROWS: most rows at a time. */
#if VF_LANES > 4 || defined(__aarch64__)
enum { PANEL_ROWS = 8 };
#else
enum { PANEL_ROWS = 4 };
#endif
enum { PANEL_CHAINS = 24 }; /* most of panel_step(format, rows) · rows and PANEL_VECTORS */

/* Vectors of columns at a time, a divisor of PANEL_VECTORS: at least as many chains as keep the
 * multipliers busy, as few as leave registers to widen weights in. */
GEMM_INLINE int panel_step(const ref_quant format, const int rows)
{
    if (rows == 1)
        return PANEL_VECTORS;
#if VF_LANES == 16
    (void)format;
    return rows <= 4 ? 4 : 2;
#elif defined(__aarch64__)
    (void)format;
    return rows == 2 ? 8 : rows <= 6 ? 4 : 2;
#else
    const bool scaled = format == REF_QUANT_Q8_0 || format == REF_QUANT_Q4_0;
    const int in_pairs = scaled ? 4 : format == REF_QUANT_BF16 ? 5 : 6;
    return rows == 2 ? 4 : rows <= in_pairs ? 2 : 1;
#endif
}

/* Terms of a row of the panel, and of a set: those that a vector of a row is widened to at a time.
 */
#define PANEL_TERMS(format)           \
    ((format) == REF_QUANT_BF16   ? 2 \
     : (format) == REF_QUANT_Q8_0 ? 4 \
     : (format) == REF_QUANT_Q4_0 ? 8 \
                                  : 1)
#define PANEL_SET(format) ((format) == REF_QUANT_Q4_0 ? 4 : PANEL_TERMS(format))
#define PANEL_ELEMENT(format) ((format) == REF_QUANT_F16 ? 2 : 4) /* bytes in a row */

/* Vector v of the scales of a block, for integers in the highest bits of an element. */
GEMM_INLINE vf panel_scale(const ref_quant format, const unsigned char *block, int v)
{
    vf scale = vf_load_f16((const uint16_t *)block + v * VF_LANES);
    return vf_mul(scale, vf_set(format == REF_QUANT_Q4_0 ? 0x1p-28f : 0x1p-24f));
}

/* Vector v of a row, from which panel_term takes the terms of set number `set`. */
GEMM_INLINE vi panel_elements(const ref_quant format, const unsigned char *row, int v,
                              const int set)
{
    if (format == REF_QUANT_F16)
        return vf_bits(vf_load_f16((const uint16_t *)row + v * VF_LANES));
    vi x = vi_load((const int32_t *)row + v * VF_LANES);
    if (format != REF_QUANT_Q4_0)
        return x;
    return vi_and(set == 0 ? vi_shl(x, 4) : x, vi_set((int)0xf0f0f0f0));
}

/* Term j of a set. Products with the scale are exact. */
GEMM_INLINE vf panel_term(const ref_quant format, vi x, const int j, vf scale)
{
    if (format == REF_QUANT_BF16)
        return vi_float(j == 0 ? vi_shl(x, 16) : vi_and(x, vi_set((int)0xffff0000)));
    if (PANEL_SET(format) == 4)
        return vf_mul(scale, vi_to_vf(vi_high_byte(x, j)));
    return vi_float(x);
}

/* --- Rows of a times it ------------------------------------------------------------------------
 *
 * sum[i·vectors + v] are the chains of row i and of vector v of `vectors` neighbouring ones; row
 * i's term k is a[k·rows + i].
 */

/* Continues the chains of a few rows by `terms` terms of set number `set` of a row of the panel. */
GEMM_INLINE void panel_add_set(const ref_quant format, const int set, const int terms,
                               const int rows, const int vectors, const float *a,
                               const unsigned char *row, const vf *scale, vf *sum)
{
    vi x[PANEL_VECTORS];
    vf weight[PANEL_VECTORS];
    GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        x[v] = panel_elements(format, row, v, set);
    GEMM_UNROLL
    for (int j = 0; j < terms; j++) {
        GEMM_UNROLL
        for (int v = 0; v < vectors; v++)
            weight[v] = panel_term(format, x[v], j, scale[v]);
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            vf factor = vf_set(a[j * rows + i]);
            GEMM_UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i * vectors + v] = vf_fma(factor, weight[v], sum[i * vectors + v]);
        }
    }
}

/* The same for one row, vector after vector: there are too many to hold what is cut of them. */
GEMM_INLINE void panel_add_row_set(const ref_quant format, const int set, const int terms,
                                   const float *a, const unsigned char *row, const vf *scale,
                                   vf *sum)
{
    vf factor[4];
    GEMM_UNROLL
    for (int j = 0; j < terms; j++)
        factor[j] = vf_set(a[j]);
    GEMM_UNROLL
    for (int v = 0; v < PANEL_VECTORS; v++) {
        vi x = panel_elements(format, row, v, set);
        GEMM_UNROLL
        for (int j = 0; j < terms; j++)
            sum[v] = vf_fma(factor[j], panel_term(format, x, j, scale[v]), sum[v]);
    }
}

GEMM_INLINE void panel_add(const ref_quant format, const int set, const int terms, const int rows,
                           const int vectors, const float *a, const unsigned char *row,
                           const vf *scale, vf *sum)
{
    if (rows == 1)
        panel_add_row_set(format, set, terms, a, row, scale, sum);
    else
        panel_add_set(format, set, terms, rows, vectors, a, row, scale, sum);
}

/* Runs the chains of `terms` terms, which have the same scales, from +0. BF16's last may be alone
 * in its row. Fetches bytes at `next`. */
GEMM_INLINE void panel_chain(const ref_quant format, const int rows, const int vectors,
                             const float *a, const unsigned char *row, const vf *scale,
                             int64_t terms, const unsigned char *next, vf *sum)
{
    const int row_terms = PANEL_TERMS(format), set_terms = PANEL_SET(format);
    const int bytes = CPU_PANEL * PANEL_ELEMENT(format), share = bytes * vectors / PANEL_VECTORS;
    GEMM_UNROLL
    for (int i = 0; i < rows * vectors; i++)
        sum[i] = vf_zero();
    for (; terms >= row_terms; terms -= row_terms, row += bytes, a += row_terms * rows) {
        for (int i = 0; i < share; i += 64)
            __builtin_prefetch(next + i);
        next += share;
        panel_add(format, 0, set_terms, rows, vectors, a, row, scale, sum);
        if (row_terms > set_terms)
            panel_add(format, 1, set_terms, rows, vectors, a + set_terms * rows, row, scale, sum);
    }
    if (terms > 0)
        panel_add(format, 0, 1, rows, vectors, a, row, scale, sum);
}

/* Adds the chains to their totals; the first are stored. */
GEMM_INLINE void panel_total(const int rows, const int vectors, bool first, const vf *sum,
                             float *total)
{
    GEMM_UNROLL
    for (int i = 0; i < rows; i++, total += CPU_PANEL)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++) {
        float *to = total + v * VF_LANES;
        vf chain = sum[i * vectors + v];
        vf_store(to, first ? chain : vf_add(vf_load(to), chain));
    }
}

/* Chain after chain, in formats of blocks one for each block, of some columns at a time, each time
 * fetching their share of what comes next. */
GEMM_INLINE void panel_tile(const ref_quant format, const int rows, const cpu_panel_rows *p)
{
    const int vectors = panel_step(format, rows), length = REF_PROJECTION_BLOCK;
    const bool scaled = PANEL_SET(format) == 4;
    const int scales = scaled ? CPU_PANEL * 2 : 0;
    const int bytes = scales + CPU_PANEL * PANEL_ELEMENT(format) * length / PANEL_TERMS(format);
    const int share = bytes * vectors / PANEL_VECTORS;
    const unsigned char *next = p->next;
    for (int column = 0; column < CPU_PANEL; column += vectors * VF_LANES) {
        const unsigned char *block = p->panel;
        const float *a = p->a;
        for (int64_t k = 0; k < p->terms; k += length) {
            vf sum[PANEL_CHAINS], scale[PANEL_VECTORS] = { 0 };
            GEMM_UNROLL
            for (int v = 0; v < vectors; v++)
                if (scaled)
                    scale[v] = panel_scale(format, block + 2 * column, v);
            int64_t terms = scaled || p->terms - k > length ? length : p->terms - k;
            panel_chain(format, rows, vectors, a, block + scales + PANEL_ELEMENT(format) * column,
                        scale, terms, next, sum);
            panel_total(rows, vectors, p->first && k == 0, sum, p->total + column);
            block += bytes;
            a += length * rows;
            next += share;
        }
    }
}

GEMM_INLINE void panel_height(const int rows, const cpu_panel_rows *p)
{
    switch (p->format) {
    case REF_QUANT_F16:
        panel_tile(REF_QUANT_F16, rows, p);
        break;
    case REF_QUANT_BF16:
        panel_tile(REF_QUANT_BF16, rows, p);
        break;
    case REF_QUANT_Q8_0:
        panel_tile(REF_QUANT_Q8_0, rows, p);
        break;
    case REF_QUANT_Q4_0:
        panel_tile(REF_QUANT_Q4_0, rows, p);
        break;
    default:
        panel_tile(REF_QUANT_F32, rows, p);
    }
}

static void panel_rows(const cpu_panel_rows *p)
{
    switch (p->rows) {
#define PANEL_HEIGHT(n)                                   \
    case n:                                               \
        panel_height(n < PANEL_ROWS ? n : PANEL_ROWS, p); \
        break;
        PANEL_HEIGHT(1)
        PANEL_HEIGHT(2)
        PANEL_HEIGHT(3)
        PANEL_HEIGHT(4)
#if VF_LANES > 4 || defined(__aarch64__)
        PANEL_HEIGHT(5)
        PANEL_HEIGHT(6)
        PANEL_HEIGHT(7)
        PANEL_HEIGHT(8)
#endif
#undef PANEL_HEIGHT
    }
}

/* --- Floats of it -------------------------------------------------------------------------------
 */

GEMM_INLINE void panel_set_floats(const ref_quant format, const int set, const int terms,
                                  const unsigned char *row, const vf *scale, const int vectors,
                                  int64_t to_row, float *to)
{
    for (int v = 0; v < vectors; v++) {
        vi x = panel_elements(format, row, v, set);
        GEMM_UNROLL
        for (int j = 0; j < terms; j++)
            vf_store(to + j * to_row + v * VF_LANES, panel_term(format, x, j, scale[v]));
    }
}

GEMM_INLINE void panel_floats(const ref_quant format, const unsigned char *row, const vf *scale,
                              const int vectors, int64_t terms, int64_t to_row, float *to)
{
    const int row_terms = PANEL_TERMS(format), set_terms = PANEL_SET(format);
    const int bytes = CPU_PANEL * PANEL_ELEMENT(format);
    for (; terms >= row_terms; terms -= row_terms, row += bytes, to += row_terms * to_row) {
        panel_set_floats(format, 0, set_terms, row, scale, vectors, to_row, to);
        if (row_terms > set_terms)
            panel_set_floats(format, 1, set_terms, row, scale, vectors, to_row,
                             to + set_terms * to_row);
    }
    if (terms > 0)
        panel_set_floats(format, 0, 1, row, scale, vectors, to_row, to);
}

/* `at`: the first column. */
GEMM_INLINE void panel_block_floats(const ref_quant format, const unsigned char *block, int at,
                                    const int vectors, int64_t terms, int64_t to_row, float *to)
{
    const int bytes = CPU_PANEL * (2 + 4 * 32 / PANEL_TERMS(format));
    vf scale[PANEL_VECTORS];
    for (; terms > 0; terms -= 32, to += 32 * to_row, block += bytes) {
        for (int v = 0; v < vectors; v++)
            scale[v] = panel_scale(format, block + 2 * at, v);
        panel_floats(format, block + CPU_PANEL * 2 + 4 * at, scale, vectors, 32, to_row, to);
    }
}

GEMM_INLINE void panel_widen_columns(ref_quant format, const unsigned char *panel, int at,
                                     const int vectors, int64_t terms, int64_t to_row, float *to)
{
    vf none[PANEL_VECTORS] = { 0 };
    switch (format) {
    case REF_QUANT_F16:
        panel_floats(REF_QUANT_F16, panel + 2 * at, none, vectors, terms, to_row, to);
        break;
    case REF_QUANT_BF16:
        panel_floats(REF_QUANT_BF16, panel + 4 * at, none, vectors, terms, to_row, to);
        break;
    case REF_QUANT_Q8_0:
        panel_block_floats(REF_QUANT_Q8_0, panel, at, vectors, terms, to_row, to);
        break;
    case REF_QUANT_Q4_0:
        panel_block_floats(REF_QUANT_Q4_0, panel, at, vectors, terms, to_row, to);
        break;
    default:
        panel_floats(REF_QUANT_F32, panel + 4 * at, none, vectors, terms, to_row, to);
    }
}

/* to[t·to_row + c] = term t of column `column` + c, c < columns, a multiple of VF_LANES; `panel`
 * and `terms` begin and end with a block, or a row of BF16's pairs. */
static void panel_widen(ref_quant format, const unsigned char *panel, int column, int columns,
                        int64_t terms, int64_t to_row, float *to)
{
    int vectors = columns / VF_LANES;
    if (vectors == PANEL_VECTORS) /* the loop over a constant number of vectors unrolls */
        panel_widen_columns(format, panel, 0, PANEL_VECTORS, terms, to_row, to);
    else if (vectors == GEMM_VECTORS)
        panel_widen_columns(format, panel, column, GEMM_VECTORS, terms, to_row, to);
    else
        panel_widen_columns(format, panel, column, vectors, terms, to_row, to);
}
