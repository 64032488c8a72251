/* nll.c: cases of the losses over classes and alignments. */
#include "conform/families.h"
#include "eadem/op.h"

#include <stdbool.h>

static void run(conform *c, const DLTensor *x, const DLTensor *target, const DLTensor *weight,
                int ndim, const int64_t *rows, double smoothing)
{
    ea_context *ctx = conform_context(c);
    bool shares = target && target->dtype.code == kDLFloat;
    for (int reduction = EA_REDUCE_MEAN; x && reduction <= EA_REDUCE_NONE; reduction++) {
        int outer = reduction == EA_REDUCE_NONE ? ndim : 0;
        ea_nll_options options = { .reduction = (ea_reduction)reduction,
                                   .label_smoothing = smoothing,
                                   .has_ignore_index = 1,
                                   .ignore_index = 2 };
        DLTensor *out = conform_zeros(c, EA_FLOAT32, outer, rows);
        DLTensor *grad = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
        DLTensor *share = shares ? conform_zeros(c, EA_FLOAT32, x->ndim, x->shape) : NULL;
        conform_check(c, ea_nll_loss(ctx, x, target, weight, &options, out));
        conform_check(c, ea_nll_loss_backward(ctx, conform_floats(c, 9, outer, rows), x, target,
                                              weight, &options, grad, share));
        conform_emit(c, out);
        conform_emit(c, grad);
        if (share)
            conform_emit(c, share);
    }
}

static void classes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t shape[] = { 6, conform_sizes[i] };
        if (shape[1] == 0)
            continue;
        DLTensor *x = conform_floats(c, 1, 2, shape), *weight = conform_floats(c, 2, 1, &shape[1]);
        DLTensor *target = conform_indices(c, 3, shape[1], 1, shape);
        run(c, x, target, NULL, 1, shape, 0);
        run(c, x, target, weight, 1, shape, 0.1);
        run(c, x, conform_floats(c, 4, 2, shape), weight, 1, shape, i % 2 ? 0.2 : 0);
    }
}

static void planes(conform *c)
{
    int64_t shape[] = { 3, 17, 5, 4 }, rows[] = { 3, 5, 4 };
    DLTensor *x = conform_transposed(c, conform_floats(c, 1, 4, (int64_t[]){ 3, 17, 4, 5 }), 2, 3);
    run(c, x, conform_indices(c, 2, 17, 3, rows), conform_floats(c, 3, 1, &shape[1]), 3, rows, 0);
    run(c, conform_as(c, EA_BFLOAT16, x), conform_floats(c, 4, 4, shape), NULL, 3, rows, 0.3);
    run(c, conform_bits(c, 5, 4, shape), conform_indices(c, 6, 17, 3, rows), NULL, 3, rows, 0.1);
}

static void alignments(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t shape[] = { 30, 4, 9 }, n = 4;
    DLTensor *logits = conform_floats(c, 1, 3, shape), *x = conform_zeros(c, EA_FLOAT32, 3, shape);
    conform_check(c, ea_log_softmax(ctx, logits, 2, x));
    DLTensor *targets = conform_indices(c, 2, 8, 2, (int64_t[]){ 4, 11 });
    DLTensor *times = conform_zeros(c, EA_INT64, 1, &n),
             *lengths = conform_zeros(c, EA_INT64, 1, &n);
    for (int64_t i = 0; times && lengths && i < n; i++) {
        ((int64_t *)times->data)[i] = 30 - 9 * i;
        ((int64_t *)lengths->data)[i] = i == 1 ? 0 : 11 - i;
    }
    for (int zero = 0; zero < 2; zero++) {
        DLTensor *losses = conform_zeros(c, EA_FLOAT32, 1, &n);
        DLTensor *grad = conform_zeros(c, EA_FLOAT32, 3, shape);
        conform_check(c, ea_ctc_loss(ctx, x, targets, times, lengths, 8, zero, losses));
        conform_check(c, ea_ctc_loss_backward(ctx, conform_floats(c, 3, 1, &n), x, targets, times,
                                              lengths, 8, zero, grad));
        conform_emit(c, losses);
        conform_emit(c, grad);
    }
}

static const conform_case cases[] = {
    { "classes", classes },
    { "planes", planes },
    { "alignments", alignments },
};

const conform_family conform_nll = { "nll", cases, sizeof cases / sizeof cases[0] };
