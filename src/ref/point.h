/* point.h: definitions of the functions by number: what each computes from its inputs x, its
 * parameters p and the values f of the correctly rounded functions that its table row names. Shared
 * by the definition and the vector kernels, which differ in how many elements they take at a time.
 */
#ifndef REF_POINT_H
#define REF_POINT_H

#include "core/view.h"
#include "eadem/op/point.h"
#include "math/math.h"

#include <math.h>

enum { REF_POINT_INPUTS = 3, REF_POINT_PARAMETERS = 3, REF_POINT_FUNCTIONS = 3 };

/* The values of its correctly rounded functions come in this order: the one of two variables, if it
 * has one, then those of one variable. */
typedef struct ref_point_row {
    const char *name;
    int inputs, parameters;
    float defaults[REF_POINT_PARAMETERS];
    int functions, slopes; /* how many the value and the gradient need */
    math_function function[REF_POINT_FUNCTIONS], slope[REF_POINT_FUNCTIONS];
    bool has_pair; /* of two variables; the gradient of atan2 does without */
    math_pair pair;
} ref_point_row;

extern const ref_point_row ref_point_table[EA_FN_COUNT];

static inline bool ref_point_is_truth(ea_point_function function)
{
    return function >= EA_FN_ISNAN && function <= EA_FN_LOGICAL_XOR;
}

static inline bool ref_point_is_loss(ea_point_function function)
{
    return function >= EA_FN_MSE_LOSS && function <= EA_FN_MARGIN_RANKING_LOSS;
}

/* All inputs have grad's (out's) shape; NULLs stand for inputs that the function has not. */
typedef struct ref_point_call {
    ea_point_function function;
    const ea_view *input[REF_POINT_INPUTS];
    float parameter[REF_POINT_PARAMETERS];
    const ea_view *grad_out; /* NULL: the value is wanted, else the gradient for input `which` */
    int which;
    const ea_view *out;
} ref_point_call;

ea_status ref_point_run(ea_context *ctx, const ref_point_call *call);

#define REF_POINT_INLINE static inline __attribute__((always_inline))

/* The second argument of the function of two variables; in the gradient of pow for x it is y − 1.
 */
REF_POINT_INLINE float ref_pair_second(ea_point_function function, bool gradient, int which,
                                       float y)
{
    return function == EA_FN_POW && gradient && which == 0 ? y - 1 : y;
}

/* `yes` or `no`, both computed: unlike ?:, compilers make no branch of it, which would keep a loop
 * from being vectorised. */
REF_POINT_INLINE float ref_choose(bool condition, float yes, float no)
{
    uint32_t mask = -(uint32_t)condition;
    return core_bits_float((core_float_bits(yes) & mask) | (core_float_bits(no) & ~mask));
}

/* floor, ceil and trunc from the nearest integer, with the sign of x where they are 0: compilers
 * make vectors of rintf() alone. */
REF_POINT_INLINE float ref_floor(float x)
{
    float nearest = rintf(x);
    return copysignf(nearest - ref_choose(nearest > x, 1, 0), x);
}

REF_POINT_INLINE float ref_ceil(float x)
{
    return -ref_floor(-x);
}

REF_POINT_INLINE float ref_trunc(float x)
{
    float nearest = rintf(fabsf(x));
    return copysignf(nearest - ref_choose(nearest > fabsf(x), 1, 0), x);
}

/* --- What the functions are taken of ---------------------------------------------------------- */

/* False where every function is taken of the first input. */
static inline bool ref_point_has_argument(ea_point_function function)
{
    switch (function) {
    case EA_FN_LOGSIGMOID:
    case EA_FN_SOFTPLUS:
    case EA_FN_CELU:
    case EA_FN_KL_DIV:
    case EA_FN_POISSON_NLL_LOSS:
    case EA_FN_BCE:
    case EA_FN_BCE_WITH_LOGITS:
    case EA_FN_GAUSSIAN_NLL_LOSS:
        return true;
    default:
        return false;
    }
}

