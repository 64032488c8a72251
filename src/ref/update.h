/* update.h: the optimisers by number: one step on contiguous float32 of one shape. */
#ifndef REF_UPDATE_H
#define REF_UPDATE_H

#include "core/view.h"
#include "eadem/op/optim.h"

/* The step's scalars: computed in binary64, each rounded once to binary32. */
typedef struct ref_update_scalars {
    ea_update_rule rule;
    float one_minus_beta1, beta2, one_minus_beta2, eps;
    float correction2;            /* NAdam: 1 − beta2^step */
    float grad_step, moment_step; /* factors of what is added to the parameter */
    float weight_decay, keep, momentum;
    bool decay, decoupled, use_momentum, centered, maximize;
    bool rectified; /* RAdam: the variance's length is long enough */
} ref_update_scalars;

/* mu_product is read and updated by NAdam. */
ref_update_scalars ref_update_prepare(const ea_update_options *options, int64_t step,
                                      double *mu_product);

/* states: NULL where the rule has none. */
ea_status ref_update(ea_context *ctx, const ref_update_scalars *s, const ea_view *grad,
                     const ea_view *param, const ea_view *const *states);

/* base^n, rounded once to binary64, for 0 ≤ base ≤ 1 and n ≥ 0 (optim.c). */
double ref_power(double base, int64_t n);

#endif
