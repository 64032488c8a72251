/* kernels_panel.h: products with panels of weights (cpu/panels.h). Lanes are columns; each runs its
 * own chain. */

enum { PANEL_VECTORS = CPU_PANEL / VF_LANES };

/* Bytes of a row, which is one term of the panel's columns, or two. */
#define PANEL_ROW(format)                                                      \
    ((format) == REF_QUANT_F32                                 ? CPU_PANEL * 4 \
     : (format) == REF_QUANT_F16 || (format) == REF_QUANT_BF16 ? CPU_PANEL * 2 \
                                                               : CPU_PANEL)

/* Vector v of the scales of a block; `nibbles`: of low nibbles, which panel_term reads as the
 * highest bits of an integer. */
GEMM_INLINE vf panel_scale(const unsigned char *block, int v, bool nibbles)
{
    vf scale = vf_load_f16((const uint16_t *)block + v * VF_LANES);
    return nibbles ? vf_mul(scale, vf_set(0x1p-28f)) : scale;
}

/* Vector v of one term of a row. `high`: of the high nibbles. Products with the scale are exact. */
GEMM_INLINE vf panel_term(const ref_quant format, const unsigned char *row, int v, const bool high,
                          vf scale)
{
    switch (format) {
    case REF_QUANT_F16:
        return vf_load_f16((const uint16_t *)row + v * VF_LANES);
    case REF_QUANT_BF16:
        return vf_load_bf16((const uint16_t *)row + v * VF_LANES);
    case REF_QUANT_Q8_0:
        return vf_mul(scale, vi_to_vf(vi_load_i8((const int8_t *)row + v * VF_LANES)));
    case REF_QUANT_Q4_0: {
        vi bytes = vi_load_i8((const int8_t *)row + v * VF_LANES);
        return vf_mul(scale, vi_to_vf(high ? vi_sar(bytes, 4) : vi_shl(bytes, 28)));
    }
    default:
        return vf_load((const float *)row + v * VF_LANES);
    }
}

/* --- One row of a ------------------------------------------------------------------------------
 */

/* Continues the chains by `terms` terms, from the row on, that have the same scales (NULL: the
 * format has none). */
GEMM_INLINE void panel_chain(const ref_quant format, const bool high, const float *a,
                             const unsigned char *row, const vf *scale, int64_t terms, vf *sum)
{
    for (int64_t t = 0; t < terms; t++, row += PANEL_ROW(format)) {
        vf x = vf_set(a[t]);
        GEMM_UNROLL
        for (int v = 0; v < PANEL_VECTORS; v++)
            sum[v] = vf_fma(x, panel_term(format, row, v, high, scale ? scale[v] : x), sum[v]);
    }
}

GEMM_INLINE void panel_blocks(const ref_quant format, const float *a, const unsigned char *block,
                              int64_t terms, vf *sum)
{
    const bool nibbles = format == REF_QUANT_Q4_0;
    const int rows = nibbles ? 16 : 32;
    vf scale[PANEL_VECTORS];
    for (; terms > 0; terms -= 32, a += 32, block += CPU_PANEL * (2 + rows)) {
        const unsigned char *row = block + CPU_PANEL * 2;
        GEMM_UNROLL
        for (int v = 0; v < PANEL_VECTORS; v++)
            scale[v] = panel_scale(block, v, nibbles);
        panel_chain(format, false, a, row, scale, rows, sum);
        if (!nibbles)
            continue;
        GEMM_UNROLL
        for (int v = 0; v < PANEL_VECTORS; v++)
            scale[v] = panel_scale(block, v, false);
        panel_chain(format, true, a + 16, row, scale, rows, sum);
    }
}

/* out[c] = the chain of a[t] times term t of column c, from +0, over `terms` terms that begin at
 * `panel`. */
static void panel_row(ref_quant format, const float *a, const unsigned char *panel, int64_t terms,
                      float *out)
{
    vf sum[PANEL_VECTORS];
    GEMM_UNROLL
    for (int v = 0; v < PANEL_VECTORS; v++)
        sum[v] = vf_zero();
    switch (format) {
    case REF_QUANT_F16:
        panel_chain(REF_QUANT_F16, false, a, panel, NULL, terms, sum);
        break;
    case REF_QUANT_BF16:
        panel_chain(REF_QUANT_BF16, false, a, panel, NULL, terms, sum);
        break;
    case REF_QUANT_Q8_0:
        panel_blocks(REF_QUANT_Q8_0, a, panel, terms, sum);
        break;
    case REF_QUANT_Q4_0:
        panel_blocks(REF_QUANT_Q4_0, a, panel, terms, sum);
        break;
    default:
        panel_chain(REF_QUANT_F32, false, a, panel, NULL, terms, sum);
    }
    GEMM_UNROLL
    for (int v = 0; v < PANEL_VECTORS; v++)
        vf_store(out + v * VF_LANES, sum[v]);
}

/* --- Floats of it -------------------------------------------------------------------------------
 */

GEMM_INLINE void panel_floats(const ref_quant format, const bool high, const unsigned char *row,
                              const vf *scale, int vectors, int64_t terms, int64_t to_row,
                              float *to)
{
    for (int64_t t = 0; t < terms; t++, row += PANEL_ROW(format), to += to_row)
        for (int v = 0; v < vectors; v++)
            vf_store(to + v * VF_LANES,
                     panel_term(format, row, v, high, scale ? scale[v] : vf_zero()));
}

/* `at`: the first column. */
GEMM_INLINE void panel_block_floats(const ref_quant format, const unsigned char *block, int at,
                                    int vectors, int64_t terms, int64_t to_row, float *to)
{
    const bool nibbles = format == REF_QUANT_Q4_0;
    const int rows = nibbles ? 16 : 32;
    vf scale[PANEL_VECTORS];
    for (; terms > 0; terms -= 32, to += 32 * to_row, block += CPU_PANEL * (2 + rows)) {
        const unsigned char *row = block + CPU_PANEL * 2 + at;
        for (int v = 0; v < vectors; v++)
            scale[v] = panel_scale(block + 2 * at, v, nibbles);
        panel_floats(format, false, row, scale, vectors, rows, to_row, to);
        for (int v = 0; v < vectors && nibbles; v++)
            scale[v] = panel_scale(block + 2 * at, v, false);
        if (nibbles)
            panel_floats(format, true, row, scale, vectors, rows, to_row, to + 16 * to_row);
    }
}

GEMM_INLINE void panel_widen_columns(ref_quant format, const unsigned char *panel, int at,
                                     const int vectors, int64_t terms, int64_t to_row, float *to)
{
    switch (format) {
    case REF_QUANT_F16:
        panel_floats(REF_QUANT_F16, false, panel + 2 * at, NULL, vectors, terms, to_row, to);
        break;
    case REF_QUANT_BF16:
        panel_floats(REF_QUANT_BF16, false, panel + 2 * at, NULL, vectors, terms, to_row, to);
        break;
    case REF_QUANT_Q8_0:
        panel_block_floats(REF_QUANT_Q8_0, panel, at, vectors, terms, to_row, to);
        break;
    case REF_QUANT_Q4_0:
        panel_block_floats(REF_QUANT_Q4_0, panel, at, vectors, terms, to_row, to);
        break;
    default:
        panel_floats(REF_QUANT_F32, false, panel + 4 * at, NULL, vectors, terms, to_row, to);
    }
}

/* to[t·to_row + c] = term t of column `column` + c, c < columns, a multiple of VF_LANES; `panel`
 * and `terms` begin and end with a block. */
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
