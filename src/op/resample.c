/* resample.c: doors of padding, patches and interpolation. */
#include "cpu/resample.h"
#include "op/op.h"
#include "ref/resample.h"

#include <math.h>

/* Opens the two tensors of a door as five-dimensional views; `backward` only says their names. */
static ea_status open_pair(ea_context *ctx, const char *function, int dims, bool backward,
                           const DLTensor *from, const DLTensor *to, ea_view *vf, ea_view *vt)
{
    const char *from_name = backward ? "grad_out" : "x", *to_name = backward ? "grad_x" : "out";
    EA_TRY(core_view_of(ctx, function, from_name, from, CORE_FLOATS, vf));
    EA_TRY(op_view_of_out(ctx, function, to_name, to, CORE_FLOATS, vt));
    EA_TRY(op_no_overlap(ctx, function, from_name, vf, vt, false));
    EA_TRY(op_spatial(ctx, function, from_name, dims, vf));
    EA_TRY(op_spatial(ctx, function, to_name, dims, vt));
    return op_same_planes(ctx, function, vf, vt);
}

/* --- Padding ---------------------------------------------------------------------------------- */

/* Checks one axis; `size` is x's and `padded` out's. */
static ea_status check_pad(ea_context *ctx, const char *function, const ea_pad_options *o, int d,
                           int64_t size, int64_t padded)
{
    const int64_t limit = (int64_t)1 << 40;
    int64_t before = o->before[d], after = o->after[d];
    int64_t most = o->mode == EA_PAD_REFLECT ? size - 1 : o->mode == EA_PAD_CIRCULAR ? size : limit;
    if (before < -limit || after < -limit || before > most || after > most ||
        (o->mode == EA_PAD_REPLICATE && size == 0))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: padding of %lld and %lld for a size of %lld: at most %lld", function,
                         (long long)before, (long long)after, (long long)size, (long long)most);
    if (size + before + after != padded)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: a size of %lld padded by %lld and %lld is %lld, not %lld", function,
                         (long long)size, (long long)before, (long long)after,
                         (long long)(size + before + after), (long long)padded);
    return EA_OK;
}

static ea_status make_pads(ea_context *ctx, int dims, const ea_pad_options *o, const ea_view *x,
                           const ea_view *out, bool backward, ref_maps *maps)
{
    *maps = ref_maps_of(x);
    maps->fill = backward ? 0 : (float)o->value;
    for (int d = 0; d < dims; d++) {
        int axis = 3 - dims + d;
        EA_TRY(check_pad(ctx, "ea_pad", o, d, x->shape[2 + axis], out->shape[2 + axis]));
        if (o->before[d] || o->after[d])
            EA_TRY(ref_axis_pad(ctx, o->mode, x->shape[2 + axis], o->before[d], o->after[d],
                                &maps->axis[axis]));
    }
    return backward ? ref_maps_transpose(ctx, maps) : EA_OK;
}

static ea_status pad_door(ea_context *ctx, const char *function, int dims, bool backward,
                          const DLTensor *from, const ea_pad_options *options, DLTensor *to)
{
    ea_view vf, vt;
    ref_maps maps;
    if (!options || options->mode < EA_PAD_CONSTANT || options->mode > EA_PAD_CIRCULAR)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s", function,
                         options ? "mode is none of ea_pad_mode" : "options is NULL");
    EA_TRY(open_pair(ctx, function, dims, backward, from, to, &vf, &vt));
    op_scope scope = op_enter(ctx);
    ea_status status =
        make_pads(ctx, dims, options, backward ? &vt : &vf, backward ? &vf : &vt, backward, &maps);
    if (status == EA_OK)
        status = OP_BACKEND(ctx, resample)(ctx, &maps, &vf, &vt);
    return op_leave(ctx, &scope, status);
}

ea_status ea_pad(ea_context *ctx, int dims, const DLTensor *x, const ea_pad_options *options,
                 DLTensor *out)
{
    return pad_door(ctx, "ea_pad", dims, false, x, options, out);
}

