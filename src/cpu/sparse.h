/* sparse.h: sparse × dense on the CPU (src/ref/sparse.h). */
#ifndef CPU_SPARSE_H
#define CPU_SPARSE_H

#include "ref/sparse.h"

ea_status cpu_sparse_product(ea_context *ctx, const ref_sparse_lines *lines, const float *values,
                             const float *dense, int64_t n, float *out);
ea_status cpu_sparse_dots(ea_context *ctx, int64_t nnz, const int64_t *line, const int64_t *other,
                          const float *grad, const float *dense, int64_t n, float *out);

#endif
