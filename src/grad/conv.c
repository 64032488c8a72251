/* conv.c: backward rules of convolution. */
#include "grad/tape.h"

static ea_status conv2d_rule(ea_var *out)
{
    ea_var *x = out->inputs[0], *weight = out->inputs[1], *bias = out->inputs[2];
    const ea_conv_options *options = out->saved;
    ea_context *ctx = out->tape->ctx;
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY(ea_conv2d_backward_input(ctx, &out->grad, &weight->value, options, place.tensor));
    EA_TRY(grad_close(&place));
    EA_TRY(grad_open(weight, &place));
    if (place.tensor)
        EA_TRY(ea_conv2d_backward_weight(ctx, &out->grad, &x->value, options, place.tensor));
    EA_TRY(grad_close(&place));
    EA_TRY(grad_open(bias, &place));
    if (place.tensor)
        EA_TRY(ea_sum(ctx, &out->grad, (int[]){ 0, 2, 3 }, 3, place.tensor));
    return grad_close(&place);
}

/* Output size of one direction, 0 when the kernel does not fit (the door then says so). */
static int64_t output_size(int64_t size, int64_t kernel, int64_t stride, int64_t padding,
                           int64_t dilation)
{
    int64_t room = size + 2 * padding - (dilation ? dilation : 1) * (kernel - 1) - 1;
    return room < 0 ? 0 : room / (stride > 0 ? stride : 1) + 1;
}

ea_var *ea_var_conv2d(ea_var *x, ea_var *weight, ea_var *bias, const ea_conv_options *options)
{
    static const ea_conv_options defaults;
    if (!x || !weight || !bias)
        return NULL;
    ea_tape *tape = x->tape;
    if (x->value.ndim != 4 || weight->value.ndim != 4)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                         "ea_var_conv2d: x has %d dimensions and weight %d: give "
                                         "[n, c, h, w] and [oc, c, kh, kw]",
                                         x->value.ndim, weight->value.ndim));
    if (!options)
        options = &defaults;
    if (bias == ea_no_bias)
        bias = NULL;
    int64_t shape[4] = { x->shape[0], weight->shape[0] };
    for (int d = 0; d < 2; d++)
        shape[2 + d] = output_size(x->shape[2 + d], weight->shape[2 + d], options->stride[d],
                                   options->padding[d], options->dilation[d]);
    ea_var *out = grad_var(tape, 4, shape, conv2d_rule, x, weight, bias);
    ea_conv_options *saved = out ? grad_alloc(tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    *saved = *options;
    out->saved = saved;
    return grad_done(out, ea_conv2d(tape->ctx, &x->value, &weight->value,
                                    bias ? &bias->value : NULL, options, &out->value));
}
