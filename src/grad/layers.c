/* layers.c: modules that wrap one operation. */
#include "grad/module.h"

#include <math.h>

/* --- linear and conv2d ----------------------------------------------------------------------- */

/* PyTorch's reset_parameters() of Linear and Conv2d. */
static ea_status init_weight_and_bias(ea_module *module, ea_generator *generator)
{
    ea_parameter *weight = grad_module_find(module, "weight");
    ea_parameter *bias = grad_module_find(module, "bias");
    ea_context *ctx = module->ctx;
    ea_generator room;
    double gain;
    if (ea_tensor_numel(weight->value) == 0)
        return EA_OK;
    EA_TRY(ea_init_gain(ctx, "leaky_relu", sqrt(5), &gain));
    EA_TRY(ea_init_kaiming_uniform(ctx, ea_generator_named(generator, weight->name, &room), gain,
                                   EA_FAN_IN, weight->value));
    if (!bias)
        return EA_OK;
    double fan_in = (double)(ea_tensor_numel(weight->value) / weight->value->shape[0]);
    double bound = 1 / sqrt(fan_in);
    return ea_uniform(ctx, ea_generator_named(generator, bias->name, &room), -bound, bound,
                      bias->value);
}

static ea_var *linear_forward(ea_module *module, ea_var *x)
{
    return ea_var_linear(x, grad_module_value(module, "weight", x->tape),
                         grad_module_value(module, "bias", x->tape));
}

ea_module *ea_nn_linear(ea_context *ctx, int64_t in, int64_t out,
                        const ea_nn_linear_options *options)
{
    static const grad_module_class class = { "linear", linear_forward, init_weight_and_bias };
    if (in < 0 || out < 0) {
        core_fail(ctx, EA_ERR_ARGUMENT, "linear: sizes %lld and %lld must not be negative",
                  (long long)in, (long long)out);
        return NULL;
    }
    ea_module *module = grad_module_new(ctx, &class);
    module = grad_module_own(module, "weight", EA_FLOAT32, 2, (int64_t[]){ out, in }, true);
    if (!options || !options->no_bias)
        module = grad_module_own(module, "bias", EA_FLOAT32, 1, &out, true);
    return module;
}

static ea_var *conv2d_forward(ea_module *module, ea_var *x)
{
    return ea_var_conv2d(x, grad_module_value(module, "weight", x->tape),
                         grad_module_value(module, "bias", x->tape), &module->options.conv);
}

ea_module *ea_nn_conv2d(ea_context *ctx, int64_t in, int64_t out,
                        const ea_nn_conv2d_options *options)
{
    static const grad_module_class class = { "conv2d", conv2d_forward, init_weight_and_bias };
    int64_t groups = options->groups ? options->groups : 1;
    const int64_t *kernel = options->kernel;
    if (in < 1 || out < 1 || groups < 1 || in % groups || out % groups || kernel[0] < 1 ||
        kernel[1] < 1) {
        core_fail(ctx, EA_ERR_ARGUMENT,
                  "conv2d: %lld to %lld channels in %lld groups with kernel [%lld, %lld]: give "
                  "positive sizes, and groups that divide both channel numbers",
                  (long long)in, (long long)out, (long long)groups, (long long)kernel[0],
                  (long long)kernel[1]);
        return NULL;
    }
    int64_t shape[4] = { out, in / groups, kernel[0], kernel[1] };
    ea_module *module = grad_module_new(ctx, &class);
    module = grad_module_own(module, "weight", EA_FLOAT32, 4, shape, true);
    if (!options->no_bias)
        module = grad_module_own(module, "bias", EA_FLOAT32, 1, &out, true);
    if (module)
        module->options.conv = (ea_conv_options){
            .stride = { options->stride[0], options->stride[1] },
            .padding = { options->padding[0], options->padding[1] },
            .dilation = { options->dilation[0], options->dilation[1] },
            .groups = groups,
        };
    return module;
}

/* --- batch_norm ------------------------------------------------------------------------------ */

static ea_var *batch_norm_forward(ea_module *module, ea_var *x)
{
    ea_batch_norm_options options = module->options.batch_norm;
    options.training = module->training;
    ea_var *out = ea_var_batch_norm(x, grad_module_value(module, "weight", x->tape),
                                    grad_module_value(module, "bias", x->tape),
                                    grad_module_find(module, "running_mean")->value,
                                    grad_module_find(module, "running_var")->value, &options);
    if (out && module->training)
        ++*(int64_t *)grad_module_find(module, "num_batches_tracked")->value->data;
    return out;
}

ea_module *ea_nn_batch_norm(ea_context *ctx, int64_t features, const ea_batch_norm_options *options)
{
    static const grad_module_class class = { "batch_norm", batch_norm_forward, NULL };
    ea_module *module = grad_module_new(ctx, &class);
    module = grad_module_own(module, "weight", EA_FLOAT32, 1, &features, true);
    module = grad_module_own(module, "bias", EA_FLOAT32, 1, &features, true);
    module = grad_module_own(module, "running_mean", EA_FLOAT32, 1, &features, false);
    module = grad_module_own(module, "running_var", EA_FLOAT32, 1, &features, false);
    module = grad_module_own(module, "num_batches_tracked", EA_INT64, 0, NULL, false);
    if (!module)
        return NULL;
    for (int64_t i = 0; i < features; i++) {
        ((float *)grad_module_find(module, "weight")->value->data)[i] = 1;
        ((float *)grad_module_find(module, "running_var")->value->data)[i] = 1;
    }
    if (options)
        module->options.batch_norm = *options;
    return module;
}

