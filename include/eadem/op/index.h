/* index.h: reading and writing where an index says (contract: Indexing).
 *
 * An index is int64 or int32 and counts from 0; one outside of its dimension is EA_ERR_ARGUMENT
 * with its place and value. Where an operation only moves elements, they may have any type, which
 * `out` shares; where it computes, floats or integers. Several sources of one destination count in
 * ascending row-major order of their index, on every machine and thread count.
 */
#ifndef EADEM_OP_INDEX_H
#define EADEM_OP_INDEX_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out[i][j][k] = x[i][index[i][j][k]][k] for dim = 1, as torch.gather: as many dimensions as x,
 * sizes at most x's except along dim; out has index's shape. Backward: ea_scatter of the gradient,
 * kind SUM, into zeros. */
EA_API ea_status ea_gather(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                           DLTensor *out);

typedef enum ea_scatter_kind {
    EA_SCATTER_COPY = 0, /* the last source stands */
    EA_SCATTER_SUM,
    EA_SCATTER_PROD,
    EA_SCATTER_MEAN, /* the sum divided by how many there were; floats only */
    EA_SCATTER_AMAX, /* a NaN wins */
    EA_SCATTER_AMIN
} ea_scatter_kind;

/* out = x, then out[i][index[i][j][k]][k] takes in src[i][j][k], as torch.scatter, scatter_add and
 * scatter_reduce. src is at least as large as index, or has no dimension: one value for all. With
 * include_self 0 the element of x counts only where no source comes. out may be x itself. */
EA_API ea_status ea_scatter(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                            const DLTensor *src, ea_scatter_kind kind, int include_self,
                            DLTensor *out);

/* index [m] or []; out is x with m in place of its size along dim. */
EA_API ea_status ea_index_select(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                                 DLTensor *out);
/* out = x, then slice index[k] of it along dim takes in alpha · src's slice k; src has x's shape
 * with m along dim. out may be x itself. */
EA_API ea_status ea_index_add(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                              const DLTensor *src, double alpha, DLTensor *out);
/* The same for slices that are replaced; of several for one place the last stands. For
 * torch.index_fill src has no dimension. */
EA_API ea_status ea_index_copy(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                               const DLTensor *src, DLTensor *out);
/* index broadcasts with x except along dim; its values may be negative: they count from the end. */
EA_API ea_status ea_take_along_dim(ea_context *ctx, const DLTensor *x, const DLTensor *index,
                                   int dim, DLTensor *out);

/* x[indices[0], indices[1], …] as PyTorch indexes: indices broadcast together; a NULL takes the
 * whole dimension; negative values count from the end. The indices' dimensions stand in out where
 * the first index stands, or in front when a NULL separates indices. `count` is at most x's
 * dimensions. Masks: give the columns of ea_nonzero. */
EA_API ea_status ea_index(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices,
                          int count, DLTensor *out);
/* out = x, then those places take `values` (broadcast to their shape), added when `accumulate`. out
 * may be x itself. */
EA_API ea_status ea_index_put(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices,
                              int count, const DLTensor *values, int accumulate, DLTensor *out);

/* out[…, :] = weight[index[…], :]. */
EA_API ea_status ea_embedding(ea_context *ctx, const DLTensor *weight, const DLTensor *index,
                              DLTensor *out);
/* grad_weight: the sum of the gradients of each row, zero in row padding_idx (−1: none). */
EA_API ea_status ea_embedding_backward(ea_context *ctx, const DLTensor *grad_out,
                                       const DLTensor *index, int64_t padding_idx,
                                       DLTensor *grad_weight);

typedef enum ea_bag_mode { EA_BAG_SUM = 0, EA_BAG_MEAN, EA_BAG_MAX } ea_bag_mode;

/* As torch.nn.functional.embedding_bag: index [n], offsets [bags] (bag b is index offsets[b] … the
 * next bag's begin − 1; ascending from 0), out [bags, width]. Entries equal to padding_idx (−1:
 * none) are left out; an empty bag is 0. per_sample_weights [n] may be NULL and needs mode SUM.
 * max_indices [bags, width] int64, needed for the backward of MAX, may be NULL: the row of each
 * maximum (the first of several, the first NaN), −1 for an empty bag. */
EA_API ea_status ea_embedding_bag(ea_context *ctx, const DLTensor *weight, const DLTensor *index,
                                  const DLTensor *offsets, const DLTensor *per_sample_weights,
                                  ea_bag_mode mode, int64_t padding_idx, DLTensor *out,
                                  DLTensor *max_indices);
/* grad_weight and grad_per_sample_weights may each be NULL: then it is not computed. weight is
 * needed for the latter, max_indices for MAX. */
EA_API ea_status ea_embedding_bag_backward(ea_context *ctx, const DLTensor *grad_out,
                                           const DLTensor *weight, const DLTensor *index,
                                           const DLTensor *offsets,
                                           const DLTensor *per_sample_weights, ea_bag_mode mode,
                                           int64_t padding_idx, const DLTensor *max_indices,
                                           DLTensor *grad_weight,
                                           DLTensor *grad_per_sample_weights);

/* out[…, c] (int64) = 1 where index[…] is c, else 0. */
EA_API ea_status ea_one_hot(ea_context *ctx, const DLTensor *index, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
