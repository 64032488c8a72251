/* search.h: finding and counting (contract: Order). */
#ifndef EADEM_OP_SEARCH_H
#define EADEM_OP_SEARCH_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As torch.searchsorted (bucketize with a one-dimensional `sorted`): out (int64, values' shape) =
 * how many elements of sorted's line stand before the value; of those equal to it, none, or with
 * `right` all. sorted [m] or [the values' leading dimensions, m], ascending; both floats or both
 * integers. A NaN value stands behind everything. */
EA_API ea_status ea_searchsorted(ea_context *ctx, const DLTensor *sorted, const DLTensor *values,
                                 int right, DLTensor *out);

/* out[b] = how often x [n] of integers holds b; with weights [n] of floats, the sum of their
 * weights. out [bins] is int64, or float with weights. Errors also: EA_ERR_ARGUMENT naming an
 * element that is not 0 … bins−1. */
EA_API ea_status ea_bincount(ea_context *ctx, const DLTensor *x, const DLTensor *weights,
                             DLTensor *out);

/* As torch.histc: out [bins] of floats = how many elements of x fall into each of equally wide bins
 * from low to high, high being in the last. Elements outside, and NaN, count nowhere. low < high.
 */
EA_API ea_status ea_histc(ea_context *ctx, const DLTensor *x, double low, double high,
                          DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
