/* point.h: functions of one to three variables, element by element, by number (contract: Functions
 * by number). The commonest have doors of their own in elementwise.h. */
#ifndef EADEM_OP_POINT_H
#define EADEM_OP_POINT_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names, arguments and corner cases are PyTorch's (torch.*, torch.nn.functional.*). Parameters
 * stand in brackets with their default. */
typedef enum ea_point_function {
    EA_FN_ABS,
    EA_FN_NEG,
    EA_FN_SIGN,
    EA_FN_FLOOR,
    EA_FN_CEIL,
    EA_FN_ROUND, /* half to even */
    EA_FN_TRUNC,
    EA_FN_FRAC,
    EA_FN_RECIPROCAL,
    EA_FN_SQUARE,
    EA_FN_RSQRT,
    EA_FN_CBRT,
    EA_FN_EXP2,
    EA_FN_EXPM1,
    EA_FN_LOG2,
    EA_FN_LOG10,
    EA_FN_LOG1P,
    EA_FN_SIN,
    EA_FN_COS,
    EA_FN_TAN,
    EA_FN_ASIN,
    EA_FN_ACOS,
    EA_FN_ATAN,
    EA_FN_SINH,
    EA_FN_COSH,
    EA_FN_ASINH,
    EA_FN_ACOSH,
    EA_FN_ATANH,
    EA_FN_ERF,
    EA_FN_ERFC,
    EA_FN_LOGSIGMOID,
    EA_FN_SOFTPLUS, /* [beta 1, threshold 20] */
    EA_FN_SILU,
    EA_FN_GELU,
    EA_FN_GELU_TANH, /* gelu(approximate="tanh") */
    EA_FN_MISH,
    EA_FN_ELU, /* [alpha 1] */
    EA_FN_SELU,
    EA_FN_CELU, /* [alpha 1] */
    EA_FN_HARDSWISH,
    EA_FN_HARDSIGMOID,
    EA_FN_HARDTANH, /* [min −1, max 1] */
    EA_FN_RELU6,
    EA_FN_LEAKY_RELU, /* [slope 0.01] */
    EA_FN_CLAMP,      /* [min −∞, max ∞] */

    EA_FN_ISNAN, /* from here on truth values */
    EA_FN_ISINF,
    EA_FN_ISFINITE,
    EA_FN_ISPOSINF,
    EA_FN_ISNEGINF,
    EA_FN_SIGNBIT,
    EA_FN_LOGICAL_NOT,
    EA_FN_EQ, /* of two variables */
    EA_FN_NE,
    EA_FN_LT,
    EA_FN_LE,
    EA_FN_GT,
    EA_FN_GE,
    EA_FN_LOGICAL_AND,
    EA_FN_LOGICAL_OR,
    EA_FN_LOGICAL_XOR, /* the last truth value */

    EA_FN_MAXIMUM,
    EA_FN_MINIMUM,
    EA_FN_FMOD,
    EA_FN_REMAINDER,
    EA_FN_DIV_FLOOR, /* div(rounding_mode="floor") */
    EA_FN_DIV_TRUNC,
    EA_FN_POW,
    EA_FN_ATAN2, /* y, x */
    EA_FN_HYPOT,
    EA_FN_PRELU, /* x, weight */

    EA_FN_LERP,    /* start, end, weight */
    EA_FN_ADDCMUL, /* x, a, b [value 1] */
    EA_FN_ADDCDIV, /* x, a, b [value 1] */

    /* The terms of losses, before reduction: x and target first */
    EA_FN_MSE_LOSS,
    EA_FN_L1_LOSS,
    EA_FN_SMOOTH_L1_LOSS,       /* [beta 1] */
    EA_FN_HUBER_LOSS,           /* [delta 1] */
    EA_FN_HINGE_EMBEDDING_LOSS, /* [margin 1] */
    EA_FN_KL_DIV,               /* [log_target 0] */
    EA_FN_POISSON_NLL_LOSS,     /* [log_input 1, full 0, eps 1e-8] */
    EA_FN_BCE,                  /* binary_cross_entropy */
    EA_FN_BCE_WITH_LOGITS,      /* x, target, pos_weight (1 for none) */
    EA_FN_GAUSSIAN_NLL_LOSS,    /* x, target, variance [full 0, eps 1e-6] */
    EA_FN_MARGIN_RANKING_LOSS,  /* x1, x2, target [margin 0] */

    EA_FN_ERFINV, /* of one variable */
    EA_FN_COUNT
} ea_point_function;

/* "leaky_relu"; NULL for a number that is none. */
EA_API const char *ea_point_name(ea_point_function function);
/* How many inputs and parameters it takes. */
EA_API int ea_point_inputs(ea_point_function function);
EA_API int ea_point_parameters(ea_point_function function);

/* out = function of the inputs, which broadcast. Inputs are floats, bool or uint8; out is float or,
 * for truth values, bool or uint8, and may be an input. `parameters` may be NULL: the defaults;
 * they are rounded to float32. */
EA_API ea_status ea_point(ea_context *ctx, ea_point_function function,
                          const DLTensor *const *inputs, const double *parameters, DLTensor *out);

/* grad = the gradient with respect to inputs[which], of grad_out's shape, to which the inputs
 * broadcast: where broadcasting repeated the input, ea_sum_to_shape() makes its gradient of it. */
EA_API ea_status ea_point_backward(ea_context *ctx, ea_point_function function, int which,
                                   const DLTensor *grad_out, const DLTensor *const *inputs,
                                   const double *parameters, DLTensor *grad);

#ifdef __cplusplus
}
#endif
#endif
