/* gemm.h: the contraction engine below matmul and convolution.
 *
 * It computes batch × rows × columns chains of fused multiply-adds, out[i, j] = Σ a[i, k]·b[k, j],
 * by the rule of docs/contract.md. Where the operands come from and where results go is the
 * caller's: `pack` gathers a panel of an operand, `finish` takes finished tiles.
 */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H

#include "cpu/isa/isa.h"

typedef struct gemm_side gemm_side;

/* A panel: `lines` ≤ `width` neighbouring lines (rows of a, columns of b), `terms` neighbouring k.
 */
typedef struct gemm_box {
    const cpu_kernels *kernels;
    int64_t batch;
    int64_t line, lines, k, terms;
    int width;
    int64_t panel; /* from one panel to the next, in the packed copy */
} gemm_box;

struct gemm_side {
    /* to[p·panel + (k − box.k)·width + i] is line box.line + p·width + i; +0 from `lines` on. */
    void (*pack)(const gemm_side *side, const gemm_box *box, float *to);
    const void *self;
    /* When the operand also lies in memory as floats: element (line, k) at plain[offset(batch) +
     * line·line_stride + k·k_stride]. NULL: it can only be packed. */
    const float *plain;
    int64_t line_stride, k_stride;
    /* When its terms lie in memory as neighbours, in any format; `data` NULL: they do not. Entry
     * `batch` begins at data + offset(batch)·element_bytes. */
    ref_lines stored;
    int64_t element_bytes;
    const int64_t *offsets; /* one for each batch entry; NULL: 0 */
};

typedef struct gemm gemm;

struct gemm {
    int64_t batch, rows, columns, terms;
    int64_t block; /* terms of one chain, a multiple of 1024, or 32 */
    gemm_side a, b;
    /* Float memory for the result with neighbouring columns, or NULL: then tiles live in scratch.
     */
    float *out;
    int64_t out_row;
    const int64_t *out_offsets; /* as gemm_side.offsets */
    /* Called once for each finished tile; NULL when `out` is all there is to do. */
    void (*finish)(const gemm *g, int64_t batch, int64_t row, int64_t rows, int64_t column,
                   int64_t columns, const float *tile, int64_t tile_row);
    const void *self;
};

/* EA_ERR_MEMORY when scratch memory runs out. */
ea_status cpu_gemm(ea_context *ctx, const gemm *g);
/* The same for a few rows and a plain or stored b, which is read once, in place. */
bool cpu_gemm_is_thin(const gemm *g);
ea_status cpu_gemm_thin(ea_context *ctx, const gemm *g);

static inline int64_t cpu_contract_block(const ea_context *ctx)
{
    return ctx->contract == EA_CONTRACT_CHAIN ? 1024 : INT64_MAX / 2048 * 1024;
}

#endif
