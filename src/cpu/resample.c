/* resample.c: linear maps along axes on the CPU; threads take different planes. */
#include "cpu/resample.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

enum {
    GRAIN = 16384, /* elements in a piece of work */
    TOGETHER = 32, /* small planes that are taken side by side, */
    SMALL = 512,   /* and the most elements of one's input and output */
};

typedef struct resample_job {
    const cpu_kernels *kernels;
    const ref_maps *maps;
    cpu_rows x, out; /* a row is a plane */
    int64_t count, in_size, out_size;
    int64_t room;  /* floats of the largest intermediate plane */
    float *planes; /* of each worker: x, out, two intermediates */
} resample_job;

static void map_rows(const cpu_kernels *kernels, const ref_axis *axis, float fill, int64_t outer,
                     int64_t inner, const float *x, float *y)
{
    for (int64_t o = 0; o < outer; o++, x += axis->in * inner)
        for (int64_t i = 0; i < axis->out; i++, y += inner) {
            int64_t k = axis->begin[i], taps = axis->begin[i + 1] - k;
            for (int64_t j = 0; taps == 0 && j < inner; j++)
                y[j] = fill;
            if (taps > 0)
                kernels->axis_rows(x, inner, axis->index + k, axis->weight + k, taps, inner, y);
        }
}

/* Of `planes` planes, whose equal positions are neighbours. */
static void map_axis(const resample_job *job, int d, const int64_t size[3], int64_t planes,
                     const float *x, float *y)
{
    const ref_axis *axis = &job->maps->axis[d];
    int64_t outer = 1, inner = planes;
    for (int k = 0; k < 3; k++)
        *(k < d ? &outer : &inner) *= k == d ? 1 : size[k];
    if (inner > 1)
        map_rows(job->kernels, axis, job->maps->fill, outer, inner, x, y);
    for (int64_t o = 0; inner == 1 && o < outer; o++)
        job->kernels->axis_line(axis, job->maps->fill, x + o * axis->in, y + o * axis->out);
}

/* All passes from x, through `rooms` in turn; the last one to y. */
static void map_plane(const resample_job *job, int64_t planes, const float *x,
                      float *const rooms[2], float *y)
{
    const ref_axis *axis = job->maps->axis;
    int64_t size[3] = { axis[0].in, axis[1].in, axis[2].in };
    int passes = 0, turn = 0;
    for (int d = 0; d < 3; d++)
        passes += axis[d].begin != NULL;
    if (passes == 0)
        memcpy(y, x, sizeof *y * (size_t)(planes * job->out_size));
    for (int d = 2; d >= 0; d--) {
        if (!axis[d].begin)
            continue;
        float *to = --passes == 0 ? y : rooms[turn++ % 2];
        map_axis(job, d, size, planes, x, to);
        size[d] = axis[d].out;
        x = to;
    }
}

static void map_planes(void *argument, int64_t first, int64_t last, int worker)
{
    const resample_job *job = argument;
    const float *divisor = job->maps->divisor;
    float *x_buffer = job->planes + worker * (job->in_size + job->out_size + 2 * job->room);
    float *y_buffer = x_buffer + job->in_size;
    float *rooms[2] = { y_buffer + job->out_size, y_buffer + job->out_size + job->room };
    for (int64_t plane = first; plane < last; plane++) {
        const float *x = cpu_read_row(&job->x, plane, 0, job->in_size, x_buffer);
        float *y = cpu_target_row(&job->out, plane, 0, job->out_size, y_buffer);
        if (divisor && job->maps->divide_first) {
            job->kernels->div(x, divisor, x_buffer, job->in_size);
            x = x_buffer;
        }
        map_plane(job, 1, x, rooms, y);
        if (divisor && !job->maps->divide_first)
            job->kernels->div(y, divisor, y, job->out_size);
        cpu_put_row(&job->out, plane, 0, job->out_size, y);
    }
}

/* --- Small planes ----------------------------------------------------------------------------- */

/* Floats of a worker's scratch; packing may write a vector too many. */
static int64_t group_room(const resample_job *job)
{
    return TOGETHER * (job->in_size + 2 * job->out_size + 2 * job->room + 1);
}

static void divide_positions(const resample_job *job, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++, x += TOGETHER)
        job->kernels->div_scalar(x, job->maps->divisor[i], x, TOGETHER);
}

/* Lanes are planes: TOGETHER of them are transposed, mapped and transposed back. Items are such
 * groups, and the planes that are left over one group; x and out are contiguous. */
static void map_groups(void *argument, int64_t first, int64_t last, int worker)
{
    const resample_job *job = argument;
    const cpu_kernels *kernels = job->kernels;
    float *x = job->planes + worker * group_room(job), *y = x + TOGETHER * job->in_size;
    float *rooms[2] = { y + TOGETHER * job->out_size, y + TOGETHER * (job->out_size + job->room) };
    bool divides = job->maps->divisor != NULL;
    float *back = rooms[1] + TOGETHER * job->room;
    for (int64_t group = first; group < last; group++) {
        int64_t plane = group * TOGETHER;
        int64_t count = job->count - plane < TOGETHER ? job->count - plane : TOGETHER;
        const float *from = (const float *)job->x.row.data + plane * job->in_size;
        float *to = (float *)job->out.row.data + plane * job->out_size;
        kernels->gemm_pack_transpose(from, job->in_size, count, TOGETHER, job->in_size, 0, x);
        if (divides && job->maps->divide_first)
            divide_positions(job, job->in_size, x);
        map_plane(job, TOGETHER, x, rooms, y);
        if (divides && !job->maps->divide_first)
            divide_positions(job, job->out_size, y);
        if (job->out_size > 1)
            kernels->gemm_pack_transpose(y, TOGETHER, job->out_size, (int)job->out_size, count, 0,
                                         back);
        memcpy(to, job->out_size > 1 ? back : y, sizeof *to * (size_t)(count * job->out_size));
    }
}

static bool takes_groups(const resample_job *job, const ea_view *x, const ea_view *out)
{
    return job->in_size + job->out_size <= SMALL && job->count >= TOGETHER &&
           x->dtype == CORE_F32 && out->dtype == CORE_F32 && core_is_contiguous(x) &&
           core_is_contiguous(out);
}

ea_status cpu_resample(ea_context *ctx, const ref_maps *maps, const ea_view *x, const ea_view *out)
{
    resample_job job = { .kernels = cpu_kernels_of(ctx),
                         .maps = maps,
                         .x = cpu_rows_of(x, 2),
                         .out = cpu_rows_of(out, 2) };
    const ref_axis *axis = maps->axis;
    job.in_size = ref_maps_in(maps);
    job.out_size = ref_maps_out(maps);
    /* The first axis' pass is the last and goes to out. */
    int64_t one = axis[0].in * axis[1].in * axis[2].out;
    int64_t two = axis[0].in * axis[1].out * axis[2].out;
    job.room = one > two ? one : two;
    job.count = x->shape[0] * x->shape[1];
    bool groups = takes_groups(&job, x, out);
    int64_t each = groups ? group_room(&job) : job.in_size + job.out_size + 2 * job.room;
    job.planes = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(each * ctx->threads));
    if (!job.planes)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for planes of %lld elements",
                         (long long)each);
    int64_t items = groups ? (job.count + TOGETHER - 1) / TOGETHER : job.count;
    core_parallel(ctx, items, each >= GRAIN ? 1 : GRAIN / (each + 1),
                  groups ? map_groups : map_planes, &job);
    return EA_OK;
}