/* What the function number k of the value or the gradient is taken of. */
REF_POINT_INLINE float ref_point_argument(ea_point_function function, bool gradient, int k,
                                          const float *x, const float *p)
{
    switch (function) {
    case EA_FN_LOGSIGMOID:
        return gradient ? -x[0] : x[0];
    case EA_FN_SOFTPLUS:
        return p[0] * x[0];
    case EA_FN_CELU:
        return x[0] / p[0];
    case EA_FN_BCE:
        return k == 0 ? x[0] : -x[0];
    case EA_FN_BCE_WITH_LOGITS: /* the gradient's are σ(x) and log(1 + e⁻ˣ) */
        return gradient && k == 0 ? x[0] : -x[0];
    case EA_FN_KL_DIV:
        return x[1];
    case EA_FN_GAUSSIAN_NLL_LOSS:
        return x[2] < p[1] ? p[1] : x[2];
    case EA_FN_POISSON_NLL_LOSS: /* exp(x); log(x + eps); log(y); log(2πy) */
        return k == 0 ? x[0] : k == 1 ? x[0] + p[2] : x[1];
    default:
        return x[0];
    }
}

/* --- The value -------------------------------------------------------------------------------- */

/* a/b rounded down, from mod = fmod(a, b). */
REF_POINT_INLINE float ref_floor_quotient(float a, float b, float mod)
{
    float ratio = a / b, quotient = (a - mod) / b;
    quotient = quotient - ref_choose((mod != 0) & ((b < 0) != (mod < 0)), 1, 0);
    float nearest = rintf(quotient), down = nearest - ref_choose(nearest > quotient, 1, 0);
    down = ref_choose(quotient - down > 0.5f, down + 1, down);
    down = ref_choose(quotient != 0, down, copysignf(0, ratio));
    return ref_choose(b == 0, ratio, down);
}

REF_POINT_INLINE float ref_remainder(float b, float mod)
{
    return ref_choose((mod != 0) & ((b < 0) != (mod < 0)), mod + b, mod);
}

REF_POINT_INLINE float ref_clamp(float x, float low, float high)
{
    float above = ref_choose(x < low, low, x);
    return ref_choose(above > high, high, above);
}

REF_POINT_INLINE float ref_smooth_l1(float distance, float beta)
{
    float near = 0.5f * distance * distance / beta, far = distance - 0.5f * beta;
    return ref_choose(distance < beta, near, far);
}

REF_POINT_INLINE float ref_huber(float distance, float delta)
{
    float near = 0.5f * distance * distance, far = delta * (distance - 0.5f * delta);
    return ref_choose(distance <= delta, near, far);
}

/* Stirling's approximation of log(y!), which counts from y > 1 on: ½·log(2πy) is ½·(log(2π) + log
 * y). */
REF_POINT_INLINE float ref_stirling(float y, float log_y)
{
    float value = y * log_y - y + 0.5f * (1.8378770351f + log_y);
    return ref_choose(y > 1, value, 0);
}

REF_POINT_INLINE float ref_point_truth(ea_point_function function, float x, float y)
{
    switch (function) {
    case EA_FN_ISNAN:
        return x != x;
    case EA_FN_ISINF:
        return fabsf(x) == INFINITY;
    case EA_FN_ISFINITE:
        return fabsf(x) < INFINITY;
    case EA_FN_ISPOSINF:
        return x == INFINITY;
    case EA_FN_ISNEGINF:
        return x == -INFINITY;
    case EA_FN_SIGNBIT:
        return core_float_bits(x) >> 31 != 0;
    case EA_FN_LOGICAL_NOT:
        return x == 0;
    case EA_FN_EQ:
        return x == y;
    case EA_FN_NE:
        return x != y;
    case EA_FN_LT:
        return x < y;
    case EA_FN_LE:
        return x <= y;
    case EA_FN_GT:
        return x > y;
    case EA_FN_GE:
        return x >= y;
    case EA_FN_LOGICAL_AND:
        return x != 0 && y != 0;
    case EA_FN_LOGICAL_OR:
        return x != 0 || y != 0;
    default: /* LOGICAL_XOR */
        return (x != 0) != (y != 0);
    }
}

