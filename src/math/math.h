/* math.h: elementary functions of one variable, correctly rounded to nearest for every float.
 *
 * Each function stands in the file of its name (exp.h …), evaluated in double with a relative error
 * near 2^−51 and rounded once. That no float is misrounded is shown by checking all 2^32
 * (docs/correct-rounding.md). No libm call but sqrt, which IEEE 754 rounds correctly.
 */
#ifndef MATH_MATH_H
#define MATH_MATH_H

typedef enum math_function {
    MATH_EXP,
    MATH_EXP2,
    MATH_EXP2_DERIVATIVE,
    MATH_EXPM1,
    MATH_LOG,
    MATH_LOG2,
    MATH_LOG2_DERIVATIVE,
    MATH_LOG10,
    MATH_LOG10_DERIVATIVE,
    MATH_LOG1P,
    MATH_LOG1P_DERIVATIVE,
    MATH_SQRT,
    MATH_SQRT_DERIVATIVE,
    MATH_TANH,
    MATH_TANH_DERIVATIVE,
    MATH_SIGMOID,
    MATH_SIGMOID_DERIVATIVE,
    MATH_SOFTPLUS,
    MATH_LOGSIGMOID,
    MATH_SILU,
    MATH_SILU_DERIVATIVE,
    MATH_GELU,
    MATH_GELU_DERIVATIVE,
    MATH_GELU_TANH,
    MATH_GELU_TANH_DERIVATIVE,
    MATH_MISH,
    MATH_MISH_DERIVATIVE,
    MATH_SELU,
    MATH_SELU_DERIVATIVE,
    MATH_HARDSWISH,
    MATH_HARDSWISH_DERIVATIVE,
    MATH_HARDSIGMOID,
    MATH_ERF,
    MATH_ERF_DERIVATIVE,
    MATH_ERFC,
    MATH_ERFINV,
    MATH_ERFINV_DERIVATIVE,
    MATH_SIN,
    MATH_COS,
    MATH_TAN,
    MATH_TAN_DERIVATIVE,
    MATH_ATAN,
    MATH_ATAN_DERIVATIVE,
    MATH_ASIN,
    MATH_ASIN_DERIVATIVE,
    MATH_ACOS,
    MATH_SINH,
    MATH_COSH,
    MATH_ASINH,
    MATH_ASINH_DERIVATIVE,
    MATH_ACOSH,
    MATH_ACOSH_DERIVATIVE,
    MATH_ATANH,
    MATH_ATANH_DERIVATIVE,
    MATH_CBRT,
    MATH_CBRT_DERIVATIVE,
    MATH_RECIPROCAL_DERIVATIVE,
    MATH_RSQRT,
    MATH_RSQRT_DERIVATIVE,
    MATH_FUNCTION_COUNT
} math_function;

float math_exp(float x);
float math_exp2(float x);
float math_exp2_derivative(float x);
float math_expm1(float x);
float math_log(float x);
float math_log2(float x);
float math_log2_derivative(float x);
float math_log10(float x);
float math_log10_derivative(float x);
float math_log1p(float x);
float math_log1p_derivative(float x);
float math_sqrt(float x);
float math_sqrt_derivative(float x);
float math_tanh(float x);
float math_tanh_derivative(float x);
float math_sigmoid(float x);
float math_sigmoid_derivative(float x);
float math_softplus(float x);
float math_logsigmoid(float x);
float math_silu(float x);
float math_silu_derivative(float x);
float math_gelu(float x);
float math_gelu_derivative(float x);
float math_gelu_tanh(float x);
float math_gelu_tanh_derivative(float x);
float math_mish(float x);
float math_mish_derivative(float x);
float math_erf(float x);
float math_erf_derivative(float x);
float math_erfc(float x);
float math_erfinv(float x);
float math_erfinv_derivative(float x);
float math_sin(float x);
float math_cos(float x);
float math_tan(float x);
float math_tan_derivative(float x);
float math_atan(float x);
float math_atan_derivative(float x);
float math_asin(float x);
float math_asin_derivative(float x);
float math_acos(float x);
float math_sinh(float x);
float math_cosh(float x);
float math_asinh(float x);
float math_asinh_derivative(float x);
float math_acosh(float x);
float math_acosh_derivative(float x);
float math_atanh(float x);
float math_atanh_derivative(float x);
float math_cbrt(float x);
float math_rsqrt(float x);
float math_rsqrt_derivative(float x);
float math_selu(float x);
float math_selu_derivative(float x);
float math_hardswish(float x);
float math_hardswish_derivative(float x);
float math_hardsigmoid(float x);
float math_cbrt_derivative(float x);
float math_reciprocal_derivative(float x);

/* Functions of two variables, with the special values of C's Annex F; pair.h. */
typedef enum math_pair { MATH_POW, MATH_ATAN2, MATH_HYPOT, MATH_FMOD, MATH_PAIR_COUNT } math_pair;

float math_pow(float x, float y);
float math_atan2(float y, float x);
float math_hypot(float x, float y);
float math_fmod(float x, float y); /* exact */
float (*math_scalar_pair(math_pair pair))(float, float);

/* "exp", "sqrt_derivative"; and the scalar function. */
const char *math_name(math_function function);
float (*math_scalar(math_function function))(float);

#endif
