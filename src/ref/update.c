/* update.c: definitions of the optimisers by number. No multiply-add is fused here. */
#include "ref/update.h"
#include "random/precise.h"

#include <math.h>

/* --- Scalars ---------------------------------------------------------------------------------- */

/* In the options 0 stands for the default and a negative number for 0. */
static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value < 0 ? 0 : value;
}

static double default_beta2(ea_update_rule rule)
{
    if (rule == EA_UPDATE_ADADELTA)
        return 0.9;
    return rule == EA_UPDATE_LION || rule == EA_UPDATE_RMSPROP ? 0.99 : 0.999;
}

static double default_eps(ea_update_rule rule)
{
    return rule == EA_UPDATE_ADAGRAD ? 1e-10 : rule == EA_UPDATE_ADADELTA ? 1e-6 : 1e-8;
}

/* NAdam's momentum of step t. */
static double nadam_mu(double beta1, double decay, int64_t step)
{
    return beta1 * (1 - 0.5 * random_power(0.96, (double)step * decay));
}

static void nadam_steps(const ea_update_options *o, double beta1, int64_t step, double *mu_product,
                        ref_update_scalars *s)
{
    double decay = or_default(o->momentum_decay, 4e-3);
    double mu = nadam_mu(beta1, decay, step), next = nadam_mu(beta1, decay, step + 1);
    *mu_product = *mu_product * mu;
    s->grad_step = (float)(-o->lr * (1 - mu) / (1 - *mu_product));
    s->moment_step = (float)(-o->lr * next / (1 - *mu_product * next));
}

static void radam_steps(const ea_update_options *o, double beta1, double beta2, int64_t step,
                        ref_update_scalars *s)
{
    double power = ref_power(beta2, step), correction2 = 1 - power;
    double longest = 2 / (1 - beta2) - 1;
    double length = longest - 2 * (double)step * power / correction2;
    double move = -o->lr / (1 - ref_power(beta1, step));
    s->rectified = length > 5;
    if (s->rectified)
        move =
            move *
            sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) *
            sqrt(correction2);
    s->moment_step = (float)move;
}

ref_update_scalars ref_update_prepare(const ea_update_options *o, int64_t step, double *mu_product)
{
    double beta1 = or_default(o->beta1, 0.9);
    double beta2 = or_default(o->beta2, default_beta2(o->rule));
    ref_update_scalars s = {
        .rule = o->rule,
        .one_minus_beta1 = (float)(1 - beta1),
        .beta2 = (float)beta2,
        .one_minus_beta2 = (float)(1 - beta2),
        .eps = (float)or_default(o->eps, default_eps(o->rule)),
        .correction2 = (float)(1 - ref_power(beta2, step)),
        .grad_step = (float)-o->lr,
        .moment_step = (float)-o->lr,
        .weight_decay = (float)o->weight_decay,
        .keep = (float)(1 - o->lr * o->weight_decay),
        .momentum = (float)o->momentum,
        .decay = o->weight_decay != 0,
        .decoupled = o->decoupled || o->rule == EA_UPDATE_LION,
        .use_momentum = o->momentum != 0,
        .centered = o->centered != 0,
        .maximize = o->maximize != 0,
    };
    if (o->rule == EA_UPDATE_NADAM)
        nadam_steps(o, beta1, step, mu_product, &s);
    else if (o->rule == EA_UPDATE_RADAM)
        radam_steps(o, beta1, beta2, step, &s);
    else if (o->rule == EA_UPDATE_ADAMAX)
        s.moment_step = (float)(-o->lr / (1 - ref_power(beta1, step)));
    else if (o->rule == EA_UPDATE_ADAGRAD)
        s.grad_step = (float)(-o->lr / (1 + (double)(step - 1) * o->lr_decay));
    return s;
}

/* --- Steps ------------------------------------------------------------------------------------ */

/* One parameter with its gradient and states. */
typedef struct element {
    float g, p, state[EA_UPDATE_STATES];
} element;

