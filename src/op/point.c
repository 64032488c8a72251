/* point.c: doors of the functions by number. */
#include "cpu/point.h"
#include "op/op.h"

static ea_status run(ea_context *ctx, const ref_point_call *call)
{
    OP_RUN(ctx, point_run, call);
}

const char *ea_point_name(ea_point_function function)
{
    return (unsigned)function < EA_FN_COUNT ? ref_point_table[function].name : NULL;
}

int ea_point_inputs(ea_point_function function)
{
    return (unsigned)function < EA_FN_COUNT ? ref_point_table[function].inputs : 0;
}

int ea_point_parameters(ea_point_function function)
{
    return (unsigned)function < EA_FN_COUNT ? ref_point_table[function].parameters : 0;
}

typedef struct point_views {
    ea_view input[REF_POINT_INPUTS], full; /* full: the shape that the inputs broadcast to */
} point_views;

/* Reads the inputs and the parameters. */
static ea_status read_inputs(ea_context *ctx, const char *where, ea_point_function function,
                             const DLTensor *const *inputs, const double *parameters,
                             point_views *v, ref_point_call *call)
{
    if ((unsigned)function >= EA_FN_COUNT)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: function %d is none", where, (int)function);
    const ref_point_row *row = &ref_point_table[function];
    *call = (ref_point_call){ .function = function };
    v->full = (ea_view){ .dtype = CORE_F32 };
    for (int k = 0; k < row->inputs; k++) {
        ea_view joint;
        EA_TRY(core_view_of(ctx, row->name,
                            k == 0   ? "input 0"
                            : k == 1 ? "input 1"
                                     : "input 2",
                            inputs[k], CORE_FLOATS | CORE_MASKS, &v->input[k]));
        EA_TRY(op_broadcast_shape(ctx, row->name, &v->full, &v->input[k], &joint));
        v->full = joint;
        call->input[k] = &v->input[k];
    }
    for (int k = 0; k < row->parameters; k++)
        call->parameter[k] = parameters ? op_round(parameters[k]) : row->defaults[k];
    return EA_OK;
}

/* Reads the place of the result, which has the full shape, and stretches the inputs to it. */
static ea_status read_out(ea_context *ctx, const char *name, DLTensor *tensor, unsigned types,
                          point_views *v, ref_point_call *call, ea_view *out)
{
    const ref_point_row *row = &ref_point_table[call->function];
    EA_TRY(op_view_of_out(ctx, row->name, name, tensor, types, out));
    EA_TRY(op_expect_shape(ctx, row->name, name, out, v->full.ndim, v->full.shape));
    for (int k = 0; k < row->inputs; k++) {
        EA_TRY(op_no_overlap(ctx, row->name, "an input", &v->input[k], out, true));
        op_expand(&v->input[k], &v->full);
    }
    call->out = out;
    return EA_OK;
}

ea_status ea_point(ea_context *ctx, ea_point_function function, const DLTensor *const *inputs,
                   const double *parameters, DLTensor *out)
{
    point_views v;
    ref_point_call call;
    ea_view vo;
    EA_TRY(read_inputs(ctx, "ea_point", function, inputs, parameters, &v, &call));
    unsigned types = ref_point_is_truth(function) ? CORE_MASKS : CORE_FLOATS;
    EA_TRY(read_out(ctx, "out", out, types, &v, &call, &vo));
    return run(ctx, &call);
}

ea_status ea_point_backward(ea_context *ctx, ea_point_function function, int which,
                            const DLTensor *grad_out, const DLTensor *const *inputs,
                            const double *parameters, DLTensor *grad)
{
    point_views v;
    ref_point_call call;
    ea_view vg, vo;
    EA_TRY(read_inputs(ctx, "ea_point_backward", function, inputs, parameters, &v, &call));
    const char *name = ref_point_table[function].name;
    if (which < 0 || which >= ref_point_table[function].inputs)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: it has no input %d", name, which);
    EA_TRY(core_view_of(ctx, name, "grad_out", grad_out, CORE_FLOATS, &vg));
    EA_TRY(op_expect_shape(ctx, name, "grad_out", &vg, v.full.ndim, v.full.shape));
    EA_TRY(read_out(ctx, "grad", grad, CORE_FLOATS, &v, &call, &vo));
    EA_TRY(op_no_overlap(ctx, name, "grad_out", &vg, &vo, true));
    call.grad_out = &vg;
    call.which = which;
    return run(ctx, &call);
}