REF_POINT_INLINE float ref_point_loss(ea_point_function function, const float *x, const float *f,
                                      const float *p)
{
    float difference = x[0] - x[1], distance = fabsf(difference);
    switch (function) {
    case EA_FN_MSE_LOSS:
        return difference * difference;
    case EA_FN_L1_LOSS:
        return distance;
    case EA_FN_SMOOTH_L1_LOSS:
        return ref_smooth_l1(distance, p[0]);
    case EA_FN_HUBER_LOSS:
        return ref_huber(distance, p[0]);
    case EA_FN_HINGE_EMBEDDING_LOSS: {
        float hinge = p[0] - x[0], clamped = hinge < 0 ? 0 : hinge;
        return (x[1] != 1 ? clamped : 0) + (x[1] != -1 ? x[0] : 0);
    }
    case EA_FN_KL_DIV: /* f: log y, exp y */
        return p[0] != 0   ? f[1] * (x[1] - x[0])
               : x[1] == 0 ? 0 - x[1] * x[0]
                           : x[1] * f[0] - x[1] * x[0];
    case EA_FN_POISSON_NLL_LOSS: {
        float loss = p[0] != 0 ? f[0] - x[1] * x[0] : x[0] - x[1] * f[1];
        return p[1] != 0 ? loss + ref_stirling(x[1], f[2]) : loss;
    }
    case EA_FN_BCE: { /* f: log x, log(1 − x) */
        float yes = f[0] < -100 ? -100 : f[0], no = f[1] < -100 ? -100 : f[1];
        return (x[1] - 1) * no - x[1] * yes;
    }
    case EA_FN_BCE_WITH_LOGITS: /* f: log(1 + e⁻ˣ) */
        return (1 - x[1]) * x[0] + ((x[2] - 1) * x[1] + 1) * f[0];
    case EA_FN_GAUSSIAN_NLL_LOSS: {
        float variance = x[2] < p[1] ? p[1] : x[2];
        float loss = 0.5f * (f[0] + difference * difference / variance);
        return p[0] != 0 ? loss + 0.9189385175704956f : loss;
    }
    default: { /* MARGIN_RANKING_LOSS */
        float margin = -x[2] * difference + p[0];
        return ref_choose(margin < 0, 0, margin);
    }
    }
}

REF_POINT_INLINE float ref_point_of_several(ea_point_function function, const float *x,
                                            const float *f, const float *p)
{
    switch (function) {
    case EA_FN_MAXIMUM:
        return x[0] != x[0] ? x[0] : x[1] != x[1] || x[0] < x[1] ? x[1] : x[0];
    case EA_FN_MINIMUM:
        return x[0] != x[0] ? x[0] : x[1] != x[1] || x[0] > x[1] ? x[1] : x[0];
    case EA_FN_REMAINDER: /* f: fmod */
        return ref_remainder(x[1], f[0]);
    case EA_FN_DIV_FLOOR: /* f: fmod */
        return ref_floor_quotient(x[0], x[1], f[0]);
    case EA_FN_DIV_TRUNC:
        return ref_trunc(x[0] / x[1]);
    case EA_FN_PRELU:
        return ref_choose(x[0] > 0, x[0], x[1] * x[0]);
    case EA_FN_LERP: {
        float way = x[1] - x[0], from_start = x[0] + x[2] * way, from_end = x[1] - way * (1 - x[2]);
        return ref_choose(fabsf(x[2]) < 0.5f, from_start, from_end);
    }
    case EA_FN_ADDCMUL:
        return x[0] + p[0] * x[1] * x[2];
    default: /* ADDCDIV */
        return x[0] + p[0] * x[1] / x[2];
    }
}

REF_POINT_INLINE float ref_point_value(ea_point_function function, const float *x, const float *f,
                                       const float *p)
{
    if (ref_point_is_truth(function))
        return ref_point_truth(function, x[0], x[1]);
    if (ref_point_is_loss(function))
        return ref_point_loss(function, x, f, p);
    switch (function) {
    case EA_FN_ABS:
        return fabsf(x[0]);
    case EA_FN_NEG:
        return -x[0];
    case EA_FN_SIGN:
        return (float)((x[0] > 0) - (x[0] < 0));
    case EA_FN_FLOOR:
        return ref_floor(x[0]);
    case EA_FN_CEIL:
        return ref_ceil(x[0]);
    case EA_FN_ROUND:
        return rintf(x[0]);
    case EA_FN_TRUNC:
        return ref_trunc(x[0]);
    case EA_FN_FRAC:
        return x[0] - ref_trunc(x[0]);
    case EA_FN_RECIPROCAL:
        return 1 / x[0];
    case EA_FN_SQUARE:
        return x[0] * x[0];
    case EA_FN_SOFTPLUS:
        return ref_choose(p[0] * x[0] > p[1], x[0], f[0] / p[0]);
    case EA_FN_ELU:
    case EA_FN_CELU:
        return ref_choose(x[0] > 0, x[0], p[0] * f[0]);
    case EA_FN_HARDTANH:
    case EA_FN_CLAMP:
        return ref_clamp(x[0], p[0], p[1]);
    case EA_FN_RELU6:
        return ref_clamp(x[0], 0, 6);
    case EA_FN_LEAKY_RELU:
        return ref_choose(x[0] > 0, x[0], x[0] * p[0]);
    case EA_FN_MAXIMUM:
    case EA_FN_MINIMUM:
    case EA_FN_REMAINDER:
    case EA_FN_DIV_FLOOR:
    case EA_FN_DIV_TRUNC:
    case EA_FN_PRELU:
    case EA_FN_LERP:
    case EA_FN_ADDCMUL:
    case EA_FN_ADDCDIV:
        return ref_point_of_several(function, x, f, p);
    default: /* one correctly rounded function */
        return f[0];
    }
}

