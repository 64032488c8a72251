/* panels.h: a matrix of weights laid out for products with few rows.
 *
 * A panel is CPU_PANEL columns, row after row of one element for each column, so that a vector
 * takes neighbouring chains and memory is read from its beginning to its end. Values keep the bits
 * that they are stored with. A row is one term of F32 or F16. In the other formats an element is 32
 * bits, the first term lowest, from which terms are cut with few instructions: two terms of BF16;
 * four of Q8_0; of Q4_0 eight, bytes having term i as low and term i + 4 as high nibble, signed.
 * Q8_0 and Q4_0 go block by block of 32 terms: before its rows are the scales of all columns as
 * float16.
 */
#ifndef CPU_PANELS_H
#define CPU_PANELS_H

#include "core/view.h"
#include "ref/quant.h"

enum { CPU_PANEL = 64 };

typedef struct cpu_panels {
    ref_quant format; /* F32, F16, BF16, Q8_0 or Q4_0 */
    int64_t terms, columns;
    unsigned char *data; /* 64-byte aligned */
} cpu_panels;

/* The format that panels of a matrix of `format` have: Q4_K and Q6_K become F32. */
ref_quant cpu_panels_format(ref_quant format);
size_t cpu_panels_bytes(ref_quant format, int64_t terms, int64_t columns);

/* Fills panels->data. Column i of the matrix is line i … */
void cpu_panels_from_lines(ea_context *ctx, const ref_lines *lines, const cpu_panels *panels);
/* … or that of a view [terms, columns] with any strides. */
void cpu_panels_from_view(ea_context *ctx, const ea_view *view, const cpu_panels *panels);

/* out [rows, columns] = a [rows, terms] · panels + bias (NULL: none): a projection
 * (docs/contract.md, Language models). EA_ERR_MEMORY when scratch memory runs out. */
ea_status cpu_matmul_panels(ea_context *ctx, int64_t rows, const float *a, const cpu_panels *panels,
                            const float *bias, float *out);

#endif
