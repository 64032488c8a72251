/* kernels_update.h: the optimisers by number (src/ref/update.c says what each line rounds). */
#include "ref/update.h"

/* Parameters with their gradients and states; every lane is its own. */
typedef struct update_lanes {
    vf g, p, state[EA_UPDATE_STATES];
} update_lanes;

static inline void update_average(vf *m, float share, vf g)
{
    *m = vf_add(*m, vf_mul(vf_set(share), vf_sub(g, *m)));
}

static inline void update_square(const ref_update_scalars *s, vf *v, vf g)
{
    vf fresh = vf_mul(vf_mul(vf_set(s->one_minus_beta2), g), g);
    *v = vf_add(vf_mul(*v, vf_set(s->beta2)), fresh);
}

/* p + factor·x / d */
static inline vf update_moved(vf p, float factor, vf x, vf d)
{
    return vf_add(p, vf_div(vf_mul(vf_set(factor), x), d));
}

static inline vf update_root(const ref_update_scalars *s, vf square)
{
    return vf_add(vf_sqrt(square), vf_set(s->eps));
}

static inline void update_adamax(const ref_update_scalars *s, update_lanes *e)
{
    vf before = vf_mul(e->state[1], vf_set(s->beta2)), now = vf_add(vf_abs(e->g), vf_set(s->eps));
    e->state[1] = vf_select(vfm_or(vf_ne(now, now), vf_gt(now, before)), now, before);
    e->p = update_moved(e->p, s->moment_step, e->state[0], e->state[1]);
}

static inline void update_rmsprop(const ref_update_scalars *s, update_lanes *e)
{
    update_square(s, &e->state[0], e->g);
    vf square = e->state[0];
    if (s->centered) {
        update_average(&e->state[2], s->one_minus_beta2, e->g);
        square = vf_sub(square, vf_mul(e->state[2], e->state[2]));
    }
    vf d = update_root(s, square);
    if (s->use_momentum) {
        e->state[1] = vf_add(vf_mul(e->state[1], vf_set(s->momentum)), vf_div(e->g, d));
        e->p = vf_add(e->p, vf_mul(vf_set(s->grad_step), e->state[1]));
    } else {
        e->p = update_moved(e->p, s->grad_step, e->g, d);
    }
}

static inline void update_adadelta(const ref_update_scalars *s, update_lanes *e)
{
    update_square(s, &e->state[0], e->g);
    vf eps = vf_set(s->eps), root = vf_sqrt(vf_add(e->state[1], eps));
    vf delta = vf_mul(vf_div(root, vf_sqrt(vf_add(e->state[0], eps))), e->g);
    update_square(s, &e->state[1], delta);
    e->p = vf_add(e->p, vf_mul(vf_set(s->grad_step), delta));
}

static inline void update_lion(const ref_update_scalars *s, update_lanes *e)
{
    vf direction = e->state[0], zero = vf_zero();
    update_average(&direction, s->one_minus_beta1, e->g);
    vf down = vf_select(vf_lt(direction, zero), vf_set(-1), zero);
    vf sign = vf_select(vf_gt(direction, zero), vf_set(1), down);
    e->p = vf_add(e->p, vf_mul(vf_set(s->grad_step), sign));
    update_average(&e->state[0], s->one_minus_beta2, e->g);
}

/* The rules that start with the gradient's running mean in state 0. */
static inline void update_adam_kin(const ref_update_scalars *s, update_lanes *e)
{
    update_average(&e->state[0], s->one_minus_beta1, e->g);
    if (s->rule == EA_UPDATE_ADAMAX) {
        update_adamax(s, e);
        return;
    }
    update_square(s, &e->state[1], e->g);
    if (s->rule == EA_UPDATE_NADAM) {
        vf d = update_root(s, vf_div(e->state[1], vf_set(s->correction2)));
        e->p = update_moved(e->p, s->grad_step, e->g, d);
        e->p = update_moved(e->p, s->moment_step, e->state[0], d);
    } else if (s->rectified) {
        e->p = update_moved(e->p, s->moment_step, e->state[0], update_root(s, e->state[1]));
    } else {
        e->p = vf_add(e->p, vf_mul(vf_set(s->moment_step), e->state[0]));
    }
}

static inline void update_step(const ref_update_scalars *s, update_lanes *e)
{
    e->g = s->maximize ? vf_neg(e->g) : e->g;
    if (s->decay && s->decoupled)
        e->p = vf_mul(e->p, vf_set(s->keep));
    else if (s->decay)
        e->g = vf_add(e->g, vf_mul(vf_set(s->weight_decay), e->p));
    switch (s->rule) {
    case EA_UPDATE_RMSPROP:
        update_rmsprop(s, e);
        break;
    case EA_UPDATE_ADAGRAD:
        e->state[0] = vf_add(e->state[0], vf_mul(e->g, e->g));
        e->p = update_moved(e->p, s->grad_step, e->g, update_root(s, e->state[0]));
        break;
    case EA_UPDATE_ADADELTA:
        update_adadelta(s, e);
        break;
    case EA_UPDATE_LION:
        update_lion(s, e);
        break;
    default:
        update_adam_kin(s, e);
    }
}

/* n ≤ VF_LANES parameters. */
static void update_rest(const ref_update_scalars *s, const float *grad, float *param,
                        float *const *state, int64_t at, int n)
{
    update_lanes e = { .g = vf_load_n(grad + at, n), .p = vf_load_n(param + at, n) };
    for (int k = 0; k < EA_UPDATE_STATES; k++)
        e.state[k] = state[k] ? vf_load_n(state[k] + at, n) : vf_zero();
    update_step(s, &e);
    vf_store_n(param + at, e.p, n);
    for (int k = 0; k < EA_UPDATE_STATES; k++)
        if (state[k])
            vf_store_n(state[k] + at, e.state[k], n);
}

static void kernel_update(const ref_update_scalars *s, const float *grad, float *param,
                          float *const *state, int64_t n)
{
    const ref_update_scalars scalars = *s; /* a copy that no store can change */
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        update_lanes e = { .g = vf_load(grad + i), .p = vf_load(param + i) };
        for (int k = 0; k < EA_UPDATE_STATES; k++)
            e.state[k] = state[k] ? vf_load(state[k] + i) : vf_zero();
        update_step(&scalars, &e);
        vf_store(param + i, e.p);
        for (int k = 0; k < EA_UPDATE_STATES; k++)
            if (state[k])
                vf_store(state[k] + i, e.state[k]);
    }
    if (i < n)
        update_rest(s, grad, param, state, i, (int)(n - i));
}