/* --- layer_norm, rms_norm, group_norm --------------------------------------------------------- */

static ea_var *layer_norm_forward(ea_module *module, ea_var *x)
{
    return ea_var_layer_norm(x, 1, grad_module_value(module, "weight", x->tape),
                             grad_module_value(module, "bias", x->tape),
                             module->options.row_norm.eps);
}

static ea_var *rms_norm_forward(ea_module *module, ea_var *x)
{
    return ea_var_rms_norm(x, 1, grad_module_value(module, "weight", x->tape),
                           module->options.row_norm.eps);
}

static ea_var *group_norm_forward(ea_module *module, ea_var *x)
{
    return ea_var_group_norm(
        x, module->options.row_norm.groups, grad_module_value(module, "weight", x->tape),
        grad_module_value(module, "bias", x->tape), module->options.row_norm.eps);
}

static ea_module *row_norm(ea_context *ctx, const grad_module_class *class, int64_t features,
                           bool with_bias, int64_t groups, double eps)
{
    ea_module *module = grad_module_new(ctx, class);
    module = grad_module_own(module, "weight", EA_FLOAT32, 1, &features, true);
    if (with_bias)
        module = grad_module_own(module, "bias", EA_FLOAT32, 1, &features, true);
    if (!module)
        return NULL;
    for (int64_t i = 0; i < features; i++)
        ((float *)module->own[0].value->data)[i] = 1;
    module->options.row_norm.groups = groups;
    module->options.row_norm.eps = eps;
    return module;
}

ea_module *ea_nn_layer_norm(ea_context *ctx, int64_t features, double eps)
{
    static const grad_module_class class = { "layer_norm", layer_norm_forward, NULL };
    return row_norm(ctx, &class, features, true, 0, eps);
}

ea_module *ea_nn_rms_norm(ea_context *ctx, int64_t features, double eps)
{
    static const grad_module_class class = { "rms_norm", rms_norm_forward, NULL };
    return row_norm(ctx, &class, features, false, 0, eps);
}

ea_module *ea_nn_group_norm(ea_context *ctx, int64_t groups, int64_t features, double eps)
{
    static const grad_module_class class = { "group_norm", group_norm_forward, NULL };
    return row_norm(ctx, &class, features, true, groups, eps);
}

/* --- Without parameters ---------------------------------------------------------------------- */

static ea_var *relu_forward(ea_module *module, ea_var *x)
{
    (void)module;
    return ea_var_relu(x);
}

ea_module *ea_nn_relu(ea_context *ctx)
{
    static const grad_module_class class = { "relu", relu_forward, NULL };
    return grad_module_new(ctx, &class);
}

static ea_var *tanh_forward(ea_module *module, ea_var *x)
{
    (void)module;
    return ea_var_tanh(x);
}

ea_module *ea_nn_tanh(ea_context *ctx)
{
    static const grad_module_class class = { "tanh", tanh_forward, NULL };
    return grad_module_new(ctx, &class);
}

static ea_var *sigmoid_forward(ea_module *module, ea_var *x)
{
    (void)module;
    return ea_var_sigmoid(x);
}

ea_module *ea_nn_sigmoid(ea_context *ctx)
{
    static const grad_module_class class = { "sigmoid", sigmoid_forward, NULL };
    return grad_module_new(ctx, &class);
}

static ea_var *max_pool2d_forward(ea_module *module, ea_var *x)
{
    return ea_var_max_pool2d(x, &module->options.pool);
}

ea_module *ea_nn_max_pool2d(ea_context *ctx, const ea_pool_options *options)
{
    static const grad_module_class class = { "max_pool2d", max_pool2d_forward, NULL };
    ea_module *module = grad_module_new(ctx, &class);
    if (module)
        module->options.pool = *options;
    return module;
}

static ea_var *dropout_forward(ea_module *module, ea_var *x)
{
    return module->training
               ? ea_var_dropout(x, module->options.dropout.p, module->options.dropout.generator)
               : x;
}

ea_module *ea_nn_dropout(ea_context *ctx, double p, ea_generator *generator)
{
    static const grad_module_class class = { "dropout", dropout_forward, NULL };
    if (!(p >= 0 && p <= 1) || !generator) {
        core_fail(ctx, EA_ERR_ARGUMENT, "dropout: p is %g%s: give a probability and a generator", p,
                  generator ? "" : ", the generator NULL");
        return NULL;
    }
    ea_module *module = grad_module_new(ctx, &class);
    if (module) {
        module->options.dropout.p = p;
        module->options.dropout.generator = generator;
    }
    return module;
}

static ea_var *flatten_forward(ea_module *module, ea_var *x)
{
    (void)module;
    return ea_var_flatten(x, 1);
}

ea_module *ea_nn_flatten(ea_context *ctx)
{
    static const grad_module_class class = { "flatten", flatten_forward, NULL };
    return grad_module_new(ctx, &class);
}

static ea_var *identity_forward(ea_module *module, ea_var *x)
{
    (void)module;
    return x;
}

ea_module *ea_nn_identity(ea_context *ctx)
{
    static const grad_module_class class = { "identity", identity_forward, NULL };
    return grad_module_new(ctx, &class);
}
