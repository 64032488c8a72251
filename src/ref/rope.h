/* rope.h: rotary position embedding (docs/contract.md, Rotary positions). */
#ifndef REF_ROPE_H
#define REF_ROPE_H

#include "core/context.h"

typedef enum ref_rope_kind { REF_ROPE_PLAIN, REF_ROPE_LINEAR, REF_ROPE_LLAMA3 } ref_rope_kind;

typedef struct ref_rope {
    ref_rope_kind kind;
    double theta;
    double factor;                  /* LINEAR, LLAMA3 */
    double low_factor, high_factor; /* LLAMA3 */
    double old_context;             /* LLAMA3 */
    const float *divisors;          /* of the scaled frequencies, dim/2 of them; NULL: none */
} ref_rope;

/* frequency[i], i < dim/2, for heads of `dim` elements. */
void ref_rope_frequencies(const ref_rope *rope, int dim, float *frequency);

/* cosine[i] and sine[i] of position · frequency[i], i < count, correctly rounded. */
void ref_rope_angles(int64_t position, const float *frequency, int count, float *cosine,
                     float *sine);

/* Turns the pairs of one head in place: elements i and i + dim/2, or, `adjacent`, 2i and 2i + 1. */
void ref_rope_turn(float *head, int dim, const float *cosine, const float *sine, bool adjacent);

#endif
