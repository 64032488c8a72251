/* init.c: the initialisers of torch.nn.init. Their bounds are computed in double, as there. */
#include "core/fp.h"
#include "random/random.h"

ea_status ea_init_gain(ea_context *ctx, const char *nonlinearity, double slope, double *gain)
{
    static const struct {
        const char *name;
        double gain;
    } gains[] = { { "linear", 1 }, { "sigmoid", 1 }, { "tanh", 5.0 / 3 }, { "selu", 0.75 } };
    if (strcmp(nonlinearity, "relu") == 0 || strcmp(nonlinearity, "leaky_relu") == 0) {
        double a = nonlinearity[0] == 'r' ? 0 : slope;
        *gain = sqrt(2 / (1 + a * a));
        return EA_OK;
    }
    for (size_t i = 0; i < sizeof gains / sizeof gains[0]; i++)
        if (strcmp(nonlinearity, gains[i].name) == 0) {
            *gain = gains[i].gain;
            return EA_OK;
        }
    return core_fail(ctx, EA_ERR_ARGUMENT,
                     "ea_init_gain: '%.40s' is unknown: give linear, sigmoid, tanh, selu, relu or "
                     "leaky_relu",
                     nonlinearity);
}

static ea_status fans(ea_context *ctx, const char *function, const DLTensor *out, double *in,
                      double *outward)
{
    ea_view view;
    EA_TRY(core_view_of(ctx, function, "out", out, CORE_FLOATS, &view));
    int64_t numel = core_numel(&view);
    if (view.ndim < 2 || numel == 0)
        return core_fail(
            ctx, EA_ERR_SHAPE,
            "%s: out has %d dimensions and %lld elements: give two dimensions or more, "
            "none empty",
            function, view.ndim, (long long)numel);
    *in = (double)(numel / view.shape[0]);
    *outward = (double)(numel / view.shape[1]);
    return EA_OK;
}

/* The deviation of He et al. (2015) or, with `xavier`, of Glorot and Bengio (2010). */
static ea_status deviation_of(ea_context *ctx, const char *function, const DLTensor *out,
                              double gain, bool xavier, ea_fan fan, double *deviation)
{
    double in = 0, outward = 0;
    EA_TRY(fans(ctx, function, out, &in, &outward));
    core_fp saved = core_fp_enter();
    *deviation =
        xavier ? gain * sqrt(2.0 / (in + outward)) : gain / sqrt(fan == EA_FAN_IN ? in : outward);
    core_fp_leave(saved);
    return EA_OK;
}

static ea_status uniform_of(ea_context *ctx, ea_generator *generator, double deviation,
                            DLTensor *out)
{
    core_fp saved = core_fp_enter();
    double bound = sqrt(3.0) * deviation;
    core_fp_leave(saved);
    return ea_uniform(ctx, generator, -bound, bound, out);
}

ea_status ea_init_kaiming_uniform(ea_context *ctx, ea_generator *generator, double gain, ea_fan fan,
                                  DLTensor *out)
{
    double deviation = 0;
    EA_TRY(deviation_of(ctx, "ea_init_kaiming_uniform", out, gain, false, fan, &deviation));
    return uniform_of(ctx, generator, deviation, out);
}

ea_status ea_init_kaiming_normal(ea_context *ctx, ea_generator *generator, double gain, ea_fan fan,
                                 DLTensor *out)
{
    double deviation = 0;
    EA_TRY(deviation_of(ctx, "ea_init_kaiming_normal", out, gain, false, fan, &deviation));
    return ea_normal(ctx, generator, 0, deviation, out);
}

ea_status ea_init_xavier_uniform(ea_context *ctx, ea_generator *generator, double gain,
                                 DLTensor *out)
{
    double deviation = 0;
    EA_TRY(deviation_of(ctx, "ea_init_xavier_uniform", out, gain, true, EA_FAN_IN, &deviation));
    return uniform_of(ctx, generator, deviation, out);
}

ea_status ea_init_xavier_normal(ea_context *ctx, ea_generator *generator, double gain,
                                DLTensor *out)
{
    double deviation = 0;
    EA_TRY(deviation_of(ctx, "ea_init_xavier_normal", out, gain, true, EA_FAN_IN, &deviation));
    return ea_normal(ctx, generator, 0, deviation, out);
}

ea_status ea_init_constant(ea_context *ctx, double value, DLTensor *out)
{
    ea_view view;
    EA_TRY(core_view_of(ctx, "ea_init_constant", "out", out, CORE_FLOATS, &view));
    int64_t n = core_numel(&view);
    for (int64_t i = 0; i < n; i++)
        core_store(&view, core_offset(&view, i), (float)value);
    return EA_OK;
}