ea_status ea_pad_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                          const ea_pad_options *options, DLTensor *grad_x)
{
    return pad_door(ctx, "ea_pad_backward", dims, true, grad_out, options, grad_x);
}

/* --- Unfold and fold -------------------------------------------------------------------------- */

/* Unfolding is a map: along an axis, kernel position j of place i takes position
 * i·stride − padding + j·dilation; its output positions are the pairs (j, i) in row-major order. */
static ea_status make_patches(ea_context *ctx, const char *function, const ea_unfold_options *o,
                              int d, int64_t *places, ref_axis *axis)
{
    const int64_t limit = INT32_MAX;
    int64_t stride = o->stride[d] ? o->stride[d] : 1, size = axis->in;
    int64_t dilation = o->dilation[d] ? o->dilation[d] : 1;
    int64_t padding = o->padding[d], kernel = o->kernel[d];
    if (kernel < 1 || stride < 1 || dilation < 1 || padding < 0 || kernel > limit ||
        stride > limit || dilation > limit || padding > limit)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: kernel %lld, stride %lld, dilation %lld, padding %lld: give 1 or "
                         "more, padding 0 or more, each below 2^31",
                         function, (long long)kernel, (long long)stride, (long long)dilation,
                         (long long)padding);
    int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
    if (room < 0)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: the kernel is larger than the image by %lld",
                         function, (long long)-room);
    *places = room / stride + 1;
    int64_t n = kernel * *places;
    ref_span *spans = core_arena_alloc(ctx->arena, sizeof *spans * (size_t)n);
    if (!spans)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld places", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i % *places * stride - padding + i / *places * dilation;
        spans[i] = (ref_span){ at, at >= 0 && at < size, 1 };
    }
    return ref_axis_spans(ctx, spans, size, n, axis);
}

/* The columns [n, c·kh·kw, oh·ow] or [c·kh·kw, oh·ow] as [n, c, kh, oh, kw, ow]. */
static ea_status split_columns(ea_context *ctx, const char *function, const ea_view *image,
                               const int64_t *kernel, const int64_t places[2], ea_view *columns)
{
    int rows = columns->ndim - 2;
    int64_t wanted = image->shape[1] * kernel[0] * kernel[1];
    if (rows < 0 || rows > 1 || columns->shape[rows] != wanted ||
        columns->shape[rows + 1] != places[0] * places[1] ||
        (rows == 1 ? columns->shape[0] : 1) != image->shape[0])
        return core_fail(ctx, EA_ERR_SHAPE, "%s: the columns have not the shape [%lld, %lld, %lld]",
                         function, (long long)image->shape[0], (long long)wanted,
                         (long long)(places[0] * places[1]));
    int64_t down = columns->stride[rows], along = columns->stride[rows + 1];
    *columns = (ea_view){
        .data = columns->data,
        .dtype = columns->dtype,
        .ndim = 6,
        .shape = { image->shape[0], image->shape[1], kernel[0], places[0], kernel[1], places[1] },
        .stride = { rows == 1 ? columns->stride[0] : 0, down * kernel[0] * kernel[1],
                    down * kernel[1], along * places[1], down, along },
    };
    return EA_OK;
}

static ea_status run_patches(ea_context *ctx, const char *function, const ea_unfold_options *o,
                             bool fold, ea_view *image, ea_view *columns)
{
    int64_t places[2];
    ref_maps maps = ref_maps_of(image);
    for (int d = 0; d < 2; d++)
        EA_TRY(make_patches(ctx, function, o, d, &places[d], &maps.axis[1 + d]));
    EA_TRY(split_columns(ctx, function, image, o->kernel, places, columns));
    if (fold)
        EA_TRY(ref_maps_transpose(ctx, &maps));
    return OP_BACKEND(ctx, resample)(ctx, &maps, fold ? columns : image, fold ? image : columns);
}

