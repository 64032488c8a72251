/* model.c: modules and optimizers from a recipe. */
#include "train/model.h"

#include "core/context.h"

#include <stdio.h>
#include <string.h>

static ea_module *build_layers(ea_context *ctx, const train_layers *layers);

static ea_module *build_conv2d(ea_context *ctx, const train_layer *layer)
{
    return ea_nn_conv2d(ctx, layer->in, layer->out,
                        &(ea_nn_conv2d_options){
                            .kernel = { layer->kernel[0], layer->kernel[1] },
                            .stride = { layer->stride[0], layer->stride[1] },
                            .padding = { layer->padding[0], layer->padding[1] },
                            .dilation = { layer->dilation[0], layer->dilation[1] },
                            .groups = layer->groups,
                            .no_bias = !layer->bias,
                        });
}

static ea_module *build_max_pool2d(ea_context *ctx, const train_layer *layer)
{
    return ea_nn_max_pool2d(ctx, &(ea_pool_options){
                                     .kernel = { layer->kernel[0], layer->kernel[1] },
                                     .stride = { layer->stride[0], layer->stride[1] },
                                     .padding = { layer->padding[0], layer->padding[1] },
                                     .dilation = { layer->dilation[0], layer->dilation[1] },
                                     .ceil_mode = layer->ceil_mode,
                                 });
}

static ea_module *build_residual(ea_context *ctx, const train_layer *layer)
{
    ea_module *body = build_layers(ctx, &layer->body);
    ea_module *shortcut = NULL;
    if (body)
        shortcut =
            layer->shortcut.count ? build_layers(ctx, &layer->shortcut) : ea_nn_identity(ctx);
    return ea_nn_residual(ctx, body, shortcut);
}

static ea_module *build_layer(ea_context *ctx, const train_layer *layer)
{
    switch (layer->kind) {
    case TRAIN_CONV2D:
        return build_conv2d(ctx, layer);
    case TRAIN_LINEAR:
        return ea_nn_linear(ctx, layer->in, layer->out,
                            &(ea_nn_linear_options){ .no_bias = !layer->bias });
    case TRAIN_BATCH_NORM:
        return ea_nn_batch_norm(
            ctx, layer->in,
            &(ea_batch_norm_options){ .eps = layer->eps, .momentum = layer->momentum });
    case TRAIN_MAX_POOL2D:
        return build_max_pool2d(ctx, layer);
    case TRAIN_RELU:
        return ea_nn_relu(ctx);
    case TRAIN_TANH:
        return ea_nn_tanh(ctx);
    case TRAIN_SIGMOID:
        return ea_nn_sigmoid(ctx);
    case TRAIN_FLATTEN:
        return ea_nn_flatten(ctx);
    case TRAIN_RESIDUAL:
        return build_residual(ctx, layer);
    }
    return NULL;
}

static ea_module *build_layers(ea_context *ctx, const train_layers *layers)
{
    ea_module **children = core_alloc_zero((size_t)layers->count * sizeof *children);
    if (!children) {
        core_fail(ctx, EA_ERR_MEMORY, "no memory for %d layers", layers->count);
        return NULL;
    }
    bool complete = true;
    for (int i = 0; complete && i < layers->count; i++)
        complete = (children[i] = build_layer(ctx, &layers->items[i])) != NULL;
    ea_module *module = ea_nn_sequential_of(ctx, (size_t)layers->count, children);
    core_free(children);
    return module;
}

ea_module *train_build_model(ea_context *ctx, const train_recipe *recipe)
{
    ea_module *model = build_layers(ctx, &recipe->layers);
    if (model && (!recipe->name || ea_module_prefix(model, recipe->name) == EA_OK))
        return model;
    ea_module_destroy(model);
    return NULL;
}

/* The operations take 0 for "the default" and a negative number for a true 0. */
static double given(double value)
{
    return value == 0 ? -1 : value;
}

ea_optimizer *train_build_optimizer(ea_context *ctx, ea_module *model, const train_recipe *recipe)
{
    if (recipe->optimizer == TRAIN_SGD)
        return ea_optimizer_sgd(ctx, model,
                                &(ea_sgd_options){ .lr = recipe->lr,
                                                   .momentum = recipe->momentum,
                                                   .dampening = recipe->dampening,
                                                   .weight_decay = recipe->weight_decay,
                                                   .nesterov = recipe->nesterov });
    if (recipe->optimizer >= TRAIN_UPDATE)
        return ea_optimizer_update(ctx, model, &recipe->update);
    return ea_optimizer_adam(ctx, model,
                             &(ea_adam_options){ .lr = recipe->lr,
                                                 .beta1 = given(recipe->betas[0]),
                                                 .beta2 = given(recipe->betas[1]),
                                                 .eps = given(recipe->eps),
                                                 .weight_decay = recipe->weight_decay,
                                                 .amsgrad = recipe->amsgrad,
                                                 .decoupled = recipe->optimizer == TRAIN_ADAMW });
}
