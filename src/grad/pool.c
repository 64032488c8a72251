/* pool.c: backward rules of pooling. */
#include "grad/tape.h"

static ea_status max_pool2d_rule(ea_var *out)
{
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_max_pool2d_backward(out->tape->ctx, &out->grad, out->saved, place.tensor));
    return grad_close(&place);
}

/* Output size of one direction as PyTorch counts it: with ceil_mode the last window must begin
 * inside the input or its left padding. */
static int64_t output_size(int64_t size, const ea_pool_options *options, int d)
{
    int64_t kernel = options->kernel[d], padding = options->padding[d];
    int64_t stride = options->stride[d] ? options->stride[d] : kernel;
    int64_t dilation = options->dilation[d] ? options->dilation[d] : 1;
    int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
    if (room < 0 || stride <= 0)
        return 0;
    if (!options->ceil_mode)
        return room / stride + 1;
    int64_t windows = (room + stride - 1) / stride + 1;
    return (windows - 1) * stride >= size + padding ? windows - 1 : windows;
}

/* The indices are kept for the backward pass; without gradients they are not computed. */
ea_var *ea_var_max_pool2d(ea_var *x, const ea_pool_options *options)
{
    if (!x)
        return NULL;
    ea_tape *tape = x->tape;
    if (x->value.ndim != 4)
        return grad_fail(tape,
                         core_fail(tape->ctx, EA_ERR_SHAPE,
                                   "ea_var_max_pool2d: x has %d dimensions: give [n, c, h, w]",
                                   x->value.ndim));
    int64_t shape[4] = { x->shape[0], x->shape[1], output_size(x->shape[2], options, 0),
                         output_size(x->shape[3], options, 1) };
    ea_var *out = grad_var(tape, 4, shape, max_pool2d_rule, x, NULL, NULL);
    if (!out)
        return NULL;
    DLTensor *indices = NULL;
    if (out->needs_grad) {
        indices = grad_alloc(tape, sizeof *indices);
        if (!indices || !grad_tensor(tape, EA_INT64, 4, out->shape, indices))
            return NULL;
    }
    out->saved = indices;
    return grad_done(out, ea_max_pool2d(tape->ctx, &x->value, options, &out->value, indices));
}
