/* pool.c: doors of pooling. */
#include "op/pool.h"
#include "cpu/pool.h"
#include "cpu/resample.h"
#include "op/op.h"
#include "ref/pool.h"
#include "ref/resample.h"

static const int64_t largest = INT32_MAX;

ea_status op_pool_options(ea_context *ctx, const char *function, int dims,
                          const ea_pool_options *options, ea_pool_options *out)
{
    if (dims < 1 || dims > 3)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dims is %d: give 1, 2 or 3", function, dims);
    if (!options)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: options is NULL: kernel is needed", function);
    *out = *options;
    for (int i = 0; i < 3; i++) {
        int from = i - (3 - dims);
        int64_t kernel = from < 0 ? 1 : options->kernel[from];
        int64_t stride = from < 0 || !options->stride[from] ? kernel : options->stride[from];
        int64_t padding = from < 0 ? 0 : options->padding[from];
        int64_t dilation = from < 0 || !options->dilation[from] ? 1 : options->dilation[from];
        if (kernel < 1 || stride < 1 || dilation < 1 || padding < 0 || kernel > largest ||
            stride > largest || dilation > largest || padding > largest)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: kernel %lld, stride %lld, dilation %lld, padding %lld: give 1 or "
                             "more, padding 0 or more, each below 2^31",
                             function, (long long)kernel, (long long)stride, (long long)dilation,
                             (long long)padding);
        if (padding > (dilation * (kernel - 1) + 1) / 2)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: padding %lld is more than half of the window's %lld", function,
                             (long long)padding, (long long)(dilation * (kernel - 1) + 1));
        out->kernel[i] = kernel;
        out->stride[i] = stride;
        out->padding[i] = padding;
        out->dilation[i] = dilation;
    }
    return EA_OK;
}

/* Checks that `out` has the windows' number along each axis. */
static ea_status expect_windows(ea_context *ctx, const char *function, const char *name,
                                const ea_pool_options *o, const ea_view *x, const ea_view *out)
{
    EA_TRY(op_same_planes(ctx, function, x, out));
    for (int d = 0; d < 3; d++) {
        int64_t expected = ref_pool_size(o, d, x->shape[2 + d]);
        if (expected < 1)
            return core_fail(ctx, EA_ERR_SHAPE, "%s: no window fits a size of %lld", function,
                             (long long)x->shape[2 + d]);
        if (out->shape[2 + d] != expected)
            return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has size %lld where %lld windows lie",
                             function, name, (long long)out->shape[2 + d], (long long)expected);
    }
    return EA_OK;
}

/* --- Windows in scratch memory ---------------------------------------------------------------- */

static ref_span *new_spans(ea_context *ctx, int64_t count)
{
    ref_span *spans = core_arena_alloc(ctx->arena, sizeof *spans * (size_t)count);
    if (!spans)
        core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld windows", (long long)count);
    return spans;
}

/* Adaptive windows when o is NULL. */
static ea_status make_windows(ea_context *ctx, const ea_pool_options *o, const ea_view *x,
                              const ea_view *out, ref_windows *windows)
{
    *windows = (ref_windows){ 0 };
    for (int d = 0; d < 3; d++) {
        int64_t size = x->shape[2 + d], count = out->shape[2 + d];
        if (!(windows->axis[d] = new_spans(ctx, count)))
            return EA_ERR_MEMORY;
        for (int64_t i = 0; i < count; i++)
            windows->axis[d][i] =
                o ? ref_pool_span(o, d, i, size) : ref_adaptive_span(i, size, count);
    }
    return EA_OK;
}

/* --- Max pooling ------------------------------------------------------------------------------ */

typedef struct max_views {
    ea_view x, out, indices;
    bool with_indices;
} max_views;

