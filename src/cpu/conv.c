/* conv.c: convolution and its gradients on the CPU.
 *
 * The loops of conv_window.c and conv_weight.c have a term +0 for every position outside a tensor,
 * which is contract chain. Contract repdl has no term there. A term +0·y leaves a chain c as it is,
 * unless y is not finite or c is −0, which it makes +0. So the two can differ only
 *
 *   - when an input is infinite or NaN, or
 *   - after a chain was −0. Chains begin at +0, and exact cancellation gives +0, so −0 comes only
 * from a negative result that underflows, hence from a product that is no multiple of 2^-149. A
 * product of numbers x, y is a multiple of 2^-23·2^-23·2^⌊log₂|x|⌋·2^⌊log₂|y|⌋, so with |x·y| ≥
 * 2^-101 for the smallest non-zero |x| and |y| there is none. And a chain that was −0 differs at
 * the end only if the end is zero: the next term whose product is not zero gives the same from +0
 * and from −0.
 *
 * So repdl checks the inputs' range once, and where that does not settle it, computes the elements
 * in question again by the definition: those that are zero, or all when an input is not finite.
 */
#include "cpu/conv.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/conv_engine.h"
#include "cpu/gemm.h"

#include <math.h>

/* --- Shared with conv3d.c ----------------------------------------------------------------------
 */

ea_status cpu_conv_no_memory(ea_context *ctx)
{
    return core_fail(ctx, EA_ERR_MEMORY, "no memory for the scratch space of a convolution");
}

static bool is_dense(const ea_view *view)
{
    return view->dtype == CORE_F32 && core_is_contiguous(view);
}

float *cpu_conv_dense(ea_context *ctx, const ea_view *view, bool copy)
{
    if (is_dense(view))
        return view->data;
    int64_t n = core_numel(view);
    float *to = core_arena_alloc(ctx->arena, sizeof *to * (size_t)(n + 1));
    for (int64_t i = 0; copy && to && i < n; i++)
        to[i] = core_load(view, core_offset(view, i));
    return to;
}

void cpu_conv_store(const float *from, const ea_view *view)
{
    if (from == view->data)
        return;
    for (int64_t i = 0; i < core_numel(view); i++)
        core_store(view, core_offset(view, i), from[i]);
}

typedef struct bias_job {
    const ea_view *bias;
    int64_t plane;
    float *out;
} bias_job;

/* Items are planes of out. */
static void add_bias(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const bias_job *job = argument;
    for (int64_t i = begin; i < end; i++) {
        float value = core_load(job->bias, i % job->bias->shape[0] * job->bias->stride[0]);
        float *out = job->out + i * job->plane;
        for (int64_t j = 0; j < job->plane; j++)
            out[j] += value;
    }
}

void cpu_conv_bias(ea_context *ctx, const ea_view *bias, int64_t plane, int64_t n, float *out)
{
    bias_job job = { bias, plane, out };
    if (bias)
        core_parallel(ctx, n / plane, (1 << 16) / plane + 1, add_bias, &job);
}

/* --- Contract repdl ----------------------------------------------------------------------------
 */

typedef float (*element)(const ea_context *ctx, const ref_conv *conv, const ea_view *a,
                         const ea_view *b, const int64_t index[4]);

typedef struct redo_job {
    const ea_context *ctx;
    const ref_conv *conv;
    element f;
    const ea_view *a, *b;
    bool all;
    const int64_t *shape;
    float *out;
} redo_job;

static void redo(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const redo_job *job = argument;
    const int64_t *n = job->shape;
    for (int64_t i = begin; i < end; i++) {
        int64_t index[4] = { i / n[3] / n[2] / n[1], i / n[3] / n[2] % n[1], i / n[3] % n[2],
                             i % n[3] };
        if (job->all || job->out[i] == 0)
            job->out[i] = job->f(job->ctx, job->conv, job->a, job->b, index);
    }
}

/* Makes `out`, computed with +0 terms outside from a and b (dense copies: a_data, b_data), right
 * for repdl. */
static void remove_outside(ea_context *ctx, const ref_conv *conv, element f, const ea_view *a,
                           const float *a_data, const ea_view *b, const float *b_data,
                           const ea_view *out_view, float *out)
{
    if (ctx->contract != EA_CONTRACT_REPDL)
        return;
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    float a_least, b_least;
    bool finite = kernels->conv_range(a_data, core_numel(a), &a_least);
    finite = kernels->conv_range(b_data, core_numel(b), &b_least) && finite;
    if (finite && (double)a_least * (double)b_least >= 0x1p-101)
        return;
    redo_job job = { ctx, conv, f, a, b, !finite, out_view->shape, out };
    core_parallel(ctx, core_numel(out_view), 1024, redo, &job);
}

