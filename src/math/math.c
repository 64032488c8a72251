/* math.c: the scalar functions: one lane, a multiply and an add where the vectors fuse. */
#include "math/math.h"

#include "math/scalar.h"

#include "math/exp.h"
#include "math/log.h"
#include "math/sigmoid.h"
#include "math/sqrt.h"
#include "math/tanh.h"

float math_exp(float x)
{
    return (float)md_exp(x);
}

float math_log(float x)
{
    return (float)md_log(x);
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

static const struct {
    const char *name;
    float (*scalar)(float);
} functions[MATH_FUNCTION_COUNT] = {
    [MATH_EXP] = { "exp", math_exp },
    [MATH_LOG] = { "log", math_log },
    [MATH_SQRT] = { "sqrt", math_sqrt },
    [MATH_SQRT_DERIVATIVE] = { "sqrt_derivative", math_sqrt_derivative },
    [MATH_TANH] = { "tanh", math_tanh },
    [MATH_TANH_DERIVATIVE] = { "tanh_derivative", math_tanh_derivative },
    [MATH_SIGMOID] = { "sigmoid", math_sigmoid },
    [MATH_SIGMOID_DERIVATIVE] = { "sigmoid_derivative", math_sigmoid_derivative },
};

const char *math_name(math_function function)
{
    return functions[function].name;
}

float (*math_scalar(math_function function))(float)
{
    return functions[function].scalar;
}
