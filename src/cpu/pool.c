/* pool.c: max pooling and its inverse on the CPU; threads take different planes. */
#include "core/pool.h"
#include "core/memory.h"
#include "cpu/isa/isa.h"
#include "cpu/pool.h"
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

static ea_status no_memory(ea_context *ctx, int64_t size)
{
    return core_fail(ctx, EA_ERR_MEMORY, "no memory for planes of %lld elements", (long long)size);
}

/* --- Forward ---------------------------------------------------------------------------------- */

typedef struct forward {
    const cpu_kernels *kernels;
    cpu_rows x, out;        /* a row is a plane */
    const ea_view *indices; /* or NULL */
    const ref_windows *windows;
    int64_t in[3], to[3]; /* sizes of the planes */
    int64_t in_size, out_size;
    bool two_by_two;
    float *planes; /* of x and of out, for each worker */
    int64_t *positions;
} forward;

static void pool_window(const forward *f, const float *x, const ref_span *depth,
                        const ref_span *rows, const ref_span *columns, float *best,
                        int64_t *position)
{
    float most = -INFINITY;
    int64_t at = -1;
    for (int64_t i = 0; i < depth->count; i++)
        for (int64_t j = 0; j < rows->count; j++) {
            int64_t row =
                (depth->begin + i * depth->step) * f->in[1] + rows->begin + j * rows->step;
            int64_t place = row * f->in[2] + columns->begin;
            for (int64_t k = 0; k < columns->count; k++, place += columns->step)
                if (at < 0 || x[place] > most || x[place] != x[place]) {
                    most = x[place];
                    at = place;
                }
        }
    *best = most;
    *position = at;
}

/* The common pooling: 2 × 2 windows side by side, all inside. */
static bool is_two_by_two(const forward *f)
{
    for (int d = 0; d < 3; d++) {
        int64_t size = d == 0 ? 1 : 2;
        for (int64_t i = 0; i < f->to[d]; i++) {
            const ref_span *span = &f->windows->axis[d][i];
            if (span->begin != i * size || span->count != size || (size > 1 && span->step != 1) ||
                f->windows->next_plane[d] != 0)
                return false;
        }
    }
    return f->to[0] == 1;
}

