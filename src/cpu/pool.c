/* pool.c: max pooling on the CPU; threads take different planes. */
#include "core/pool.h"
#include "core/memory.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"
#include "cpu/reduce.h"
#include "cpu/stream.h"

#include <math.h>

enum { GRAIN = 16384 }; /* elements in a piece of work */

static int64_t grain_for(int64_t elements)
{
    return elements >= GRAIN ? 1 : GRAIN / (elements ? elements : 1);
}

/* Scratch of one worker's size for each worker. */
static void *worker_scratch(ea_context *ctx, size_t bytes)
{
    return core_arena_alloc(ctx->arena, bytes * (size_t)ctx->threads);
}

/* --- Forward ---------------------------------------------------------------------------------- */

typedef struct forward {
    const cpu_kernels *kernels;
    cpu_rows x, out;        /* a row is a plane */
    const ea_view *indices; /* or NULL */
    const ea_pool_options *o;
    int64_t height, width, out_height, out_width;
    float *planes; /* of x and of out, for each worker */
    int64_t *positions;
} forward;

static void pool_window(const forward *f, const float *x, int64_t row, int64_t column, float *best,
                        int64_t *position)
{
    const ea_pool_options *o = f->o;
    float most = -INFINITY;
    int64_t at = -1;
    for (int64_t i = 0; i < o->kernel[0]; i++) {
        int64_t h = row * o->stride[0] - o->padding[0] + i * o->dilation[0];
        for (int64_t j = 0; j < o->kernel[1] && h >= 0 && h < f->height; j++) {
            int64_t w = column * o->stride[1] - o->padding[1] + j * o->dilation[1];
            if (w < 0 || w >= f->width)
                continue;
            float value = x[h * f->width + w];
            if (at < 0 || value > most || value != value) {
                most = value;
                at = h * f->width + w;
            }
        }
    }
    *best = most;
    *position = at;
}

/* The common pooling: 2 × 2 windows side by side, all inside. */
static bool is_two_by_two(const forward *f)
{
    const ea_pool_options *o = f->o;
    return o->kernel[0] == 2 && o->kernel[1] == 2 && o->stride[0] == 2 && o->stride[1] == 2 &&
           o->padding[0] == 0 && o->padding[1] == 0 && o->dilation[0] == 1 && o->dilation[1] == 1 &&
           2 * f->out_height <= f->height && 2 * f->out_width <= f->width;
}

static void pool_plane(const forward *f, const float *x, float *y, int64_t *positions)
{
    bool two_by_two = is_two_by_two(f);
    for (int64_t row = 0; row < f->out_height; row++) {
        int64_t at = row * f->out_width;
        if (two_by_two) {
            f->kernels->max_pool_2x2(x + 2 * row * f->width, f->width, f->out_width, y + at,
                                     positions + at, 2 * row * f->width);
            continue;
        }
        for (int64_t column = 0; column < f->out_width; column++)
            pool_window(f, x, row, column, y + at + column, positions + at + column);
    }
}

static void put_positions(const ea_view *indices, int64_t plane, const int64_t *positions,
                          int64_t n)
{
    ea_view row = core_row(indices, 2, plane);
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)row.data)[core_offset(&row, i)] = positions[i];
}

static void pool_planes(void *argument, int64_t first, int64_t last, int worker)
{
    const forward *f = argument;
    int64_t in_size = f->height * f->width, out_size = f->out_height * f->out_width;
    float *x_buffer = f->planes + worker * (in_size + out_size), *y_buffer = x_buffer + in_size;
    bool direct = f->indices && core_is_contiguous(f->indices);
    for (int64_t plane = first; plane < last; plane++) {
        const float *x = cpu_read_row(&f->x, plane, 0, in_size, x_buffer);
        float *y = cpu_target_row(&f->out, plane, 0, out_size, y_buffer);
        int64_t *positions = direct ? (int64_t *)f->indices->data + plane * out_size
                                    : f->positions + worker * out_size;
        pool_plane(f, x, y, positions);
        cpu_put_row(&f->out, plane, 0, out_size, y);
        if (f->indices && !direct)
            put_positions(f->indices, plane, positions, out_size);
    }
}

ea_status cpu_max_pool2d(ea_context *ctx, const ea_view *x, const ea_pool_options *options,
                         const ea_view *out, const ea_view *indices)
{
    forward f = { .kernels = cpu_kernels_of(ctx), .indices = indices, .o = options };
    f.x = cpu_rows_of(x, 2);
    f.out = cpu_rows_of(out, 2);
    f.height = x->shape[2];
    f.width = x->shape[3];
    f.out_height = out->shape[2];
    f.out_width = out->shape[3];
    int64_t in_size = f.height * f.width, out_size = f.out_height * f.out_width;
    f.planes = worker_scratch(ctx, sizeof(float) * (size_t)(in_size + out_size));
    f.positions = worker_scratch(ctx, sizeof(int64_t) * (size_t)out_size);
    if (!f.planes || !f.positions)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for planes of %lld elements",
                         (long long)in_size);
    core_parallel(ctx, x->shape[0] * x->shape[1], grain_for(in_size), pool_planes, &f);
    return EA_OK;
}

/* --- Backward --------------------------------------------------------------------------------- */

