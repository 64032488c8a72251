/* optim.c: cases of the optimisers: a few steps each. */
#include "conform/families.h"
#include "eadem/op.h"

enum { STEPS = 4 };

static void run_sgd(conform *c, ea_sgd_options options, int64_t size)
{
    DLTensor *param = conform_floats(c, 1, 1, &size);
    DLTensor *buffer = conform_zeros(c, EA_FLOAT32, 1, &size);
    for (int64_t step = 1; step <= STEPS; step++)
        conform_check(c, ea_sgd(conform_context(c), &options, step,
                                conform_floats(c, (uint32_t)(10 + step), 1, &size), param, buffer));
    conform_emit(c, param);
    conform_emit(c, buffer);
}

static void run_adam(conform *c, ea_adam_options options, int64_t size)
{
    DLTensor *param = conform_floats(c, 1, 1, &size), *state[3];
    for (int i = 0; i < 3; i++)
        state[i] = conform_zeros(c, EA_FLOAT32, 1, &size);
    for (int64_t step = 1; step <= STEPS; step++)
        conform_check(c, ea_adam(conform_context(c), &options, step,
                                 conform_floats(c, (uint32_t)(10 + step), 1, &size), param,
                                 state[0], state[1], state[2]));
    conform_emit(c, param);
    for (int i = 0; i < 3; i++)
        conform_emit(c, state[i]);
}

static void sgd(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t n = conform_sizes[i];
        run_sgd(c, (ea_sgd_options){ .lr = 0.1 }, n);
        run_sgd(c, (ea_sgd_options){ .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01 }, n);
        run_sgd(c, (ea_sgd_options){ .lr = 0.1, .momentum = 0.9, .dampening = 0.3, .maximize = 1 },
                n);
        run_sgd(c, (ea_sgd_options){ .lr = 0.1, .momentum = 0.9, .nesterov = 1 }, n);
    }
}

static void adam(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t n = conform_sizes[i];
        run_adam(c, (ea_adam_options){ .lr = 0.01 }, n);
        run_adam(c, (ea_adam_options){ .lr = 0.01, .weight_decay = 0.1, .amsgrad = 1 }, n);
        run_adam(c, (ea_adam_options){ .lr = 0.01, .weight_decay = 0.1, .decoupled = 1 }, n);
        run_adam(c, (ea_adam_options){ .lr = 0.01, .beta1 = 0.3, .beta2 = 0.77, .maximize = 1 }, n);
        run_adam(c, (ea_adam_options){ .lr = 0.01, .beta1 = -1, .beta2 = -1, .eps = -1 }, n);
    }
}

/* The corrections 1 − beta^step far into a training. */
static void late_steps(conform *c)
{
    static const int64_t steps[] = { 2, 3, 10, 1000, 12345, 1000000, 123456789012 };
    int64_t size = 17;
    for (int i = 0; i < 7; i++) {
        DLTensor *param = conform_floats(c, 1, 1, &size);
        DLTensor *m = conform_floats(c, 2, 1, &size), *v = conform_floats(c, 3, 1, &size);
        conform_check(c, ea_mul(conform_context(c), v, v, v));
        conform_check(c, ea_adam(conform_context(c), &(ea_adam_options){ .lr = 0.001 }, steps[i],
                                 conform_floats(c, 4, 1, &size), param, m, v, NULL));
        conform_emit(c, param);
    }
}

static void specials(conform *c)
{
    int64_t size = 300;
    DLTensor *grad = conform_bits(c, 1, 1, &size), *param = conform_floats(c, 2, 1, &size);
    DLTensor *state[3];
    for (int i = 0; i < 3; i++)
        state[i] = conform_zeros(c, EA_FLOAT32, 1, &size);
    ea_adam_options options = { .lr = 0.01, .amsgrad = 1 };
    for (int64_t step = 1; step <= 2; step++)
        conform_check(c, ea_adam(conform_context(c), &options, step, grad, param, state[0],
                                 state[1], state[2]));
    conform_emit(c, param);
    for (int i = 0; i < 3; i++)
        conform_emit(c, state[i]);
}

static void run_rule(conform *c, ea_update_options options, int64_t size)
{
    DLTensor *param = conform_floats(c, 1, 1, &size), *states[EA_UPDATE_STATES];
    double mu_product = 1;
    for (int i = 0; i < EA_UPDATE_STATES; i++)
        states[i] = conform_zeros(c, EA_FLOAT32, 1, &size);
    for (int64_t step = 1; step <= STEPS; step++)
        conform_check(c, ea_update(conform_context(c), &options, step,
                                   conform_floats(c, (uint32_t)(10 + step), 1, &size), param,
                                   states, &mu_product));
    conform_emit(c, param);
    for (int i = 0; i < EA_UPDATE_STATES; i++)
        conform_emit(c, states[i]);
}

static void rules(conform *c)
{
    static const int64_t sizes[] = { 17, 1025 };
    for (int rule = 0; rule < EA_UPDATE_COUNT; rule++)
        for (int i = 0; i < 2; i++) {
            ea_update_options options = { .rule = (ea_update_rule)rule, .lr = 0.01 };
            run_rule(c, options, sizes[i]);
            options.weight_decay = 0.1;
            options.maximize = options.centered = 1;
            run_rule(c, options, sizes[i]);
            options.decoupled = 1;
            options.momentum = 0.8;
            options.beta1 = options.beta2 = 0.6;
            run_rule(c, options, sizes[i]);
        }
}

static void rules_of_specials(conform *c)
{
    int64_t size = 300;
    for (int rule = 0; rule < EA_UPDATE_COUNT; rule++) {
        ea_update_options options = { .rule = (ea_update_rule)rule, .lr = 0.01 };
        DLTensor *param = conform_floats(c, 2, 1, &size), *states[EA_UPDATE_STATES];
        double mu_product = 1;
        for (int i = 0; i < EA_UPDATE_STATES; i++)
            states[i] = conform_zeros(c, EA_FLOAT32, 1, &size);
        for (int64_t step = 1; step <= 2; step++)
            conform_check(c, ea_update(conform_context(c), &options, step,
                                       conform_bits(c, 1, 1, &size), param, states, &mu_product));
        conform_emit(c, param);
    }
}

static const conform_case cases[] = {
    { "sgd", sgd },           { "adam", adam },   { "late-steps", late_steps },
    { "specials", specials }, { "rules", rules }, { "rules-specials", rules_of_specials },
};

const conform_family conform_optim = { "optim", cases, sizeof cases / sizeof cases[0] };
