/* instance_norm.c: batch norm with every image's channels as channels of their own. */
#include "grad/tape.h"

static ea_var *filled(ea_tape *tape, int64_t n, float value)
{
    int64_t *shape = grad_alloc(tape, sizeof *shape);
    DLTensor tensor;
    if (!shape || (*shape = n, !grad_tensor(tape, EA_FLOAT32, 1, shape, &tensor)))
        return NULL;
    for (int64_t i = 0; i < n; i++)
        ((float *)tensor.data)[i] = value;
    return ea_var_input(tape, &tensor);
}

/* [c] as [c, 1, …], which broadcasts over x's positions. */
static ea_var *by_channel(ea_var *x, ea_var *weight)
{
    int64_t shape[EA_MAX_DIMS] = { x->shape[1] };
    for (int d = 2; d < x->value.ndim; d++)
        shape[d - 1] = 1;
    return ea_var_reshape(weight, x->value.ndim - 1, shape);
}

/* The running statistics [c], once for each image: [images, c]; NULL for NULL. */
static ea_status repeated(ea_tape *tape, const DLTensor *running, int64_t images, int64_t *shape,
                          DLTensor *all)
{
    int64_t once[2] = { 1, shape[1] }, stride[2] = { 0, running->strides ? *running->strides : 1 };
    if (!grad_tensor(tape, EA_FLOAT32, 2, shape, all))
        return tape->status;
    DLTensor from = *running;
    from.ndim = 2;
    from.shape = once;
    from.strides = stride;
    once[0] = images;
    return ea_copy(tape->ctx, &from, all);
}

/* The normalised x, and the running statistics' update: the mean over the images. */
static ea_var *normalised(ea_var *x, DLTensor *mean, DLTensor *var,
                          const ea_batch_norm_options *options)
{
    ea_tape *tape = x->tape;
    int64_t images = x->shape[0], channels = x->shape[1], count = images * channels;
    int64_t rest = count ? ea_tensor_numel(&x->value) / count : 0, shape[2] = { images, channels };
    DLTensor all[2], flat[2], *running[2] = { mean, var };
    for (int i = 0; i < 2 && mean && var; i++) {
        ea_status status = repeated(tape, running[i], images, shape, &all[i]);
        if (status != EA_OK)
            return grad_fail(tape, status);
        flat[i] = all[i];
        flat[i].ndim = 1;
        flat[i].shape = &count;
    }
    bool tracked = mean && var;
    ea_var *rows = ea_var_reshape(x, 3, (int64_t[]){ 1, count, rest });
    ea_var *out = ea_var_batch_norm(rows, filled(tape, count, 1), filled(tape, count, 0),
                                    tracked ? &flat[0] : NULL, tracked ? &flat[1] : NULL, options);
    for (int i = 0; i < 2 && tracked && out; i++) {
        ea_status status = ea_mean(tape->ctx, &all[i], (int[]){ 0 }, 1, running[i]);
        if (status != EA_OK)
            return grad_fail(tape, status);
    }
    return ea_var_reshape(out, x->value.ndim, x->shape);
}

ea_var *ea_var_instance_norm(ea_var *x, ea_var *weight, ea_var *bias, DLTensor *running_mean,
                             DLTensor *running_var, const ea_batch_norm_options *options)
{
    if (!x || !weight || !bias)
        return NULL;
    if (x->value.ndim < 3)
        return grad_fail(x->tape,
                         core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                   "ea_var_instance_norm: x has %d dimensions: give [n, c, "
                                   "…] with positions",
                                   x->value.ndim));
    ea_var *out;
    if (options->training) {
        out = normalised(x, running_mean, running_var, options);
    } else {
        int64_t channels = x->shape[1];
        out = ea_var_batch_norm(x, filled(x->tape, channels, 1), filled(x->tape, channels, 0),
                                running_mean, running_var, options);
    }
    if (weight != ea_no_bias)
        out = ea_var_mul(out, by_channel(x, weight));
    return bias == ea_no_bias ? out : ea_var_add(out, by_channel(x, bias));
}