/* --- The gradient ----------------------------------------------------------------------------- */

REF_POINT_INLINE float ref_loss_gradient(ea_point_function function, int which, float g,
                                         const float *x, const float *f, const float *p)
{
    float difference = x[0] - x[1], distance = fabsf(difference), slope;
    float sign = (float)((difference > 0) - (difference < 0));
    switch (function) {
    case EA_FN_MSE_LOSS:
        slope = 2 * difference;
        return g * (which == 0 ? slope : -slope);
    case EA_FN_L1_LOSS:
        return g * (which == 0 ? sign : -sign);
    case EA_FN_SMOOTH_L1_LOSS:
        slope = ref_choose(distance < p[0], difference / p[0], sign);
        return g * (which == 0 ? slope : -slope);
    case EA_FN_HUBER_LOSS:
        slope = ref_choose(distance <= p[0], difference, p[0] * sign);
        return g * (which == 0 ? slope : -slope);
    case EA_FN_HINGE_EMBEDDING_LOSS:
        slope = (x[1] != 1 && p[0] - x[0] >= 0 ? -1.0f : 0.0f) + (x[1] != -1 ? 1.0f : 0.0f);
        return which == 0 ? g * slope : 0;
    case EA_FN_KL_DIV:
        if (which == 0)
            return g * (p[0] != 0 ? -f[1] : -x[1]);
        if (p[0] != 0)
            return g * (f[1] * (x[1] - x[0] + 1));
        return g * (f[0] + 1 - x[0]);
    case EA_FN_POISSON_NLL_LOSS:
        if (which == 0)
            return g * (p[0] != 0 ? f[0] - x[1] : 1 - x[1] / (x[0] + p[2]));
        slope = p[0] != 0 ? -x[0] : -f[1];
        return g * ref_choose((p[1] != 0) & (x[1] > 1), slope + (f[2] + 0.5f / x[1]), slope);
    case EA_FN_BCE:
        if (which == 0) {
            float product = (1 - x[0]) * x[0];
            return g * difference / (product < 1e-12f ? 1e-12f : product);
        }
        return g * (f[1] - f[0]);
    case EA_FN_BCE_WITH_LOGITS:
        if (which == 0)
            return g * ((x[2] * x[1] + 1 - x[1]) * f[0] - x[2] * x[1]);
        return g * (which == 1 ? (x[2] - 1) * f[1] - x[0] : x[1] * f[1]);
    case EA_FN_GAUSSIAN_NLL_LOSS: {
        float variance = x[2] < p[1] ? p[1] : x[2], ratio = difference / variance;
        return g * (which == 0   ? ratio
                    : which == 1 ? -ratio
                                 : 0.5f * (1 / variance - ratio * ratio));
    }
    default: { /* MARGIN_RANKING_LOSS */
        slope = which == 0 ? -x[2] : which == 1 ? x[2] : -difference;
        return ref_choose(-x[2] * difference + p[0] >= 0, g * slope, 0);
    }
    }
}

