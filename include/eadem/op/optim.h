/* optim.h: one step of an optimiser on one parameter (contract: Optimisers). */
#ifndef EADEM_OP_OPTIM_H
#define EADEM_OP_OPTIM_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All tensors float32, contiguous and of the same shape; param and the states are updated in place.
 * Scalars are double and rounded to float32 where the contract says so. */

typedef struct ea_sgd_options {
    double lr;
    double momentum;
    double dampening;
    double weight_decay;
    int nesterov;
    int maximize;
} ea_sgd_options;

/* As torch.optim.SGD. momentum_buffer may be NULL when momentum is 0; `step` counts from 1: step 1
 * fills the buffer with the gradient. Errors also: EA_ERR_ARGUMENT for nesterov without momentum or
 * with dampening. */
EA_API ea_status ea_sgd(ea_context *ctx, const ea_sgd_options *options, int64_t step,
                        const DLTensor *grad, DLTensor *param, DLTensor *momentum_buffer);

typedef struct ea_adam_options {
    double lr;
    double beta1; /* 0 means 0.9; for a true 0 give any negative number */
    double beta2; /* 0 means 0.999; likewise */
    double eps;   /* 0 means 1e-8; likewise */
    double weight_decay;
    int amsgrad;
    int decoupled; /* AdamW: the decay acts on the parameter, not on the gradient */
    int maximize;
} ea_adam_options;

/* As torch.optim.Adam under contract chain, as RepDL's Adam under contract repdl. `step` counts
 * from 1. max_exp_avg_sq may be NULL unless amsgrad. */
EA_API ea_status ea_adam(ea_context *ctx, const ea_adam_options *options, int64_t step,
                         const DLTensor *grad, DLTensor *param, DLTensor *exp_avg,
                         DLTensor *exp_avg_sq, DLTensor *max_exp_avg_sq);

/* The other optimisers, by number. Names, states and defaults are those of torch.optim; Lion's
 * those of its paper (Chen et al., 2023). */
typedef enum ea_update_rule {
    EA_UPDATE_NADAM,    /* exp_avg, exp_avg_sq */
    EA_UPDATE_RADAM,    /* exp_avg, exp_avg_sq */
    EA_UPDATE_ADAMAX,   /* exp_avg, exp_inf */
    EA_UPDATE_RMSPROP,  /* square_avg, momentum_buffer (if momentum), grad_avg (if centered) */
    EA_UPDATE_ADAGRAD,  /* sum */
    EA_UPDATE_ADADELTA, /* square_avg, acc_delta */
    EA_UPDATE_LION,     /* exp_avg */
    EA_UPDATE_COUNT
} ea_update_rule;

enum { EA_UPDATE_STATES = 3 };

/* Zero means PyTorch's default; for a true 0 of beta1, beta2, eps and momentum_decay give any
 * negative number. */
typedef struct ea_update_options {
    ea_update_rule rule;
    double lr;
    double beta1; /* 0.9 */
    double beta2; /* 0.999; Lion 0.99; RMSprop's alpha 0.99; Adadelta's rho 0.9 */
    double eps;   /* 1e-8; Adagrad 1e-10; Adadelta 1e-6 */
    double weight_decay;
    double momentum;       /* RMSprop */
    double momentum_decay; /* NAdam: 4e-3 */
    double lr_decay;       /* Adagrad */
    int centered;          /* RMSprop */
    int decoupled; /* NAdam, RAdam: the decay acts on the parameter, as Lion's always does */
    int maximize;
} ea_update_options;

/* The names of the states that the options ask for, in order; NULL past the last. */
EA_API const char *ea_update_state(const ea_update_options *options, int index);

/* One step; `step` counts from 1. `states` are those of ea_update_state(), 0 before step 1
 * (Adagrad's sum: its initial value). mu_product, for NAdam only, is 1 before step 1 and updated.
 * Errors also: EA_ERR_ARGUMENT for a rule that is none, a beta of 1 or more, a state that is
 * missing. */
EA_API ea_status ea_update(ea_context *ctx, const ea_update_options *options, int64_t step,
                           const DLTensor *grad, DLTensor *param, DLTensor *const *states,
                           double *mu_product);

#ifdef __cplusplus
}
#endif
#endif
