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

static const native_op ops[] = {
    { "adam", 5, run_adam },
    { "sgd", 3, run_sgd },
};

const native_family native_optim = { ops, sizeof ops / sizeof ops[0] };
