/* optim.c: the optimisers' steps, threads taking different parameters. */
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"

enum { GRAIN = 16384 }; /* elements in a piece of work */

typedef struct sgd_job {
    const cpu_kernels *kernels;
    const ref_sgd_scalars *scalars;
    const float *grad;
    float *param, *buffer;
} sgd_job;

static void run_sgd(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const sgd_job *j = argument;
    j->kernels->sgd(j->scalars, j->grad + begin, j->param + begin,
                    j->buffer ? j->buffer + begin : NULL, end - begin);
}

ea_status cpu_sgd(ea_context *ctx, const ref_sgd_scalars *s, const ea_view *grad,
                  const ea_view *param, const ea_view *buffer)
{
    sgd_job j = { cpu_kernels_of(ctx), s, grad->data, param->data, buffer ? buffer->data : NULL };
    core_parallel(ctx, core_numel(param), GRAIN, run_sgd, &j);
    return EA_OK;
}

typedef struct adam_job {
    const cpu_kernels *kernels;
    const ref_adam_scalars *scalars;
    bool repdl;
    const float *grad;
    float *param, *exp_avg, *exp_avg_sq, *max_exp_avg_sq;
} adam_job;

static void run_adam(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const adam_job *j = argument;
    j->kernels->adam(j->scalars, j->repdl, j->grad + begin, j->param + begin, j->exp_avg + begin,
                     j->exp_avg_sq + begin, j->max_exp_avg_sq ? j->max_exp_avg_sq + begin : NULL,
                     end - begin);
}

ea_status cpu_adam(ea_context *ctx, const ref_adam_scalars *s, const ea_view *grad,
                   const ea_view *param, const ea_view *exp_avg, const ea_view *exp_avg_sq,
                   const ea_view *max_exp_avg_sq)
{
    adam_job j = { .kernels = cpu_kernels_of(ctx),
                   .scalars = s,
                   .repdl = ctx->contract == EA_CONTRACT_REPDL,
                   .grad = grad->data,
                   .param = param->data,
                   .exp_avg = exp_avg->data,
                   .exp_avg_sq = exp_avg_sq->data,
                   .max_exp_avg_sq = max_exp_avg_sq ? max_exp_avg_sq->data : NULL };
    core_parallel(ctx, core_numel(param), GRAIN, run_adam, &j);
    return EA_OK;
}
