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
    bool one_function; /* the value is the function of the only input itself */
    int64_t n;
} job;

static bool is_mask(const ea_view *view)
{
    return CORE_MASKS & CORE_BIT(view->dtype);
}

/* As cpu_read(), also of truth values. */
static const float *read(const ea_view *view, int64_t begin, int64_t n, float *buffer)
{
    if (!is_mask(view))
        return cpu_read(view, begin, n, buffer);
    for (int64_t i = 0; i < n; i++)
        buffer[i] = (float)core_load_index(view, core_offset(view, begin + i));
    return buffer;
}

static void put(const ea_view *view, int64_t begin, int64_t n, const float *from)
{
    if (!is_mask(view)) {
        cpu_put(view, begin, n, from);
        return;
    }
    bool line = view->ndim == 1 && view->stride[0] == 1;
    uint8_t *to = (uint8_t *)view->data + (line ? begin : 0);
    for (int64_t i = 0; i < n; i++)
        to[line ? i : core_offset(view, begin + i)] = from[i] != 0;
}

/* The values of the correctly rounded functions that the call needs, into buffers. */
static void evaluate(const job *j, cpu_point *point, float buffer[][CPU_BLOCK], int64_t n)
{
    const ref_point_row *row = &ref_point_table[j->call->function];
    bool gradient = j->call->grad_out != NULL;
    int count = gradient ? row->slopes : row->functions;
    for (int k = 0; k < count; k++) {
        point->stage = gradient ? CPU_POINT_SLOPE_ARGUMENT : CPU_POINT_ARGUMENT;
        point->which = k;
        j->kernels->point(point, buffer[k], n);
        j->kernels->math[gradient ? row->slope[k] : row->function[k]](buffer[k], buffer[k], n);
    }
    for (int k = 0; k < count; k++)
        point->f[k] = buffer[k];
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
        cpu_point point = { .function = j->call->function, .parameter = j->call->parameter };
        for (int k = 0; k < REF_POINT_INPUTS; k++)
            point.x[k] = k < row->inputs ? read(&j->input[k], begin, n, input[k]) : point.x[0];
        for (int k = 0; k < REF_POINT_FUNCTIONS; k++)
            point.f[k] = point.x[0];
        point.grad = j->call->grad_out ? read(&j->grad_out, begin, n, grad) : point.x[0];
        float *y = is_mask(&j->out) ? value : cpu_target(&j->out, begin, n, value);
        if (j->one_function) {
            j->kernels->math[row->function[0]](point.x[0], y, n);
        } else {
            evaluate(j, &point, f, n);
            point.stage = j->call->grad_out ? CPU_POINT_GRADIENT : CPU_POINT_VALUE;
            point.which = j->call->which;
            j->kernels->point(&point, y, n);
        }
        put(&j->out, begin, n, y);
    }
}

/* True where ref_point_value() only hands on the one function of x. */
static bool is_one_function(const ref_point_call *call)
{
    const ref_point_row *row = &ref_point_table[call->function];
    return !call->grad_out && row->inputs == 1 && row->functions == 1 && row->parameters == 0 &&
           call->function != EA_FN_SELU;
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
    bool costly = ref_point_table[call->function].functions > 0;
    core_parallel(ctx, (j.n + CPU_BLOCK - 1) / CPU_BLOCK, costly ? COSTLY : CHEAP, run_blocks, &j);
    return EA_OK;
}
