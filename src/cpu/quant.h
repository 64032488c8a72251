/* quant.h: GGUF's block formats, whole tensors at a time. Same bits as ref_dequantize(). */
#ifndef CPU_QUANT_H
#define CPU_QUANT_H

#include "ref/quant.h"

/* Elements 0 … n−1 of `blocks`, n a multiple of the block, into `out`. */
void cpu_dequantize(ea_context *ctx, ref_quant format, const unsigned char *blocks, int64_t n,
                    float *out);

#endif
