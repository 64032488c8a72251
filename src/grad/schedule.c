/* schedule.c: learning rates by step. */
#include "eadem/schedule.h"
#include "core/fp.h"
#include "random/precise.h"

#include <math.h>
#include <stdbool.h>

static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value;
}

/* gamma^n for any gamma > 0. */
static double powered(double gamma, double n)
{
    return gamma <= 1 ? random_power(gamma, n) : 1 / random_power(1 / gamma, n);
}

/* From `from` to `to` by half a cosine, x from 0 to 1. */
static double annealed(double from, double to, double x)
{
    return to + (from - to) * (1 + random_cos_pi(x)) / 2;
}

static double restarts(const ea_schedule *s, int64_t length, int64_t step)
{
    int64_t multiply = s->multiply > 1 ? s->multiply : 1;
    if (multiply == 1)
        step %= length;
    for (; step >= length; length *= multiply)
        step -= length;
    return annealed(s->lr, s->min_lr, (double)step / (double)length);
}

static double one_cycle(const ea_schedule *s, double last, int64_t step)
{
    double divide = or_default(s->divide, 25), low = s->lr / divide;
    double end = low / or_default(s->divide_end, 1e4);
    double top = or_default(s->rise, 0.3) * (last + 1) - 1, t = (double)step;
    if (t <= top)
        return annealed(low, s->lr, top > 0 ? t / top : 1);
    return t >= last ? end : annealed(s->lr, end, (t - top) / (last - top));
}

static double plain(const ea_schedule *s, int64_t step)
{
    int64_t steps = s->steps < 1 ? 1 : s->steps;
    double gamma = or_default(s->gamma, 0.1), part = (double)step / (double)steps;
    double inside = part < 1 ? part : 1;
    switch (s->kind) {
    case EA_SCHEDULE_STEP:
        return s->lr * powered(gamma, (double)(step / steps));
    case EA_SCHEDULE_MULTISTEP: {
        int passed = 0;
        for (int i = 0; i < s->milestone_count; i++)
            passed += s->milestones[i] <= step;
        return s->lr * powered(gamma, passed);
    }
    case EA_SCHEDULE_EXPONENTIAL:
        return s->lr * powered(gamma, (double)step);
    case EA_SCHEDULE_COSINE:
        return annealed(s->lr, s->min_lr, inside);
    case EA_SCHEDULE_RESTARTS:
        return restarts(s, steps, step);
    case EA_SCHEDULE_ONE_CYCLE:
        return one_cycle(s, (double)(steps - 1), step);
    case EA_SCHEDULE_LINEAR: {
        double start = or_default(s->start, 1.0 / 3), end = or_default(s->end, 1);
        return s->lr * (start + (end - start) * inside);
    }
    case EA_SCHEDULE_POLYNOMIAL:
        return part < 1 ? s->lr * random_power(1 - part, or_default(s->power, 1)) : 0;
    default:
        return s->lr;
    }
}

double ea_schedule_lr(const ea_schedule *schedule, int64_t step)
{
    core_fp saved = core_fp_enter();
    double lr = step < schedule->warmup
                    ? schedule->lr * (double)(step + 1) / (double)schedule->warmup
                    : plain(schedule, step - (schedule->warmup > 0 ? schedule->warmup : 0));
    core_fp_leave(saved);
    return lr;
}

static bool better(const ea_plateau *p, double value)
{
    double threshold = p->threshold == 0 ? 1e-4 : p->threshold < 0 ? 0 : p->threshold;
    if (!p->started)
        return true;
    return p->maximise ? value > p->best * (1 + threshold) : value < p->best * (1 - threshold);
}

double ea_plateau_step(ea_plateau *p, double value)
{
    core_fp saved = core_fp_enter();
    if (better(p, value)) {
        p->best = value;
        p->started = 1;
        p->bad = 0;
    } else {
        p->bad++;
    }
    if (p->cooling > 0) {
        p->cooling--;
        p->bad = 0;
    }
    if (p->bad > p->patience) {
        double lower = p->lr * or_default(p->factor, 0.1), next = fmax(lower, p->min_lr);
        if (p->lr - next > 1e-8)
            p->lr = next;
        p->cooling = p->cooldown;
        p->bad = 0;
    }
    core_fp_leave(saved);
    return p->lr;
}
