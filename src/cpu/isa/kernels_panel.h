/* kernels_panel.h: products with panels of weights (cpu/panels.h). Lanes are columns; each runs its
 * own chain. */

/* PANEL_AHEAD: bytes, of what is fetched before it is read. */
enum { PANEL_VECTORS = CPU_PANEL / VF_LANES, PANEL_AHEAD = 2048 };

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

/* --- One row of a ------------------------------------------------------------------------------
 */

/* Continues the chains by `terms` terms of set number `set` of a row. */
GEMM_INLINE void panel_add_set(const ref_quant format, const int set, const int terms,
                               const float *a, const unsigned char *row, const vf *scale, vf *sum)
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

/* Adds the chain of `terms` terms, which have the same scales, to `out`; the first is stored.
 * BF16's last term may be alone in its row. */
GEMM_INLINE void panel_chain(const ref_quant format, const float *a, const unsigned char *row,
                             const vf *scale, int64_t terms, bool first, float *out)
{
    const int row_terms = PANEL_TERMS(format), set_terms = PANEL_SET(format);
    const int bytes = CPU_PANEL * PANEL_ELEMENT(format);
    vf sum[PANEL_VECTORS];
    GEMM_UNROLL
    for (int v = 0; v < PANEL_VECTORS; v++)
        sum[v] = vf_zero();
    for (; terms >= row_terms; terms -= row_terms, row += bytes, a += row_terms) {
        for (int i = 0; i < bytes; i += 64)
            __builtin_prefetch(row + PANEL_AHEAD + i);
        panel_add_set(format, 0, set_terms, a, row, scale, sum);
        if (row_terms > set_terms)
            panel_add_set(format, 1, set_terms, a + set_terms, row, scale, sum);
    }
    if (terms > 0)
        panel_add_set(format, 0, 1, a, row, scale, sum);
    GEMM_UNROLL
    for (int v = 0; v < PANEL_VECTORS; v++, out += VF_LANES)
        vf_store(out, first ? sum[v] : vf_add(vf_load(out), sum[v]));
}

/* Chain after chain; in formats of blocks one for each block. */
GEMM_INLINE void panel_chains(const ref_quant format, const float *a, const unsigned char *panel,
                              int64_t terms, float *out)
{
    const bool scaled = PANEL_SET(format) == 4;
    const int length = REF_PROJECTION_BLOCK;
    const int scales = scaled ? CPU_PANEL * 2 : 0;
    const int bytes = scales + CPU_PANEL * PANEL_ELEMENT(format) * length / PANEL_TERMS(format);
    vf scale[PANEL_VECTORS] = { 0 };
    for (int64_t k = 0; k < terms; k += length, panel += bytes) {
        for (int v = 0; scaled && v < PANEL_VECTORS; v++)
            scale[v] = panel_scale(format, panel, v);
        panel_chain(format, a + k, panel + scales, scale,
                    scaled || terms - k > length ? length : terms - k, k == 0, out);
    }
}

/* out[c] = the chains of a[t] times term t of column c, added up, over the `terms` terms of
 * `panel`. */
static void panel_row(ref_quant format, const float *a, const unsigned char *panel, int64_t terms,
                      float *out)
{
    switch (format) {
#define PANEL_ROW(format)                           \
    case format:                                    \
        panel_chains(format, a, panel, terms, out); \
        break;
        PANEL_ROW(REF_QUANT_F16)
        PANEL_ROW(REF_QUANT_BF16)
        PANEL_ROW(REF_QUANT_Q8_0)
        PANEL_ROW(REF_QUANT_Q4_0)
#undef PANEL_ROW
    default:
        panel_chains(REF_QUANT_F32, a, panel, terms, out);
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
