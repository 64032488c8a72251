/* attention.h: what attention does to its scores, between the contractions (contract: Attention).
 */
#ifndef REF_ATTENTION_H
#define REF_ATTENTION_H

#include "core/view.h"

typedef struct ref_scores {
    ea_view scores;      /* [heads, n, m] contiguous float32, read and written */
    const ea_view *mask; /* broadcast to its shape, or NULL */
    bool causal;
    float scale;
    ea_view weights; /* likewise: receives the softmax; with ref_scale_scores() not used */
} ref_scores;

ea_status ref_attention_weights(ea_context *ctx, const ref_scores *s);
/* 0: 1/√dim; rounded once. A function of its own, so that no compiler moves it out of the
 * floating-point environment. */
float ref_attention_scale(double scale, int64_t dim);
/* scores ← fl(scale·scores) */
ea_status ref_scale_scores(ea_context *ctx, const ref_scores *s);

/* Row `row` of heads·n: scales and masks it; false when it sees no key. */
bool ref_mask_scores(const ref_scores *s, int64_t row);

#endif
