/* point.c: the table of the functions by number, and their definition over views. */
#include "ref/point.h"

/* A function whose value and derivative are one correctly rounded function each. */
#define ROUNDED(text, value, derivative)                                                          \
    {                                                                                             \
        .name = text, .inputs = 1, .functions = 1, .slopes = 1, .function = { value }, .slope = { \
            derivative                                                                            \
        }                                                                                         \
    }
#define PLAIN(text, count)            \
    {                                 \
        .name = text, .inputs = count \
    }
#define OF_PAIR(text, function_of_two)                                       \
    {                                                                        \
        .name = text, .inputs = 2, .has_pair = true, .pair = function_of_two \
    }

const ref_point_row ref_point_table[EA_FN_COUNT] = {
    [EA_FN_ABS] = PLAIN("abs", 1),
    [EA_FN_NEG] = PLAIN("neg", 1),
    [EA_FN_SIGN] = PLAIN("sign", 1),
    [EA_FN_FLOOR] = PLAIN("floor", 1),
    [EA_FN_CEIL] = PLAIN("ceil", 1),
    [EA_FN_ROUND] = PLAIN("round", 1),
    [EA_FN_TRUNC] = PLAIN("trunc", 1),
    [EA_FN_FRAC] = PLAIN("frac", 1),
    [EA_FN_RECIPROCAL] = { .name = "reciprocal",
                           .inputs = 1,
                           .slopes = 1,
                           .slope = { MATH_RECIPROCAL_DERIVATIVE } },
    [EA_FN_SQUARE] = PLAIN("square", 1),
    [EA_FN_RSQRT] = ROUNDED("rsqrt", MATH_RSQRT, MATH_RSQRT_DERIVATIVE),
    [EA_FN_CBRT] = ROUNDED("cbrt", MATH_CBRT, MATH_CBRT_DERIVATIVE),
    [EA_FN_EXP2] = ROUNDED("exp2", MATH_EXP2, MATH_EXP2_DERIVATIVE),
    [EA_FN_EXPM1] = ROUNDED("expm1", MATH_EXPM1, MATH_EXP),
    [EA_FN_LOG2] = ROUNDED("log2", MATH_LOG2, MATH_LOG2_DERIVATIVE),
    [EA_FN_LOG10] = ROUNDED("log10", MATH_LOG10, MATH_LOG10_DERIVATIVE),
    [EA_FN_LOG1P] = ROUNDED("log1p", MATH_LOG1P, MATH_LOG1P_DERIVATIVE),
    [EA_FN_SIN] = ROUNDED("sin", MATH_SIN, MATH_COS),
    [EA_FN_COS] = ROUNDED("cos", MATH_COS, MATH_SIN),
    [EA_FN_TAN] = ROUNDED("tan", MATH_TAN, MATH_TAN_DERIVATIVE),
    [EA_FN_ASIN] = ROUNDED("asin", MATH_ASIN, MATH_ASIN_DERIVATIVE),
    [EA_FN_ACOS] = ROUNDED("acos", MATH_ACOS, MATH_ASIN_DERIVATIVE),
    [EA_FN_ATAN] = ROUNDED("atan", MATH_ATAN, MATH_ATAN_DERIVATIVE),
    [EA_FN_SINH] = ROUNDED("sinh", MATH_SINH, MATH_COSH),
    [EA_FN_COSH] = ROUNDED("cosh", MATH_COSH, MATH_SINH),
    [EA_FN_ASINH] = ROUNDED("asinh", MATH_ASINH, MATH_ASINH_DERIVATIVE),
    [EA_FN_ACOSH] = ROUNDED("acosh", MATH_ACOSH, MATH_ACOSH_DERIVATIVE),
    [EA_FN_ATANH] = ROUNDED("atanh", MATH_ATANH, MATH_ATANH_DERIVATIVE),
    [EA_FN_ERF] = ROUNDED("erf", MATH_ERF, MATH_ERF_DERIVATIVE),
    [EA_FN_ERFC] = ROUNDED("erfc", MATH_ERFC, MATH_ERF_DERIVATIVE),
    [EA_FN_LOGSIGMOID] = ROUNDED("logsigmoid", MATH_LOGSIGMOID, MATH_SIGMOID),
    [EA_FN_SOFTPLUS] = { .name = "softplus",
                         .inputs = 1,
                         .parameters = 2,
                         .defaults = { 1, 20 },
                         .functions = 1,
                         .slopes = 1,
                         .function = { MATH_SOFTPLUS },
                         .slope = { MATH_SIGMOID } },
    [EA_FN_SILU] = ROUNDED("silu", MATH_SILU, MATH_SILU_DERIVATIVE),
    [EA_FN_GELU] = ROUNDED("gelu", MATH_GELU, MATH_GELU_DERIVATIVE),
    [EA_FN_GELU_TANH] = ROUNDED("gelu_tanh", MATH_GELU_TANH, MATH_GELU_TANH_DERIVATIVE),
    [EA_FN_MISH] = ROUNDED("mish", MATH_MISH, MATH_MISH_DERIVATIVE),
    [EA_FN_ELU] = { .name = "elu",
                    .inputs = 1,
                    .parameters = 1,
                    .defaults = { 1 },
                    .functions = 1,
                    .slopes = 1,
                    .function = { MATH_EXPM1 },
                    .slope = { MATH_EXP } },
    [EA_FN_SELU] = ROUNDED("selu", MATH_SELU, MATH_SELU_DERIVATIVE),
    [EA_FN_CELU] = { .name = "celu",
                     .inputs = 1,
                     .parameters = 1,
                     .defaults = { 1 },
                     .functions = 1,
                     .slopes = 1,
                     .function = { MATH_EXPM1 },
                     .slope = { MATH_EXP } },
    [EA_FN_HARDSWISH] = ROUNDED("hardswish", MATH_HARDSWISH, MATH_HARDSWISH_DERIVATIVE),
    [EA_FN_HARDSIGMOID] = { .name = "hardsigmoid",
                            .inputs = 1,
                            .functions = 1,
                            .function = { MATH_HARDSIGMOID } },
    [EA_FN_HARDTANH] = { .name = "hardtanh", .inputs = 1, .parameters = 2, .defaults = { -1, 1 } },
    [EA_FN_RELU6] = PLAIN("relu6", 1),
    [EA_FN_LEAKY_RELU] = { .name = "leaky_relu",
                           .inputs = 1,
                           .parameters = 1,
                           .defaults = { 0.01f } },
    [EA_FN_CLAMP] = { .name = "clamp",
                      .inputs = 1,
                      .parameters = 2,
                      .defaults = { -INFINITY, INFINITY } },
    [EA_FN_ISNAN] = PLAIN("isnan", 1),
    [EA_FN_ISINF] = PLAIN("isinf", 1),
    [EA_FN_ISFINITE] = PLAIN("isfinite", 1),
    [EA_FN_ISPOSINF] = PLAIN("isposinf", 1),
    [EA_FN_ISNEGINF] = PLAIN("isneginf", 1),
    [EA_FN_SIGNBIT] = PLAIN("signbit", 1),
    [EA_FN_LOGICAL_NOT] = PLAIN("logical_not", 1),
    [EA_FN_EQ] = PLAIN("eq", 2),
    [EA_FN_NE] = PLAIN("ne", 2),
    [EA_FN_LT] = PLAIN("lt", 2),
    [EA_FN_LE] = PLAIN("le", 2),
    [EA_FN_GT] = PLAIN("gt", 2),
    [EA_FN_GE] = PLAIN("ge", 2),
    [EA_FN_LOGICAL_AND] = PLAIN("logical_and", 2),
    [EA_FN_LOGICAL_OR] = PLAIN("logical_or", 2),
    [EA_FN_LOGICAL_XOR] = PLAIN("logical_xor", 2),
    [EA_FN_MAXIMUM] = PLAIN("maximum", 2),
    [EA_FN_MINIMUM] = PLAIN("minimum", 2),
    [EA_FN_FMOD] = OF_PAIR("fmod", MATH_FMOD),
    [EA_FN_REMAINDER] = OF_PAIR("remainder", MATH_FMOD),
    [EA_FN_DIV_FLOOR] = OF_PAIR("div_floor", MATH_FMOD),
    [EA_FN_DIV_TRUNC] = PLAIN("div_trunc", 2),
    [EA_FN_POW] = { .name = "pow",
                    .inputs = 2,
                    .slopes = 1,
                    .slope = { MATH_LOG },
                    .has_pair = true,
                    .pair = MATH_POW },
    [EA_FN_ATAN2] = OF_PAIR("atan2", MATH_ATAN2),
    [EA_FN_HYPOT] = OF_PAIR("hypot", MATH_HYPOT),
    [EA_FN_PRELU] = PLAIN("prelu", 2),
    [EA_FN_LERP] = PLAIN("lerp", 3),
    [EA_FN_ADDCMUL] = { .name = "addcmul", .inputs = 3, .parameters = 1, .defaults = { 1 } },
    [EA_FN_ADDCDIV] = { .name = "addcdiv", .inputs = 3, .parameters = 1, .defaults = { 1 } },
    [EA_FN_MSE_LOSS] = PLAIN("mse_loss", 2),
    [EA_FN_L1_LOSS] = PLAIN("l1_loss", 2),
    [EA_FN_SMOOTH_L1_LOSS] = { .name = "smooth_l1_loss",
                               .inputs = 2,
                               .parameters = 1,
                               .defaults = { 1 } },
    [EA_FN_HUBER_LOSS] = { .name = "huber_loss", .inputs = 2, .parameters = 1, .defaults = { 1 } },
    [EA_FN_HINGE_EMBEDDING_LOSS] = { .name = "hinge_embedding_loss",
                                     .inputs = 2,
                                     .parameters = 1,
                                     .defaults = { 1 } },
    [EA_FN_KL_DIV] = { .name = "kl_div",
                       .inputs = 2,
                       .parameters = 1,
                       .functions = 2,
                       .slopes = 2,
                       .function = { MATH_LOG, MATH_EXP },
                       .slope = { MATH_LOG, MATH_EXP } },
    [EA_FN_POISSON_NLL_LOSS] = { .name = "poisson_nll_loss",
                                 .inputs = 2,
                                 .parameters = 3,
                                 .defaults = { 1, 0, 1e-8f },
                                 .functions = 3,
                                 .slopes = 3,
                                 .function = { MATH_EXP, MATH_LOG, MATH_LOG },
                                 .slope = { MATH_EXP, MATH_LOG, MATH_LOG } },
    [EA_FN_BCE] = { .name = "bce",
                    .inputs = 2,
                    .functions = 2,
                    .slopes = 2,
                    .function = { MATH_LOG, MATH_LOG1P },
                    .slope = { MATH_LOG, MATH_LOG1P } },
    [EA_FN_BCE_WITH_LOGITS] = { .name = "bce_with_logits",
                                .inputs = 3,
                                .functions = 1,
                                .slopes = 2,
                                .function = { MATH_SOFTPLUS },
                                .slope = { MATH_SIGMOID, MATH_SOFTPLUS } },
    [EA_FN_GAUSSIAN_NLL_LOSS] = { .name = "gaussian_nll_loss",
                                  .inputs = 3,
                                  .parameters = 2,
                                  .defaults = { 0, 1e-6f },
                                  .functions = 1,
                                  .function = { MATH_LOG } },
    [EA_FN_MARGIN_RANKING_LOSS] = { .name = "margin_ranking_loss", .inputs = 3, .parameters = 1 },
    [EA_FN_ERFINV] = ROUNDED("erfinv", MATH_ERFINV, MATH_ERFINV_DERIVATIVE),
};

