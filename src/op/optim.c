/* optim.c: doors of the optimisers. */
#include "cpu/update.h"
#include "op/op.h"

static ea_status run_sgd(ea_context *ctx, const ea_sgd_options *options, int64_t step,
                         const ea_view *grad, const ea_view *param, const ea_view *buffer)
{
    core_fp saved = core_fp_enter();
    ref_sgd_scalars scalars = ref_sgd_prepare(options, step);
    core_fp_leave(saved);
    OP_RUN(ctx, sgd, &scalars, grad, param, buffer);
}

static ea_status run_adam(ea_context *ctx, const ea_adam_options *options, int64_t step,
                          const ea_view *grad, const ea_view *param, const ea_view *exp_avg,
                          const ea_view *exp_avg_sq, const ea_view *max_exp_avg_sq)
{
    core_fp saved = core_fp_enter();
    ref_adam_scalars scalars = ref_adam_prepare(options, step);
    core_fp_leave(saved);
    OP_RUN(ctx, adam, &scalars, grad, param, exp_avg, exp_avg_sq, max_exp_avg_sq);
}

/* A contiguous float32 tensor of the parameter's shape (any shape while `shape` is NULL). */
static ea_status state_view(ea_context *ctx, const char *function, const char *name,
                            const DLTensor *tensor, const ea_view *shape, ea_view *out)
{
    EA_TRY(core_view_of(ctx, function, name, tensor, CORE_BIT(CORE_F32), out));
    if (shape)
        EA_TRY(op_expect_shape(ctx, function, name, out, shape->ndim, shape->shape));
    if (!core_is_contiguous(out))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s is not contiguous: give it so", function,
                         name);
    return EA_OK;
}

static ea_status check_disjoint(ea_context *ctx, const char *function, const ea_view *const *views,
                                int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (views[i] && views[j] && core_overlaps(views[i], views[j]))
                return core_fail(ctx, EA_ERR_ARGUMENT,
                                 "%s: two of grad, param and the states share memory", function);
    return EA_OK;
}

static ea_status check_step(ea_context *ctx, const char *function, const void *options,
                            int64_t step)
{
    if (!options)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: options is NULL", function);
    if (step < 1)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: step is %lld: it counts from 1", function,
                         (long long)step);
    return EA_OK;
}

ea_status ea_sgd(ea_context *ctx, const ea_sgd_options *options, int64_t step, const DLTensor *grad,
                 DLTensor *param, DLTensor *momentum_buffer)
{
    const char *function = "ea_sgd";
    EA_TRY(check_step(ctx, function, options, step));
    ea_view g, p, b;
    EA_TRY(state_view(ctx, function, "param", param, NULL, &p));
    EA_TRY(state_view(ctx, function, "grad", grad, &p, &g));
    bool momentum = options->momentum != 0;
    if (momentum)
        EA_TRY(state_view(ctx, function, "momentum_buffer", momentum_buffer, &p, &b));
    if (options->nesterov && (!momentum || options->dampening != 0))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: nesterov needs a momentum and no dampening",
                         function);
    const ea_view *buffer = momentum ? &b : NULL;
    EA_TRY(check_disjoint(ctx, function, (const ea_view *[]){ &p, &g, buffer }, 3));
    return run_sgd(ctx, options, step, &g, &p, buffer);
}

static ea_status check_adam(ea_context *ctx, const ea_adam_options *o)
{
    if (!(o->beta1 < 1) || !(o->beta2 < 1))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_adam: beta1 is %g and beta2 %g: give less than 1", o->beta1, o->beta2);
    return EA_OK;
}

