/* losses.c: the losses that are compositions of operations (contract: Losses), and the backward
 * rules of those over classes and alignments. */
#include "grad/tape.h"
#include "op/op.h"

#include <math.h>

/* --- Compositions ----------------------------------------------------------------------------- */

static ea_var *constant(ea_tape *tape, double value)
{
    float *memory = grad_alloc(tape, sizeof *memory);
    if (!memory)
        return NULL;
    *memory = op_round(value);
    return ea_var_input(
        tape, &(DLTensor){ .data = memory, .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 });
}

static ea_var *reduced(ea_var *losses, ea_reduction reduction)
{
    switch (reduction) {
    case EA_REDUCE_MEAN:
        return ea_var_mean(losses, NULL, 0, 0);
    case EA_REDUCE_SUM:
        return ea_var_sum(losses, NULL, 0, 0);
    default:
        return losses;
    }
}

static ea_var *point(ea_point_function function, ea_var *a, ea_var *b, ea_var *c)
{
    return ea_var_point(function, (ea_var *[]){ a, b, c }, NULL);
}

/* max(x, 0); the gradient passes at 0. */
static ea_var *hinge(ea_var *x)
{
    return ea_var_point(EA_FN_CLAMP, &x, (double[]){ 0, HUGE_VAL });
}

ea_var *ea_var_loss(ea_point_function term, ea_var *const *inputs, const double *parameters,
                    ea_var *weight, ea_reduction reduction)
{
    ea_var *losses = ea_var_point(term, inputs, parameters);
    if (weight != ea_no_bias)
        losses = ea_var_mul(losses, weight);
    return reduced(losses, reduction);
}

ea_var *ea_var_cosine_embedding_loss(ea_var *a, ea_var *b, ea_var *target, double margin,
                                     ea_reduction reduction)
{
    if (!a || !target)
        return NULL;
    ea_tape *tape = a->tape;
    int last = -1;
    ea_var *eps = constant(tape, 1e-12), *zero = constant(tape, 0), *one = constant(tape, 1);
    ea_var *aa = ea_var_add(ea_var_sum(ea_var_mul(a, a), &last, 1, 0), eps);
    ea_var *bb = ea_var_add(ea_var_sum(ea_var_mul(b, b), &last, 1, 0), eps);
    ea_var *ab = ea_var_sum(ea_var_mul(a, b), &last, 1, 0);
    ea_var *cosine = ea_var_div(ab, ea_var_sqrt(ea_var_mul(aa, bb)));
    ea_var *alike = ea_var_sub(one, cosine);
    ea_var *apart = hinge(ea_var_sub(cosine, constant(tape, margin)));
    ea_var *same = point(EA_FN_EQ, target, one, NULL);
    ea_var *other = point(EA_FN_EQ, target, constant(tape, -1), NULL);
    if (!same || !other)
        return NULL;
    return reduced(ea_var_add(ea_var_where(&same->value, alike, zero),
                              ea_var_where(&other->value, apart, zero)),
                   reduction);
}

ea_var *ea_var_pairwise_distance(ea_var *a, ea_var *b, double p, double eps)
{
    int last = -1;
    if (!a)
        return NULL;
    ea_var *difference = ea_var_add(ea_var_sub(a, b), constant(a->tape, eps));
    return ea_var_reduce(difference, EA_AGG_NORM, &last, 1, 0, p);
}

ea_var *ea_var_triplet_margin_loss(ea_var *anchor, ea_var *positive, ea_var *negative,
                                   const ea_triplet_options *options, ea_reduction reduction)
{
    const ea_triplet_options defaults = { .margin = 1, .p = 2, .eps = 1e-6 };
    const ea_triplet_options *o = options ? options : &defaults;
    ea_var *near = ea_var_pairwise_distance(anchor, positive, o->p, o->eps);
    ea_var *far = ea_var_pairwise_distance(anchor, negative, o->p, o->eps);
    if (o->swap)
        far = point(EA_FN_MINIMUM, far, ea_var_pairwise_distance(positive, negative, o->p, o->eps),
                    NULL);
    if (!near)
        return NULL;
    ea_var *margin = ea_var_add(constant(near->tape, o->margin), ea_var_sub(near, far));
    return reduced(hinge(margin), reduction);
}

