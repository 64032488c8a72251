/* elementwise.c: cases of what works element by element. */
#include "conform/families.h"
#include "eadem/op.h"
#include "math/math.h"

typedef ea_status (*binary)(ea_context *ctx, const DLTensor *a, const DLTensor *b, DLTensor *out);
typedef ea_status (*unary)(ea_context *ctx, const DLTensor *x, DLTensor *out);

static const binary binaries[] = { ea_add, ea_sub, ea_mul, ea_div };
static const unary unaries[] = { ea_exp, ea_log, ea_sqrt, ea_tanh, ea_sigmoid, ea_relu };
static const binary backwards[] = { ea_exp_backward,  ea_log_backward,     ea_sqrt_backward,
                                    ea_tanh_backward, ea_sigmoid_backward, ea_relu_backward };

static void run_binary(conform *c, binary door, const DLTensor *a, const DLTensor *b,
                       DLDataType dtype, int ndim, const int64_t *shape)
{
    DLTensor *out = conform_zeros(c, dtype, ndim, shape);
    conform_check(c, door(conform_context(c), a, b, out));
    conform_emit(c, out);
}

static void binary_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t shape[] = { conform_sizes[i] };
        DLTensor *a = conform_bits(c, 1, 1, shape), *b = conform_bits(c, 2, 1, shape);
        for (int door = 0; door < 4; door++)
            run_binary(c, binaries[door], a, b, EA_FLOAT32, 1, shape);
    }
}

static void broadcasting(conform *c)
{
    int64_t full[] = { 5, 7, 33 };
    DLTensor *x = conform_floats(c, 1, 3, full);
    DLTensor *column = conform_floats(c, 2, 2, (int64_t[]){ 7, 1 });
    DLTensor *lead = conform_floats(c, 3, 3, (int64_t[]){ 5, 1, 1 });
    DLTensor *row = conform_floats(c, 4, 1, (int64_t[]){ 33 });
    DLTensor *scalar = conform_floats(c, 5, 0, NULL);
    for (int door = 0; door < 4; door++) {
        run_binary(c, binaries[door], x, column, EA_FLOAT32, 3, full);
        run_binary(c, binaries[door], lead, x, EA_FLOAT32, 3, full);
        run_binary(c, binaries[door], x, row, EA_FLOAT32, 3, full);
        run_binary(c, binaries[door], scalar, x, EA_FLOAT32, 3, full);
        run_binary(c, binaries[door], lead, column, EA_FLOAT32, 3, (int64_t[]){ 5, 7, 1 });
    }
}

static void strides(conform *c)
{
    DLTensor *a = conform_floats(c, 1, 2, (int64_t[]){ 40, 50 });
    DLTensor *b = conform_floats(c, 2, 2, (int64_t[]){ 50, 40 });
    run_binary(c, ea_sub, conform_transposed(c, a, 0, 1), b, EA_FLOAT32, 2, (int64_t[]){ 50, 40 });
    run_binary(c, ea_mul, conform_strided(c, a, 1, 3), conform_strided(c, a, 1, -3), EA_FLOAT32, 2,
               (int64_t[]){ 40, 17 });
    DLTensor *target = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 40, 50 });
    conform_check(c, ea_add(conform_context(c), conform_transposed(c, a, 0, 1), b,
                            conform_transposed(c, target, 0, 1)));
    conform_emit(c, target);
}

static void in_place(conform *c)
{
    int64_t shape[] = { 1500 };
    DLTensor *a = conform_floats(c, 1, 1, shape), *b = conform_floats(c, 2, 1, shape);
    conform_check(c, ea_mul(conform_context(c), a, b, a));
    conform_check(c, ea_tanh(conform_context(c), b, b));
    conform_emit(c, a);
    conform_emit(c, b);
}

static void storage(conform *c)
{
    int64_t shape[] = { 1100 };
    DLTensor *a = conform_as(c, EA_FLOAT16, conform_bits(c, 1, 1, shape));
    DLTensor *b = conform_as(c, EA_BFLOAT16, conform_bits(c, 2, 1, shape));
    for (int door = 0; door < 4; door++) {
        run_binary(c, binaries[door], a, b, EA_FLOAT16, 1, shape);
        run_binary(c, binaries[door], b, a, EA_BFLOAT16, 1, shape);
    }
    for (int door = 0; door < 6; door++)
        run_binary(c, backwards[door], a, b, EA_BFLOAT16, 1, shape);
}

static void empty(conform *c)
{
    int64_t shape[] = { 3, 0 };
    DLTensor *a = conform_floats(c, 1, 2, shape), *out = conform_zeros(c, EA_FLOAT32, 2, shape);
    conform_check(c, ea_add(conform_context(c), a, a, out));
    conform_check(c, ea_exp(conform_context(c), a, out));
    conform_check(c, ea_relu_backward(conform_context(c), a, a, out));
    conform_emit(c, out);
}

/* Any bit pattern, and the range in which the functions are not yet flat. */
static void functions(conform *c)
{
    for (int door = 0; door < 6; door++)
        for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
            int64_t shape[] = { conform_sizes[i] };
            DLTensor *out = conform_zeros(c, EA_FLOAT32, 1, shape);
            DLTensor *other = conform_zeros(c, EA_FLOAT32, 1, shape);
            conform_check(c, unaries[door](conform_context(c), conform_bits(c, 1, 1, shape), out));
            conform_check(c,
                          unaries[door](conform_context(c), conform_floats(c, 2, 1, shape), other));
            conform_emit(c, out);
            conform_emit(c, other);
        }
}

static void gradients(conform *c)
{
    for (int door = 0; door < 6; door++)
        for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
            int64_t shape[] = { conform_sizes[i] };
            DLTensor *grad = conform_floats(c, 3, 1, shape);
            run_binary(c, backwards[door], grad, conform_bits(c, 1, 1, shape), EA_FLOAT32, 1,
                       shape);
            run_binary(c, backwards[door], grad, conform_floats(c, 2, 1, shape), EA_FLOAT32, 1,
                       shape);
        }
}

/* Every function that has a name: at bits of any kind, and times other floats. erfinv came later
 * and stands in point/later, so that this digest stays. */
static void by_name(conform *c)
{
    int64_t shape[] = { 1025 };
    DLTensor *bits = conform_bits(c, 1, 1, shape), *near = conform_floats(c, 2, 1, shape);
    DLTensor *a = conform_floats(c, 3, 1, shape);
    for (int f = 0; f < MATH_FUNCTION_COUNT; f++) {
        if (f == MATH_ERFINV || f == MATH_ERFINV_DERIVATIVE)
            continue;
        const char *name = math_name((math_function)f);
        DLTensor *out = conform_zeros(c, EA_FLOAT32, 1, shape);
        DLTensor *scaled = conform_zeros(c, EA_FLOAT32, 1, shape);
        conform_check(c, ea_function(conform_context(c), name, bits, out));
        conform_check(c, ea_function_scaled(conform_context(c), name, a, near, scaled));
        conform_emit(c, out);
        conform_emit(c, scaled);
    }
}

static const conform_case cases[] = {
    { "binary-sizes", binary_sizes }, { "broadcasting", broadcasting }, { "strides", strides },
    { "in-place", in_place },         { "storage", storage },           { "empty", empty },
    { "functions", functions },       { "gradients", gradients },       { "by-name", by_name },
};

const conform_family conform_elementwise = { "elementwise", cases, sizeof cases / sizeof cases[0] };
