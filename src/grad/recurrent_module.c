/* recurrent_module.c: RNN, LSTM and GRU as modules, with the parameters' names and order that
 * torch.nn gives them. */
#include "grad/module.h"

#include <math.h>
#include <stdio.h>

static const char *const kind_names[] = { "rnn_tanh", "rnn_relu", "lstm", "gru" };

static int directions_of(const ea_nn_recurrent_options *options)
{
    return options->bidirectional ? 2 : 1;
}

/* "weight_ih_l1_reverse", as in torch's state_dict. */
static void name_of(const char *part, int layer, int direction, char name[EA_NAME_SIZE])
{
    snprintf(name, EA_NAME_SIZE, "%s_l%d%s", part, layer, direction ? "_reverse" : "");
}

static ea_module *own(ea_module *module, const char *part, int layer, int direction, int64_t rows,
                      int64_t columns)
{
    char name[EA_NAME_SIZE];
    int64_t shape[2] = { rows, columns };
    name_of(part, layer, direction, name);
    return grad_module_own(module, name, EA_FLOAT32, columns ? 2 : 1, shape, true);
}

/* All parameters of one layer and direction; `in`: the elements of its input. */
static ea_module *own_direction(ea_module *module, int layer, int direction, int64_t in)
{
    if (!module)
        return NULL;
    const ea_nn_recurrent_options o = module->options.recurrent;
    int64_t gates = ea_recurrent_gates(o.kind) * o.hidden;
    int64_t out = o.projection ? o.projection : o.hidden;
    module = own(module, "weight_ih", layer, direction, gates, in);
    module = own(module, "weight_hh", layer, direction, gates, out);
    if (!o.no_bias) {
        module = own(module, "bias_ih", layer, direction, gates, 0);
        module = own(module, "bias_hh", layer, direction, gates, 0);
    }
    return o.projection ? own(module, "weight_hr", layer, direction, out, o.hidden) : module;
}

/* PyTorch's reset_parameters(): all uniform within 1/√hidden. */
static ea_status init(ea_module *module, ea_generator *generator)
{
    double bound = 1 / sqrt((double)module->options.recurrent.hidden);
    for (int i = 0; i < module->own_count; i++) {
        ea_parameter *parameter = &module->own[i];
        ea_generator room;
        EA_TRY(ea_uniform(module->ctx, ea_generator_named(generator, parameter->name, &room),
                          -bound, bound, parameter->value));
    }
    return EA_OK;
}

static ea_var *value_of(ea_module *module, const char *part, int layer, int direction,
                        ea_tape *tape)
{
    char name[EA_NAME_SIZE];
    name_of(part, layer, direction, name);
    return grad_module_value(module, name, tape);
}

ea_var *ea_nn_recurrent_packed(ea_module *module, ea_var *x, const int64_t *batch_sizes,
                               int64_t steps, ea_var *h0, ea_var *c0, ea_var **hn, ea_var **cn)
{
    *hn = *cn = NULL;
    if (!module || !x || !h0 || !c0)
        return NULL;
    const ea_nn_recurrent_options *o = &module->options.recurrent;
    int directions = directions_of(o), count = o->layers * directions;
    ea_recurrent_layer *weights = grad_alloc(x->tape, sizeof *weights * (size_t)count);
    for (int i = 0; weights && i < count; i++) {
        int layer = i / directions, direction = i % directions;
        weights[i] =
            (ea_recurrent_layer){ value_of(module, "weight_ih", layer, direction, x->tape),
                                  value_of(module, "weight_hh", layer, direction, x->tape),
                                  value_of(module, "bias_ih", layer, direction, x->tape),
                                  value_of(module, "bias_hh", layer, direction, x->tape),
                                  value_of(module, "weight_hr", layer, direction, x->tape) };
    }
    ea_recurrent_options options = { .kind = o->kind,
                                     .layers = o->layers,
                                     .bidirectional = o->bidirectional,
                                     .batch_first = o->batch_first,
                                     .dropout = o->dropout,
                                     .generator = module->training ? o->generator : NULL,
                                     .batch_sizes = batch_sizes,
                                     .steps = steps };
    return weights ? ea_var_recurrent(x, &options, weights, h0, c0, hn, cn) : NULL;
}

ea_var *ea_nn_recurrent_from(ea_module *module, ea_var *x, ea_var *h0, ea_var *c0, ea_var **hn,
                             ea_var **cn)
{
    return ea_nn_recurrent_packed(module, x, NULL, 0, h0, c0, hn, cn);
}

static ea_var *forward(ea_module *module, ea_var *x)
{
    ea_var *hn, *cn;
    return ea_nn_recurrent_from(module, x, ea_no_bias, ea_no_bias, &hn, &cn);
}

/* Zero stands for one layer. */
static ea_status check(ea_context *ctx, int64_t in, const ea_nn_recurrent_options *o)
{
    if (!ea_recurrent_gates(o->kind))
        return core_fail(ctx, EA_ERR_ARGUMENT, "recurrent: kind %d is none", (int)o->kind);
    if (in < 1 || o->hidden < 1 || o->layers < 0)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: %lld inputs, %lld hidden, %d layers: give positive sizes",
                         kind_names[o->kind], (long long)in, (long long)o->hidden, o->layers);
    if (o->projection &&
        (o->kind != EA_RECURRENT_LSTM || o->projection < 0 || o->projection >= o->hidden))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: projection is %lld: give an LSTM one below its %lld hidden",
                         kind_names[o->kind], (long long)o->projection, (long long)o->hidden);
    if (!(o->dropout >= 0 && o->dropout <= 1))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dropout is %g: give a probability",
                         kind_names[o->kind], o->dropout);
    return EA_OK;
}

ea_module *ea_nn_recurrent(ea_context *ctx, int64_t in, const ea_nn_recurrent_options *options)
{
    static const grad_module_class classes[] = { { "rnn_tanh", forward, init },
                                                 { "rnn_relu", forward, init },
                                                 { "lstm", forward, init },
                                                 { "gru", forward, init } };
    if (check(ctx, in, options) != EA_OK)
        return NULL;
    ea_nn_recurrent_options o = *options;
    o.layers = o.layers ? o.layers : 1;
    int directions = directions_of(&o);
    int64_t out = o.projection ? o.projection : o.hidden;
    ea_module *module = grad_module_new(ctx, &classes[o.kind]);
    if (module)
        module->options.recurrent = o;
    for (int i = 0; i < o.layers * directions; i++) {
        int layer = i / directions;
        module = own_direction(module, layer, i % directions, layer ? out * directions : in);
    }
    return module;
}
