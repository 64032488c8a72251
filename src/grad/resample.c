/* resample.c: backward rules of padding, patches and interpolation. */
#include "grad/tape.h"

/* What a rule needs besides: the forward's options. */
typedef struct resample_saved {
    int dims;
    int64_t factor;
    union {
        ea_pad_options pad;
        ea_unfold_options unfold;
        ea_interpolate_options interpolate;
    } options;
} resample_saved;

/* A value of this shape and its room for options. NULL on failure. */
static ea_var *new_out(ea_var *x, int ndim, const int64_t *shape, grad_rule rule,
                       resample_saved **saved)
{
    ea_var *out = grad_var(x->tape, ndim, shape, rule, x, NULL, NULL);
    *saved = out ? grad_alloc(x->tape, sizeof **saved) : NULL;
    if (!*saved)
        return NULL;
    **saved = (resample_saved){ 0 };
    out->saved = *saved;
    return out;
}

/* False, and the tape has failed, unless x has `dims` spatial dimensions after one or two others.
 */
static bool is_spatial(ea_var *x, const char *function, int dims)
{
    int first = x->value.ndim - dims;
    if (dims >= 1 && dims <= 3 && (first == 1 || first == 2))
        return true;
    grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                 "%s: %d dimensions with dims = %d: give [n, c, …] or [c, …] with "
                                 "dims more, 1 to 3",
                                 function, x->value.ndim, dims));
    return false;
}

/* --- Padding ---------------------------------------------------------------------------------- */

static ea_status pad_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_pad_backward(out->tape->ctx, saved->dims, &out->grad, &saved->options.pad,
                               place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_pad(ea_var *x, int dims, const ea_pad_options *options)
{
    if (!x || !is_spatial(x, "ea_var_pad", dims))
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    for (int d = 0; d < dims; d++)
        shape[x->value.ndim - dims + d] += options->before[d] + options->after[d];
    resample_saved *saved;
    ea_var *out = new_out(x, x->value.ndim, shape, pad_rule, &saved);
    if (!out)
        return NULL;
    saved->dims = dims;
    saved->options.pad = *options;
    return grad_done(out, ea_pad(x->tape->ctx, dims, &x->value, options, &out->value));
}

/* --- Patches ---------------------------------------------------------------------------------- */

static ea_status unfold_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_fold(out->tape->ctx, &out->grad, &saved->options.unfold, place.tensor));
    return grad_close(&place);
}

/* Places of the kernel along dimension d; the door says what is wrong with the options. */
static int64_t places(const ea_unfold_options *o, int d, int64_t size)
{
    int64_t stride = o->stride[d] > 0 ? o->stride[d] : 1;
    int64_t reach = (o->dilation[d] ? o->dilation[d] : 1) * (o->kernel[d] - 1) + 1;
    int64_t room = size + 2 * o->padding[d] - reach;
    return room < 0 ? 0 : room / stride + 1;
}

ea_var *ea_var_unfold(ea_var *x, const ea_unfold_options *options)
{
    if (!x || !is_spatial(x, "ea_var_unfold", 2))
        return NULL;
    int first = x->value.ndim - 3;
    const int64_t *size = x->shape + first + 1;
    int64_t shape[3] = { x->shape[0], x->shape[first] * options->kernel[0] * options->kernel[1],
                         places(options, 0, size[0]) * places(options, 1, size[1]) };
    resample_saved *saved;
    ea_var *out = new_out(x, 2 + first, shape + (1 - first), unfold_rule, &saved);
    if (!out)
        return NULL;
    saved->options.unfold = *options;
    return grad_done(out, ea_unfold(x->tape->ctx, &x->value, options, &out->value));
}

static ea_status fold_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_unfold(out->tape->ctx, &out->grad, &saved->options.unfold, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_fold(ea_var *x, const int64_t size[2], const ea_unfold_options *options)
{
    if (!x)
        return NULL;
    int first = x->value.ndim - 2;
    int64_t kernel = options->kernel[0] * options->kernel[1];
    if (first < 0 || first > 1 || kernel < 1 || x->shape[first] % kernel != 0)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                            "ea_var_fold: give [n, c·kh·kw, places]"));
    int64_t shape[4] = { x->shape[0], x->shape[first] / kernel, size[0], size[1] };
    resample_saved *saved;
    ea_var *out = new_out(x, 3 + first, shape + (1 - first), fold_rule, &saved);
    if (!out)
        return NULL;
    saved->options.unfold = *options;
    return grad_done(out, ea_fold(x->tape->ctx, &x->value, options, &out->value));
}

/* --- Pixel shuffle ---------------------------------------------------------------------------- */

static ea_status pixel_shuffle_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_pixel_unshuffle(out->tape->ctx, &out->grad, saved->factor, place.tensor));
    return grad_close(&place);
}

static ea_status pixel_unshuffle_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_pixel_shuffle(out->tape->ctx, &out->grad, saved->factor, place.tensor));
    return grad_close(&place);
}

static ea_var *pixels(ea_var *x, int64_t r, bool shuffle)
{
    int n = x ? x->value.ndim - 3 : 0;
    if (!x)
        return NULL;
    if (n < 0 || r < 1 || r > INT32_MAX)
        return grad_fail(x->tape,
                         core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                   "pixel shuffle of %d dimensions by %lld: give 3 to 6, and 1 or "
                                   "more",
                                   x->value.ndim, (long long)r));
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[n] = shuffle ? x->shape[n] / (r * r) : x->shape[n] * r * r;
    for (int d = n + 1; d < n + 3; d++)
        shape[d] = shuffle ? x->shape[d] * r : x->shape[d] / r;
    resample_saved *saved;
    ea_var *out = new_out(x, x->value.ndim, shape,
                          shuffle ? pixel_shuffle_rule : pixel_unshuffle_rule, &saved);
    if (!out)
        return NULL;
    saved->factor = r;
    return grad_done(out, shuffle ? ea_pixel_shuffle(x->tape->ctx, &x->value, r, &out->value)
                                  : ea_pixel_unshuffle(x->tape->ctx, &x->value, r, &out->value));
}

ea_var *ea_var_pixel_shuffle(ea_var *x, int64_t r)
{
    return pixels(x, r, true);
}

ea_var *ea_var_pixel_unshuffle(ea_var *x, int64_t r)
{
    return pixels(x, r, false);
}

/* --- Interpolation ---------------------------------------------------------------------------- */

static ea_status interpolate_rule(ea_var *out)
{
    const resample_saved *saved = out->saved;
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (place.tensor)
        EA_TRY(ea_interpolate_backward(out->tape->ctx, saved->dims, &out->grad,
                                       &saved->options.interpolate, place.tensor));
    return grad_close(&place);
}

ea_var *ea_var_interpolate(ea_var *x, int dims, const int64_t *sizes,
                           const ea_interpolate_options *options)
{
    if (!x || !is_spatial(x, "ea_var_interpolate", dims))
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    int first = x->value.ndim - dims;
    memcpy(shape, x->shape, sizeof shape);
    for (int d = 0; d < dims; d++)
        shape[first + d] =
            sizes ? sizes[d] : (int64_t)((double)x->shape[first + d] * options->scale[d]);
    resample_saved *saved;
    ea_var *out = new_out(x, x->value.ndim, shape, interpolate_rule, &saved);
    if (!out)
        return NULL;
    saved->dims = dims;
    saved->options.interpolate = *options;
    return grad_done(out, ea_interpolate(x->tape->ctx, dims, &x->value, options, &out->value));
}
