/* average.c: the exponential moving average of a module's parameters. */
#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"
#include "eadem/nn.h"

#include <stdio.h>

struct ea_average {
    ea_context *ctx;
    int count;
    ea_parameter **parameters;
    ea_parameter *averages; /* one a parameter */
};

static ea_status copy_parameter(ea_average *average, ea_parameter *parameter)
{
    ea_parameter *copy = &average->averages[average->count];
    average->parameters[average->count++] = parameter;
    int length = snprintf(copy->name, sizeof copy->name, "average.%s", parameter->name);
    if (length >= EA_NAME_SIZE)
        return core_fail(average->ctx, EA_ERR_ARGUMENT, "the name %.100s is too long to average",
                         parameter->name);
    EA_TRY(ea_tensor_new(average->ctx, EA_FLOAT32, parameter->value->ndim, parameter->value->shape,
                         &copy->value));
    return ea_copy(average->ctx, parameter->value, copy->value);
}

static ea_status copy_all(ea_average *average, ea_module *module)
{
    ea_parameter *parameter;
    size_t count = 0;
    while (ea_module_parameter(module, (int)count))
        count++;
    average->parameters = core_alloc(count * sizeof *average->parameters);
    average->averages = core_alloc_zero(count * sizeof *average->averages);
    if (!average->parameters || !average->averages)
        return core_fail(average->ctx, EA_ERR_MEMORY, "no memory for %zu averages", count);
    for (int i = 0; (parameter = ea_module_parameter(module, i)); i++)
        if (parameter->grad)
            EA_TRY(copy_parameter(average, parameter));
    return EA_OK;
}

ea_average *ea_average_create(ea_context *ctx, ea_module *module)
{
    ea_average *average = core_alloc_zero(sizeof *average);
    if (!average) {
        core_fail(ctx, EA_ERR_MEMORY, "no memory for an average");
        return NULL;
    }
    average->ctx = ctx;
    if (copy_all(average, module) == EA_OK)
        return average;
    ea_average_destroy(average);
    return NULL;
}

void ea_average_destroy(ea_average *average)
{
    if (!average)
        return;
    for (int i = 0; average->averages && i < average->count; i++)
        ea_tensor_free(average->averages[i].value);
    core_free(average->averages);
    core_free(average->parameters);
    core_free(average);
}

ea_status ea_average_update(ea_average *average, double decay)
{
    core_fp saved = core_fp_enter();
    float share = (float)(1 - decay);
    core_fp_leave(saved);
    DLTensor weight = { .data = &share, .device = { kDLCPU, 0 }, .dtype = EA_FLOAT32 };
    for (int i = 0; i < average->count; i++) {
        DLTensor *value = average->averages[i].value;
        const DLTensor *inputs[] = { value, average->parameters[i]->value, &weight };
        EA_TRY(ea_point(average->ctx, EA_FN_LERP, inputs, NULL, value));
    }
    return EA_OK;
}

void ea_average_swap(ea_average *average)
{
    for (int i = 0; i < average->count; i++) {
        float *a = average->averages[i].value->data, *b = average->parameters[i]->value->data;
        for (int64_t k = 0; k < ea_tensor_numel(average->averages[i].value); k++) {
            float value = a[k];
            a[k] = b[k];
            b[k] = value;
        }
    }
}

ea_parameter *ea_average_state(ea_average *average, int index)
{
    return index >= 0 && index < average->count ? &average->averages[index] : NULL;
}
