/* nll.h: definitions of losses over classes and alignments, a row at a time: the rows are what
 * threads share, so the definitions are the fast versions as well. */
#ifndef REF_NLL_H
#define REF_NLL_H

#include "core/view.h"
#include "ref/ref.h"

/* The classes stand last: x, a target of probabilities and the gradients are [rows…, classes],
 * target indices and losses [rows…]. */
typedef struct ref_nll {
    ea_view x, target, weight;
    bool indices; /* the target's elements are classes */
    bool weighted;
    int64_t ignore;
    float smoothing, rest, share; /* ε, 1 − ε, ε / classes */
} ref_nll;

/* The class of a row's index. */
int64_t ref_nll_target(const ref_nll *nll, int64_t row);
/* A row's loss, and the weight with which it counts in the mean. */
float ref_nll_row(const ref_nll *nll, ea_contract contract, int64_t row, float *weight);
/* The gradients of a row for the gradient `grad` of its loss; grad_target may be NULL. */
void ref_nll_slopes(const ref_nll *nll, int64_t row, float grad, const ea_view *grad_x,
                    const ea_view *grad_target);

/* out[i] = log(e^a[i] + e^b[i] + e^c[i]), i < n; a, b and c are used up. */
typedef void (*ref_log_add)(const void *self, float *a, float *b, float *c, int64_t n, float *out);

/* x [time, n, classes]. `targets` has one dimension; image i's begin at starts[i]. */
typedef struct ref_ctc {
    ea_view x, targets, input_lengths, target_lengths;
    const int64_t *starts;
    int64_t blank;
    bool zero_infinity;
    ref_log_add add; /* NULL: the definition's, one by one */
    const void *self;
} ref_ctc;

/* Floats that one image's computation works in. */
size_t ref_ctc_scratch(const ref_ctc *ctc);
float ref_ctc_row(const ref_ctc *ctc, int64_t i, float *scratch);
void ref_ctc_slopes(const ref_ctc *ctc, int64_t i, float grad, const ea_view *grad_x,
                    float *scratch);

#endif