/* The running mean of g in m. */
static void average(float *m, float share, float g)
{
    *m = *m + share * (g - *m);
}

/* The running mean of g². */
static void average_square(const ref_update_scalars *s, float *v, float g)
{
    *v = *v * s->beta2 + s->one_minus_beta2 * g * g;
}

static void nadam(const ref_update_scalars *s, element *e)
{
    average(&e->state[0], s->one_minus_beta1, e->g);
    average_square(s, &e->state[1], e->g);
    float d = sqrtf(e->state[1] / s->correction2) + s->eps;
    e->p = e->p + s->grad_step * e->g / d;
    e->p = e->p + s->moment_step * e->state[0] / d;
}

static void radam(const ref_update_scalars *s, element *e)
{
    average(&e->state[0], s->one_minus_beta1, e->g);
    average_square(s, &e->state[1], e->g);
    float move = s->moment_step * e->state[0];
    e->p = e->p + (s->rectified ? move / (sqrtf(e->state[1]) + s->eps) : move);
}

static void adamax(const ref_update_scalars *s, element *e)
{
    average(&e->state[0], s->one_minus_beta1, e->g);
    float before = e->state[1] * s->beta2, now = fabsf(e->g) + s->eps;
    e->state[1] = now != now || now > before ? now : before;
    e->p = e->p + s->moment_step * e->state[0] / e->state[1];
}

static void rmsprop(const ref_update_scalars *s, element *e)
{
    average_square(s, &e->state[0], e->g);
    float square = e->state[0];
    if (s->centered) {
        average(&e->state[2], s->one_minus_beta2, e->g);
        square = square - e->state[2] * e->state[2];
    }
    float d = sqrtf(square) + s->eps;
    if (s->use_momentum) {
        e->state[1] = e->state[1] * s->momentum + e->g / d;
        e->p = e->p + s->grad_step * e->state[1];
    } else {
        e->p = e->p + s->grad_step * e->g / d;
    }
}

static void adagrad(const ref_update_scalars *s, element *e)
{
    e->state[0] = e->state[0] + e->g * e->g;
    e->p = e->p + s->grad_step * e->g / (sqrtf(e->state[0]) + s->eps);
}

static void adadelta(const ref_update_scalars *s, element *e)
{
    average_square(s, &e->state[0], e->g);
    float delta = sqrtf(e->state[1] + s->eps) / sqrtf(e->state[0] + s->eps) * e->g;
    average_square(s, &e->state[1], delta);
    e->p = e->p + s->grad_step * delta;
}

static void lion(const ref_update_scalars *s, element *e)
{
    float direction = e->state[0];
    average(&direction, s->one_minus_beta1, e->g);
    e->p = e->p + s->grad_step * (float)((direction > 0) - (direction < 0));
    average(&e->state[0], s->one_minus_beta2, e->g);
}

ea_status ref_update(ea_context *ctx, const ref_update_scalars *s, const ea_view *grad,
                     const ea_view *param, const ea_view *const *states)
{
    static void (*const rules[])(const ref_update_scalars *,
                                 element *) = { nadam,   radam,    adamax, rmsprop,
                                                adagrad, adadelta, lion };
    (void)ctx;
    for (int64_t i = 0; i < core_numel(param); i++) {
        element e = { .g = ((const float *)grad->data)[i], .p = ((const float *)param->data)[i] };
        for (int k = 0; k < EA_UPDATE_STATES; k++)
            e.state[k] = states[k] ? ((const float *)states[k]->data)[i] : 0;
        if (s->maximize)
            e.g = -e.g;
        if (s->decay && s->decoupled)
            e.p = e.p * s->keep;
        else if (s->decay)
            e.g = e.g + s->weight_decay * e.p;
        rules[s->rule](s, &e);
        ((float *)param->data)[i] = e.p;
        for (int k = 0; k < EA_UPDATE_STATES; k++)
            if (states[k])
                ((float *)states[k]->data)[i] = e.state[k];
    }
    return EA_OK;
}
