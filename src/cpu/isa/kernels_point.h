/* kernels_point.h: the functions by number, n elements at a time. Each loop is ref/point.h's
 * definition for one function, which the compiler turns into this file's instruction set; no
 * operation changes. */
#include "ref/point.h"

/* Only whole runs: y is none of the inputs, or the same run. clang looks for itself, at run time.
 */
#ifdef __clang__
#define POINT_INDEPENDENT
#else
#define POINT_INDEPENDENT _Pragma("GCC ivdep")
#endif

#define POINT_LOOP(expression)                                        \
    POINT_INDEPENDENT for (int64_t i = 0; i < n; i++)                 \
    {                                                                 \
        const float x[REF_POINT_INPUTS] = { x0[i], x1[i], x2[i] };    \
        const float f[REF_POINT_FUNCTIONS] = { f0[i], f1[i], f2[i] }; \
        (void)f;                                                      \
        y[i] = (expression);                                          \
    }

#define POINT_ARGUMENT(function)                                                         \
    case function:                                                                       \
        POINT_LOOP(ref_point_argument(function, c->gradient, c->which, x, c->parameter)) \
        break;

/* The functions of ref_point_has_argument(). */
static void kernel_point_argument(const cpu_point *c, float *y, int64_t n)
{
    const float *x0 = c->x[0], *x1 = c->x[1], *x2 = c->x[2];
    const float *f0 = x0, *f1 = x0, *f2 = x0;
    switch (c->function) {
        POINT_ARGUMENT(EA_FN_LOGSIGMOID)
        POINT_ARGUMENT(EA_FN_SOFTPLUS)
        POINT_ARGUMENT(EA_FN_CELU)
        POINT_ARGUMENT(EA_FN_KL_DIV)
        POINT_ARGUMENT(EA_FN_POISSON_NLL_LOSS)
        POINT_ARGUMENT(EA_FN_BCE)
        POINT_ARGUMENT(EA_FN_BCE_WITH_LOGITS)
        POINT_ARGUMENT(EA_FN_GAUSSIAN_NLL_LOSS)
    default:
        break;
    }
}

#define POINT_LOOPS(function)                                                        \
    if (c->gradient) {                                                               \
        POINT_LOOP(ref_point_gradient(function, c->which, g[i], x, f, c->parameter)) \
    } else {                                                                         \
        POINT_LOOP(ref_point_value(function, x, f, c->parameter))                    \
    }                                                                                \
    break;
#define POINT_CASE(function) \
    case function:           \
        POINT_LOOPS(function)

static void kernel_point(const cpu_point *c, float *y, int64_t n)
{
    const float *x0 = c->x[0], *x1 = c->x[1], *x2 = c->x[2], *g = c->grad;
    const float *f0 = c->f[0], *f1 = c->f[1], *f2 = c->f[2];
    switch (c->function) {
        POINT_CASE(EA_FN_ABS)
        POINT_CASE(EA_FN_NEG)
        POINT_CASE(EA_FN_SIGN)
        POINT_CASE(EA_FN_FLOOR)
        POINT_CASE(EA_FN_CEIL)
        POINT_CASE(EA_FN_ROUND)
        POINT_CASE(EA_FN_TRUNC)
        POINT_CASE(EA_FN_FRAC)
        POINT_CASE(EA_FN_RECIPROCAL)
        POINT_CASE(EA_FN_SQUARE)
        POINT_CASE(EA_FN_COS)
        POINT_CASE(EA_FN_ACOS)
        POINT_CASE(EA_FN_ERFC)
        POINT_CASE(EA_FN_SOFTPLUS)
        POINT_CASE(EA_FN_ELU)
        POINT_CASE(EA_FN_CELU)
        POINT_CASE(EA_FN_HARDSWISH)
        POINT_CASE(EA_FN_HARDSIGMOID)
        POINT_CASE(EA_FN_HARDTANH)
        POINT_CASE(EA_FN_RELU6)
        POINT_CASE(EA_FN_LEAKY_RELU)
        POINT_CASE(EA_FN_CLAMP)
        POINT_CASE(EA_FN_ISNAN)
        POINT_CASE(EA_FN_ISINF)
        POINT_CASE(EA_FN_ISFINITE)
        POINT_CASE(EA_FN_ISPOSINF)
        POINT_CASE(EA_FN_ISNEGINF)
        POINT_CASE(EA_FN_SIGNBIT)
        POINT_CASE(EA_FN_LOGICAL_NOT)
        POINT_CASE(EA_FN_EQ)
        POINT_CASE(EA_FN_NE)
        POINT_CASE(EA_FN_LT)
        POINT_CASE(EA_FN_LE)
        POINT_CASE(EA_FN_GT)
        POINT_CASE(EA_FN_GE)
        POINT_CASE(EA_FN_LOGICAL_AND)
        POINT_CASE(EA_FN_LOGICAL_OR)
        POINT_CASE(EA_FN_LOGICAL_XOR)
        POINT_CASE(EA_FN_MAXIMUM)
        POINT_CASE(EA_FN_MINIMUM)
        POINT_CASE(EA_FN_FMOD)
        POINT_CASE(EA_FN_REMAINDER)
        POINT_CASE(EA_FN_DIV_FLOOR)
        POINT_CASE(EA_FN_DIV_TRUNC)
        POINT_CASE(EA_FN_POW)
        POINT_CASE(EA_FN_ATAN2)
        POINT_CASE(EA_FN_HYPOT)
        POINT_CASE(EA_FN_PRELU)
        POINT_CASE(EA_FN_LERP)
        POINT_CASE(EA_FN_ADDCMUL)
        POINT_CASE(EA_FN_ADDCDIV)
        POINT_CASE(EA_FN_MSE_LOSS)
        POINT_CASE(EA_FN_L1_LOSS)
        POINT_CASE(EA_FN_SMOOTH_L1_LOSS)
        POINT_CASE(EA_FN_HUBER_LOSS)
        POINT_CASE(EA_FN_HINGE_EMBEDDING_LOSS)
        POINT_CASE(EA_FN_KL_DIV)
        POINT_CASE(EA_FN_POISSON_NLL_LOSS)
        POINT_CASE(EA_FN_BCE)
        POINT_CASE(EA_FN_BCE_WITH_LOGITS)
        POINT_CASE(EA_FN_GAUSSIAN_NLL_LOSS)
        POINT_CASE(EA_FN_MARGIN_RANKING_LOSS)
    default: /* one correctly rounded function, one correctly rounded derivative */
        POINT_LOOPS(EA_FN_EXPM1)
    }
}
