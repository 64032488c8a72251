/* ops.c: the operations that Python can call, in the order of the public headers. */
#include "native.h"

#include "eadem/random.h"
#include "math/math.h"

#define T(i) (call->tensors[i])
#define I(i) (call->integers[i])
#define F(i) (call->floats[i])

/* --- core.h --- */

static ea_status run_copy(const native_call *call)
{
    return ea_copy(call->ctx, T(0), T(1));
}

/* --- matmul.h --- */

static ea_status run_matmul(const native_call *call)
{
    return ea_matmul(call->ctx, T(0), T(1), T(2));
}

static ea_status run_bmm(const native_call *call)
{
    return ea_bmm(call->ctx, T(0), T(1), T(2));
}

static ea_status run_linear(const native_call *call)
{
    return ea_linear(call->ctx, T(0), T(1), T(2), T(3));
}

/* --- conv.h: integers are stride, padding, dilation (two each), groups --- */

static ea_conv_options conv_options(const native_call *call)
{
    return (ea_conv_options){ .stride = { I(0), I(1) },
                              .padding = { I(2), I(3) },
                              .dilation = { I(4), I(5) },
                              .groups = I(6) };
}

static ea_status run_conv2d(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d(call->ctx, T(0), T(1), T(2), &options, T(3));
}

static ea_status run_conv2d_backward_input(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d_backward_input(call->ctx, T(0), T(1), &options, T(2));
}

