/* kernels_optim.h: the optimisers' steps (src/ref/optim.c says what each line rounds). */
#include "ref/ref.h"

/* n lanes of one step; every lane is its own parameter. */
static inline void sgd_lanes(const ref_sgd_scalars *s, vf g, vf *param, vf *buffer)
{
    vf d = s->maximize ? vf_neg(g) : g;
    if (s->decay)
        d = vf_fma(*param, vf_set(s->weight_decay), d);
    if (s->use_momentum) {
        vf momentum = vf_set(s->momentum);
        *buffer = s->first_step
                      ? d
                      : vf_fma(d, vf_set(s->one_minus_dampening), vf_mul(*buffer, momentum));
        d = s->nesterov ? vf_fma(*buffer, momentum, d) : *buffer;
    }
    *param = vf_fma(d, vf_set(s->minus_lr), *param);
}

static void kernel_sgd(const ref_sgd_scalars *s, const float *grad, float *param, float *buffer,
                       int64_t n)
{
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int lanes = n - i < VF_LANES ? (int)(n - i) : VF_LANES;
        vf p = vf_load_n(param + i, lanes), b = buffer ? vf_load_n(buffer + i, lanes) : vf_zero();
        sgd_lanes(s, vf_load_n(grad + i, lanes), &p, &b);
        vf_store_n(param + i, p, lanes);
        if (buffer)
            vf_store_n(buffer + i, b, lanes);
    }
}

typedef struct adam_lanes {
    vf param, exp_avg, exp_avg_sq, max_exp_avg_sq;
} adam_lanes;

static inline vf adam_first_moment(const ref_adam_scalars *s, vf m, vf g)
{
    vf difference = vf_sub(g, m);
    if (s->one_minus_beta1 < 0.5f)
        return vf_fma(vf_set(s->one_minus_beta1), difference, m);
    return vf_fma(vf_neg(difference), vf_set(1 - s->one_minus_beta1), g);
}

static inline void adam_step(const ref_adam_scalars *s, bool repdl, vf g, adam_lanes *a)
{
    g = s->maximize ? vf_neg(g) : g;
    if (s->decay && s->decoupled)
        a->param = vf_mul(a->param, vf_set(s->keep));
    else if (s->decay)
        g = vf_fma(a->param, vf_set(s->weight_decay), g);
    vf decayed = vf_mul(a->exp_avg_sq, vf_set(s->beta2)), rest = vf_set(s->one_minus_beta2);
    if (repdl) {
        a->exp_avg = vf_fma(g, vf_set(s->one_minus_beta1), vf_mul(a->exp_avg, vf_set(s->beta1)));
        a->exp_avg_sq = vf_add(decayed, vf_mul(vf_mul(g, g), rest));
    } else {
        a->exp_avg = adam_first_moment(s, a->exp_avg, g);
        a->exp_avg_sq = vf_fma(vf_mul(rest, g), g, decayed);
    }
    vf second = a->exp_avg_sq;
    if (s->amsgrad) {
        vf most = a->max_exp_avg_sq;
        second = vf_select(vfm_or(vf_ne(most, most), vf_gt(most, second)), most, second);
        a->max_exp_avg_sq = second;
    }
    vf root = vf_div(vf_sqrt(second), vf_set(s->root_correction2));
    vf denominator = vf_add(root, vf_set(s->eps)), step = vf_set(s->minus_step_size);
    a->param = vf_add(a->param, repdl ? vf_mul(vf_div(a->exp_avg, denominator), step)
                                      : vf_div(vf_mul(step, a->exp_avg), denominator));
}

static void kernel_adam(const ref_adam_scalars *s, bool repdl, const float *grad, float *param,
                        float *exp_avg, float *exp_avg_sq, float *max_exp_avg_sq, int64_t n)
{
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int lanes = n - i < VF_LANES ? (int)(n - i) : VF_LANES;
        adam_lanes a = { vf_load_n(param + i, lanes), vf_load_n(exp_avg + i, lanes),
                         vf_load_n(exp_avg_sq + i, lanes), vf_zero() };
        if (s->amsgrad)
            a.max_exp_avg_sq = vf_load_n(max_exp_avg_sq + i, lanes);
        adam_step(s, repdl, vf_load_n(grad + i, lanes), &a);
        vf_store_n(param + i, a.param, lanes);
        vf_store_n(exp_avg + i, a.exp_avg, lanes);
        vf_store_n(exp_avg_sq + i, a.exp_avg_sq, lanes);
        if (s->amsgrad)
            vf_store_n(max_exp_avg_sq + i, a.max_exp_avg_sq, lanes);
    }
}
