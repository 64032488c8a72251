/* update.c: the optimisers by number, threads taking different parameters. */
#include "cpu/update.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"

enum { GRAIN = 16384 }; /* elements in a piece of work */

typedef struct job {
    const cpu_kernels *kernels;
    const ref_update_scalars *scalars;
    const float *grad;
    float *param, *state[EA_UPDATE_STATES];
} job;

static void run(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    float *state[EA_UPDATE_STATES];
    for (int k = 0; k < EA_UPDATE_STATES; k++)
        state[k] = j->state[k] ? j->state[k] + begin : NULL;
    j->kernels->update(j->scalars, j->grad + begin, j->param + begin, state, end - begin);
}

ea_status cpu_update(ea_context *ctx, const ref_update_scalars *s, const ea_view *grad,
                     const ea_view *param, const ea_view *const *states)
{
    job j = { cpu_kernels_of(ctx), s, grad->data, param->data, { NULL } };
    for (int k = 0; k < EA_UPDATE_STATES; k++)
        j.state[k] = states[k] ? states[k]->data : NULL;
    core_parallel(ctx, core_numel(param), GRAIN, run, &j);
    return EA_OK;
}