static ea_status patches_door(ea_context *ctx, const char *function, const ea_unfold_options *o,
                              bool fold, const DLTensor *x, DLTensor *out)
{
    ea_view vx, vo;
    if (!o)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: options is NULL: kernel is needed", function);
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    ea_view *image = fold ? &vo : &vx, *columns = fold ? &vx : &vo;
    EA_TRY(op_spatial(ctx, function, fold ? "out" : "x", 2, image));
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, run_patches(ctx, function, o, fold, image, columns));
}

ea_status ea_unfold(ea_context *ctx, const DLTensor *x, const ea_unfold_options *options,
                    DLTensor *out)
{
    return patches_door(ctx, "ea_unfold", options, false, x, out);
}

ea_status ea_fold(ea_context *ctx, const DLTensor *x, const ea_unfold_options *options,
                  DLTensor *out)
{
    return patches_door(ctx, "ea_fold", options, true, x, out);
}

/* --- Pixel shuffle ---------------------------------------------------------------------------- */

/* [..., c·r², h, w] seen as [..., c, h, r, w, r], or [..., c, h·r, w·r] seen so. */
static DLTensor split_pixels(const DLTensor *x, int64_t r, bool shuffled, int64_t shape[8],
                             int64_t stride[8])
{
    int n = x->ndim - 3;
    int64_t dense = 1, s[8];
    for (int d = x->ndim - 1; d >= 0; dense *= x->shape[d--])
        s[d] = x->strides ? x->strides[d] : dense;
    for (int d = 0; d < n; d++) {
        shape[d] = x->shape[d];
        stride[d] = s[d];
    }
    int64_t c = x->shape[n], h = x->shape[n + 1], w = x->shape[n + 2];
    int64_t sc = s[n], sh = s[n + 1], sw = s[n + 2];
    const int64_t apart_shape[5] = { c / (r * r), h, r, w, r };
    const int64_t apart_stride[5] = { sc * r * r, sh, sc * r, sw, sc };
    const int64_t joined_shape[5] = { c, h / r, r, w / r, r };
    const int64_t joined_stride[5] = { sc, sh * r, sh, sw * r, sw };
    memcpy(shape + n, shuffled ? joined_shape : apart_shape, sizeof apart_shape);
    memcpy(stride + n, shuffled ? joined_stride : apart_stride, sizeof apart_stride);
    DLTensor split = *x;
    split.ndim = n + 5;
    split.shape = shape;
    split.strides = stride;
    return split;
}

/* `apart` has the channels, `joined` the large planes. */
static ea_status check_pixels(ea_context *ctx, const char *function, int64_t r,
                              const DLTensor *apart, const DLTensor *joined)
{
    if (r < 1 || r > INT32_MAX)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: a factor of %lld: give 1 to 2^31 - 1", function,
                         (long long)r);
    ea_view va, vj;
    EA_TRY(core_view_of(ctx, function, "one tensor", apart, CORE_FLOATS, &va));
    EA_TRY(core_view_of(ctx, function, "one tensor", joined, CORE_FLOATS, &vj));
    int n = va.ndim - 3;
    if (n < 0 || va.ndim > 6)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %d dimensions: give 3 to 6", function, va.ndim);
    va.shape[n] = va.shape[n] % (r * r) == 0 ? va.shape[n] / (r * r) : -1;
    va.shape[n + 1] *= r;
    va.shape[n + 2] *= r;
    if (core_same_shape(&va, &vj))
        return EA_OK;
    char text[128];
    return core_fail(ctx, EA_ERR_SHAPE, "%s: a shape %s does not fit the factor %lld", function,
                     core_shape_text(&vj, text), (long long)r);
}

ea_status ea_pixel_shuffle(ea_context *ctx, const DLTensor *x, int64_t r, DLTensor *out)
{
    int64_t shape[2][8], stride[2][8];
    EA_TRY(check_pixels(ctx, "ea_pixel_shuffle", r, x, out));
    DLTensor from = split_pixels(x, r, false, shape[0], stride[0]);
    DLTensor to = split_pixels(out, r, true, shape[1], stride[1]);
    return ea_copy(ctx, &from, &to);
}