static ea_status run_conv2d_backward_weight(const native_call *call)
{
    ea_conv_options options = conv_options(call);
    return ea_conv2d_backward_weight(call->ctx, T(0), T(1), &options, T(2));
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

/* --- reduce.h: integers are the dimensions --- */

static ea_status reduce(const native_call *call, ea_status (*run)(ea_context *, const DLTensor *,
                                                                  const int *, int, DLTensor *))
{
    int dims[CALL_INTEGERS];
    for (int i = 0; i < call->integer_count; i++)
        dims[i] = (int)I(i);
    return run(call->ctx, T(0), dims, call->integer_count, T(1));
}

static ea_status run_sum(const native_call *call)
{
    return reduce(call, ea_sum);
}

static ea_status run_mean(const native_call *call)
{
    return reduce(call, ea_mean);
}

static ea_status run_sum_to_shape(const native_call *call)
{
    return ea_sum_to_shape(call->ctx, T(0), T(1));
}

/* --- softmax.h: integer is the dimension --- */

static ea_status run_softmax(const native_call *call)
{
    return ea_softmax(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_log_softmax(const native_call *call)
{
    return ea_log_softmax(call->ctx, T(0), (int)I(0), T(1));
}

static ea_status run_softmax_backward(const native_call *call)
{
    return ea_softmax_backward(call->ctx, T(0), T(1), (int)I(0), T(2));
}

static ea_status run_log_softmax_backward(const native_call *call)
{
    return ea_log_softmax_backward(call->ctx, T(0), T(1), (int)I(0), T(2));
}

/* --- loss.h: integer is the reduction --- */

static ea_status run_cross_entropy(const native_call *call)
{
    return ea_cross_entropy(call->ctx, T(0), T(1), (ea_reduction)I(0), T(2));
}

static ea_status run_cross_entropy_backward(const native_call *call)
{
    return ea_cross_entropy_backward(call->ctx, T(0), T(1), T(2), (ea_reduction)I(0), T(3));
}

/* --- norm.h: integer is training; floats are momentum and eps --- */

static ea_batch_norm_options batch_norm_options(const native_call *call)
{
    return (ea_batch_norm_options){ .training = (int)I(0), .momentum = F(0), .eps = F(1) };
}

static ea_status run_batch_norm(const native_call *call)
{
    ea_batch_norm_options options = batch_norm_options(call);
    return ea_batch_norm(call->ctx, T(0), T(1), T(2), T(3), T(4), &options, T(5), T(6), T(7));
}

static ea_status run_batch_norm_backward(const native_call *call)
{
    ea_batch_norm_options options = batch_norm_options(call);
    return ea_batch_norm_backward(call->ctx, T(0), T(1), T(2), T(3), T(4), &options, T(5), T(6),
                                  T(7));
}

/* --- pool.h --- */

static ea_status run_max_pool2d_backward(const native_call *call)
{
    return ea_max_pool2d_backward(call->ctx, T(0), T(1), T(2));
}

/* --- optim.h: integer is the step (and flags); floats as in the options --- */

static ea_status run_adam(const native_call *call)
{
    ea_adam_options options = { .lr = F(0),
                                .beta1 = F(1),
                                .beta2 = F(2),
                                .eps = F(3),
                                .weight_decay = F(4),
                                .amsgrad = (int)I(1),
                                .decoupled = (int)I(2),
                                .maximize = (int)I(3) };
    return ea_adam(call->ctx, &options, I(0), T(0), T(1), T(2), T(3), T(4));
}

static ea_status run_sgd(const native_call *call)
{
    ea_sgd_options options = { .lr = F(0),
                               .momentum = F(1),
                               .dampening = F(2),
                               .weight_decay = F(3),
                               .nesterov = (int)I(1),
                               .maximize = (int)I(2) };
    return ea_sgd(call->ctx, &options, I(0), T(0), T(1), T(2));
}

/* --- random.h: tensor 0 is PyTorch's generator state (uint8), read and written; floats are
 * parameters --- */

typedef ea_status (*random_fill)(const native_call *call, ea_generator *generator);

static ea_status with_generator(const native_call *call, random_fill fill)
{
    if (ea_tensor_numel(T(0)) != EA_MT19937_STATE_BYTES)
        return EA_ERR_ARGUMENT;
    unsigned char *state = (unsigned char *)T(0)->data + T(0)->byte_offset;
    ea_generator generator = { .kind = EA_GENERATOR_MT19937 };
    ea_status status = ea_mt19937_load(call->ctx, state, &generator.u.mt19937);
    if (status == EA_OK)
        status = fill(call, &generator);
    if (status == EA_OK)
        ea_mt19937_save(&generator.u.mt19937, state);
    return status;
}

static ea_status fill_uniform(const native_call *call, ea_generator *generator)
{
    return ea_uniform(call->ctx, generator, F(0), F(1), T(1));
}

static ea_status fill_normal(const native_call *call, ea_generator *generator)
{
    return ea_normal(call->ctx, generator, F(0), F(1), T(1));
}

static ea_status run_uniform(const native_call *call)
{
    return with_generator(call, fill_uniform);
}

static ea_status run_normal(const native_call *call)
{
    return with_generator(call, fill_normal);
}

const native_op native_ops[] = {
    { "copy", 2, run_copy },
    { "matmul", 3, run_matmul },
    { "bmm", 3, run_bmm },
    { "linear", 4, run_linear },
    { "conv2d", 4, run_conv2d },
    { "conv2d_backward_input", 3, run_conv2d_backward_input },
    { "conv2d_backward_weight", 3, run_conv2d_backward_weight },
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
    { "tanh_backward", 3, run_tanh_backward },
    { "sigmoid_backward", 3, run_sigmoid_backward },
    { "function", 2, run_function },
    { "function_scaled", 3, run_function_scaled },
    { "sum", 2, run_sum },
    { "mean", 2, run_mean },
    { "sum_to_shape", 2, run_sum_to_shape },
    { "softmax", 2, run_softmax },
    { "log_softmax", 2, run_log_softmax },
    { "softmax_backward", 3, run_softmax_backward },
    { "log_softmax_backward", 3, run_log_softmax_backward },
    { "cross_entropy", 3, run_cross_entropy },
    { "cross_entropy_backward", 4, run_cross_entropy_backward },
    { "batch_norm", 8, run_batch_norm },
    { "batch_norm_backward", 8, run_batch_norm_backward },
    { "max_pool2d_backward", 3, run_max_pool2d_backward },
    { "adam", 5, run_adam },
    { "uniform", 2, run_uniform },
    { "normal", 2, run_normal },
    { "sgd", 3, run_sgd },
};

const int native_op_count = sizeof native_ops / sizeof native_ops[0];
