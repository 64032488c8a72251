/* truncated.c: normal numbers inside an interval, by rejection, so that each element can be made
 * alone. */
#include "math/math.h"
#include "random/fill.h"
#include "random/precise.h"

typedef struct interval {
    float mean, deviation, low, high;
} interval;

/* Trial t of element i uses the words from i + t·2^40 on of its stream. */
static const uint64_t trial_step = (uint64_t)1 << 40;

/* Normal proposals hit the interval often when it holds the mean and is two deviations wide. */
static bool wide(const interval *v)
{
    return v->low <= v->mean && v->mean <= v->high && v->high - v->low >= 2 * v->deviation;
}

/* The density at x over its peak inside the interval, as a logarithm. */
static float log_density(const interval *v, float x)
{
    float peak = v->mean < v->low ? v->low : v->mean > v->high ? v->high : v->mean;
    float a = (x - v->mean) / v->deviation, b = (peak - v->mean) / v->deviation;
    return -0.5f * (a * a - b * b);
}

/* The part of a tail beyond which less than e^-30 of it lies is cut off. */
static interval without_far_tail(interval v)
{
    float beyond = v.mean < v.low ? v.low - v.mean : v.mean > v.high ? v.mean - v.high : 0;
    float reach = 9 * v.deviation;
    if (beyond > 0 && 30 * v.deviation * v.deviation / beyond < reach)
        reach = 30 * v.deviation * v.deviation / beyond;
    float from = v.mean < v.low ? v.low : v.mean, to = v.mean > v.high ? v.high : v.mean;
    v.high = fminf(v.high, from + reach);
    v.low = fmaxf(v.low, to - reach);
    return v;
}

static float uniform_word(uint32_t word, float low, float high)
{
    return fmaf(random_unit(word >> 8), high - low, low);
}

static float one_philox(const ea_philox *stream, const interval *v, const interval *narrow)
{
    for (ea_philox trial = *stream;; trial.position += trial_step) {
        float x;
        if (wide(v)) {
            ea_philox at = trial;
            random_normals(&at, v->mean, v->deviation, 1, &x);
            if (x >= v->low && x <= v->high)
                return x;
        } else {
            uint64_t even = 2 * trial.position;
            x = uniform_word(random_philox_word(stream, even), narrow->low, narrow->high);
            float u = random_unit((random_philox_word(stream, even + 1) >> 8) + 1);
            if (math_log(u) <= log_density(v, x))
                return x;
        }
    }
}

/* One after another, of the sequence that everybody shares. */
static float one_mt19937(ea_mt19937 *mt, const interval *v, const interval *narrow)
{
    for (;;) {
        if (wide(v)) {
            float x = (float)fma(random_next_normal(mt), v->deviation, v->mean);
            if (x >= v->low && x <= v->high)
                return x;
        } else {
            float x = uniform_word(ea_mt19937_next(mt) << 8, narrow->low, narrow->high);
            float u = random_unit((ea_mt19937_next(mt) & 0xffffff) + 1);
            if (math_log(u) <= log_density(v, x))
                return x;
        }
    }
}

static void fill_truncated(ea_generator *generator, const fill_parameters *p, int64_t n, float *out)
{
    interval v = { (float)p->a, (float)p->b, (float)p->c, (float)p->d };
    interval narrow = without_far_tail(v);
    for (int64_t i = 0; i < n; i++)
        if (generator->kind == EA_GENERATOR_MT19937) {
            out[i] = one_mt19937(&generator->u.mt19937, &v, &narrow);
        } else {
            out[i] = one_philox(&generator->u.philox, &v, &narrow);
            generator->u.philox.position++;
        }
}

ea_status ea_truncated_normal(ea_context *ctx, ea_generator *generator, double mean,
                              double deviation, double low, double high, DLTensor *out)
{
    bool finite = isfinite((float)mean) && isfinite((float)deviation) && isfinite((float)low) &&
                  isfinite((float)high);
    if (!finite || !((float)deviation > 0) || !((float)low < (float)high))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_truncated_normal: mean %g, deviation %g, low %g, high %g: give finite "
                         "float32, deviation > 0, low < high",
                         mean, deviation, low, high);
    return random_fill(ctx, "ea_truncated_normal", out, generator, fill_truncated,
                       &(fill_parameters){ mean, deviation, low, high });
}
