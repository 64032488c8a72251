/* sparse.h: sparse matrices times dense ones (contract: Sparse × dense). */
#ifndef EADEM_OP_SPARSE_H
#define EADEM_OP_SPARSE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The places of the stored elements, int64 and contiguous, used in place. CSR: row_start [rows + 1]
 * and column [nnz]; the batch is 1. COO: indices [2, nnz] (row, column) or [3, nnz] (batch, row,
 * column), in any order, duplicates allowed. Exactly one form is given. */
typedef struct ea_sparse {
    int64_t batch, rows, columns;       /* batch 0 means 1 */
    const DLTensor *row_start, *column; /* CSR */
    const DLTensor *indices;            /* COO */
} ea_sparse;

/* out = matrix · dense: values [nnz], dense [columns, n], out [rows, n], or each with the batch
 * before; all float32 and contiguous. Errors also: EA_ERR_ARGUMENT for an index outside. */
EA_API ea_status ea_sparse_mm(ea_context *ctx, const ea_sparse *matrix, const DLTensor *values,
                              const DLTensor *dense, DLTensor *out);
/* The gradients; each may be NULL. */
EA_API ea_status ea_sparse_mm_backward(ea_context *ctx, const ea_sparse *matrix,
                                       const DLTensor *grad_out, const DLTensor *values,
                                       const DLTensor *dense, DLTensor *grad_values,
                                       DLTensor *grad_dense);

#ifdef __cplusplus
}
#endif
#endif
