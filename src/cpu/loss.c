/* loss.c: cross entropy on the CPU; threads take different rows. */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/reduce.h"
#include "cpu/softmax.h"
#include "cpu/stream.h"

enum { GRAIN = 8192 }; /* elements in a piece of work */

typedef struct job {
    const cpu_kernels *kernels;
    ea_contract contract;
    ea_reduction reduction;
    ea_view x, grad_x; /* merged */
    const ea_view *target, *grad_out;
    int64_t rows, classes, group;
    float *losses;
    float *scratch; /* for each worker three buffers of a group */
} job;

enum { BUFFERS = 3 };

static int64_t target_of(const job *j, int64_t row)
{
    return core_load_index(j->target, core_offset(j->target, row));
}

static void loss_group(const job *j, const float *x, int64_t first, int64_t rows, float *shifted,
                       float *exps)
{
    float sums[CPU_BLOCK];
    cpu_exp_rows(j->kernels, j->contract, x, rows, j->classes, shifted, exps, sums);
    j->kernels->math[MATH_LOG](sums, sums, rows);
    for (int64_t i = 0; i < rows; i++)
        j->losses[first + i] = sums[i] - shifted[i * j->classes + target_of(j, first + i)];
}

static void grad_group(const job *j, const float *x, int64_t first, int64_t rows, float *work,
                       float *out)
{
    float sums[CPU_BLOCK], share = (float)(1.0 / (double)j->rows);
    cpu_exp_rows(j->kernels, j->contract, x, rows, j->classes, work, work, sums);
    for (int64_t i = 0; i < rows; i++) {
        float *row = out + i * j->classes;
        int64_t row_number = j->reduction == EA_REDUCE_NONE ? first + i : 0;
        float grad = core_load(j->grad_out, core_offset(j->grad_out, row_number));
        j->kernels->div_scalar(work + i * j->classes, sums[i], row, j->classes);
        row[target_of(j, first + i)] -= 1;
        if (j->reduction == EA_REDUCE_MEAN)
            j->kernels->mul_scalar(row, share, row, j->classes);
        j->kernels->mul_scalar(row, grad, row, j->classes);
    }
}

static void run_groups(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    int64_t size = j->group * j->classes;
    float *buffers = j->scratch + worker * BUFFERS * size;
    for (int64_t item = first; item < last; item++) {
        int64_t row = item * j->group;
        int64_t rows = j->rows - row < j->group ? j->rows - row : j->group;
        int64_t begin = row * j->classes, n = rows * j->classes;
        const float *x = cpu_read(&j->x, begin, n, buffers);
        if (j->grad_out) {
            float *out = cpu_target(&j->grad_x, begin, n, buffers + size);
            grad_group(j, x, row, rows, buffers + 2 * size, out);
            cpu_put(&j->grad_x, begin, n, out);
        } else {
            loss_group(j, x, row, rows, buffers + size, buffers + 2 * size);
        }
    }
}

static ea_status run_job(ea_context *ctx, const ea_view *x, job *j)
{
    j->kernels = cpu_kernels_of(ctx);
    j->contract = ctx->contract;
    j->x = *x;
    j->rows = x->shape[0];
    j->classes = x->shape[1];
    j->group = cpu_softmax_rows(j->classes);
    int64_t size = j->group * j->classes;
    j->scratch =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(size * BUFFERS * ctx->threads));
    j->losses = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)j->rows);
    if (!j->scratch || !j->losses)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for rows of %lld classes",
                         (long long)j->classes);
    cpu_merge(&j->x);
    cpu_merge(&j->grad_x);
    core_parallel(ctx, (j->rows + j->group - 1) / j->group, (GRAIN + size - 1) / size, run_groups,
                  j);
    return EA_OK;
}

ea_status cpu_cross_entropy(ea_context *ctx, const ea_view *x, const ea_view *target,
                            ea_reduction reduction, const ea_view *out)
{
    job j = { .target = target };
    EA_TRY(run_job(ctx, x, &j));
    if (reduction == EA_REDUCE_NONE) {
        for (int64_t i = 0; i < j.rows; i++)
            core_store(out, core_offset(out, i), j.losses[i]);
        return EA_OK;
    }
    float sum = cpu_sum(j.kernels, ctx->contract, j.losses, j.rows);
    core_store(out, 0, reduction == EA_REDUCE_MEAN ? ref_mean(ctx->contract, sum, j.rows) : sum);
    return EA_OK;
}

ea_status cpu_cross_entropy_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *x,
                                     const ea_view *target, ea_reduction reduction,
                                     const ea_view *grad_x)
{
    job j = { .target = target, .grad_out = grad_out, .reduction = reduction, .grad_x = *grad_x };
    return run_job(ctx, x, &j);
}