static ea_status open_max(ea_context *ctx, const char *function, int dims, const DLTensor *x,
                          const DLTensor *out, const DLTensor *indices, max_views *v)
{
    v->with_indices = indices != NULL;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &v->x));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &v->out));
    EA_TRY(op_no_overlap(ctx, function, "x", &v->x, &v->out, false));
    if (indices) {
        EA_TRY(op_view_of_out(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &v->indices));
        EA_TRY(op_no_overlap(ctx, function, "x", &v->x, &v->indices, false));
        EA_TRY(op_no_overlap(ctx, function, "indices", &v->indices, &v->out, false));
        EA_TRY(op_expect_shape(ctx, function, "indices", &v->indices, v->out.ndim, v->out.shape));
        EA_TRY(op_spatial(ctx, function, "indices", dims, &v->indices));
    }
    EA_TRY(op_spatial(ctx, function, "x", dims, &v->x));
    return op_spatial(ctx, function, "out", dims, &v->out);
}

static ea_status run_max(ea_context *ctx, const ref_windows *windows, const max_views *v)
{
    return OP_BACKEND(ctx, max_pool)(ctx, windows, &v->x, &v->out,
                                     v->with_indices ? &v->indices : NULL);
}

static ea_status max_pool(ea_context *ctx, const char *function, int dims, const DLTensor *x,
                          const ea_pool_options *options, DLTensor *out, DLTensor *indices)
{
    max_views v;
    ea_pool_options o;
    ref_windows windows;
    EA_TRY(op_pool_options(ctx, function, dims, options, &o));
    EA_TRY(open_max(ctx, function, dims, x, out, indices, &v));
    EA_TRY(expect_windows(ctx, function, "out", &o, &v.x, &v.out));
    op_scope scope = op_enter(ctx);
    ea_status status = make_windows(ctx, &o, &v.x, &v.out, &windows);
    if (status == EA_OK)
        status = run_max(ctx, &windows, &v);
    return op_leave(ctx, &scope, status);
}

ea_status ea_max_pool(ea_context *ctx, int dims, const DLTensor *x, const ea_pool_options *options,
                      DLTensor *out, DLTensor *indices)
{
    return max_pool(ctx, "ea_max_pool", dims, x, options, out, indices);
}

ea_status ea_max_pool2d(ea_context *ctx, const DLTensor *x, const ea_pool_options *options,
                        DLTensor *out, DLTensor *indices)
{
    return max_pool(ctx, "ea_max_pool2d", 2, x, options, out, indices);
}

/* Windows of an axis that has nothing, of which a result has something, are none. */
static ea_status check_adaptive(ea_context *ctx, const char *function, const ea_view *x,
                                const ea_view *out)
{
    EA_TRY(op_same_planes(ctx, function, x, out));
    for (int d = 2; d < 5; d++)
        if (x->shape[d] < 1)
            return core_fail(ctx, EA_ERR_SHAPE, "%s: x has a spatial size of 0", function);
    return EA_OK;
}

ea_status ea_adaptive_max_pool(ea_context *ctx, int dims, const DLTensor *x, DLTensor *out,
                               DLTensor *indices)
{
    const char *function = "ea_adaptive_max_pool";
    max_views v;
    ref_windows windows;
    EA_TRY(open_max(ctx, function, dims, x, out, indices, &v));
    EA_TRY(check_adaptive(ctx, function, &v.x, &v.out));
    op_scope scope = op_enter(ctx);
    ea_status status = make_windows(ctx, NULL, &v.x, &v.out, &windows);
    if (status == EA_OK)
        status = run_max(ctx, &windows, &v);
    return op_leave(ctx, &scope, status);
}

/* --- Fractional max pooling ------------------------------------------------------------------- */

static ea_status check_fractional(ea_context *ctx, const char *function, int dims,
                                  const int64_t *kernel, const max_views *v, const ea_view *samples)
{
    if (dims < 2)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dims is %d: give 2 or 3", function, dims);
    EA_TRY(op_same_planes(ctx, function, &v->x, &v->out));
    int64_t shape[3] = { v->x.shape[0], v->x.shape[1], dims };
    EA_TRY(op_expect_shape(ctx, function, "samples", samples, 3, shape));
    for (int d = 0; d < dims; d++) {
        int64_t size = v->x.shape[5 - dims + d], out = v->out.shape[5 - dims + d];
        if (kernel[d] < 1 || out < 1 || kernel[d] > size || out > size - kernel[d] + 1)
            return core_fail(ctx, EA_ERR_SHAPE,
                             "%s: %lld windows of %lld do not fit a size of %lld", function,
                             (long long)out, (long long)kernel[d], (long long)size);
    }
    for (int64_t i = 0; i < core_numel(samples); i++) {
        float sample = core_load(samples, core_offset(samples, i));
        if (!(sample >= 0 && sample < 1))
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: samples[%lld] is %g: give 0 to below 1",
                             function, (long long)i, (double)sample);
    }
    return EA_OK;
}

