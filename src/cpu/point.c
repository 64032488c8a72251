/* point.c: functions by number, in blocks that threads share: first the correctly rounded functions
 * that one needs, then what it makes of them. */
#include "cpu/point.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

enum { CHEAP = 32, COSTLY = 8 }; /* blocks in a piece of work */

typedef struct job {
    const cpu_kernels *kernels;
    const ref_point_call *call;
    ea_view input[REF_POINT_INPUTS], grad_out, out; /* merged */
    bool one_function; /* the value is the one function of the inputs itself */
    int64_t n;
} job;

/* False where a block of x > 0 gives elu and kin no use for their function. */
static bool needs_functions(const job *j, const cpu_point *point, int64_t n)
{
    switch (point->function) {
    case EA_FN_ELU:
    case EA_FN_CELU:
        return !(j->kernels->minimum(point->x[0], n) > 0);
    default:
        return true;
    }
}

/* False where what the call asks for does without function number k of its row, the function of two
 * variables counting first. */
static bool needs(const ref_point_call *call, int k)
{
    bool gradient = call->grad_out != NULL, first = call->which == 0,
         option = call->parameter[0] != 0;
    switch (call->function) {
    case EA_FN_FMOD:
    case EA_FN_DIV_FLOOR:
        return !gradient;
    case EA_FN_REMAINDER:
    case EA_FN_BCE:
        return !gradient || !first;
    case EA_FN_POW: /* pow, log x */
        return !gradient || !first || k == 0;
    case EA_FN_KL_DIV: /* log y, exp y */
        return (k == 1) == option && (!gradient || !first || option);
    case EA_FN_POISSON_NLL_LOSS: /* exp x, log(x + eps), log y */
        if (k == 2)
            return call->parameter[1] != 0 && (!gradient || !first);
        return (k == 0) == option && (!gradient || first == option);
    case EA_FN_BCE_WITH_LOGITS: /* σ(x), softplus(−x); the value has but the latter */
        return !gradient || (k == 0) == first;
    default:
        return true;
    }
}

/* The values of the correctly rounded functions that the call needs, into buffers. */
static void evaluate(const job *j, cpu_point *point, float buffer[][CPU_BLOCK], int64_t n)
{
    const ref_point_row *row = &ref_point_table[point->function];
    int pairs = row->has_pair, count = point->gradient ? row->slopes : row->functions;
    if (pairs && needs(j->call, 0)) {
        const float *second = point->x[1];
        if (ref_pair_second(point->function, point->gradient, j->call->which, 0) != 0) {
            j->kernels->sub_scalar(second, 1, buffer[0], n);
            second = buffer[0];
        }
        j->kernels->pair[row->pair](point->x[0], second, buffer[0], n);
    }
    for (point->which = 0; point->which < count; point->which++) {
        if (!needs(j->call, pairs + point->which))
            continue;
        float *to = buffer[pairs + point->which];
        const float *from = point->x[0];
        if (ref_point_has_argument(point->function)) {
            j->kernels->point_argument(point, to, n);
            from = to;
        }
        j->kernels->math[(point->gradient ? row->slope : row->function)[point->which]](from, to, n);
    }
    for (int k = 0; k < pairs + count; k++)
        if (needs(j->call, k))
            point->f[k] = buffer[k];
}

/* Whether broadcasting repeats a single element. */
static bool is_one_value(const ea_view *merged)
{
    return merged->ndim == 1 && merged->stride[0] == 0;
}

static void run_blocks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    const ref_point_row *row = &ref_point_table[j->call->function];
    float input[REF_POINT_INPUTS][CPU_BLOCK], grad[CPU_BLOCK], value[CPU_BLOCK];
    float f[REF_POINT_FUNCTIONS][CPU_BLOCK];
    for (int64_t block = first; block < last; block++) {
        int64_t begin = block * CPU_BLOCK;
        int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
        cpu_point point = { .function = j->call->function,
                            .gradient = j->call->grad_out != NULL,
                            .parameter = j->call->parameter };
        for (int k = 0; k < REF_POINT_INPUTS; k++) {
            if (k >= row->inputs)
                point.x[k] = point.x[0];
            else if (block == first || !is_one_value(&j->input[k]))
                point.x[k] = cpu_read(&j->input[k], begin, n, input[k]);
            else
                point.x[k] = input[k]; /* as the first block, which is no shorter, left it */
        }
        for (int k = 0; k < REF_POINT_FUNCTIONS; k++)
            point.f[k] = point.x[0];
        point.grad = j->call->grad_out ? cpu_read(&j->grad_out, begin, n, grad) : point.x[0];
        float *y = cpu_target(&j->out, begin, n, value);
        if (j->one_function && row->has_pair) {
            j->kernels->pair[row->pair](point.x[0], point.x[1], y, n);
        } else if (j->one_function) {
            j->kernels->math[row->function[0]](point.x[0], y, n);
        } else {
            if (needs_functions(j, &point, n))
                evaluate(j, &point, f, n);
            point.which = j->call->which;
            j->kernels->point(&point, y, n);
        }
        cpu_put(&j->out, begin, n, y);
    }
}

/* True where ref_point_value() only hands on the one function of the inputs. */
static bool is_one_function(const ref_point_call *call)
{
    const ref_point_row *row = &ref_point_table[call->function];
    if (call->grad_out || row->parameters > 0)
        return false;
    switch (call->function) {
    case EA_FN_REMAINDER:
    case EA_FN_DIV_FLOOR:
        return false;
    default:
        return row->has_pair || (row->inputs == 1 && row->functions == 1);
    }
}

ea_status cpu_point_run(ea_context *ctx, const ref_point_call *call)
{
    job j = { .kernels = cpu_kernels_of(ctx), .call = call, .out = *call->out };
    j.n = core_numel(&j.out);
    j.one_function = is_one_function(call);
    if (j.n == 0)
        return EA_OK;
    for (int k = 0; k < REF_POINT_INPUTS; k++)
        if (call->input[k]) {
            j.input[k] = *call->input[k];
            cpu_merge(&j.input[k]);
        }
    if (call->grad_out) {
        j.grad_out = *call->grad_out;
        cpu_merge(&j.grad_out);
    }
    cpu_merge(&j.out);
    const ref_point_row *row = &ref_point_table[call->function];
    bool costly = row->functions > 0 || row->has_pair;
    core_parallel(ctx, (j.n + CPU_BLOCK - 1) / CPU_BLOCK, costly ? COSTLY : CHEAP, run_blocks, &j);
    return EA_OK;
}