/* A column of the classes [n] as [n, 1]. */
static const DLTensor *as_column(ea_tape *tape, const DLTensor *target)
{
    const DLTensor *kept = grad_keep(tape, target);
    DLTensor *column = kept ? grad_alloc(tape, sizeof *column) : NULL;
    int64_t *sizes = column ? grad_alloc(tape, sizeof *sizes * 4) : NULL;
    if (!sizes)
        return NULL;
    if (kept->ndim != 1) {
        grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                  "ea_var_multi_margin_loss: target has %d dimensions: give [n]",
                                  kept->ndim));
        return NULL;
    }
    *column = *kept;
    sizes[0] = kept->shape[0];
    sizes[1] = sizes[3] = 1;
    sizes[2] = kept->strides ? kept->strides[0] : 1;
    column->ndim = 2;
    column->shape = sizes;
    column->strides = sizes + 2;
    return column;
}

ea_var *ea_var_multi_margin_loss(ea_var *x, const DLTensor *target, int p, double margin,
                                 ea_var *weight, ea_reduction reduction)
{
    int last = -1;
    const DLTensor *column = x ? as_column(x->tape, target) : NULL;
    if (!column)
        return NULL;
    ea_tape *tape = x->tape;
    if (x->value.ndim != 2 || p < 1 || p > 2)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_ARGUMENT,
                                         "ea_var_multi_margin_loss: x has %d dimensions and p is "
                                         "%d: give [n, classes] and 1 or 2",
                                         x->value.ndim, p));
    ea_var *own = ea_var_gather(x, 1, column);
    ea_var *terms = ea_var_relu(ea_var_add(ea_var_sub(constant(tape, margin), own), x));
    if (p == 2)
        terms = ea_var_mul(terms, terms);
    if (weight != ea_no_bias) {
        ea_var *weights = ea_var_index_select(weight, 0, target);
        terms = ea_var_mul(terms, ea_var_reshape(weights, 2, column->shape));
    }
    int64_t count = column->shape[0];
    float *zeros = grad_alloc(tape, sizeof *zeros * (size_t)(count ? count : 1));
    if (!zeros)
        return NULL;
    memset(zeros, 0, sizeof *zeros * (size_t)count);
    int64_t *shape = grad_alloc(tape, sizeof *shape * 2);
    if (!shape)
        return NULL;
    memcpy(shape, column->shape, sizeof *shape * 2);
    ea_var *nothing = ea_var_input(tape, &(DLTensor){ .data = zeros,
                                                      .device = { kDLCPU, 0 },
                                                      .ndim = 2,
                                                      .dtype = EA_FLOAT32,
                                                      .shape = shape });
    terms = ea_var_scatter(terms, 1, column, nothing, EA_SCATTER_COPY, 1);
    ea_var *losses = ea_var_sum(terms, &last, 1, 0);
    return reduced(ea_var_div(losses, constant(tape, (double)x->shape[1])), reduction);
}

/* --- Classes ---------------------------------------------------------------------------------- */

typedef struct nll_saved {
    const DLTensor *target, *weight; /* weight: NULL for none */
    ea_var *probabilities;           /* the target, where it is a value of the tape */
    ea_nll_options options;
} nll_saved;

static ea_status nll_rule(ea_var *out)
{
    const nll_saved *s = out->saved;
    ea_var *x = out->inputs[0], *q = s->probabilities;
    ea_context *ctx = out->tape->ctx;
    DLTensor unwanted;
    grad_place place, share = { .var = q };
    EA_TRY(grad_open(x, &place));
    if (q)
        EA_TRY(grad_open(q, &share));
    if (!place.tensor && !share.tensor)
        return EA_OK;
    if (!place.tensor && !grad_tensor(out->tape, EA_FLOAT32, x->value.ndim, x->shape, &unwanted))
        return out->tape->status;
    EA_TRY(ea_nll_loss_backward(ctx, &out->grad, &x->value, s->target, s->weight, &s->options,
                                place.tensor ? place.tensor : &unwanted, share.tensor));
    EA_TRY(grad_close(&place));
    return q ? grad_close(&share) : EA_OK;
}