/* As PyTorch: in two dimensions the first sample is the width's, in three the depth's. */
static ea_status make_fractional(ea_context *ctx, int dims, const int64_t *kernel,
                                 const max_views *v, const ea_view *samples, ref_windows *windows)
{
    int64_t planes = v->x.shape[0] * v->x.shape[1];
    *windows = (ref_windows){ 0 };
    for (int d = 0; d < 3; d++) {
        int from = d - (3 - dims);
        int64_t size = v->x.shape[2 + d], count = v->out.shape[2 + d];
        if (!(windows->axis[d] = new_spans(ctx, count * planes)))
            return EA_ERR_MEMORY;
        windows->next_plane[d] = count;
        for (int64_t i = 0; i < count * planes; i++) {
            int64_t place = i / count * dims + (dims == 2 ? 1 - from : from);
            windows->axis[d][i] =
                from < 0 ? (ref_span){ 0, 1, 1 }
                         : ref_fractional_span(i % count, size, count, kernel[from],
                                               core_load(samples, core_offset(samples, place)));
        }
    }
    return EA_OK;
}

ea_status ea_fractional_max_pool(ea_context *ctx, int dims, const DLTensor *x,
                                 const int64_t *kernel, const DLTensor *samples, DLTensor *out,
                                 DLTensor *indices)
{
    const char *function = "ea_fractional_max_pool";
    max_views v;
    ea_view vs;
    ref_windows windows;
    EA_TRY(open_max(ctx, function, dims, x, out, indices, &v));
    EA_TRY(core_view_of(ctx, function, "samples", samples, CORE_FLOATS, &vs));
    EA_TRY(check_fractional(ctx, function, dims, kernel, &v, &vs));
    op_scope scope = op_enter(ctx);
    ea_status status = make_fractional(ctx, dims, kernel, &v, &vs, &windows);
    if (status == EA_OK)
        status = run_max(ctx, &windows, &v);
    return op_leave(ctx, &scope, status);
}

/* --- By indices ------------------------------------------------------------------------------- */

/* True when one of n indices is not in least … size − 1. No early exit: it vectorises. */
static bool any_outside(const int64_t *at, int64_t n, int64_t least, int64_t size)
{
    uint64_t outside = 0;
    for (int64_t i = 0; i < n; i++)
        outside |= ((uint64_t)at[i] - (uint64_t)least) | ((uint64_t)(size - 1) - (uint64_t)at[i]);
    return outside >> 63;
}

static ea_status check_indices(ea_context *ctx, const char *function, const ea_view *indices,
                               int64_t least, int64_t size)
{
    int64_t n = core_numel(indices);
    if (core_is_contiguous(indices) && !any_outside(indices->data, n, least, size))
        return EA_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = ((const int64_t *)indices->data)[core_offset(indices, i)];
        if (at < least || at >= size)
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: indices[%lld] is %lld: a plane has %lld positions", function,
                             (long long)i, (long long)at, (long long)size);
    }
    return EA_OK;
}

/* The three views of a door between planes of `small`, whose places the indices (from `least` on)
 * name in planes of `large`. `out` is the one of the two that is written. */
