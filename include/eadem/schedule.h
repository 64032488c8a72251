/* schedule.h: learning rates by step, as torch.optim.lr_scheduler. A rate is a function of the step
 * alone, so resuming needs the step and nothing else (but ea_plateau, whose struct is its state).
 *
 *     ea_schedule schedule = { .kind = EA_SCHEDULE_COSINE, .lr = 0.1, .steps = 1000, .warmup = 50
 * }; for (int64_t step = 0; …; step++) ea_optimizer_set_lr(optimizer, ea_schedule_lr(&schedule,
 * step));
 *
 * Powers and cosines are the real ones, rounded once to double (contract: Schedules).
 */
#ifndef EADEM_SCHEDULE_H
#define EADEM_SCHEDULE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ea_schedule_kind {
    EA_SCHEDULE_CONSTANT,    /* lr */
    EA_SCHEDULE_STEP,        /* StepLR: lr·gamma^⌊t/steps⌋ */
    EA_SCHEDULE_MULTISTEP,   /* MultiStepLR: lr·gamma^(milestones that are ≤ t) */
    EA_SCHEDULE_EXPONENTIAL, /* ExponentialLR: lr·gamma^t */
    EA_SCHEDULE_COSINE,      /* CosineAnnealingLR from lr to min_lr in `steps`, then min_lr */
    EA_SCHEDULE_RESTARTS,    /* CosineAnnealingWarmRestarts: T_0 = steps, T_mult = multiply */
    EA_SCHEDULE_ONE_CYCLE,   /* OneCycleLR: max_lr = lr, total_steps = steps, by cosines */
    EA_SCHEDULE_LINEAR,      /* LinearLR: lr times from `start` to `end` in `steps` */
    EA_SCHEDULE_POLYNOMIAL,  /* PolynomialLR: lr·(1 − t/steps)^power, then 0 */
    EA_SCHEDULE_COUNT
} ea_schedule_kind;

/* Zero means the default in brackets. */
typedef struct ea_schedule {
    ea_schedule_kind kind;
    double lr;
    int64_t steps;
    double gamma; /* [0.1] */
    const int64_t *milestones;
    int milestone_count;
    double min_lr;
    int64_t multiply;          /* [1] */
    double start, end;         /* [1/3], [1] */
    double power;              /* [1] */
    double rise;               /* one cycle: pct_start [0.3] */
    double divide, divide_end; /* one cycle: div_factor [25], final_div_factor [1e4] */
    int64_t warmup;            /* any kind: that many steps first, lr·(t + 1)/warmup */
} ea_schedule;

/* The learning rate of step `step`, counted from 0. `steps` below 1 counts as 1. */
EA_API double ea_schedule_lr(const ea_schedule *schedule, int64_t step);

/* ReduceLROnPlateau. Set the first six; the others are its state, 0 at first. */
typedef struct ea_plateau {
    double lr;
    double factor;    /* 0 means 0.1 */
    int64_t patience; /* bad values that are borne */
    int64_t cooldown;
    double threshold; /* 0 means 1e-4; relative; negative means a true 0 */
    double min_lr;
    int maximise; /* mode="max" */
    int started;
    double best;
    int64_t bad, cooling;
} ea_plateau;

/* Takes the next value of what is watched and returns the rate from now on. */
EA_API double ea_plateau_step(ea_plateau *plateau, double value);

#ifdef __cplusplus
}
#endif
#endif
