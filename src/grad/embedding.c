/* embedding.c: backward rules of tables whose rows an index chooses. */
#include "grad/tape.h"

typedef struct embedding_saved {
    const DLTensor *index, *offsets;
    DLTensor max_indices;
    int64_t padding;
    ea_bag_mode mode;
    bool weighted;
} embedding_saved;

static ea_status embedding_rule(ea_var *out)
{
    const embedding_saved *s = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(
            ea_embedding_backward(out->tape->ctx, &out->grad, s->index, s->padding, place.tensor));
    return grad_close(&place);
}

static embedding_saved *save(ea_tape *tape, const DLTensor *index, int64_t padding)
{
    embedding_saved *saved = grad_alloc(tape, sizeof *saved);
    const DLTensor *kept = saved ? grad_keep(tape, index) : NULL;
    if (!kept)
        return NULL;
    *saved = (embedding_saved){ .index = kept, .padding = padding };
    return saved;
}

static ea_var *refuse_table(ea_var *weight, const char *function)
{
    return grad_fail(weight->tape,
                     core_fail(weight->tape->ctx, EA_ERR_SHAPE,
                               "%s: weight has %d dimensions, the result may have %d at most",
                               function, weight->value.ndim, EA_MAX_DIMS));
}

ea_var *ea_var_embedding(ea_var *weight, const DLTensor *index, int64_t padding_idx)
{
    embedding_saved *s = weight ? save(weight->tape, index, padding_idx) : NULL;
    if (!s)
        return NULL;
    int64_t shape[EA_MAX_DIMS + 1];
    int ndim = s->index->ndim;
    if (weight->value.ndim != 2 || ndim == EA_MAX_DIMS)
        return refuse_table(weight, "ea_var_embedding");
    memcpy(shape, s->index->shape, sizeof *shape * (size_t)ndim);
    shape[ndim] = weight->shape[1];
    ea_var *out = grad_var(weight->tape, ndim + 1, shape, embedding_rule, weight, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = s;
    return grad_done(out, ea_embedding(weight->tape->ctx, &weight->value, index, &out->value));
}

static ea_status bag_rule(ea_var *out)
{
    const embedding_saved *s = out->saved;
    ea_var *weight = out->inputs[0], *samples = out->inputs[1];
    grad_place for_weight, for_samples;
    EA_TRY(grad_open(weight, &for_weight));
    EA_TRY(grad_open(samples, &for_samples));
    EA_TRY(ea_embedding_bag_backward(out->tape->ctx, &out->grad, &weight->value, s->index,
                                     s->offsets, samples ? &samples->value : NULL, s->mode,
                                     s->padding, s->mode == EA_BAG_MAX ? &s->max_indices : NULL,
                                     for_weight.tensor, for_samples.tensor));
    EA_TRY(grad_close(&for_weight));
    return grad_close(&for_samples);
}

ea_var *ea_var_embedding_bag(ea_var *weight, const DLTensor *index, const DLTensor *offsets,
                             ea_var *per_sample_weights, ea_bag_mode mode, int64_t padding_idx)
{
    if (!weight || !per_sample_weights)
        return NULL;
    ea_tape *tape = weight->tape;
    ea_var *samples = per_sample_weights == ea_no_bias ? NULL : per_sample_weights;
    embedding_saved *s = save(tape, index, padding_idx);
    if (!s || !(s->offsets = grad_keep(tape, offsets)))
        return NULL;
    if (weight->value.ndim != 2)
        return refuse_table(weight, "ea_var_embedding_bag");
    s->mode = mode;
    int64_t shape[] = { ea_tensor_numel(offsets), weight->shape[1] };
    ea_var *out = grad_var(tape, 2, shape, bag_rule, weight, samples, NULL);
    if (!out || !grad_tensor(tape, EA_INT64, 2, out->shape, &s->max_indices))
        return NULL;
    out->saved = s;
    return grad_done(out, ea_embedding_bag(tape->ctx, &weight->value, index, offsets,
                                           samples ? &samples->value : NULL, mode, padding_idx,
                                           &out->value, &s->max_indices));
}