static ea_status open_indexed(ea_context *ctx, const char *function, int dims, int64_t least,
                              ea_view *small, ea_view *indices, ea_view *large, const ea_view *out)
{
    EA_TRY(
        op_no_overlap(ctx, function, "the other tensor", out == small ? large : small, out, false));
    EA_TRY(op_no_overlap(ctx, function, "indices", indices, out, false));
    EA_TRY(op_expect_shape(ctx, function, "indices", indices, small->ndim, small->shape));
    EA_TRY(op_spatial(ctx, function, "the smaller tensor", dims, small));
    EA_TRY(op_spatial(ctx, function, "indices", dims, indices));
    EA_TRY(op_spatial(ctx, function, "the larger tensor", dims, large));
    EA_TRY(op_same_planes(ctx, function, small, large));
    return check_indices(ctx, function, indices, least,
                         large->shape[2] * large->shape[3] * large->shape[4]);
}

static ea_status max_pool_backward(ea_context *ctx, const char *function, int dims,
                                   const DLTensor *grad_out, const DLTensor *indices,
                                   DLTensor *grad_x)
{
    ea_view vg, vi, vx;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vx));
    EA_TRY(open_indexed(ctx, function, dims, -1, &vg, &vi, &vx, &vx));
    OP_RUN(ctx, max_pool_backward, &vg, &vi, &vx);
}

ea_status ea_max_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                               const DLTensor *indices, DLTensor *grad_x)
{
    return max_pool_backward(ctx, "ea_max_pool_backward", dims, grad_out, indices, grad_x);
}

ea_status ea_max_pool2d_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *indices,
                                 DLTensor *grad_x)
{
    return max_pool_backward(ctx, "ea_max_pool2d_backward", 2, grad_out, indices, grad_x);
}

ea_status ea_max_unpool(ea_context *ctx, int dims, const DLTensor *x, const DLTensor *indices,
                        DLTensor *out)
{
    const char *function = "ea_max_unpool";
    ea_view vx, vi, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, &vx));
    EA_TRY(core_view_of(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    EA_TRY(open_indexed(ctx, function, dims, 0, &vx, &vi, &vo, &vo));
    OP_RUN(ctx, max_unpool, &vx, &vi, &vo);
}

ea_status ea_max_unpool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                 const DLTensor *indices, DLTensor *grad_x)
{
    const char *function = "ea_max_unpool_backward";
    ea_view vg, vi, vx;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(core_view_of(ctx, function, "indices", indices, CORE_BIT(CORE_I64), &vi));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vx));
    EA_TRY(open_indexed(ctx, function, dims, 0, &vx, &vi, &vg, &vx));
    OP_RUN(ctx, max_unpool_backward, &vg, &vi, &vx);
}

/* --- Average pooling -------------------------------------------------------------------------- */

/* Positions that window i counts along an axis. */
static int64_t counted(const ea_pool_options *o, int d, int64_t i, int64_t size,
                       const ref_span *span)
{
    if (!o || o->exclude_padding)
        return span->count;
    int64_t first = i * o->stride[d] - o->padding[d], last = first + o->kernel[d];
    return (last < size + o->padding[d] ? last : size + o->padding[d]) - first;
}

/* The divisor of each window of a plane. */
static ea_status make_divisors(ea_context *ctx, const ea_pool_options *o, const ea_view *x,
                               const ea_view *out, const ref_windows *windows, ref_maps *maps)
{
    const int64_t *n = out->shape + 2;
    float *divisor = core_arena_alloc(ctx->arena, sizeof *divisor * (size_t)(n[0] * n[1] * n[2]));
    if (!divisor)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a plane of divisors");
    for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++) {
        int64_t at[3] = { i / n[2] / n[1], i / n[2] % n[1], i % n[2] }, count = 1;
        for (int d = 0; d < 3; d++)
            count *= counted(o, d, at[d], x->shape[2 + d], &windows->axis[d][at[d]]);
        divisor[i] = (float)(o && o->divisor_override ? o->divisor_override : count);
    }
    maps->divisor = divisor;
    return EA_OK;
}

