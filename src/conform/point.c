/* point.c: cases of the functions by number. */
#include "conform/families.h"
#include "eadem/op.h"

#include <stdbool.h>

enum { INPUTS = 3 };

static bool is_truth(int function)
{
    return function >= EA_FN_ISNAN && function <= EA_FN_LOGICAL_XOR;
}

/* The values, and the gradient for every input. */
static void run(conform *c, int function, const DLTensor *const *inputs, const double *parameters,
                DLDataType dtype, int ndim, const int64_t *shape)
{
    ea_context *ctx = conform_context(c);
    ea_point_function number = (ea_point_function)function;
    DLTensor *out = conform_zeros(c, is_truth(function) ? EA_BOOL : dtype, ndim, shape);
    conform_check(c, ea_point(ctx, number, inputs, parameters, out));
    conform_emit(c, out);
    DLTensor *grad_out = conform_floats(c, 9, ndim, shape);
    for (int k = 0; k < ea_point_inputs(number); k++) {
        DLTensor *grad = conform_zeros(c, dtype, ndim, shape);
        conform_check(c, ea_point_backward(ctx, number, k, grad_out, inputs, parameters, grad));
        conform_emit(c, grad);
    }
}

static void all_functions(conform *c, bool any_bits)
{
    static const double parameters[] = { 0.75, 1.5, 0.001 };
    int64_t shape[] = { 1050 };
    const DLTensor *inputs[INPUTS];
    for (int k = 0; k < INPUTS; k++)
        inputs[k] = (any_bits ? conform_bits : conform_floats)(c, (uint32_t)k + 1, 1, shape);
    for (int function = 0; function <= EA_FN_MARGIN_RANKING_LOSS; function++)
        run(c, function, inputs, function % 2 ? parameters : NULL, EA_FLOAT32, 1, shape);
}

static void functions(conform *c)
{
    all_functions(c, false);
}

static void specials(conform *c)
{
    all_functions(c, true);
}

/* Functions that came after the first set, whose digests stay. */
static void later(conform *c)
{
    int64_t shape[] = { 1050 };
    for (int any_bits = 0; any_bits < 2; any_bits++) {
        const DLTensor *x = (any_bits ? conform_bits : conform_floats)(c, 1, 1, shape);
        run(c, EA_FN_ERFINV, &x, NULL, EA_FLOAT32, 1, shape);
        DLTensor *slope = conform_zeros(c, EA_FLOAT32, 1, shape);
        conform_check(c, ea_function(conform_context(c), "erfinv_derivative", x, slope));
        conform_emit(c, slope);
    }
}

/* Sizes around a vector, broadcasting, strides and storage types, on functions of each kind. */
static void shapes(conform *c)
{
    static const int some[] = { EA_FN_FLOOR, EA_FN_ELU,  EA_FN_EQ,        EA_FN_REMAINDER,
                                EA_FN_PRELU, EA_FN_LERP, EA_FN_HUBER_LOSS };
    int64_t full[] = { 3, 17, 6 };
    for (int i = 0; i < (int)(sizeof some / sizeof some[0]); i++) {
        for (int size = 0; size < 4; size++) {
            const DLTensor *inputs[INPUTS];
            for (int k = 0; k < INPUTS; k++)
                inputs[k] = conform_floats(c, (uint32_t)k + 1, 1, &conform_sizes[size]);
            run(c, some[i], inputs, NULL, EA_FLOAT32, 1, &conform_sizes[size]);
        }
        const DLTensor *mixed[] = {
            conform_strided(c, conform_floats(c, 4, 3, (int64_t[]){ 3, 17, 12 }), 2, -2),
            conform_as(c, EA_FLOAT16, conform_floats(c, 5, 2, (int64_t[]){ 17, 1 })),
            conform_as(c, EA_BFLOAT16, conform_floats(c, 6, 1, (int64_t[]){ 6 })),
        };
        run(c, some[i], mixed, NULL, EA_BFLOAT16, 3, full);
    }
}

static const conform_case cases[] = {
    { "functions", functions },
    { "specials", specials },
    { "shapes", shapes },
    { "later", later },
};

const conform_family conform_point = { "point", cases, sizeof cases / sizeof cases[0] };