ea_status ea_pixel_unshuffle(ea_context *ctx, const DLTensor *x, int64_t r, DLTensor *out)
{
    int64_t shape[2][8], stride[2][8];
    EA_TRY(check_pixels(ctx, "ea_pixel_unshuffle", r, out, x));
    DLTensor from = split_pixels(x, r, true, shape[0], stride[0]);
    DLTensor to = split_pixels(out, r, false, shape[1], stride[1]);
    return ea_copy(ctx, &from, &to);
}

/* --- Interpolation ---------------------------------------------------------------------------- */

static ea_status check_interpolation(ea_context *ctx, const char *function, int dims,
                                     const ea_interpolate_options *o)
{
    bool smooth = o->mode == EA_INTERPOLATE_LINEAR || o->mode == EA_INTERPOLATE_CUBIC;
    if (o->mode < EA_INTERPOLATE_NEAREST || o->mode > EA_INTERPOLATE_AREA)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: mode %d is none", function, (int)o->mode);
    if (o->mode == EA_INTERPOLATE_CUBIC && dims != 2)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: cubic in %d dimensions: it has 2", function,
                         dims);
    if (o->align_corners && !smooth)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: align_corners is for linear and cubic",
                         function);
    if (o->antialias && (!smooth || dims != 2))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: antialias is for linear and cubic in two dimensions", function);
    return EA_OK;
}

static ea_status make_interpolation(ea_context *ctx, const char *function, int dims,
                                    const ea_interpolate_options *o, const ea_view *x,
                                    const ea_view *out, ref_maps *maps)
{
    *maps = ref_maps_of(x);
    for (int d = 3 - dims; d < 3; d++) {
        int64_t in = x->shape[2 + d], to = out->shape[2 + d];
        double scale = o->scale[d - (3 - dims)];
        if (in < 1 || to < 1)
            return core_fail(ctx, EA_ERR_SHAPE, "%s: sizes of %lld and %lld: give 1 or more",
                             function, (long long)in, (long long)to);
        if (scale != 0 && !(scale > 0 && floor((double)in * scale) == (double)to))
            return core_fail(ctx, EA_ERR_SHAPE, "%s: a size of %lld scaled by %g is not %lld",
                             function, (long long)in, scale, (long long)to);
        EA_TRY(ref_axis_interpolate(ctx, o, scale, in, to, &maps->axis[d]));
    }
    return EA_OK;
}

static ea_status interpolate_door(ea_context *ctx, const char *function, int dims, bool backward,
                                  const DLTensor *from, const ea_interpolate_options *options,
                                  DLTensor *to)
{
    static const ea_interpolate_options defaults;
    const ea_interpolate_options *o = options ? options : &defaults;
    EA_TRY(check_interpolation(ctx, function, dims, o));
    if (o->mode == EA_INTERPOLATE_AREA)
        return backward ? ea_adaptive_avg_pool_backward(ctx, dims, from, to)
                        : ea_adaptive_avg_pool(ctx, dims, from, to);
    ea_view vf, vt;
    ref_maps maps;
    EA_TRY(open_pair(ctx, function, dims, backward, from, to, &vf, &vt));
    op_scope scope = op_enter(ctx);
    ea_status status = make_interpolation(ctx, function, dims, o, backward ? &vt : &vf,
                                          backward ? &vf : &vt, &maps);
    if (status == EA_OK && backward)
        status = ref_maps_transpose(ctx, &maps);
    if (status == EA_OK)
        status = OP_BACKEND(ctx, resample)(ctx, &maps, &vf, &vt);
    return op_leave(ctx, &scope, status);
}

ea_status ea_interpolate(ea_context *ctx, int dims, const DLTensor *x,
                         const ea_interpolate_options *options, DLTensor *out)
{
    return interpolate_door(ctx, "ea_interpolate", dims, false, x, options, out);
}

ea_status ea_interpolate_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                  const ea_interpolate_options *options, DLTensor *grad_x)
{
    return interpolate_door(ctx, "ea_interpolate_backward", dims, true, grad_out, options, grad_x);
}
