/* optimizer.c: the optimisers over all parameters of a module, and what is done to their gradients.
 */
#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"
#include "eadem/nn.h"

#include <stdio.h>

enum { MAX_STATES = EA_UPDATE_STATES };

typedef enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_UPDATE } optimizer_kind;

struct ea_optimizer {
    ea_context *ctx;
    optimizer_kind kind;
    union {
        ea_sgd_options sgd;
        ea_adam_options adam;
        ea_update_options update;
    } options;
    int count;
    ea_parameter **parameters;
    int state_names; /* states of one parameter */
    /* First `step` (int64, one number a parameter), then the states of each parameter in turn, then
     * NAdam's `mu_product` (float64, one a parameter). */
    ea_parameter *states;
};

static int64_t *steps_of(const ea_optimizer *optimizer)
{
    return optimizer->states[0].value->data;
}

static DLTensor *state_of(const ea_optimizer *optimizer, int parameter, int state)
{
    if (state >= optimizer->state_names)
        return NULL;
    return optimizer->states[1 + parameter * optimizer->state_names + state].value;
}

static bool has_mu_product(const ea_optimizer *optimizer)
{
    return optimizer->kind == OPTIMIZER_UPDATE && optimizer->options.update.rule == EA_UPDATE_NADAM;
}

static int state_count(const ea_optimizer *optimizer)
{
    return 1 + optimizer->count * optimizer->state_names + has_mu_product(optimizer);
}

static double *mu_product_of(const ea_optimizer *optimizer, int parameter)
{
    if (!has_mu_product(optimizer))
        return NULL;
    return (double *)optimizer->states[state_count(optimizer) - 1].value->data + parameter;
}

/* --- Life ------------------------------------------------------------------------------------ */

static ea_status collect_parameters(ea_optimizer *optimizer, ea_module *module)
{
    ea_parameter *parameter;
    for (int i = 0; (parameter = ea_module_parameter(module, i)); i++)
        optimizer->count += parameter->grad != NULL;
    optimizer->parameters = core_alloc((size_t)optimizer->count * sizeof(ea_parameter *));
    if (!optimizer->parameters)
        return core_fail(optimizer->ctx, EA_ERR_MEMORY, "no memory for a list of %d parameters",
                         optimizer->count);
    int n = 0;
    for (int i = 0; (parameter = ea_module_parameter(module, i)); i++)
        if (parameter->grad)
            optimizer->parameters[n++] = parameter;
    return EA_OK;
}

static ea_status make_states(ea_optimizer *optimizer, const char *const *names)
{
    while (optimizer->state_names < MAX_STATES && names[optimizer->state_names])
        optimizer->state_names++;
    optimizer->states = core_alloc_zero((size_t)state_count(optimizer) * sizeof(ea_parameter));
    if (!optimizer->states)
        return core_fail(optimizer->ctx, EA_ERR_MEMORY, "no memory for an optimizer's state");
    ea_parameter *state = optimizer->states;
    snprintf(state->name, sizeof state->name, "step");
    int64_t count = optimizer->count;
    EA_TRY(ea_tensor_new(optimizer->ctx, EA_INT64, 1, &count, &state->value));
    for (int p = 0; p < optimizer->count; p++)
        for (int s = 0; s < optimizer->state_names; s++) {
            const ea_parameter *parameter = optimizer->parameters[p];
            state++;
            int length =
                snprintf(state->name, sizeof state->name, "%s.%s", names[s], parameter->name);
            if (length >= EA_NAME_SIZE)
                return core_fail(optimizer->ctx, EA_ERR_ARGUMENT,
                                 "the name %.100s is too long for its optimizer state",
                                 parameter->name);
            EA_TRY(ea_tensor_new(optimizer->ctx, EA_FLOAT32, parameter->value->ndim,
                                 parameter->value->shape, &state->value));
        }
    if (!has_mu_product(optimizer))
        return EA_OK;
    state++;
    snprintf(state->name, sizeof state->name, "mu_product");
    EA_TRY(ea_tensor_new(optimizer->ctx, EA_FLOAT64, 1, &count, &state->value));
    for (int p = 0; p < optimizer->count; p++)
        *mu_product_of(optimizer, p) = 1;
    return EA_OK;
}

/* One like `start`, whose kind and options are set. names: of each parameter's states, NULL last
 * unless there are MAX_STATES. */
static ea_optimizer *create(ea_context *ctx, ea_module *module, const ea_optimizer *start,
                            const char *const names[MAX_STATES])
{
    ea_optimizer *optimizer = core_alloc_zero(sizeof *optimizer);
    if (!optimizer) {
        core_fail(ctx, EA_ERR_MEMORY, "no memory for an optimizer");
        return NULL;
    }
    *optimizer = *start;
    optimizer->ctx = ctx;
    if (collect_parameters(optimizer, module) == EA_OK && make_states(optimizer, names) == EA_OK)
        return optimizer;
    ea_optimizer_destroy(optimizer);
    return NULL;
}

ea_optimizer *ea_optimizer_sgd(ea_context *ctx, ea_module *module, const ea_sgd_options *options)
{
    const char *names[MAX_STATES] = { options->momentum != 0 ? "momentum_buffer" : NULL };
    return create(ctx, module, &(ea_optimizer){ .kind = OPTIMIZER_SGD, .options.sgd = *options },
                  names);
}

ea_optimizer *ea_optimizer_adam(ea_context *ctx, ea_module *module, const ea_adam_options *options)
{
    const char *names[MAX_STATES] = { "exp_avg", "exp_avg_sq",
                                      options->amsgrad ? "max_exp_avg_sq" : NULL };
    return create(ctx, module, &(ea_optimizer){ .kind = OPTIMIZER_ADAM, .options.adam = *options },
                  names);
}

