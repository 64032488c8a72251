/* quant.h: GGUF's block formats (docs/contract.md, Quantised weights). */
#ifndef REF_QUANT_H
#define REF_QUANT_H

#include "core/context.h"

/* The numbers are GGUF's. */
typedef enum ref_quant {
    REF_QUANT_F32 = 0,
    REF_QUANT_F16 = 1,
    REF_QUANT_Q4_0 = 2,
    REF_QUANT_Q8_0 = 8,
    REF_QUANT_Q4_K = 12,
    REF_QUANT_Q6_K = 14,
    REF_QUANT_BF16 = 30
} ref_quant;

/* Lines of a matrix as they are stored, the elements of a line being neighbours; line i begins at
 * data + i·line_bytes. */
typedef struct ref_lines {
    ref_quant format;
    const unsigned char *data;
    int64_t line_bytes;
} ref_lines;

/* Elements and bytes of a block; false for a format that is none of these. */
bool ref_quant_block(uint32_t format, int *elements, int *bytes);
const char *ref_quant_name(ref_quant format);

/* Element `i` of blocks of `format`. */
float ref_dequantize(ref_quant format, const unsigned char *blocks, int64_t i);

#endif