/* The maps of averages over windows; transposed for the gradient. x and out are the forward's. */
static ea_status make_averages(ea_context *ctx, const ea_pool_options *o, const ea_view *x,
                               const ea_view *out, bool backward, ref_maps *maps)
{
    ref_windows windows;
    *maps = ref_maps_of(x);
    maps->divide_first = backward;
    EA_TRY(make_windows(ctx, o, x, out, &windows));
    EA_TRY(make_divisors(ctx, o, x, out, &windows, maps));
    for (int d = 0; d < 3; d++) {
        if (x->shape[2 + d] == 1 && out->shape[2 + d] == 1 && windows.axis[d][0].count == 1)
            continue;
        EA_TRY(ref_axis_spans(ctx, windows.axis[d], x->shape[2 + d], out->shape[2 + d],
                              &maps->axis[d]));
    }
    return backward ? ref_maps_transpose(ctx, maps) : EA_OK;
}

static ea_status average(ea_context *ctx, const ea_pool_options *o, const ea_view *from,
                         const ea_view *to, bool backward)
{
    ref_maps maps;
    op_scope scope = op_enter(ctx);
    const ea_view *x = backward ? to : from, *out = backward ? from : to;
    ea_status status = make_averages(ctx, o, x, out, backward, &maps);
    if (status == EA_OK)
        status = OP_BACKEND(ctx, resample)(ctx, &maps, from, to);
    return op_leave(ctx, &scope, status);
}

static ea_status average_options(ea_context *ctx, const char *function, int dims,
                                 const ea_pool_options *options, ea_pool_options *o)
{
    EA_TRY(op_pool_options(ctx, function, dims, options, o));
    for (int d = 0; d < 3; d++)
        if (o->dilation[d] != 1)
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dilation %lld: averages have none",
                             function, (long long)o->dilation[d]);
    if (o->divisor_override < 0)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: divisor_override %lld: give 1 or more",
                         function, (long long)o->divisor_override);
    return EA_OK;
}

/* options NULL: adaptive. */
static ea_status average_door(ea_context *ctx, const char *function, int dims, bool backward,
                              const DLTensor *from, const ea_pool_options *options, DLTensor *to)
{
    ea_view vf, vt;
    EA_TRY(core_view_of(ctx, function, backward ? "grad_out" : "x", from, CORE_FLOATS, &vf));
    EA_TRY(op_view_of_out(ctx, function, backward ? "grad_x" : "out", to, CORE_FLOATS, &vt));
    EA_TRY(op_no_overlap(ctx, function, backward ? "grad_out" : "x", &vf, &vt, false));
    EA_TRY(op_spatial(ctx, function, backward ? "grad_out" : "x", dims, &vf));
    EA_TRY(op_spatial(ctx, function, backward ? "grad_x" : "out", dims, &vt));
    const ea_view *x = backward ? &vt : &vf, *out = backward ? &vf : &vt;
    if (options)
        EA_TRY(expect_windows(ctx, function, backward ? "grad_out" : "out", options, x, out));
    else
        EA_TRY(check_adaptive(ctx, function, x, out));
    return average(ctx, options, &vf, &vt, backward);
}

ea_status ea_avg_pool(ea_context *ctx, int dims, const DLTensor *x, const ea_pool_options *options,
                      DLTensor *out)
{
    ea_pool_options o;
    EA_TRY(average_options(ctx, "ea_avg_pool", dims, options, &o));
    return average_door(ctx, "ea_avg_pool", dims, false, x, &o, out);
}

ea_status ea_avg_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                               const ea_pool_options *options, DLTensor *grad_x)
{
    ea_pool_options o;
    EA_TRY(average_options(ctx, "ea_avg_pool_backward", dims, options, &o));
    return average_door(ctx, "ea_avg_pool_backward", dims, true, grad_out, &o, grad_x);
}

ea_status ea_adaptive_avg_pool(ea_context *ctx, int dims, const DLTensor *x, DLTensor *out)
{
    return average_door(ctx, "ea_adaptive_avg_pool", dims, false, x, NULL, out);
}

ea_status ea_adaptive_avg_pool_backward(ea_context *ctx, int dims, const DLTensor *grad_out,
                                        DLTensor *grad_x)
{
    return average_door(ctx, "ea_adaptive_avg_pool_backward", dims, true, grad_out, NULL, grad_x);
}
