/* scan.h: running sums, products and extremes along a dimension (contract: Scans). */
#ifndef EADEM_OP_SCAN_H
#define EADEM_OP_SCAN_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x: floats, or integers or truth values with an int64 out (which wraps around). out has x's shape
 * and may be x. */
EA_API ea_status ea_cumsum(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out);
EA_API ea_status ea_cumprod(ea_context *ctx, const DLTensor *x, int dim, DLTensor *out);

/* The largest (smallest) element so far and where it stands (int64): the first of equals (PyTorch:
 * the last), the first NaN if there is one. x: floats. values may be x, or NULL; so may indices. */
EA_API ea_status ea_cummax(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                           DLTensor *indices);
EA_API ea_status ea_cummin(ea_context *ctx, const DLTensor *x, int dim, DLTensor *values,
                           DLTensor *indices);

/* cummax and cummin: ea_scatter() of grad_out at the indices, kind SUM. */
EA_API ea_status ea_cumsum_backward(ea_context *ctx, const DLTensor *grad_out, int dim,
                                    DLTensor *grad_x);
EA_API ea_status ea_cumprod_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                     int dim, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
