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
    MATH_LOG,
    MATH_SQRT,
    MATH_SQRT_DERIVATIVE,
    MATH_TANH,
    MATH_TANH_DERIVATIVE,
    MATH_SIGMOID,
    MATH_SIGMOID_DERIVATIVE,
    MATH_FUNCTION_COUNT
} math_function;

float math_exp(float x);
float math_log(float x);
float math_sqrt(float x);
float math_sqrt_derivative(float x);
float math_tanh(float x);
float math_tanh_derivative(float x);
float math_sigmoid(float x);
float math_sigmoid_derivative(float x);

/* "exp", "sqrt_derivative"; and the scalar function. */
const char *math_name(math_function function);
float (*math_scalar(math_function function))(float);

#endif
