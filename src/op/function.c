/* function.c: doors of the functions of one variable that are chosen by name. */
#include "op/op.h"

#include <string.h>

static ea_status find(ea_context *ctx, const char *door, const char *name, math_function *function)
{
    for (int f = 0; name && f < MATH_FUNCTION_COUNT; f++)
        if (strcmp(math_name((math_function)f), name) == 0) {
            *function = (math_function)f;
            return EA_OK;
        }
    return core_fail(ctx, EA_ERR_ARGUMENT,
                     "%s: '%s' is no function: docs/contract.md, Elementary functions, lists them",
                     door, name ? name : "(NULL)");
}

static ea_status run_function(ea_context *ctx, math_function function, const ea_view *x,
                              const ea_view *out)
{
    OP_RUN(ctx, function, function, x, out);
}

ea_status ea_function(ea_context *ctx, const char *name, const DLTensor *x, DLTensor *out)
{
    const char *door = "ea_function";
    math_function function = MATH_EXP;
    ea_view vx, vo;
    EA_TRY(find(ctx, door, name, &function));
    EA_TRY(core_view_of(ctx, door, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, door, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, door, "x", &vx, &vo, true));
    EA_TRY(op_expect_shape(ctx, door, "out", &vo, vx.ndim, vx.shape));
    return run_function(ctx, function, &vx, &vo);
}

static ea_status run_scaled(ea_context *ctx, math_function function, const ea_view *a,
                            const ea_view *x, const ea_view *out)
{
    OP_RUN(ctx, function_scaled, function, a, x, out);
}

ea_status ea_function_scaled(ea_context *ctx, const char *name, const DLTensor *a,
                             const DLTensor *x, DLTensor *out)
{
    const char *door = "ea_function_scaled";
    math_function function = MATH_EXP;
    ea_view va, vx, vo;
    EA_TRY(find(ctx, door, name, &function));
    EA_TRY(core_view_of(ctx, door, "a", a, CORE_FLOATS, &va));
    EA_TRY(core_view_of(ctx, door, "x", x, CORE_FLOATS, &vx));
    EA_TRY(op_view_of_out(ctx, door, "out", out, CORE_FLOATS, &vo));
    EA_TRY(op_no_overlap(ctx, door, "a", &va, &vo, true));
    EA_TRY(op_no_overlap(ctx, door, "x", &vx, &vo, true));
    EA_TRY(op_expect_shape(ctx, door, "a", &va, vx.ndim, vx.shape));
    EA_TRY(op_expect_shape(ctx, door, "out", &vo, vx.ndim, vx.shape));
    return run_scaled(ctx, function, &va, &vx, &vo);
}
