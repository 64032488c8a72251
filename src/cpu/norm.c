/* norm.c: batch normalisation on the CPU: sums for all channels, then the elements in blocks. */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/reduce.h"
#include "cpu/stream.h"

#include <math.h>

static ea_status channel_array(ea_context *ctx, int64_t channels, float **out)
{
    *out = core_arena_alloc(ctx->arena, sizeof **out * (size_t)channels);
    return *out ? EA_OK
                : core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld channels", (long long)channels);
}

/* A [channels] view as floats; `otherwise` where there is none. */
static ea_status channel_values(ea_context *ctx, const ea_view *view, int64_t channels,
                                float otherwise, float **out)
{
    EA_TRY(channel_array(ctx, channels, out));
    for (int64_t c = 0; c < channels; c++)
        (*out)[c] = view ? core_load(view, core_offset(view, c)) : otherwise;
    return EA_OK;
}

static void put_channels(const ea_view *view, const float *values)
{
    for (int64_t c = 0; view && c < view->shape[0]; c++)
        core_store(view, core_offset(view, c), values[c]);
}

/* Neighbours in memory along a channel. */
static int64_t run_of(const cpu_rows *rows)
{
    return rows->row.shape[rows->row.ndim - 1];
}

/* Items are blocks of CPU_BLOCK elements of a channel: of channel item / blocks. */
typedef struct block {
    int64_t channel, begin, n;
} block;

static int64_t blocks_of(int64_t n)
{
    return (n + CPU_BLOCK - 1) / CPU_BLOCK;
}

static block block_at(int64_t item, int64_t n)
{
    int64_t begin = item % blocks_of(n) * CPU_BLOCK;
    return (block){ item / blocks_of(n), begin, n - begin < CPU_BLOCK ? n - begin : CPU_BLOCK };
}

/* --- Forward ---------------------------------------------------------------------------------- */

typedef struct forward {
    const ref_norm *norm;
    const cpu_kernels *kernels;
    cpu_rows x, out; /* a row is a channel */
    int64_t channels, n;
    float *mean, *std, *weight, *bias;
} forward;

static const float *value_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                                float *buffer)
{
    const forward *f = argument;
    return cpu_read_row(&f->x, channel, begin, n, buffer);
}

static const float *square_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                                 float *buffer)
{
    const forward *f = argument;
    const float *x = cpu_read_row(&f->x, channel, begin, n, buffer);
    for (int64_t i = 0; i < n; i++) {
        float difference = x[i] - f->mean[channel];
        buffer[i] = difference * difference;
    }
    return buffer;
}

static void update_running(const ref_norm *norm, const ea_view *running, const float *values)
{
    for (int64_t c = 0; running && c < running->shape[0]; c++) {
        int64_t offset = core_offset(running, c);
        core_store(running, offset,
                   norm->momentum * values[c] +
                       norm->one_minus_momentum * core_load(running, offset));
    }
}

/* Statistics of the batch into mean and, for now, std: the variance. */
static ea_status batch_statistics(ea_context *ctx, forward *f)
{
    EA_TRY(cpu_sum_terms(ctx, f->channels, f->n, run_of(&f->x), value_terms, f, f->mean));
    for (int64_t c = 0; c < f->channels; c++)
        f->mean[c] = ref_mean(ctx->contract, f->mean[c], f->n);
    EA_TRY(cpu_sum_terms(ctx, f->channels, f->n, run_of(&f->x), square_terms, f, f->std));
    float *running;
    EA_TRY(channel_array(ctx, f->channels, &running));
    for (int64_t c = 0; c < f->channels; c++) {
        float squares = f->std[c];
        f->std[c] = ref_mean(ctx->contract, squares, f->n);
        running[c] = ctx->contract == EA_CONTRACT_REPDL ? f->std[c] : squares / (float)(f->n - 1);
    }
    update_running(f->norm, f->norm->running_mean, f->mean);
    update_running(f->norm, f->norm->running_var, running);
    return EA_OK;
}

