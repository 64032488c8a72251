/* softmax.c: softmax and its logarithm along the last dimension; threads take different rows. */
#include "cpu/softmax.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/reduce.h"
#include "cpu/stream.h"

enum { GRAIN = 8192 }; /* elements in a piece of work */

int64_t cpu_softmax_rows(int64_t row_length)
{
    return row_length >= CPU_BLOCK ? 1 : CPU_BLOCK / (row_length ? row_length : 1);
}

void cpu_exp_rows(const cpu_kernels *kernels, ea_contract contract, const float *x, int64_t rows,
                  int64_t length, float *shifted, float *exps, float *sums)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *row = x + i * length;
        kernels->sub_scalar(row, kernels->maximum(row, length), shifted + i * length, length);
    }
    kernels->math[MATH_EXP](shifted, exps, rows * length);
    for (int64_t i = 0; i < rows; i++)
        sums[i] = cpu_sum(kernels, contract, exps + i * length, length);
}

/* One group of rows: reads a (and b), writes out; two buffers of a group's size to work in. */
typedef struct job job;
typedef void (*group_function)(const job *j, const float *a, const float *b, int64_t rows,
                               float *out, float *work);

struct job {
    const cpu_kernels *kernels;
    ea_contract contract;
    group_function function;
    ea_view a, b, out;
    bool two; /* b is there */
    int64_t rows, length, group;
    float *scratch; /* for each worker four buffers of a group */
};

enum { BUFFERS = 4 };

static void softmax_group(const job *j, const float *x, const float *none, int64_t rows, float *out,
                          float *work)
{
    (void)none;
    float sums[CPU_BLOCK];
    cpu_exp_rows(j->kernels, j->contract, x, rows, j->length, work, work, sums);
    for (int64_t i = 0; i < rows; i++)
        j->kernels->div_scalar(work + i * j->length, sums[i], out + i * j->length, j->length);
}

static void log_softmax_group(const job *j, const float *x, const float *none, int64_t rows,
                              float *out, float *work)
{
    (void)none;
    float sums[CPU_BLOCK];
    cpu_exp_rows(j->kernels, j->contract, x, rows, j->length, out, work, sums);
    j->kernels->math[MATH_LOG](sums, sums, rows);
    for (int64_t i = 0; i < rows; i++)
        j->kernels->sub_scalar(out + i * j->length, sums[i], out + i * j->length, j->length);
}

static void softmax_backward_group(const job *j, const float *grad, const float *y, int64_t rows,
                                   float *out, float *work)
{
    j->kernels->mul(grad, y, work, rows * j->length);
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * j->length;
        float sum = cpu_sum(j->kernels, j->contract, work + at, j->length);
        j->kernels->sub_scalar(grad + at, sum, out + at, j->length);
    }
    j->kernels->mul(out, y, out, rows * j->length);
}

static void log_softmax_backward_group(const job *j, const float *grad, const float *y,
                                       int64_t rows, float *out, float *work)
{
    j->kernels->math[MATH_EXP](y, work, rows * j->length);
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * j->length;
        float sum = cpu_sum(j->kernels, j->contract, grad + at, j->length);
        j->kernels->mul_scalar(work + at, sum, work + at, j->length);
    }
    j->kernels->sub(grad, work, out, rows * j->length);
}

static void run_groups(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    int64_t size = j->group * j->length;
    float *buffers = j->scratch + worker * BUFFERS * size;
    for (int64_t item = first; item < last; item++) {
        int64_t row = item * j->group;
        int64_t rows = j->rows - row < j->group ? j->rows - row : j->group;
        int64_t begin = row * j->length, n = rows * j->length;
        const float *a = cpu_read(&j->a, begin, n, buffers);
        const float *b = j->two ? cpu_read(&j->b, begin, n, buffers + size) : NULL;
        float *out = cpu_target(&j->out, begin, n, buffers + 2 * size);
        j->function(j, a, b, rows, out, buffers + 3 * size);
        cpu_put(&j->out, begin, n, out);
    }
}

static ea_status run_job(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *out,
                         group_function function)
{
    job j = { .kernels = cpu_kernels_of(ctx),
              .contract = ctx->contract,
              .function = function,
              .a = *a,
              .b = b ? *b : *a,
              .out = *out,
              .two = b != NULL };
    j.length = out->shape[out->ndim - 1];
    j.rows = core_numel(out) / j.length;
    j.group = cpu_softmax_rows(j.length);
    int64_t size = j.group * j.length;
    j.scratch =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(size * BUFFERS * ctx->threads));
    if (!j.scratch)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for rows of %lld elements",
                         (long long)j.length);
    cpu_merge(&j.a);
    cpu_merge(&j.b);
    cpu_merge(&j.out);
    core_parallel(ctx, (j.rows + j.group - 1) / j.group, (GRAIN + size - 1) / size, run_groups, &j);
    return EA_OK;
}

ea_status cpu_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    return run_job(ctx, x, NULL, out, softmax_group);
}

ea_status cpu_log_softmax(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    return run_job(ctx, x, NULL, out, log_softmax_group);
}

ea_status cpu_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                               const ea_view *grad_x)
{
    return run_job(ctx, grad_out, out, grad_x, softmax_backward_group);
}

ea_status cpu_log_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                                   const ea_view *grad_x)
{
    return run_job(ctx, grad_out, out, grad_x, log_softmax_backward_group);
}
