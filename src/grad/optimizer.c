/* optimizer.c: SGD and Adam over all parameters of a module. */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/nn.h"

#include <stdio.h>

enum { MAX_STATES = 3 };

typedef enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM } optimizer_kind;

struct ea_optimizer {
    ea_context *ctx;
    optimizer_kind kind;
    union {
        ea_sgd_options sgd;
        ea_adam_options adam;
    } options;
    int count;
    ea_parameter **parameters;
    int state_names; /* states of one parameter */
    /* First `step` (int64, one number a parameter), then the states of each parameter in turn. */
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

static int state_count(const ea_optimizer *optimizer)
{
    return 1 + optimizer->count * optimizer->state_names;
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
    return EA_OK;
}

/* names: of each parameter's states, NULL last unless there are MAX_STATES. */
static ea_optimizer *create(ea_context *ctx, ea_module *module, optimizer_kind kind,
                            const char *const names[MAX_STATES])
{
    ea_optimizer *optimizer = core_alloc_zero(sizeof *optimizer);
    if (!optimizer) {
        core_fail(ctx, EA_ERR_MEMORY, "no memory for an optimizer");
        return NULL;
    }
    optimizer->ctx = ctx;
    optimizer->kind = kind;
    if (collect_parameters(optimizer, module) == EA_OK && make_states(optimizer, names) == EA_OK)
        return optimizer;
    ea_optimizer_destroy(optimizer);
    return NULL;
}

ea_optimizer *ea_optimizer_sgd(ea_context *ctx, ea_module *module, const ea_sgd_options *options)
{
    const char *names[MAX_STATES] = { options->momentum != 0 ? "momentum_buffer" : NULL };
    ea_optimizer *optimizer = create(ctx, module, OPTIMIZER_SGD, names);
    if (optimizer)
        optimizer->options.sgd = *options;
    return optimizer;
}

ea_optimizer *ea_optimizer_adam(ea_context *ctx, ea_module *module, const ea_adam_options *options)
{
    const char *names[MAX_STATES] = { "exp_avg", "exp_avg_sq",
                                      options->amsgrad ? "max_exp_avg_sq" : NULL };
    ea_optimizer *optimizer = create(ctx, module, OPTIMIZER_ADAM, names);
    if (optimizer)
        optimizer->options.adam = *options;
    return optimizer;
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
        if (optimizer->kind == OPTIMIZER_SGD)
            EA_TRY(ea_sgd(optimizer->ctx, &optimizer->options.sgd, step, p->grad, p->value,
                          state_of(optimizer, i, 0)));
        else
            EA_TRY(ea_adam(optimizer->ctx, &optimizer->options.adam, step, p->grad, p->value,
                           state_of(optimizer, i, 0), state_of(optimizer, i, 1),
                           state_of(optimizer, i, 2)));
    }
    return EA_OK;
}

void ea_optimizer_set_lr(ea_optimizer *optimizer, double lr)
{
    if (optimizer->kind == OPTIMIZER_SGD)
        optimizer->options.sgd.lr = lr;
    else
        optimizer->options.adam.lr = lr;
}

ea_parameter *ea_optimizer_state(ea_optimizer *optimizer, int index)
{
    return index >= 0 && index < state_count(optimizer) ? &optimizer->states[index] : NULL;
}
