/* elementwise.c: what works element by element, in blocks that threads share. */
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

enum { CHEAP = 32, COSTLY = 8 }; /* blocks in a piece of work, by what an element takes */

typedef void (*unary_kernel)(const float *x, float *y, int64_t n);
typedef void (*binary_kernel)(const float *a, const float *b, float *y, int64_t n);

/* out = binary(a, b), binary(a, unary(b)), or unary(a) when there is no binary. */
typedef struct job {
    ea_view a, b, out;
    unary_kernel unary;
    binary_kernel binary;
    int64_t n;
} job;

static void run_blocks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    float a_buffer[CPU_BLOCK], b_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    for (int64_t block = first; block < last; block++) {
        int64_t begin = block * CPU_BLOCK;
        int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
        float *y = cpu_target(&j->out, begin, n, y_buffer);
        const float *a = cpu_read(&j->a, begin, n, a_buffer);
        if (j->binary) {
            const float *b = cpu_read(&j->b, begin, n, b_buffer);
            if (j->unary) {
                j->unary(b, b_buffer, n);
                b = b_buffer;
            }
            j->binary(a, b, y, n);
        } else {
            j->unary(a, y, n);
        }
        cpu_put(&j->out, begin, n, y);
    }
}

static ea_status run_job(ea_context *ctx, job *j, int64_t grain)
{
    j->n = core_numel(&j->out);
    cpu_merge(&j->a);
    cpu_merge(&j->b);
    cpu_merge(&j->out);
    core_parallel(ctx, (j->n + CPU_BLOCK - 1) / CPU_BLOCK, grain, run_blocks, j);
    return EA_OK;
}

ea_status cpu_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a, const ea_view *b,
                     const ea_view *out)
{
    const cpu_kernels *k = cpu_kernels_of(ctx);
    binary_kernel kernels[REF_BINARY_COUNT] = {
        [REF_ADD] = k->add, [REF_SUB] = k->sub, [REF_MUL] = k->mul, [REF_DIV] = k->div
    };
    return run_job(ctx, &(job){ .a = *a, .b = *b, .out = *out, .binary = kernels[kind] }, CHEAP);
}

ea_status cpu_unary(ea_context *ctx, ref_unary_kind kind, const ea_view *x, const ea_view *out)
{
    const cpu_kernels *k = cpu_kernels_of(ctx);
    unary_kernel kernels[REF_UNARY_COUNT] = {
        [REF_EXP] = k->math[MATH_EXP],         [REF_LOG] = k->math[MATH_LOG],
        [REF_SQRT] = k->math[MATH_SQRT],       [REF_TANH] = k->math[MATH_TANH],
        [REF_SIGMOID] = k->math[MATH_SIGMOID], [REF_RELU] = k->relu,
    };
    return run_job(ctx, &(job){ .a = *x, .b = *x, .out = *out, .unary = kernels[kind] },
                   kind == REF_RELU ? CHEAP : COSTLY);
}

/* relu's gradient passes or not; the others are multiplied with the slope at x. */
ea_status cpu_unary_backward(ea_context *ctx, ref_unary_kind kind, const ea_view *grad_out,
                             const ea_view *x, const ea_view *grad_x)
{
    const cpu_kernels *k = cpu_kernels_of(ctx);
    unary_kernel slopes[REF_UNARY_COUNT] = {
        [REF_EXP] = k->math[MATH_EXP],
        [REF_LOG] = k->reciprocal,
        [REF_SQRT] = k->math[MATH_SQRT_DERIVATIVE],
        [REF_TANH] = k->math[MATH_TANH_DERIVATIVE],
        [REF_SIGMOID] = k->math[MATH_SIGMOID_DERIVATIVE],
    };
    job j = { .a = *grad_out, .b = *x, .out = *grad_x };
    j.unary = slopes[kind];
    j.binary = kind == REF_RELU ? k->relu_backward : k->mul;
    return run_job(ctx, &j, kind == REF_RELU ? CHEAP : COSTLY);
}

ea_status cpu_function(ea_context *ctx, math_function function, const ea_view *x,
                       const ea_view *out)
{
    job j = { .a = *x, .b = *x, .out = *out, .unary = cpu_kernels_of(ctx)->math[function] };
    return run_job(ctx, &j, COSTLY);
}

ea_status cpu_function_scaled(ea_context *ctx, math_function function, const ea_view *a,
                              const ea_view *x, const ea_view *out)
{
    const cpu_kernels *k = cpu_kernels_of(ctx);
    job j = { .a = *a, .b = *x, .out = *out, .unary = k->math[function], .binary = k->mul };
    return run_job(ctx, &j, COSTLY);
}
