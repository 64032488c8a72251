/* row_norm.h: layer, RMS and group norm: normalisation of rows by their own mean and variance.
 *
 * A view is [batch…, weighted…, rest…]: weight and bias have an element for each index of the
 * `weighted` dimensions. A row spans all dimensions but the first `kept`, which is between batch
 * and batch + weighted. Layer norm: [lead…, normalised…, –], kept = lead. Group norm: [n | group,
 * channel of the group | positions…], kept = 2. */
#ifndef REF_ROW_NORM_H
#define REF_ROW_NORM_H

#include "core/view.h"

typedef struct ref_row_norm {
    int batch, weighted, kept;
    bool centred; /* false: RMS norm, there is no mean */
    float eps;
    const ea_view *x, *weight, *bias, *out;
    const ea_view *mean, *rstd; /* an element a row; NULL where there is none */
} ref_row_norm;

typedef struct ref_row_norm_backward {
    ref_row_norm norm; /* without bias and out */
    const ea_view *grad_out, *grad_x, *grad_weight, *grad_bias;
} ref_row_norm_backward;

ea_status ref_normalise_rows(ea_context *ctx, const ref_row_norm *norm);
ea_status ref_normalise_rows_backward(ea_context *ctx, const ref_row_norm_backward *b);

/* The product of sizes `from` … `to` − 1. */
int64_t ref_row_norm_count(const ea_view *view, int from, int to);
/* The view with its weighted dimensions first: sums for a weight are over what follows them. */
ea_view ref_row_norm_by_weight(const ref_row_norm *norm, const ea_view *view);

#endif