ea_status ea_adam(ea_context *ctx, const ea_adam_options *options, int64_t step,
                  const DLTensor *grad, DLTensor *param, DLTensor *exp_avg, DLTensor *exp_avg_sq,
                  DLTensor *max_exp_avg_sq)
{
    const char *function = "ea_adam";
    EA_TRY(check_step(ctx, function, options, step));
    EA_TRY(check_adam(ctx, options));
    ea_view g, p, m, v, most;
    EA_TRY(state_view(ctx, function, "param", param, NULL, &p));
    EA_TRY(state_view(ctx, function, "grad", grad, &p, &g));
    EA_TRY(state_view(ctx, function, "exp_avg", exp_avg, &p, &m));
    EA_TRY(state_view(ctx, function, "exp_avg_sq", exp_avg_sq, &p, &v));
    if (options->amsgrad)
        EA_TRY(state_view(ctx, function, "max_exp_avg_sq", max_exp_avg_sq, &p, &most));
    const ea_view *maximum = options->amsgrad ? &most : NULL;
    EA_TRY(check_disjoint(ctx, function, (const ea_view *[]){ &p, &g, &m, &v, maximum }, 5));
    return run_adam(ctx, options, step, &g, &p, &m, &v, maximum);
}

/* --- By number -------------------------------------------------------------------------------- */

static const char *const state_names[EA_UPDATE_COUNT][EA_UPDATE_STATES] = {
    [EA_UPDATE_NADAM] = { "exp_avg", "exp_avg_sq" },
    [EA_UPDATE_RADAM] = { "exp_avg", "exp_avg_sq" },
    [EA_UPDATE_ADAMAX] = { "exp_avg", "exp_inf" },
    [EA_UPDATE_RMSPROP] = { "square_avg", "momentum_buffer", "grad_avg" },
    [EA_UPDATE_ADAGRAD] = { "sum" },
    [EA_UPDATE_ADADELTA] = { "square_avg", "acc_delta" },
    [EA_UPDATE_LION] = { "exp_avg" },
};

/* Where state number `slot` of the rule stands among those in use; −1: not in use. */
static int place_of(const ea_update_options *o, int slot)
{
    if (!state_names[o->rule][slot])
        return -1;
    if (o->rule != EA_UPDATE_RMSPROP || slot == 0)
        return slot;
    if (slot == 1)
        return o->momentum != 0 ? 1 : -1;
    return o->centered ? 1 + (o->momentum != 0) : -1;
}

static bool rule_exists(const ea_update_options *o)
{
    return (unsigned)o->rule < EA_UPDATE_COUNT;
}

const char *ea_update_state(const ea_update_options *options, int index)
{
    for (int slot = 0; rule_exists(options) && slot < EA_UPDATE_STATES; slot++)
        if (index >= 0 && place_of(options, slot) == index)
            return state_names[options->rule][slot];
    return NULL;
}

static ea_status run_update(ea_context *ctx, const ea_update_options *options, int64_t step,
                            const ea_view *grad, const ea_view *param, const ea_view *const *states,
                            double *mu_product)
{
    core_fp saved = core_fp_enter();
    ref_update_scalars scalars = ref_update_prepare(options, step, mu_product);
    core_fp_leave(saved);
    OP_RUN(ctx, update, &scalars, grad, param, states);
}

ea_status ea_update(ea_context *ctx, const ea_update_options *options, int64_t step,
                    const DLTensor *grad, DLTensor *param, DLTensor *const *states,
                    double *mu_product)
{
    const char *function = "ea_update";
    EA_TRY(check_step(ctx, function, options, step));
    if (!rule_exists(options) || !(options->beta1 < 1) || !(options->beta2 < 1))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: rule %d, beta1 %g, beta2 %g: give a rule, and betas less than 1",
                         function, (int)options->rule, options->beta1, options->beta2);
    if (options->rule == EA_UPDATE_NADAM && !mu_product)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: mu_product is NULL", function);
    ea_view g, p, s[EA_UPDATE_STATES];
    EA_TRY(state_view(ctx, function, "param", param, NULL, &p));
    EA_TRY(state_view(ctx, function, "grad", grad, &p, &g));
    const ea_view *all[2 + EA_UPDATE_STATES] = { &p, &g };
    for (int slot = 0; slot < EA_UPDATE_STATES; slot++) {
        int place = place_of(options, slot);
        if (place < 0)
            continue;
        EA_TRY(state_view(ctx, function, state_names[options->rule][slot], states[place], &p,
                          &s[slot]));
        all[2 + slot] = &s[slot];
    }
    EA_TRY(check_disjoint(ctx, function, all, 2 + EA_UPDATE_STATES));
    return run_update(ctx, options, step, &g, &p, all + 2, mu_product);
}
