/* search.h: definitions of finding and counting. */
#ifndef REF_SEARCH_H
#define REF_SEARCH_H

#include "core/view.h"

/* Line i of sorted (or its only one) belongs to line i of values. All have at least one dimension.
 */
typedef struct ref_search_call {
    const ea_view *sorted, *values, *out;
    bool right;
} ref_search_call;

/* Values begin … end − 1 in row-major order. */
void ref_search(const ref_search_call *call, int64_t begin, int64_t end);
/* weights may be NULL; x holds 0 … bins − 1. */
ea_status ref_bincount(ea_context *ctx, const ea_view *x, const ea_view *weights,
                       const ea_view *out);
ea_status ref_histc(ea_context *ctx, const ea_view *x, float low, float high, const ea_view *out);

#endif