static void normalise_blocks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const forward *f = argument;
    float x_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    for (int64_t item = first; item < last; item++) {
        block b = block_at(item, f->n);
        const float *x = cpu_read_row(&f->x, b.channel, b.begin, b.n, x_buffer);
        float *y = cpu_target_row(&f->out, b.channel, b.begin, b.n, y_buffer);
        cpu_norm_run run = { .x = x,
                             .mean = f->mean[b.channel],
                             .weight = f->norm->weight ? &f->weight[b.channel] : NULL,
                             .bias = f->norm->bias ? &f->bias[b.channel] : NULL };
        f->kernels->norm_divide(&run, f->std[b.channel], y, b.n);
        cpu_put_row(&f->out, b.channel, b.begin, b.n, y);
    }
}

ea_status cpu_batch_norm(ea_context *ctx, const ref_norm *norm)
{
    forward f = { .norm = norm, .kernels = cpu_kernels_of(ctx), .channels = norm->x->shape[0] };
    f.x = cpu_rows_of(norm->x, 1);
    f.out = cpu_rows_of(norm->out, 1);
    f.n = f.channels ? core_numel(norm->x) / f.channels : 0;
    EA_TRY(channel_values(ctx, norm->running_mean, f.channels, 0, &f.mean));
    EA_TRY(channel_values(ctx, norm->running_var, f.channels, 0, &f.std));
    EA_TRY(channel_values(ctx, norm->weight, f.channels, 1, &f.weight));
    EA_TRY(channel_values(ctx, norm->bias, f.channels, 0, &f.bias));
    if (norm->training)
        EA_TRY(batch_statistics(ctx, &f));
    for (int64_t c = 0; c < f.channels; c++)
        f.std[c] = sqrtf(f.std[c] + norm->eps);
    core_parallel(ctx, f.channels * blocks_of(f.n), 8, normalise_blocks, &f);
    put_channels(norm->save_mean, f.mean);
    put_channels(norm->save_std, f.std);
    return EA_OK;
}

/* --- Backward --------------------------------------------------------------------------------- */

typedef struct backward {
    const ref_norm_backward *norm;
    cpu_rows x, grad_out, grad_x; /* a row is a channel */
    bool repdl;
    int64_t channels, n;
    float *mean, *std, *weight;
    float *sum_grad, *sum_weight;
    float *grad_var, *grad_mean; /* repdl: of the variance and the mean, divided by n */
} backward;

static const float *grad_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                               float *buffer)
{
    const backward *b = argument;
    return cpu_read_row(&b->grad_out, channel, begin, n, buffer);
}

static const float *weight_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                                 float *buffer)
{
    const backward *b = argument;
    float g_buffer[CPU_BLOCK], mean = b->mean[channel], std = b->std[channel];
    const float *x = cpu_read_row(&b->x, channel, begin, n, buffer);
    const float *g = cpu_read_row(&b->grad_out, channel, begin, n, g_buffer);
    for (int64_t i = 0; i < n; i++)
        buffer[i] = (x[i] - mean) / std * g[i];
    return buffer;
}

static const float *variance_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                                   float *buffer)
{
    const backward *b = argument;
    float g_buffer[CPU_BLOCK], mean = b->mean[channel], std = b->std[channel];
    float slope = b->weight[channel] / (2 * std * std * std);
    const float *x = cpu_read_row(&b->x, channel, begin, n, buffer);
    const float *g = cpu_read_row(&b->grad_out, channel, begin, n, g_buffer);
    for (int64_t i = 0; i < n; i++)
        buffer[i] = g[i] * (mean - x[i]) * slope;
    return buffer;
}

/* What the variance's differences hand to the mean. */
static const float *difference_terms(const void *argument, int64_t channel, int64_t begin,
                                     int64_t n, float *buffer)
{
    const backward *b = argument;
    float mean = b->mean[channel], grad_var = b->grad_var[channel];
    const float *x = cpu_read_row(&b->x, channel, begin, n, buffer);
    for (int64_t i = 0; i < n; i++)
        buffer[i] = -(2 * (grad_var * (x[i] - mean)));
    return buffer;
}

