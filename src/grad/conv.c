/* conv.c: backward rules of convolution and its transpose. */
#include "grad/tape.h"

typedef struct conv_saved {
    int dims;
    bool transposed;
    ea_conv_options options;
} conv_saved;

static ea_status bias_gradient(ea_var *out, int dims)
{
    grad_place place;
    int all[4] = { 0 }, count = 0, channel = out->value.ndim - dims - 1;
    for (int d = 0; d < out->value.ndim; d++)
        if (d != channel)
            all[count++] = d;
    EA_TRY(grad_open(out->inputs[2], &place));
    if (place.tensor)
        EA_TRY(ea_sum(out->tape->ctx, &out->grad, all, count, place.tensor));
    return grad_close(&place);
}

static ea_status conv_rule(ea_var *out)
{
    const conv_saved *s = out->saved;
    ea_var *x = out->inputs[0], *weight = out->inputs[1];
    ea_context *ctx = out->tape->ctx;
    grad_place place;
    EA_TRY(grad_open(x, &place));
    if (place.tensor)
        EA_TRY((s->transposed ? ea_conv_transpose_backward_input : ea_conv_backward_input)(
            ctx, s->dims, &out->grad, &weight->value, &s->options, place.tensor));
    EA_TRY(grad_close(&place));
    EA_TRY(grad_open(weight, &place));
    if (place.tensor)
        EA_TRY((s->transposed ? ea_conv_transpose_backward_weight : ea_conv_backward_weight)(
            ctx, s->dims, &out->grad, &x->value, &s->options, place.tensor));
    EA_TRY(grad_close(&place));
    return bias_gradient(out, s->dims);
}

/* Output size of dimension d, 0 when the kernel does not fit (the door then says so). */
static int64_t output_size(const ea_conv_options *o, int d, int64_t size, int64_t kernel)
{
    int64_t reach = (o->dilation[d] ? o->dilation[d] : 1) * (kernel - 1) + 1;
    int64_t room = size + 2 * o->padding[d] - reach;
    return room < 0 ? 0 : room / (o->stride[d] > 0 ? o->stride[d] : 1) + 1;
}

static int64_t transposed_size(const ea_conv_options *o, int d, int64_t size, int64_t kernel,
                               int64_t output_padding)
{
    int64_t reach = (o->dilation[d] ? o->dilation[d] : 1) * (kernel - 1) + 1;
    return (size - 1) * (o->stride[d] ? o->stride[d] : 1) - 2 * o->padding[d] + reach +
           output_padding;
}

static bool has_dimensions(ea_var *x, int dims, ea_var *weight)
{
    int first = x->value.ndim - dims;
    if (dims >= 1 && dims <= 3 && (first == 1 || first == 2) && weight->value.ndim == dims + 2)
        return true;
    grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                 "a convolution over %d dimensions: x has %d and weight %d: give "
                                 "[n, c, …] or [c, …] and [oc, c, …]",
                                 dims, x->value.ndim, weight->value.ndim));
    return false;
}

/* The result's value, its options saved. output_padding NULL: not transposed. */
static ea_var *new_out(ea_var *x, int dims, ea_var *weight, ea_var *bias,
                       const ea_conv_options *options, const int64_t *output_padding)
{
    int64_t shape[EA_MAX_DIMS];
    int first = x->value.ndim - dims;
    memcpy(shape, x->shape, sizeof shape);
    shape[first - 1] = output_padding ? weight->shape[1] * (options->groups ? options->groups : 1)
                                      : weight->shape[0];
    for (int d = 0; d < dims; d++)
        shape[first + d] = output_padding
                               ? transposed_size(options, d, x->shape[first + d],
                                                 weight->shape[2 + d], output_padding[d])
                               : output_size(options, d, x->shape[first + d], weight->shape[2 + d]);
    ea_var *out = grad_var(x->tape, x->value.ndim, shape, conv_rule, x, weight, bias);
    conv_saved *saved = out ? grad_alloc(x->tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    *saved = (conv_saved){ dims, output_padding != NULL, *options };
    out->saved = saved;
    return out;
}

static const ea_conv_options defaults;

ea_var *ea_var_conv(ea_var *x, int dims, ea_var *weight, ea_var *bias,
                    const ea_conv_options *options)
{
    if (!x || !weight || !bias || !has_dimensions(x, dims, weight))
        return NULL;
    options = options ? options : &defaults;
    bias = bias == ea_no_bias ? NULL : bias;
    ea_var *out = new_out(x, dims, weight, bias, options, NULL);
    return out ? grad_done(out, ea_conv(x->tape->ctx, dims, &x->value, &weight->value,
                                        bias ? &bias->value : NULL, options, &out->value))
               : NULL;
}

ea_var *ea_var_conv2d(ea_var *x, ea_var *weight, ea_var *bias, const ea_conv_options *options)
{
    return ea_var_conv(x, 2, weight, bias, options);
}

ea_var *ea_var_conv_transpose(ea_var *x, int dims, ea_var *weight, ea_var *bias,
                              const ea_conv_options *options, const int64_t *output_padding)
{
    static const int64_t none[3];
    if (!x || !weight || !bias || !has_dimensions(x, dims, weight))
        return NULL;
    options = options ? options : &defaults;
    bias = bias == ea_no_bias ? NULL : bias;
    ea_var *out = new_out(x, dims, weight, bias, options, output_padding ? output_padding : none);
    return out ? grad_done(out, ea_conv_transpose(x->tape->ctx, dims, &x->value, &weight->value,
                                                  bias ? &bias->value : NULL, options, &out->value))
               : NULL;
}
