/* math.c: the scalar functions: one lane, a multiply and an add where the vectors fuse. */
#include "math/math.h"

#include "math/scalar.h"

#include "math/asinh.h"
#include "math/atan.h"
#include "math/cbrt.h"
#include "math/erf.h"
#include "math/erfinv.h"
#include "math/exp.h"
#include "math/exp2.h"
#include "math/expm1.h"
#include "math/gelu.h"
#include "math/hard.h"
#include "math/join.h"
#include "math/log.h"
#include "math/log1p.h"
#include "math/log2.h"
#include "math/mish.h"
#include "math/poly.h"
#include "math/root.h"
#include "math/selu.h"
#include "math/sigmoid.h"
#include "math/sign.h"
#include "math/silu.h"
#include "math/sin.h"
#include "math/sinh.h"
#include "math/sqrt.h"
#include "math/tanh.h"

float math_exp(float x)
{
    return (float)md_exp(x);
}

float math_exp2(float x)
{
    return (float)md_exp2(x);
}

float math_exp2_derivative(float x)
{
    return (float)md_exp2_derivative(x);
}

float math_expm1(float x)
{
    return (float)md_expm1(x);
}

float math_log(float x)
{
    return (float)md_log(x);
}

float math_log2(float x)
{
    return (float)md_log2(x);
}

float math_log2_derivative(float x)
{
    return (float)md_log2_derivative(x);
}

float math_log10(float x)
{
    return (float)md_log10(x);
}

float math_log10_derivative(float x)
{
    return (float)md_log10_derivative(x);
}

float math_log1p(float x)
{
    return (float)md_log1p(x);
}

float math_log1p_derivative(float x)
{
    return (float)md_log1p_derivative(x);
}

float math_sqrt(float x)
{
    return (float)md_sqrt(x);
}

float math_sqrt_derivative(float x)
{
    return (float)md_sqrt_derivative(x);
}

float math_tanh(float x)
{
    return (float)md_tanh(x);
}

float math_tanh_derivative(float x)
{
    return (float)md_tanh_derivative(x);
}

float math_sigmoid(float x)
{
    return (float)md_sigmoid(x);
}

float math_sigmoid_derivative(float x)
{
    return (float)md_sigmoid_derivative(x);
}

float math_softplus(float x)
{
    return (float)md_softplus(x);
}

float math_logsigmoid(float x)
{
    return (float)md_logsigmoid(x);
}

float math_silu(float x)
{
    return (float)md_silu(x);
}

float math_silu_derivative(float x)
{
    return (float)md_silu_derivative(x);
}

float math_gelu(float x)
{
    return (float)md_gelu(x);
}

float math_gelu_derivative(float x)
{
    return (float)md_gelu_derivative(x);
}

float math_gelu_tanh(float x)
{
    return (float)md_gelu_tanh(x);
}

float math_gelu_tanh_derivative(float x)
{
    return (float)md_gelu_tanh_derivative(x);
}

float math_mish(float x)
{
    return (float)md_mish(x);
}

float math_mish_derivative(float x)
{
    return (float)md_mish_derivative(x);
}

float math_erf(float x)
{
    return (float)md_erf(x);
}

float math_erf_derivative(float x)
{
    return (float)md_erf_derivative(x);
}

float math_erfc(float x)
{
    return (float)md_erfc(x);
}

float math_erfinv(float x)
{
    return (float)md_erfinv(x);
}

float math_erfinv_derivative(float x)
{
    return (float)md_erfinv_derivative(x);
}

float math_sin(float x)
{
    return (float)md_sin(x);
}

float math_cos(float x)
{
    return (float)md_cos(x);
}

float math_tan(float x)
{
    return (float)md_tan(x);
}

float math_tan_derivative(float x)
{
    return (float)md_tan_derivative(x);
}

float math_atan(float x)
{
    return (float)md_atan(x);
}

float math_atan_derivative(float x)
{
    return (float)md_atan_derivative(x);
}

float math_asin(float x)
{
    return (float)md_asin(x);
}

float math_asin_derivative(float x)
{
    return (float)md_asin_derivative(x);
}

float math_acos(float x)
{
    return (float)md_acos(x);
}

float math_sinh(float x)
{
    return (float)md_sinh(x);
}

float math_cosh(float x)
{
    return (float)md_cosh(x);
}

float math_asinh(float x)
{
    return (float)md_asinh(x);
}

float math_asinh_derivative(float x)
{
    return (float)md_asinh_derivative(x);
}

float math_acosh(float x)
{
    return (float)md_acosh(x);
}

float math_acosh_derivative(float x)
{
    return (float)md_acosh_derivative(x);
}

float math_atanh(float x)
{
    return (float)md_atanh(x);
}

float math_atanh_derivative(float x)
{
    return (float)md_atanh_derivative(x);
}

float math_cbrt(float x)
{
    return (float)md_cbrt(x);
}

float math_rsqrt(float x)
{
    return (float)md_rsqrt(x);
}

float math_rsqrt_derivative(float x)
{
    return (float)md_rsqrt_derivative(x);
}

float math_selu(float x)
{
    return (float)md_selu(x);
}

float math_selu_derivative(float x)
{
    return (float)md_selu_derivative(x);
}

float math_hardswish(float x)
{
    return (float)md_hardswish(x);
}

float math_hardswish_derivative(float x)
{
    return (float)md_hardswish_derivative(x);
}

