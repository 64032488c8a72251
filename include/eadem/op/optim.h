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

#ifdef __cplusplus
}
#endif
#endif
