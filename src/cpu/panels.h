/* panels.h: a matrix of weights laid out for products with few rows.
 *
 * A panel is CPU_PANEL columns, term after term: elements of one term are neighbours, so that a
 * vector takes neighbouring chains and memory is read from its beginning to its end. Elements keep
 * the bits that they are stored with. Q8_0 and Q4_0 go block by block of 32 terms: the scales of
 * all columns as float16, then for Q8_0 32 rows of signed bytes; for Q4_0 16 rows of bytes, row r
 * holding term r in the low nibble and term r + 16 in the high one, each a signed number.
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

/* out [rows, columns] = a [rows, terms] · panels + bias (NULL: none), by the rule of a contraction
 * (docs/contract.md). EA_ERR_MEMORY when scratch memory runs out. */
ea_status cpu_matmul_panels(ea_context *ctx, int64_t rows, const float *a, const cpu_panels *panels,
                            const float *bias, float *out);

#endif