ea_optimizer *ea_optimizer_update(ea_context *ctx, ea_module *module,
                                  const ea_update_options *options)
{
    const char *names[MAX_STATES];
    for (int i = 0; i < MAX_STATES; i++)
        names[i] = ea_update_state(options, i);
    ea_optimizer start = { .kind = OPTIMIZER_UPDATE, .options.update = *options };
    return create(ctx, module, &start, names);
}

void ea_optimizer_destroy(ea_optimizer *optimizer)
{
    if (!optimizer)
        return;
    for (int i = 0; optimizer->states && i < state_count(optimizer); i++)
        ea_tensor_free(optimizer->states[i].value);
    core_free(optimizer->states);
    core_free(optimizer->parameters);
    core_free(optimizer);
}

/* --- Use ------------------------------------------------------------------------------------- */

void ea_optimizer_zero_grad(ea_optimizer *optimizer)
{
    for (int i = 0; i < optimizer->count; i++)
        optimizer->parameters[i]->has_grad = 0;
}

ea_status ea_optimizer_step(ea_optimizer *optimizer)
{
    for (int i = 0; i < optimizer->count; i++) {
        ea_parameter *p = optimizer->parameters[i];
        if (!p->has_grad)
            continue;
        int64_t step = ++steps_of(optimizer)[i];
        DLTensor *states[MAX_STATES] = { state_of(optimizer, i, 0), state_of(optimizer, i, 1),
                                         state_of(optimizer, i, 2) };
        if (optimizer->kind == OPTIMIZER_UPDATE)
            EA_TRY(ea_update(optimizer->ctx, &optimizer->options.update, step, p->grad, p->value,
                             states, mu_product_of(optimizer, i)));
        else if (optimizer->kind == OPTIMIZER_SGD)
            EA_TRY(ea_sgd(optimizer->ctx, &optimizer->options.sgd, step, p->grad, p->value,
                          states[0]));
        else
            EA_TRY(ea_adam(optimizer->ctx, &optimizer->options.adam, step, p->grad, p->value,
                           states[0], states[1], states[2]));
    }
    return EA_OK;
}

void ea_optimizer_set_lr(ea_optimizer *optimizer, double lr)
{
    if (optimizer->kind == OPTIMIZER_SGD)
        optimizer->options.sgd.lr = lr;
    else if (optimizer->kind == OPTIMIZER_UPDATE)
        optimizer->options.update.lr = lr;
    else
        optimizer->options.adam.lr = lr;
}

ea_parameter *ea_optimizer_state(ea_optimizer *optimizer, int index)
{
    return index >= 0 && index < state_count(optimizer) ? &optimizer->states[index] : NULL;
}

/* --- Clipping --------------------------------------------------------------------------------- */

/* A tensor with one float. */
static DLTensor scalar_at(float *place)
{
    return (DLTensor){ .data = place, .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 };
}

/* Sum of a gradient's squares, with scratch memory for the squares. */
static ea_status sum_of_squares(ea_context *ctx, const DLTensor *grad, float *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    DLTensor squares = *grad, sum = scalar_at(out);
    squares.data = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)ea_tensor_numel(grad));
    if (!squares.data)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a gradient's squares");
    ea_status status = ea_mul(ctx, grad, grad, &squares);
    if (status == EA_OK)
        status = ea_sum(ctx, &squares, NULL, 0, &sum);
    core_arena_release(ctx->arena, mark);
    return status;
}

static ea_status norm_of_all(ea_optimizer *optimizer, float *norm)
{
    int64_t count = 0;
    float *sums = core_alloc(sizeof *sums * (size_t)(optimizer->count + 1));
    if (!sums)
        return core_fail(optimizer->ctx, EA_ERR_MEMORY, "no memory for %d sums", optimizer->count);
    ea_status status = EA_OK;
    for (int i = 0; i < optimizer->count && status == EA_OK; i++)
        if (optimizer->parameters[i]->has_grad)
            status = sum_of_squares(optimizer->ctx, optimizer->parameters[i]->grad, &sums[count++]);
    DLTensor all = { .data = sums, .device = { kDLCPU, 0 }, .ndim = 1, .dtype = EA_FLOAT32 };
    DLTensor total = scalar_at(norm);
    all.shape = &count;
    if (status == EA_OK)
        status = ea_sum(optimizer->ctx, &all, NULL, 0, &total);
    if (status == EA_OK)
        status = ea_sqrt(optimizer->ctx, &total, &total);
    core_free(sums);
    return status;
}

ea_status ea_optimizer_clip_norm(ea_optimizer *optimizer, double max_norm, double *norm)
{
    float total;
    EA_TRY(norm_of_all(optimizer, &total));
    if (norm)
        *norm = total;
    core_fp saved = core_fp_enter();
    float factor = (float)max_norm / (total + 1e-6f);
    core_fp_leave(saved);
    DLTensor scalar = scalar_at(&factor);
    for (int i = 0; i < optimizer->count && !(factor >= 1); i++) {
        ea_parameter *p = optimizer->parameters[i];
        if (p->has_grad)
            EA_TRY(ea_mul(optimizer->ctx, p->grad, &scalar, p->grad));
    }
    return EA_OK;
}

ea_status ea_optimizer_clip_value(ea_optimizer *optimizer, double limit)
{
    for (int i = 0; i < optimizer->count; i++) {
        ea_parameter *p = optimizer->parameters[i];
        const DLTensor *inputs[] = { p->grad };
        if (p->has_grad)
            EA_TRY(ea_point(optimizer->ctx, EA_FN_CLAMP, inputs, (double[]){ -limit, limit },
                            p->grad));
    }
    return EA_OK;
}