/* The three-way graph of RepDL's forward: see src/ref/norm.c. */
static ea_status repdl_sums(ea_context *ctx, backward *b)
{
    float share = (float)(1.0 / (double)b->n);
    EA_TRY(cpu_sum_terms(ctx, b->channels, b->n, run_of(&b->x), variance_terms, b, b->grad_var));
    for (int64_t c = 0; c < b->channels; c++)
        b->grad_var[c] *= share;
    EA_TRY(cpu_sum_terms(ctx, b->channels, b->n, run_of(&b->x), difference_terms, b, b->grad_mean));
    for (int64_t c = 0; c < b->channels; c++)
        b->grad_mean[c] = (-b->weight[c] / b->std[c] * b->sum_grad[c] + b->grad_mean[c]) * share;
    return EA_OK;
}

static void grad_x_block(const backward *b, int64_t c, const float *x, const float *g, float *y,
                         int64_t n)
{
    float mean = b->mean[c], std = b->std[c], scale = b->weight[c] / std;
    if (!b->norm->training) {
        for (int64_t i = 0; i < n; i++)
            y[i] = scale * g[i];
    } else if (b->repdl) {
        float grad_var = b->grad_var[c], grad_mean = b->grad_mean[c];
        for (int64_t i = 0; i < n; i++)
            y[i] = scale * g[i] + 2 * (grad_var * (x[i] - mean)) + grad_mean;
    } else {
        float mean_grad = b->sum_grad[c] / (float)b->n,
              mean_weight = b->sum_weight[c] / (float)b->n;
        for (int64_t i = 0; i < n; i++)
            y[i] = scale * ((g[i] - mean_grad) - (x[i] - mean) / std * mean_weight);
    }
}

static void grad_x_blocks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const backward *b = argument;
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    for (int64_t item = first; item < last; item++) {
        block at = block_at(item, b->n);
        const float *x = cpu_read_row(&b->x, at.channel, at.begin, at.n, x_buffer);
        const float *g = cpu_read_row(&b->grad_out, at.channel, at.begin, at.n, g_buffer);
        float *y = cpu_target_row(&b->grad_x, at.channel, at.begin, at.n, y_buffer);
        grad_x_block(b, at.channel, x, g, y, at.n);
        cpu_put_row(&b->grad_x, at.channel, at.begin, at.n, y);
    }
}

ea_status cpu_batch_norm_backward(ea_context *ctx, const ref_norm_backward *norm)
{
    backward b = { .norm = norm,
                   .repdl = ctx->contract == EA_CONTRACT_REPDL,
                   .channels = norm->x->shape[0] };
    b.n = b.channels ? core_numel(norm->x) / b.channels : 0;
    b.x = cpu_rows_of(norm->x, 1);
    b.grad_out = cpu_rows_of(norm->grad_out, 1);
    if (norm->grad_x)
        b.grad_x = cpu_rows_of(norm->grad_x, 1);
    EA_TRY(channel_values(ctx, norm->save_mean, b.channels, 0, &b.mean));
    EA_TRY(channel_values(ctx, norm->save_std, b.channels, 1, &b.std));
    EA_TRY(channel_values(ctx, norm->weight, b.channels, 1, &b.weight));
    EA_TRY(channel_array(ctx, b.channels, &b.sum_grad));
    EA_TRY(channel_array(ctx, b.channels, &b.sum_weight));
    EA_TRY(channel_array(ctx, b.channels, &b.grad_var));
    EA_TRY(channel_array(ctx, b.channels, &b.grad_mean));
    EA_TRY(cpu_sum_terms(ctx, b.channels, b.n, run_of(&b.x), grad_terms, &b, b.sum_grad));
    EA_TRY(cpu_sum_terms(ctx, b.channels, b.n, run_of(&b.x), weight_terms, &b, b.sum_weight));
    put_channels(norm->grad_bias, b.sum_grad);
    put_channels(norm->grad_weight, b.sum_weight);
    if (!norm->grad_x)
        return EA_OK;
    if (b.repdl && norm->training)
        EA_TRY(repdl_sums(ctx, &b));
    core_parallel(ctx, b.channels * blocks_of(b.n), 8, grad_x_blocks, &b);
    return EA_OK;
}