static void pool_plane(const forward *f, int64_t plane, const float *x, float *y,
                       int64_t *positions)
{
    const ref_span *axis[3];
    for (int d = 0; d < 3; d++)
        axis[d] = f->windows->axis[d] + plane * f->windows->next_plane[d];
    for (int64_t i = 0; i < f->to[0] * f->to[1]; i++) {
        int64_t at = i * f->to[2];
        if (f->two_by_two) {
            f->kernels->max_pool_2x2(x + 2 * i * f->in[2], f->in[2], f->to[2], y + at,
                                     positions + at, 2 * i * f->in[2]);
            continue;
        }
        const ref_span *depth = &axis[0][i / f->to[1]], *rows = &axis[1][i % f->to[1]];
        for (int64_t j = 0; j < f->to[2]; j++)
            pool_window(f, x, depth, rows, &axis[2][j], y + at + j, positions + at + j);
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
    float *x_buffer = f->planes + worker * (f->in_size + f->out_size);
    float *y_buffer = x_buffer + f->in_size;
    bool direct = f->indices && core_is_contiguous(f->indices);
    for (int64_t plane = first; plane < last; plane++) {
        const float *x = cpu_read_row(&f->x, plane, 0, f->in_size, x_buffer);
        float *y = cpu_target_row(&f->out, plane, 0, f->out_size, y_buffer);
        int64_t *positions = direct ? (int64_t *)f->indices->data + plane * f->out_size
                                    : f->positions + worker * f->out_size;
        pool_plane(f, plane, x, y, positions);
        cpu_put_row(&f->out, plane, 0, f->out_size, y);
        if (f->indices && !direct)
            put_positions(f->indices, plane, positions, f->out_size);
    }
}

static int64_t plane_size(const ea_view *view)
{
    return view->shape[2] * view->shape[3] * view->shape[4];
}

ea_status cpu_max_pool(ea_context *ctx, const ref_windows *windows, const ea_view *x,
                       const ea_view *out, const ea_view *indices)
{
    forward f = { .kernels = cpu_kernels_of(ctx), .indices = indices, .windows = windows };
    f.x = cpu_rows_of(x, 2);
    f.out = cpu_rows_of(out, 2);
    memcpy(f.in, x->shape + 2, sizeof f.in);
    memcpy(f.to, out->shape + 2, sizeof f.to);
    f.in_size = plane_size(x);
    f.out_size = plane_size(out);
    f.two_by_two = is_two_by_two(&f);
    f.planes = worker_scratch(ctx, sizeof(float) * (size_t)(f.in_size + f.out_size));
    f.positions = worker_scratch(ctx, sizeof(int64_t) * (size_t)f.out_size);
    if (!f.planes || !f.positions)
        return no_memory(ctx, f.in_size);
    core_parallel(ctx, x->shape[0] * x->shape[1], grain_for(f.in_size), pool_planes, &f);
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
     * element of grad_x gets; the elements with CROWD or more; their gradients, one element's after
     * the other, and where each element's end. */
    float *x_planes, *out_planes, *sorted;
    int64_t *positions, *counts, *crowd, *ends;
} backward;

/* From so many terms on the order of the sum rule is not the sequential one. */
enum { CROWD = 3 };

/* A plane of the indices, n elements: in place when `direct`, else in `buffer`. */
static const int64_t *read_positions(const ea_view *indices, bool direct, int64_t plane, int64_t n,
                                     int64_t *buffer)
{
    if (direct)
        return (const int64_t *)indices->data + plane * n;
    ea_view row = core_row(indices, 2, plane);
    for (int64_t i = 0; i < n; i++)
        buffer[i] = ((const int64_t *)row.data)[core_offset(&row, i)];
    return buffer;
}

/* Adds each gradient to its element in ascending order; returns the number of crowded elements. */
static int64_t add_in_order(const backward *b, const float *grads, const int64_t *positions,
                            int64_t *counts, int64_t *crowd, float *grad_x)
{
    int64_t crowded = 0;
    memset(grad_x, 0, sizeof *grad_x * (size_t)b->in_size);
    memset(counts, 0, sizeof *counts * (size_t)b->in_size);
    for (int64_t k = 0; k < b->out_size; k++) {
        int64_t at = positions[k];
        if (at < 0)
            continue;
        grad_x[at] += grads[k];
        if (++counts[at] == CROWD)
            crowd[crowded++] = at;
    }
    return crowded;
}

/* Brings together what goes to one crowded element, in order, and sums by the rule. */
static void add_by_rule(const backward *b, const float *grads, const int64_t *positions,
                        const int64_t *counts, const int64_t *crowd, int64_t crowded, int64_t *ends,
                        float *sorted, float *grad_x)
{
    for (int64_t i = 0, begin = 0; i < crowded; begin += counts[crowd[i++]])
        ends[crowd[i]] = begin;
    for (int64_t k = 0; crowded > 0 && k < b->out_size; k++)
        if (positions[k] >= 0 && counts[positions[k]] >= CROWD)
            sorted[ends[positions[k]]++] = grads[k];
    for (int64_t i = 0; i < crowded; i++) {
        int64_t at = crowd[i], n = counts[at];
        grad_x[at] = cpu_sum(b->kernels, b->contract, sorted + ends[at] - n, n);
    }
}

static void gradient_planes(void *argument, int64_t first, int64_t last, int worker)
{
    const backward *b = argument;
    float *x_buffer = b->x_planes + worker * b->in_size;
    float *out_buffer = b->out_planes + worker * b->out_size;
    int64_t *counts = b->counts + worker * b->in_size, *crowd = b->crowd + worker * b->out_size;
    for (int64_t plane = first; plane < last; plane++) {
        const float *grads = cpu_read_row(&b->grad_out, plane, 0, b->out_size, out_buffer);
        const int64_t *positions = read_positions(b->indices, b->direct, plane, b->out_size,
                                                  b->positions + worker * b->out_size);
        float *grad_x = cpu_target_row(&b->grad_x, plane, 0, b->in_size, x_buffer);
        int64_t crowded = add_in_order(b, grads, positions, counts, crowd, grad_x);
        if (b->contract == EA_CONTRACT_CHAIN)
            add_by_rule(b, grads, positions, counts, crowd, crowded, b->ends + worker * b->in_size,
                        b->sorted + worker * b->out_size, grad_x);
        cpu_put_row(&b->grad_x, plane, 0, b->in_size, grad_x);
    }
}

ea_status cpu_max_pool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                const ea_view *grad_x)
{
    backward b = { .kernels = cpu_kernels_of(ctx),
                   .contract = ctx->contract,
                   .indices = indices,
                   .direct = core_is_contiguous(indices) };
    b.grad_out = cpu_rows_of(grad_out, 2);
    b.grad_x = cpu_rows_of(grad_x, 2);
    b.in_size = plane_size(grad_x);
    b.out_size = plane_size(grad_out);
    b.x_planes = worker_scratch(ctx, sizeof(float) * (size_t)b.in_size);
    b.out_planes = worker_scratch(ctx, sizeof(float) * (size_t)b.out_size);
    b.sorted = worker_scratch(ctx, sizeof(float) * (size_t)b.out_size);
    b.positions = worker_scratch(ctx, sizeof(int64_t) * (size_t)b.out_size);
    b.counts = worker_scratch(ctx, sizeof(int64_t) * (size_t)b.in_size);
    b.crowd = worker_scratch(ctx, sizeof(int64_t) * (size_t)b.out_size);
    b.ends = worker_scratch(ctx, sizeof(int64_t) * (size_t)b.in_size);
    if (!b.x_planes || !b.out_planes || !b.sorted || !b.positions || !b.counts || !b.crowd ||
        !b.ends)
        return no_memory(ctx, b.in_size);
    core_parallel(ctx, grad_x->shape[0] * grad_x->shape[1], grain_for(b.in_size), gradient_planes,
                  &b);
    return EA_OK;
}