/* The element as a float: floats widened, truth values and bytes as they are. */
static float load(const ea_view *view, int64_t i)
{
    if (!view)
        return 0;
    int64_t offset = core_offset(view, i);
    return CORE_MASKS & CORE_BIT(view->dtype) ? (float)core_load_index(view, offset)
                                              : core_load(view, offset);
}

static void store(const ea_view *view, int64_t i, float value)
{
    int64_t offset = core_offset(view, i);
    if (CORE_MASKS & CORE_BIT(view->dtype))
        core_store_index(view, offset, value != 0);
    else
        core_store(view, offset, value);
}

/* The correctly rounded functions that the call needs. */
static void evaluate(const ref_point_call *c, const float *x, float *f)
{
    const ref_point_row *row = &ref_point_table[c->function];
    bool gradient = c->grad_out != NULL;
    if (row->has_pair)
        f[0] = math_scalar_pair(row->pair)(x[0],
                                           ref_pair_second(c->function, gradient, c->which, x[1]));
    f += row->has_pair;
    for (int k = 0; gradient && k < row->slopes; k++)
        f[k] =
            math_scalar(row->slope[k])(ref_point_argument(c->function, true, k, x, c->parameter));
    for (int k = 0; !gradient && k < row->functions; k++)
        f[k] = math_scalar(row->function[k])(
            ref_point_argument(c->function, false, k, x, c->parameter));
}

ea_status ref_point_run(ea_context *ctx, const ref_point_call *c)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(c->out); i++) {
        float x[REF_POINT_INPUTS], f[REF_POINT_FUNCTIONS] = { 0 };
        for (int k = 0; k < REF_POINT_INPUTS; k++)
            x[k] = load(c->input[k], i);
        evaluate(c, x, f);
        float value = c->grad_out ? ref_point_gradient(c->function, c->which, load(c->grad_out, i),
                                                       x, f, c->parameter)
                                  : ref_point_value(c->function, x, f, c->parameter);
        store(c->out, i, value);
    }
    return EA_OK;
}
