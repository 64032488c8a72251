/* matmul.c: contraction of two matrices on the CPU. */
#include "cpu/cpu.h"
#include "ref/ref.h"

ea_status cpu_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out)
{
    return ref_matmul(ctx, a, b, bias, out);
}
