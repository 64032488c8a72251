/* function.c: definitions of the functions of one variable. */
#include "ref/ref.h"

ea_status ref_function(ea_context *ctx, math_function function, const ea_view *x,
                       const ea_view *out)
{
    (void)ctx;
    float (*f)(float) = math_scalar(function);
    for (int64_t i = 0; i < core_numel(out); i++)
        core_store(out, core_offset(out, i), f(core_load(x, core_offset(x, i))));
    return EA_OK;
}

ea_status ref_function_scaled(ea_context *ctx, math_function function, const ea_view *a,
                              const ea_view *x, const ea_view *out)
{
    (void)ctx;
    float (*f)(float) = math_scalar(function);
    for (int64_t i = 0; i < core_numel(out); i++)
        core_store(out, core_offset(out, i),
                   core_load(a, core_offset(a, i)) * f(core_load(x, core_offset(x, i))));
    return EA_OK;
}
