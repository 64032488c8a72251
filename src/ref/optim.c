/* optim.c: definitions of the optimisers' steps. A fused multiply-add stands as fmaf. */
#include "ref/ref.h"
#include "ref/update.h"

#include <math.h>

/* --- Scalars ---------------------------------------------------------------------------------- */

/* An unevaluated sum of two doubles. */
typedef struct pair {
    double high, low;
} pair;

static pair multiply(pair a, pair b)
{
    double high = a.high * b.high;
    double low = fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high);
    double sum = high + low;
    return (pair){ sum, low - (sum - high) };
}

/* base^n in binary64 for 0 ≤ base ≤ 1 and n ≥ 0, by squaring in twice the precision, so that the
 * rounding at the end is the only one that shows. pow() of the C library differs between machines.
 */
double ref_power(double base, int64_t n)
{
    pair result = { 1, 0 }, square = { base, 0 };
    for (; n > 0; n /= 2) {
        if (n % 2)
            result = multiply(result, square);
        square = multiply(square, square);
    }
    return result.high;
}

/* In the options 0 stands for the default and a negative number for 0. */
static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value < 0 ? 0 : value;
}

ref_sgd_scalars ref_sgd_prepare(const ea_sgd_options *o, int64_t step)
{
    return (ref_sgd_scalars){
        .minus_lr = (float)-o->lr,
        .momentum = (float)o->momentum,
        .one_minus_dampening = (float)(1 - o->dampening),
        .weight_decay = (float)o->weight_decay,
        .decay = o->weight_decay != 0,
        .use_momentum = o->momentum != 0,
        .first_step = step == 1,
        .nesterov = o->nesterov != 0,
        .maximize = o->maximize != 0,
    };
}

ref_adam_scalars ref_adam_prepare(const ea_adam_options *o, int64_t step)
{
    double beta1 = or_default(o->beta1, 0.9), beta2 = or_default(o->beta2, 0.999);
    double correction1 = 1 - ref_power(beta1, step), correction2 = 1 - ref_power(beta2, step);
    return (ref_adam_scalars){
        .beta1 = (float)beta1,
        .one_minus_beta1 = (float)(1 - beta1),
        .beta2 = (float)beta2,
        .one_minus_beta2 = (float)(1 - beta2),
        .root_correction2 = (float)sqrt(correction2),
        .minus_step_size = (float)-(o->lr / correction1),
        .eps = (float)or_default(o->eps, 1e-8),
        .weight_decay = (float)o->weight_decay,
        .keep = (float)(1 - o->lr * o->weight_decay),
        .decay = o->weight_decay != 0,
        .decoupled = o->decoupled != 0,
        .amsgrad = o->amsgrad != 0,
        .maximize = o->maximize != 0,
    };
}

/* --- Steps ------------------------------------------------------------------------------------ */

ea_status ref_sgd(ea_context *ctx, const ref_sgd_scalars *s, const ea_view *grad,
                  const ea_view *param, const ea_view *buffer)
{
    (void)ctx;
    const float *g = grad->data;
    float *p = param->data, *momentum = buffer ? buffer->data : NULL;
    for (int64_t i = 0; i < core_numel(param); i++) {
        float d = s->maximize ? -g[i] : g[i];
        if (s->decay)
            d = fmaf(p[i], s->weight_decay, d);
        if (s->use_momentum) {
            float b =
                s->first_step ? d : fmaf(d, s->one_minus_dampening, momentum[i] * s->momentum);
            momentum[i] = b;
            d = s->nesterov ? fmaf(b, s->momentum, d) : b;
        }
        p[i] = fmaf(d, s->minus_lr, p[i]);
    }
    return EA_OK;
}

/* max(a, b); NaN when either is. */
static float larger(float a, float b)
{
    return a != a || a > b ? a : b;
}

static float chain_first_moment(const ref_adam_scalars *s, float m, float g)
{
    float difference = g - m;
    if (s->one_minus_beta1 < 0.5f)
        return fmaf(s->one_minus_beta1, difference, m);
    return fmaf(-difference, 1 - s->one_minus_beta1, g);
}

ea_status ref_adam(ea_context *ctx, const ref_adam_scalars *s, const ea_view *grad,
                   const ea_view *param, const ea_view *exp_avg, const ea_view *exp_avg_sq,
                   const ea_view *max_exp_avg_sq)
{
    bool repdl = ctx->contract == EA_CONTRACT_REPDL;
    const float *grads = grad->data;
    float *p = param->data, *m = exp_avg->data, *v = exp_avg_sq->data;
    float *most = max_exp_avg_sq ? max_exp_avg_sq->data : NULL;
    for (int64_t i = 0; i < core_numel(param); i++) {
        float g = s->maximize ? -grads[i] : grads[i];
        if (s->decay && s->decoupled)
            p[i] = p[i] * s->keep;
        else if (s->decay)
            g = fmaf(p[i], s->weight_decay, g);
        if (repdl) {
            m[i] = fmaf(g, s->one_minus_beta1, m[i] * s->beta1);
            v[i] = v[i] * s->beta2 + g * g * s->one_minus_beta2;
        } else {
            m[i] = chain_first_moment(s, m[i], g);
            v[i] = fmaf(s->one_minus_beta2 * g, g, v[i] * s->beta2);
        }
        float second = v[i];
        if (s->amsgrad)
            second = most[i] = larger(most[i], v[i]);
        float denominator = sqrtf(second) / s->root_correction2 + s->eps;
        if (repdl)
            p[i] = p[i] + m[i] / denominator * s->minus_step_size;
        else
            p[i] = p[i] + s->minus_step_size * m[i] / denominator;
    }
    return EA_OK;
}