/* --- Forward ------------------------------------------------------------------------------------
 */

ea_status cpu_conv_forward(ea_context *ctx, const ref_conv *conv, const float *x,
                           const float *weight, float *out)
{
    int64_t terms = conv->in_channels * conv->kernel[0] * conv->kernel[1];
    if (terms == 0) {
        int64_t planes = conv->images * conv->groups * conv->out_channels;
        memset(out, 0, sizeof *out * (size_t)(planes * conv->out[0] * conv->out[1]));
        return EA_OK;
    }
    conv_tap *taps = core_arena_alloc(ctx->arena, sizeof *taps * (size_t)terms);
    if (!taps)
        return cpu_conv_no_memory(ctx);
    conv_tap *tap = taps;
    for (int64_t c = 0; c < conv->in_channels; c++)
        for (int64_t kh = 0; kh < conv->kernel[0]; kh++)
            for (int64_t kw = 0; kw < conv->kernel[1]; kw++)
                *tap++ = (conv_tap){ c, kh * conv->dilation[0] - conv->padding[0],
                                     kw * conv->dilation[1] - conv->padding[1] };
    conv_windows windows = {
        .images = conv->images,
        .groups = conv->groups,
        .in_channels = conv->in_channels,
        .out_channels = conv->out_channels,
        .x = x,
        .in = { conv->in[0], conv->in[1] },
        .step = { conv->stride[0], conv->stride[1] },
        .taps = taps,
        .terms = terms,
        .block = cpu_contract_block(ctx),
        .a = weight,
        .out = out,
        .out_plane = { conv->out[0], conv->out[1] },
        .spacing = { 1, 1 },
        .count = { conv->out[0], conv->out[1] },
    };
    return cpu_conv_windows(ctx, &windows);
}

ea_status cpu_conv2d(ea_context *ctx, const ref_conv *conv, const ea_view *x, const ea_view *weight,
                     const ea_view *bias, const ea_view *out)
{
    if (core_numel(out) == 0)
        return EA_OK;
    float *x_data = cpu_conv_dense(ctx, x, true), *a = cpu_conv_dense(ctx, weight, true),
          *result = cpu_conv_dense(ctx, out, false);
    if (!x_data || !a || !result)
        return cpu_conv_no_memory(ctx);
    EA_TRY(cpu_conv_forward(ctx, conv, x_data, a, result));
    if (conv->padding[0] > 0 || conv->padding[1] > 0)
        remove_outside(ctx, conv, ref_conv2d_at, x, x_data, weight, a, out, result);
    cpu_conv_bias(ctx, bias, conv->out[0] * conv->out[1], core_numel(out), result);
    cpu_conv_store(result, out);
    return EA_OK;
}

/* --- Input gradient -----------------------------------------------------------------------------
 */

int64_t cpu_conv_axis_taps(int64_t kernel, int64_t stride, int64_t dilation, int64_t origin,
                           int64_t *position, int64_t *shift)
{
    int64_t count = 0;
    for (int64_t j = 0; j < kernel; j++) {
        int64_t from = origin - j * dilation;
        if (from % stride != 0)
            continue;
        position[count] = j;
        shift[count++] = from / stride;
    }
    return count;
}

