/* recurrent.c: recurrent layers by the vector kernels and the fast matrix product. */
#include "cpu/recurrent.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"

static ref_recurrent_operations operations_of(const ea_context *ctx)
{
    const cpu_kernels *k = cpu_kernels_of(ctx);
    return (ref_recurrent_operations){ .add = k->add,
                                       .sub = k->sub,
                                       .mul = k->mul,
                                       .relu = k->relu,
                                       .relu_backward = k->relu_backward,
                                       .sigmoid = k->math[MATH_SIGMOID],
                                       .tanh = k->math[MATH_TANH],
                                       .matmul = cpu_matmul,
                                       .reduce = cpu_reduce };
}

ea_status cpu_recurrent_forward(ea_context *ctx, const ref_recurrence *r)
{
    ref_recurrent_operations operations = operations_of(ctx);
    return ref_recurrent_forward_with(ctx, &operations, r);
}

ea_status cpu_recurrent_backward(ea_context *ctx, const ref_recurrence_gradients *g)
{
    ref_recurrent_operations operations = operations_of(ctx);
    return ref_recurrent_backward_with(ctx, &operations, g);
}