/* --- Unpooling -------------------------------------------------------------------------------- */

/* Between planes of `small` and of `large`, whose places the indices name. */
typedef struct unpool {
    cpu_rows small, large;
    const ea_view *indices;
    bool direct, reverse; /* reverse: from large to small */
    int64_t small_size, large_size;
    float *small_planes, *large_planes;
    int64_t *positions;
} unpool;

static void unpool_plane(const unpool *u, int64_t plane, int worker)
{
    float *small_buffer = u->small_planes + worker * u->small_size;
    float *large_buffer = u->large_planes + worker * u->large_size;
    const int64_t *at = read_positions(u->indices, u->direct, plane, u->small_size,
                                       u->positions + worker * u->small_size);
    if (u->reverse) {
        const float *from = cpu_read_row(&u->large, plane, 0, u->large_size, large_buffer);
        float *to = cpu_target_row(&u->small, plane, 0, u->small_size, small_buffer);
        for (int64_t i = 0; i < u->small_size; i++)
            to[i] = from[at[i]];
        cpu_put_row(&u->small, plane, 0, u->small_size, to);
    } else {
        const float *from = cpu_read_row(&u->small, plane, 0, u->small_size, small_buffer);
        float *to = cpu_target_row(&u->large, plane, 0, u->large_size, large_buffer);
        memset(to, 0, sizeof *to * (size_t)u->large_size);
        for (int64_t i = 0; i < u->small_size; i++)
            to[at[i]] = from[i];
        cpu_put_row(&u->large, plane, 0, u->large_size, to);
    }
}

static void unpool_planes(void *argument, int64_t first, int64_t last, int worker)
{
    for (int64_t plane = first; plane < last; plane++)
        unpool_plane(argument, plane, worker);
}

static ea_status run_unpool(ea_context *ctx, bool reverse, const ea_view *small,
                            const ea_view *indices, const ea_view *large)
{
    unpool u = { .small = cpu_rows_of(small, 2),
                 .large = cpu_rows_of(large, 2),
                 .indices = indices,
                 .direct = core_is_contiguous(indices),
                 .reverse = reverse,
                 .small_size = plane_size(small),
                 .large_size = plane_size(large) };
    u.small_planes = worker_scratch(ctx, sizeof(float) * (size_t)u.small_size);
    u.large_planes = worker_scratch(ctx, sizeof(float) * (size_t)u.large_size);
    u.positions = worker_scratch(ctx, sizeof(int64_t) * (size_t)u.small_size);
    if (!u.small_planes || !u.large_planes || !u.positions)
        return no_memory(ctx, u.large_size);
    core_parallel(ctx, large->shape[0] * large->shape[1], grain_for(u.large_size), unpool_planes,
                  &u);
    return EA_OK;
}

ea_status cpu_max_unpool(ea_context *ctx, const ea_view *x, const ea_view *indices,
                         const ea_view *out)
{
    return run_unpool(ctx, false, x, indices, out);
}

ea_status cpu_max_unpool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x)
{
    return run_unpool(ctx, true, grad_x, indices, grad_out);
}