typedef struct backward {
    const cpu_kernels *kernels;
    ea_contract contract;
    cpu_rows grad_out, grad_x; /* a row is a plane */
    const ea_view *indices;
    bool direct; /* the indices are contiguous */
    int64_t in_size, out_size;
    /* For each worker: a plane of grad_x, one of grad_out, its positions; how many gradients each
     * element of grad_x gets; and for the sorted gradients, where each element's begin. */
    float *x_planes, *out_planes, *sorted;
    int64_t *positions, *starts;
    uint8_t *counts;
} backward;

static const int64_t *read_positions(const backward *b, int64_t plane, int worker)
{
    if (b->direct)
        return (const int64_t *)b->indices->data + plane * b->out_size;
    ea_view row = core_row(b->indices, 2, plane);
    int64_t *positions = b->positions + worker * b->out_size;
    for (int64_t i = 0; i < b->out_size; i++)
        positions[i] = ((const int64_t *)row.data)[core_offset(&row, i)];
    return positions;
}

/* Adds each gradient to its element in ascending order. */
static void add_in_order(const backward *b, const float *grads, const int64_t *positions,
                         float *grad_x)
{
    memset(grad_x, 0, sizeof *grad_x * (size_t)b->in_size);
    for (int64_t k = 0; k < b->out_size; k++)
        if (positions[k] >= 0)
            grad_x[positions[k]] += grads[k];
}

/* True when an element gets three gradients or more: then the order of the sum rule is not the
 * sequential one. */
static bool crowded(const backward *b, const int64_t *positions, uint8_t *counts)
{
    uint8_t most = 0;
    memset(counts, 0, (size_t)b->in_size);
    for (int64_t k = 0; k < b->out_size; k++)
        if (positions[k] >= 0) {
            uint8_t *count = &counts[positions[k]];
            *count += *count < 3;
            most = *count > most ? *count : most;
        }
    return most >= 3;
}

/* Brings together what goes to one element (a counting sort keeps the order) and sums by the rule.
 */
static void add_by_rule(const backward *b, const float *grads, const int64_t *positions,
                        int64_t *starts, float *sorted, float *grad_x)
{
    memset(starts, 0, sizeof *starts * (size_t)(b->in_size + 1));
    for (int64_t k = 0; k < b->out_size; k++)
        if (positions[k] >= 0)
            starts[positions[k] + 1]++;
    for (int64_t i = 0; i < b->in_size; i++)
        starts[i + 1] += starts[i];
    for (int64_t k = 0; k < b->out_size; k++)
        if (positions[k] >= 0)
            sorted[starts[positions[k]]++] = grads[k];
    for (int64_t i = 0, begin = 0; i < b->in_size; begin = starts[i], i++)
        grad_x[i] = cpu_sum(b->kernels, b->contract, sorted + begin, starts[i] - begin);
}

static void unpool_planes(void *argument, int64_t first, int64_t last, int worker)
{
    const backward *b = argument;
    float *x_buffer = b->x_planes + worker * b->in_size;
    float *out_buffer = b->out_planes + worker * b->out_size;
    uint8_t *counts = b->counts + worker * b->in_size;
    for (int64_t plane = first; plane < last; plane++) {
        const float *grads = cpu_read_row(&b->grad_out, plane, 0, b->out_size, out_buffer);
        const int64_t *positions = read_positions(b, plane, worker);
        float *grad_x = cpu_target_row(&b->grad_x, plane, 0, b->in_size, x_buffer);
        if (b->contract == EA_CONTRACT_CHAIN && crowded(b, positions, counts))
            add_by_rule(b, grads, positions, b->starts + worker * (b->in_size + 1),
                        b->sorted + worker * b->out_size, grad_x);
        else
            add_in_order(b, grads, positions, grad_x);
        cpu_put_row(&b->grad_x, plane, 0, b->in_size, grad_x);
    }
}

ea_status cpu_max_pool2d_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x)
{
    backward b = { .kernels = cpu_kernels_of(ctx),
                   .contract = ctx->contract,
                   .indices = indices,
                   .direct = core_is_contiguous(indices) };
    b.grad_out = cpu_rows_of(grad_out, 2);
    b.grad_x = cpu_rows_of(grad_x, 2);
    b.in_size = grad_x->shape[2] * grad_x->shape[3];
    b.out_size = grad_out->shape[2] * grad_out->shape[3];
    b.x_planes = worker_scratch(ctx, sizeof(float) * (size_t)b.in_size);
    b.out_planes = worker_scratch(ctx, sizeof(float) * (size_t)b.out_size);
    b.sorted = worker_scratch(ctx, sizeof(float) * (size_t)b.out_size);
    b.positions = worker_scratch(ctx, sizeof(int64_t) * (size_t)b.out_size);
    b.starts = worker_scratch(ctx, sizeof(int64_t) * (size_t)(b.in_size + 1));
    b.counts = worker_scratch(ctx, (size_t)b.in_size);
    if (!b.x_planes || !b.out_planes || !b.sorted || !b.positions || !b.starts || !b.counts)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for planes of %lld elements",
                         (long long)b.in_size);
    core_parallel(ctx, grad_x->shape[0] * grad_x->shape[1], grain_for(b.in_size), unpool_planes,
                  &b);
    return EA_OK;
}