float math_hardsigmoid(float x)
{
    return (float)md_hardsigmoid(x);
}

float math_cbrt_derivative(float x)
{
    return (float)md_cbrt_derivative(x);
}

float math_reciprocal_derivative(float x)
{
    return (float)md_reciprocal_derivative(x);
}

static const struct {
    const char *name;
    float (*scalar)(float);
} functions[MATH_FUNCTION_COUNT] = {
    [MATH_EXP] = { "exp", math_exp },
    [MATH_EXP2] = { "exp2", math_exp2 },
    [MATH_EXP2_DERIVATIVE] = { "exp2_derivative", math_exp2_derivative },
    [MATH_EXPM1] = { "expm1", math_expm1 },
    [MATH_LOG] = { "log", math_log },
    [MATH_LOG2] = { "log2", math_log2 },
    [MATH_LOG2_DERIVATIVE] = { "log2_derivative", math_log2_derivative },
    [MATH_LOG10] = { "log10", math_log10 },
    [MATH_LOG10_DERIVATIVE] = { "log10_derivative", math_log10_derivative },
    [MATH_LOG1P] = { "log1p", math_log1p },
    [MATH_LOG1P_DERIVATIVE] = { "log1p_derivative", math_log1p_derivative },
    [MATH_SQRT] = { "sqrt", math_sqrt },
    [MATH_SQRT_DERIVATIVE] = { "sqrt_derivative", math_sqrt_derivative },
    [MATH_TANH] = { "tanh", math_tanh },
    [MATH_TANH_DERIVATIVE] = { "tanh_derivative", math_tanh_derivative },
    [MATH_SIGMOID] = { "sigmoid", math_sigmoid },
    [MATH_SIGMOID_DERIVATIVE] = { "sigmoid_derivative", math_sigmoid_derivative },
    [MATH_SOFTPLUS] = { "softplus", math_softplus },
    [MATH_LOGSIGMOID] = { "logsigmoid", math_logsigmoid },
    [MATH_SILU] = { "silu", math_silu },
    [MATH_SILU_DERIVATIVE] = { "silu_derivative", math_silu_derivative },
    [MATH_GELU] = { "gelu", math_gelu },
    [MATH_GELU_DERIVATIVE] = { "gelu_derivative", math_gelu_derivative },
    [MATH_GELU_TANH] = { "gelu_tanh", math_gelu_tanh },
    [MATH_GELU_TANH_DERIVATIVE] = { "gelu_tanh_derivative", math_gelu_tanh_derivative },
    [MATH_MISH] = { "mish", math_mish },
    [MATH_MISH_DERIVATIVE] = { "mish_derivative", math_mish_derivative },
    [MATH_ERF] = { "erf", math_erf },
    [MATH_ERF_DERIVATIVE] = { "erf_derivative", math_erf_derivative },
    [MATH_ERFC] = { "erfc", math_erfc },
    [MATH_ERFINV] = { "erfinv", math_erfinv },
    [MATH_ERFINV_DERIVATIVE] = { "erfinv_derivative", math_erfinv_derivative },
    [MATH_SIN] = { "sin", math_sin },
    [MATH_COS] = { "cos", math_cos },
    [MATH_TAN] = { "tan", math_tan },
    [MATH_TAN_DERIVATIVE] = { "tan_derivative", math_tan_derivative },
    [MATH_ATAN] = { "atan", math_atan },
    [MATH_ATAN_DERIVATIVE] = { "atan_derivative", math_atan_derivative },
    [MATH_ASIN] = { "asin", math_asin },
    [MATH_ASIN_DERIVATIVE] = { "asin_derivative", math_asin_derivative },
    [MATH_ACOS] = { "acos", math_acos },
    [MATH_SINH] = { "sinh", math_sinh },
    [MATH_COSH] = { "cosh", math_cosh },
    [MATH_ASINH] = { "asinh", math_asinh },
    [MATH_ASINH_DERIVATIVE] = { "asinh_derivative", math_asinh_derivative },
    [MATH_ACOSH] = { "acosh", math_acosh },
    [MATH_ACOSH_DERIVATIVE] = { "acosh_derivative", math_acosh_derivative },
    [MATH_ATANH] = { "atanh", math_atanh },
    [MATH_ATANH_DERIVATIVE] = { "atanh_derivative", math_atanh_derivative },
    [MATH_CBRT] = { "cbrt", math_cbrt },
    [MATH_RSQRT] = { "rsqrt", math_rsqrt },
    [MATH_RSQRT_DERIVATIVE] = { "rsqrt_derivative", math_rsqrt_derivative },
    [MATH_SELU] = { "selu", math_selu },
    [MATH_SELU_DERIVATIVE] = { "selu_derivative", math_selu_derivative },
    [MATH_HARDSWISH] = { "hardswish", math_hardswish },
    [MATH_HARDSWISH_DERIVATIVE] = { "hardswish_derivative", math_hardswish_derivative },
    [MATH_HARDSIGMOID] = { "hardsigmoid", math_hardsigmoid },
    [MATH_CBRT_DERIVATIVE] = { "cbrt_derivative", math_cbrt_derivative },
    [MATH_RECIPROCAL_DERIVATIVE] = { "reciprocal_derivative", math_reciprocal_derivative },
};

const char *math_name(math_function function)
{
    return functions[function].name;
}

float (*math_scalar(math_function function))(float)
{
    return functions[function].scalar;
}