REF_POINT_INLINE float ref_gradient_of_several(ea_point_function function, int which, float g,
                                               const float *x, const float *f, const float *p)
{
    switch (function) {
    case EA_FN_MAXIMUM:
    case EA_FN_MINIMUM: {
        bool loses = function == EA_FN_MAXIMUM ? x[which] < x[1 - which] : x[which] > x[1 - which];
        return x[0] == x[1] ? g / 2 : loses ? 0 : g;
    }
    case EA_FN_FMOD:
        return ref_choose(which == 0, g, -g * ref_trunc(x[0] / x[1]));
    case EA_FN_REMAINDER:
        return ref_choose(which == 0, g, -g * ref_floor_quotient(x[0], x[1], f[0]));
    case EA_FN_DIV_FLOOR:
    case EA_FN_DIV_TRUNC:
        return 0;
    case EA_FN_POW: /* f: x^(y − 1) or x^y, log x */
        if (which == 0)
            return ref_choose(x[1] == 0, 0, g * (x[1] * f[0]));
        return ref_choose((x[0] == 0) & (x[1] >= 0), 0, g * (f[0] * f[1]));
    case EA_FN_ATAN2: {
        float squares = x[0] * x[0] + x[1] * x[1];
        return ref_choose(squares == 0, 0, g * ((which == 0 ? x[1] : -x[0]) / squares));
    }
    case EA_FN_HYPOT:
        return g * ((which == 0 ? x[0] : x[1]) / f[0]);
    case EA_FN_PRELU:
        if (which == 0)
            return ref_choose(x[0] > 0, g, x[1] * g);
        return ref_choose(x[0] > 0, 0, x[0] * g);
    case EA_FN_LERP:
        return g * (which == 0 ? 1 - x[2] : which == 1 ? x[2] : x[1] - x[0]);
    case EA_FN_ADDCMUL:
        return which == 0 ? g : g * (p[0] * x[3 - which]);
    default: /* ADDCDIV */
        if (which == 0)
            return g;
        return which == 1 ? g * (p[0] / x[2]) : -g * (p[0] * x[1] / (x[2] * x[2]));
    }
}

REF_POINT_INLINE float ref_point_gradient(ea_point_function function, int which, float g,
                                          const float *x, const float *f, const float *p)
{
    if (ref_point_is_truth(function))
        return 0;
    if (ref_point_is_loss(function))
        return ref_loss_gradient(function, which, g, x, f, p);
    switch (function) {
    case EA_FN_ABS:
        return g * (float)((x[0] > 0) - (x[0] < 0));
    case EA_FN_NEG:
        return -g;
    case EA_FN_SIGN:
    case EA_FN_FLOOR:
    case EA_FN_CEIL:
    case EA_FN_ROUND:
    case EA_FN_TRUNC:
        return 0;
    case EA_FN_FRAC:
        return g;
    case EA_FN_SQUARE:
        return g * (2 * x[0]);
    case EA_FN_COS:
    case EA_FN_ACOS:
    case EA_FN_ERFC: /* f: the derivative of the other of the pair */
        return g * -f[0];
    case EA_FN_SOFTPLUS:
        return ref_choose(p[0] * x[0] > p[1], g, g * f[0]);
    case EA_FN_ELU:
        return ref_choose(x[0] > 0, g, g * (p[0] * f[0]));
    case EA_FN_CELU:
        return ref_choose(x[0] > 0, g, g * f[0]);
    case EA_FN_HARDSWISH:
        return ref_choose(x[0] <= -3, 0, g * f[0]);
    case EA_FN_HARDSIGMOID:
        return ref_choose((x[0] > -3) & (x[0] < 3), g / 6, 0);
    case EA_FN_HARDTANH:
        return ref_choose((x[0] <= p[0]) | (x[0] >= p[1]), 0, g);
    case EA_FN_RELU6:
        return ref_choose((x[0] <= 0) | (x[0] >= 6), 0, g);
    case EA_FN_CLAMP:
        return ref_choose((x[0] >= p[0]) & (x[0] <= p[1]), g, 0);
    case EA_FN_LEAKY_RELU:
        return ref_choose(x[0] > 0, g, g * p[0]);
    case EA_FN_MAXIMUM:
    case EA_FN_MINIMUM:
    case EA_FN_FMOD:
    case EA_FN_REMAINDER:
    case EA_FN_DIV_FLOOR:
    case EA_FN_DIV_TRUNC:
    case EA_FN_POW:
    case EA_FN_ATAN2:
    case EA_FN_HYPOT:
    case EA_FN_PRELU:
    case EA_FN_LERP:
    case EA_FN_ADDCMUL:
    case EA_FN_ADDCDIV:
        return ref_gradient_of_several(function, which, g, x, f, p);
    default: /* one correctly rounded derivative */
        return g * f[0];
    }
}

#endif
