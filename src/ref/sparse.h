/* sparse.h: sparse × dense. Rows of all batches count through: output row b·rows + r, dense row
 * b·columns + c. */
#ifndef REF_SPARSE_H
#define REF_SPARSE_H

#include "core/view.h"

/* Elements of one side in the order of the contract: line i has elements begin[i] … begin[i + 1] −
 * 1, each standing for values[value[k]] times row other[k] of the dense factor. */
typedef struct ref_sparse_lines {
    int64_t count;
    int64_t *begin, *other, *value;
} ref_sparse_lines;

/* Groups nnz elements stably by `line`, the numbers below `count`. */
ea_status ref_sparse_group(ea_context *ctx, int64_t count, int64_t nnz, const int64_t *line,
                           const int64_t *other, ref_sparse_lines *out);

/* out [lines->count, n] = the lines times dense [·, n]. */
ea_status ref_sparse_product(ea_context *ctx, const ref_sparse_lines *lines, const float *values,
                             const float *dense, int64_t n, float *out);

/* out[k] = Sum of grad[line[k]]·dense[other[k]] over the n columns. */
ea_status ref_sparse_dots(ea_context *ctx, int64_t nnz, const int64_t *line, const int64_t *other,
                          const float *grad, const float *dense, int64_t n, float *out);

#endif
