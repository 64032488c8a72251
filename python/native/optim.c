/* optim.c: steps of optimisers. */
#include "native.h"

/* --- optim.h: integer is the step (and flags); floats as in the options --- */

static ea_status run_adam(const native_call *call)
{
    ea_adam_options options = { .lr = F(0),
                                .beta1 = F(1),
                                .beta2 = F(2),
                                .eps = F(3),
                                .weight_decay = F(4),
                                .amsgrad = (int)I(1),
                                .decoupled = (int)I(2),
                                .maximize = (int)I(3) };
    return ea_adam(call->ctx, &options, I(0), T(0), T(1), T(2), T(3), T(4));
}

static ea_status run_sgd(const native_call *call)
{
    ea_sgd_options options = { .lr = F(0),
                               .momentum = F(1),
                               .dampening = F(2),
                               .weight_decay = F(3),
                               .nesterov = (int)I(1),
                               .maximize = (int)I(2) };
    return ea_sgd(call->ctx, &options, I(0), T(0), T(1), T(2));
}

/* Tensors: grad, param, the states, the product of momenta (one float64). Integers: step, rule,
 * centered, decoupled, maximize. */
static ea_status run_update(const native_call *call)
{
    ea_update_options options = { .rule = (ea_update_rule)I(1),
                                  .lr = F(0),
                                  .beta1 = F(1),
                                  .beta2 = F(2),
                                  .eps = F(3),
                                  .weight_decay = F(4),
                                  .momentum = F(5),
                                  .momentum_decay = F(6),
                                  .lr_decay = F(7),
                                  .centered = (int)I(2),
                                  .decoupled = (int)I(3),
                                  .maximize = (int)I(4) };
    const DLTensor *product = T(2 + EA_UPDATE_STATES);
    double none = 1,
           *mu = product ? (double *)((char *)product->data + product->byte_offset) : &none;
    return ea_update(call->ctx, &options, I(0), T(0), T(1), (DLTensor *const *)call->tensors + 2,
                     mu);
}

static const native_op ops[] = {
    { "adam", 5, run_adam },
    { "sgd", 3, run_sgd },
    { "update", 3 + EA_UPDATE_STATES, run_update },
};

const native_family native_optim = { ops, sizeof ops / sizeof ops[0] };
