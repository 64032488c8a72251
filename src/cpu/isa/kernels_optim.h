/* kernels_optim.h: the optimisers' steps (src/ref/optim.c says what each line rounds). */
#include "ref/ref.h"

/* One step; every lane is its own parameter. */
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

/* Apart, because masked stores are slow on some machines. */
static void sgd_rest(const ref_sgd_scalars *s, const float *grad, float *param, float *buffer,
                     int n)
{
    vf p = vf_load_n(param, n), b = buffer ? vf_load_n(buffer, n) : vf_zero();
    sgd_lanes(s, vf_load_n(grad, n), &p, &b);
    vf_store_n(param, p, n);
    if (buffer)
        vf_store_n(buffer, b, n);
}

static void kernel_sgd(const ref_sgd_scalars *s, const float *grad, float *param, float *buffer,
                       int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf p = vf_load(param + i), b = buffer ? vf_load(buffer + i) : vf_zero();
        sgd_lanes(s, vf_load(grad + i), &p, &b);
        vf_store(param + i, p);
        if (buffer)
            vf_store(buffer + i, b);
    }
    if (i < n)
        sgd_rest(s, grad + i, param + i, buffer ? buffer + i : NULL, (int)(n - i));
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

static void adam_rest(const ref_adam_scalars *s, bool repdl, const float *grad, float *param,
                      float *exp_avg, float *exp_avg_sq, float *max_exp_avg_sq, int n)
{
    adam_lanes a = { vf_load_n(param, n), vf_load_n(exp_avg, n), vf_load_n(exp_avg_sq, n),
                     s->amsgrad ? vf_load_n(max_exp_avg_sq, n) : vf_zero() };
    adam_step(s, repdl, vf_load_n(grad, n), &a);
    vf_store_n(param, a.param, n);
    vf_store_n(exp_avg, a.exp_avg, n);
    vf_store_n(exp_avg_sq, a.exp_avg_sq, n);
    if (s->amsgrad)
        vf_store_n(max_exp_avg_sq, a.max_exp_avg_sq, n);
}

static void kernel_adam(const ref_adam_scalars *s, bool repdl, const float *grad, float *param,
                        float *exp_avg, float *exp_avg_sq, float *max_exp_avg_sq, int64_t n)
{
    const ref_adam_scalars scalars =
        *s; /* a copy that no store can change: it stays in registers */
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        adam_lanes a = { vf_load(param + i), vf_load(exp_avg + i), vf_load(exp_avg_sq + i),
                         scalars.amsgrad ? vf_load(max_exp_avg_sq + i) : vf_zero() };
        adam_step(&scalars, repdl, vf_load(grad + i), &a);
        vf_store(param + i, a.param);
        vf_store(exp_avg + i, a.exp_avg);
        vf_store(exp_avg_sq + i, a.exp_avg_sq);
        if (scalars.amsgrad)
            vf_store(max_exp_avg_sq + i, a.max_exp_avg_sq);
    }
    if (i < n)
        adam_rest(s, repdl, grad + i, param + i, exp_avg + i, exp_avg_sq + i,
                  s->amsgrad ? max_exp_avg_sq + i : NULL, (int)(n - i));
}
