/* scan.h: definitions of running sums, products and extremes along the last dimension. */
#ifndef REF_SCAN_H
#define REF_SCAN_H

#include "core/view.h"

typedef enum ref_scan_kind {
    REF_CUMSUM,
    REF_CUMSUM_BACKWARD, /* from the end */
    REF_CUMPROD,
    REF_CUMPROD_BACKWARD,
    REF_CUMMAX,
    REF_CUMMIN
} ref_scan_kind;

/* x is the gradient that comes in for CUMSUM_BACKWARD; `second` x itself for CUMPROD_BACKWARD.
 * Integers have an int64 out. */
typedef struct ref_scan_call {
    ref_scan_kind kind;
    const ea_view *x, *second;
    const ea_view *out;     /* NULL where only indices are wanted */
    const ea_view *indices; /* int64, or NULL */
} ref_scan_call;

ea_status ref_scan(ea_context *ctx, const ref_scan_call *call);

/* One line of n elements. y may be x; scratch holds n doubles. */
void ref_scan_line(ref_scan_kind kind, const float *x, const float *second, int64_t n, float *y,
                   int64_t *places, double *scratch);
/* The largest or smallest element so far, or the first NaN, and where it stands. */
typedef struct ref_extreme {
    float value;
    int64_t place;
} ref_extreme;

/* Elements begin … end−1 of a line's running extreme, from the one before on: { x[0], 0 } at the
 * line's begin. */
void ref_extreme_piece(const float *x, int64_t begin, int64_t end, bool smallest,
                       ref_extreme *extreme, float *y, int64_t *places);
void ref_scan_integers(ref_scan_kind kind, const ea_view *x, const ea_view *out);

#endif
