/* pointwise.c: element by element. */
#include "native.h"

#include "math/math.h"

/* --- core.h --- */

static ea_status run_copy(const native_call *call)
{
    return ea_copy(call->ctx, T(0), T(1));
}

/* --- elementwise.h --- */

static ea_status run_add(const native_call *call)
{
    return ea_add(call->ctx, T(0), T(1), T(2));
}

static ea_status run_sub(const native_call *call)
{
    return ea_sub(call->ctx, T(0), T(1), T(2));
}

static ea_status run_mul(const native_call *call)
{
    return ea_mul(call->ctx, T(0), T(1), T(2));
}

static ea_status run_div(const native_call *call)
{
    return ea_div(call->ctx, T(0), T(1), T(2));
}

static ea_status run_exp(const native_call *call)
{
    return ea_exp(call->ctx, T(0), T(1));
}

static ea_status run_log(const native_call *call)
{
    return ea_log(call->ctx, T(0), T(1));
}

static ea_status run_sqrt(const native_call *call)
{
    return ea_sqrt(call->ctx, T(0), T(1));
}

static ea_status run_tanh(const native_call *call)
{
    return ea_tanh(call->ctx, T(0), T(1));
}

static ea_status run_sigmoid(const native_call *call)
{
    return ea_sigmoid(call->ctx, T(0), T(1));
}

static ea_status run_relu(const native_call *call)
{
    return ea_relu(call->ctx, T(0), T(1));
}

static ea_status run_tanh_backward(const native_call *call)
{
    return ea_tanh_backward(call->ctx, T(0), T(1), T(2));
}

static ea_status run_sigmoid_backward(const native_call *call)
{
    return ea_sigmoid_backward(call->ctx, T(0), T(1), T(2));
}

static ea_status run_exp_backward(const native_call *call)
{
    return ea_exp_backward(call->ctx, T(0), T(1), T(2));
}

static ea_status run_log_backward(const native_call *call)
{
    return ea_log_backward(call->ctx, T(0), T(1), T(2));
}

static ea_status run_sqrt_backward(const native_call *call)
{
    return ea_sqrt_backward(call->ctx, T(0), T(1), T(2));
}

static ea_status run_relu_backward(const native_call *call)
{
    return ea_relu_backward(call->ctx, T(0), T(1), T(2));
}

/* --- function.h: integer is the function's number (eadem._native.functions) --- */

static const char *function_name(const native_call *call)
{
    return I(0) >= 0 && I(0) < MATH_FUNCTION_COUNT ? math_name((math_function)I(0)) : NULL;
}

static ea_status run_function(const native_call *call)
{
    return ea_function(call->ctx, function_name(call), T(0), T(1));
}

static ea_status run_function_scaled(const native_call *call)
{
    return ea_function_scaled(call->ctx, function_name(call), T(0), T(1), T(2));
}

/* --- point.h: integer is the function's number (eadem._native.points), tensors its inputs and out;
 * floats its parameters, or none for the defaults. point_backward: the second integer says which
 * input; tensors are the gradient, the inputs and out. --- */

static ea_status bad_count(const native_call *call)
{
    return ea_point(call->ctx, EA_FN_COUNT, NULL, NULL, T(0)); /* refuses the number */
}

static ea_status run_point(const native_call *call)
{
    ea_point_function function = (ea_point_function)I(0);
    int inputs = call->tensor_count - 1;
    if (ea_point_inputs(function) != inputs || inputs < 1)
        return bad_count(call);
    return ea_point(call->ctx, function, (const DLTensor *const *)call->tensors,
                    call->float_count ? call->floats : NULL, T(inputs));
}

static ea_status run_point_backward(const native_call *call)
{
    ea_point_function function = (ea_point_function)I(0);
    int inputs = call->tensor_count - 2;
    if (ea_point_inputs(function) != inputs || inputs < 1)
        return bad_count(call);
    return ea_point_backward(call->ctx, function, (int)I(1), T(0),
                             (const DLTensor *const *)call->tensors + 1,
                             call->float_count ? call->floats : NULL, T(inputs + 1));
}

static const native_op ops[] = {
    { "copy", 2, run_copy },
    { "add", 3, run_add },
    { "sub", 3, run_sub },
    { "mul", 3, run_mul },
    { "div", 3, run_div },
    { "exp", 2, run_exp },
    { "log", 2, run_log },
    { "sqrt", 2, run_sqrt },
    { "tanh", 2, run_tanh },
    { "sigmoid", 2, run_sigmoid },
    { "relu", 2, run_relu },
    { "exp_backward", 3, run_exp_backward },
    { "log_backward", 3, run_log_backward },
    { "sqrt_backward", 3, run_sqrt_backward },
    { "relu_backward", 3, run_relu_backward },
    { "tanh_backward", 3, run_tanh_backward },
    { "sigmoid_backward", 3, run_sigmoid_backward },
    { "function", 2, run_function },
    { "function_scaled", 3, run_function_scaled },
    { "point", ANY_TENSORS, run_point },
    { "point_backward", ANY_TENSORS, run_point_backward },
};

const native_family native_pointwise = { ops, sizeof ops / sizeof ops[0] };