static ea_var *nll(ea_var *x, const DLTensor *target, ea_var *probabilities, const DLTensor *weight,
                   const ea_nll_options *options)
{
    nll_saved *s = x ? grad_alloc(x->tape, sizeof *s) : NULL;
    if (!s)
        return NULL;
    *s = (nll_saved){ .target = grad_keep(x->tape, target), .probabilities = probabilities };
    if (options)
        s->options = *options;
    if (!s->target || (weight && !(s->weight = grad_keep(x->tape, weight))))
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    int ndim = 0;
    for (int d = 0; s->options.reduction == EA_REDUCE_NONE && d < x->value.ndim; d++)
        if (d != (x->value.ndim > 1))
            shape[ndim++] = x->shape[d];
    ea_var *out = grad_var(x->tape, ndim, shape, nll_rule, x, probabilities, NULL);
    if (!out)
        return NULL;
    out->saved = s;
    return grad_done(
        out, ea_nll_loss(x->tape->ctx, &x->value, s->target, s->weight, &s->options, &out->value));
}

ea_var *ea_var_nll_loss(ea_var *x, const DLTensor *target, const DLTensor *weight,
                        const ea_nll_options *options)
{
    return nll(x, target, NULL, weight, options);
}

static ea_var *log_probabilities(ea_var *x)
{
    return x ? ea_var_log_softmax(x, x->value.ndim > 1) : NULL;
}

ea_var *ea_var_cross_entropy_of(ea_var *x, const DLTensor *target, const DLTensor *weight,
                                const ea_nll_options *options)
{
    return nll(log_probabilities(x), target, NULL, weight, options);
}

ea_var *ea_var_soft_cross_entropy(ea_var *x, ea_var *probabilities, const DLTensor *weight,
                                  const ea_nll_options *options)
{
    return probabilities
               ? nll(log_probabilities(x), &probabilities->value, probabilities, weight, options)
               : NULL;
}

/* --- Alignments ------------------------------------------------------------------------------- */

typedef struct ctc_saved {
    const DLTensor *targets, *input_lengths, *target_lengths;
    int64_t blank;
    int zero_infinity;
} ctc_saved;

static ea_status ctc_rule(ea_var *out)
{
    const ctc_saved *s = out->saved;
    ea_var *x = out->inputs[0];
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_ctc_loss_backward(out->tape->ctx, &out->grad, &x->value, s->targets,
                                    s->input_lengths, s->target_lengths, s->blank, s->zero_infinity,
                                    place.tensor));
    return grad_close(&place);
}

/* max(length, 1) as floats. */
static ea_var *divisors(ea_tape *tape, const DLTensor *lengths)
{
    ea_view view;
    if (core_view_of(tape->ctx, "ea_var_ctc_loss", "target_lengths", lengths, CORE_INDICES,
                     &view) != EA_OK)
        return grad_fail(tape, ea_error_status(tape->ctx));
    int64_t n = core_numel(&view), *shape = grad_alloc(tape, sizeof *shape);
    float *values = grad_alloc(tape, sizeof *values * (size_t)(n ? n : 1));
    if (!shape || !values)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = core_load_index(&view, core_offset(&view, i));
        values[i] = (float)(length > 1 ? length : 1);
    }
    *shape = n;
    return ea_var_input(tape, &(DLTensor){ .data = values,
                                           .device = { kDLCPU, 0 },
                                           .ndim = 1,
                                           .dtype = EA_FLOAT32,
                                           .shape = shape });
}

ea_var *ea_var_ctc_loss(ea_var *log_probs, const DLTensor *targets, const DLTensor *input_lengths,
                        const DLTensor *target_lengths, int64_t blank, int zero_infinity,
                        ea_reduction reduction)
{
    ea_var *x = log_probs;
    ctc_saved *s = x ? grad_alloc(x->tape, sizeof *s) : NULL;
    if (!s)
        return NULL;
    ea_tape *tape = x->tape;
    *s = (ctc_saved){ .targets = grad_keep(tape, targets),
                      .input_lengths = grad_keep(tape, input_lengths),
                      .target_lengths = grad_keep(tape, target_lengths),
                      .blank = blank,
                      .zero_infinity = zero_infinity };
    if (!s->targets || !s->input_lengths || !s->target_lengths)
        return NULL;
    int64_t n = x->value.ndim == 3 ? x->shape[1] : 0;
    ea_var *out = grad_var(tape, 1, &n, ctc_rule, x, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = s;
    out = grad_done(out, ea_ctc_loss(tape->ctx, &x->value, s->targets, s->input_lengths,
                                     s->target_lengths, blank, zero_infinity, &out->value));
    if (out && reduction == EA_REDUCE_MEAN)
        out = ea_var_div(out, divisors(tape, s->target_lengths));
    return reduced(out, reduction);
}