/* The input positions with one remainder of row and column modulo the stride share their terms. */
static ea_status gradient_phase(ea_context *ctx, const ref_conv *conv, const float *grad,
                                const float *weight, const int64_t origin[2], float *out)
{
    int64_t *axis = core_arena_alloc(ctx->arena, sizeof *axis * 2 *
                                                     (size_t)(conv->kernel[0] + conv->kernel[1]));
    if (!axis)
        return cpu_conv_no_memory(ctx);
    int64_t *position[2] = { axis, axis + 2 * conv->kernel[0] };
    int64_t *shift[2] = { axis + conv->kernel[0], axis + 2 * conv->kernel[0] + conv->kernel[1] };
    int64_t count[2];
    for (int d = 0; d < 2; d++)
        count[d] = cpu_conv_axis_taps(conv->kernel[d], conv->stride[d], conv->dilation[d],
                                      origin[d] + conv->padding[d], position[d], shift[d]);
    int64_t terms = conv->out_channels * count[0] * count[1];
    if (terms == 0) /* every element is an empty sum; out is zeroed */
        return EA_OK;

    int64_t channels = conv->groups * conv->in_channels;
    conv_tap *taps = core_arena_alloc(ctx->arena, sizeof *taps * (size_t)terms);
    float *a = core_arena_alloc(ctx->arena, sizeof *a * (size_t)(channels * terms));
    if (!taps || !a)
        return cpu_conv_no_memory(ctx);
    int64_t kernel = conv->kernel[0] * conv->kernel[1], k = 0;
    for (int64_t o = 0; o < conv->out_channels; o++)
        for (int64_t r = 0; r < count[0]; r++)
            for (int64_t c = 0; c < count[1]; c++, k++) {
                taps[k] = (conv_tap){ o, shift[0][r], shift[1][c] };
                int64_t at = position[0][r] * conv->kernel[1] + position[1][c];
                for (int64_t i = 0; i < channels; i++) {
                    int64_t oc = i / conv->in_channels * conv->out_channels + o;
                    int64_t ic = i % conv->in_channels;
                    a[i * terms + k] = weight[(oc * conv->in_channels + ic) * kernel + at];
                }
            }
    conv_windows windows = {
        .images = conv->images,
        .groups = conv->groups,
        .in_channels = conv->out_channels,
        .out_channels = conv->in_channels,
        .x = grad,
        .in = { conv->out[0], conv->out[1] },
        .step = { 1, 1 },
        .taps = taps,
        .terms = terms,
        .block = cpu_contract_block(ctx),
        .a = a,
        .out = out,
        .out_plane = { conv->in[0], conv->in[1] },
        .origin = { origin[0], origin[1] },
        .spacing = { conv->stride[0], conv->stride[1] },
        .count = { (conv->in[0] - origin[0] + conv->stride[0] - 1) / conv->stride[0],
                   (conv->in[1] - origin[1] + conv->stride[1] - 1) / conv->stride[1] },
    };
    return cpu_conv_windows(ctx, &windows);
}

ea_status cpu_conv_gradient(ea_context *ctx, const ref_conv *conv, const float *grad,
                            const float *weight, float *grad_x)
{
    int64_t planes = conv->images * conv->groups * conv->in_channels;
    memset(grad_x, 0, sizeof *grad_x * (size_t)(planes * conv->in[0] * conv->in[1]));
    int64_t origin[2];
    for (origin[0] = 0; origin[0] < conv->stride[0] && origin[0] < conv->in[0]; origin[0]++)
        for (origin[1] = 0; origin[1] < conv->stride[1] && origin[1] < conv->in[1]; origin[1]++) {
            core_mark mark = core_arena_mark(ctx->arena);
            EA_TRY(gradient_phase(ctx, conv, grad, weight, origin, grad_x));
            core_arena_release(ctx->arena, mark);
        }
    return EA_OK;
}

ea_status cpu_conv2d_backward_input(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                    const ea_view *weight, const ea_view *grad_x)
{
    if (core_numel(grad_x) == 0)
        return EA_OK;
    float *grad = cpu_conv_dense(ctx, grad_out, true), *y = cpu_conv_dense(ctx, weight, true),
          *result = cpu_conv_dense(ctx, grad_x, false);
    if (!grad || !y || !result)
        return cpu_conv_no_memory(ctx);
    EA_TRY(cpu_conv_gradient(ctx, conv, grad, y, result));
    remove_outside(ctx, conv, ref_conv2d_backward_input_at, grad_out, grad, weight, y, grad_x,
                   result);
    cpu_conv_store(result, grad_x);
    return EA_OK;
}

/* --- Weight gradient ----------------------------------------------------------------------------
 */

ea_status cpu_conv2d_backward_weight(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                     const ea_view *x, const ea_view *grad_weight)
{
    if (core_numel(grad_weight) == 0)
        return EA_OK;
    float *grad = cpu_conv_dense(ctx, grad_out, true), *x_data = cpu_conv_dense(ctx, x, true),
          *result = cpu_conv_dense(ctx, grad_weight, false);
    if (!grad || !x_data || !result)
        return cpu_conv_no_memory(ctx);
    EA_TRY(cpu_conv_weight(ctx, conv, cpu_contract_block(ctx), grad, x_data, result));
    if (conv->padding[0] > 0 || conv->padding[1] > 0)
        remove_outside(ctx, conv, ref_conv2d_backward_weight_at, grad_out, grad, x, x_data,
                       grad_weight, result);
    cpu_conv_store(result, grad_weight);
    return EA_OK;
}
