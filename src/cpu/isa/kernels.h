/* kernels.h: all kernels and their table. Compiled once for each instruction set, by the file that
 * includes this after its simd_*.h and after naming the table. */
#include "cpu/isa/isa.h"

#include "cpu/isa/kernels_elementwise.h"
#include "cpu/isa/kernels_gemm.h"

#include "cpu/isa/kernels_conv.h" /* uses GEMM_ROWS */
#include "cpu/isa/kernels_panel.h"

#include "cpu/isa/kernels_math.h"
#include "cpu/isa/kernels_optim.h"
#include "cpu/isa/kernels_pair.h"
#include "cpu/isa/kernels_point.h"
#include "cpu/isa/kernels_pool.h"
#include "cpu/isa/kernels_reduce.h"
#include "cpu/isa/kernels_resample.h"
#include "cpu/isa/kernels_row_norm.h"
#include "cpu/isa/kernels_transformer.h"
#include "cpu/isa/kernels_update.h"
#if VF_FUSES
#include "cpu/isa/kernels_quick.h" /* uses kernels_math.h */
#include "cpu/isa/kernels_quick_double.h"
#endif

const cpu_kernels CPU_KERNELS_TABLE = {
    .name = CPU_KERNELS_NAME,
    .math = {
#if VF_FUSES
        [MATH_EXP] = kernel_exp_quick,
        [MATH_LOG] = kernel_log_quick,
        [MATH_LOG1P] = kernel_log1p_quick,
        [MATH_SIGMOID] = kernel_sigmoid_quick,
        [MATH_EXP2] = kernel_exp2_quick,
        [MATH_EXP2_DERIVATIVE] = kernel_exp2_derivative_quick,
        [MATH_SILU_DERIVATIVE] = kernel_silu_derivative_quick,
        [MATH_GELU] = kernel_gelu_quick,
        [MATH_GELU_DERIVATIVE] = kernel_gelu_derivative_quick,
        [MATH_ERF] = kernel_erf_quick,
        [MATH_SIN] = kernel_sin_quick,
        [MATH_COS] = kernel_cos_quick,
        [MATH_TAN] = kernel_tan_quick,
        [MATH_TAN_DERIVATIVE] = kernel_tan_derivative_quick,
#else
        [MATH_EXP] = kernel_exp,
        [MATH_LOG] = kernel_log,
        [MATH_LOG1P] = kernel_log1p,
        [MATH_SIGMOID] = kernel_sigmoid,
        [MATH_EXP2] = kernel_exp2,
        [MATH_EXP2_DERIVATIVE] = kernel_exp2_derivative,
        [MATH_SILU_DERIVATIVE] = kernel_silu_derivative,
        [MATH_GELU] = kernel_gelu,
        [MATH_GELU_DERIVATIVE] = kernel_gelu_derivative,
        [MATH_ERF] = kernel_erf,
        [MATH_SIN] = kernel_sin,
        [MATH_COS] = kernel_cos,
        [MATH_TAN] = kernel_tan,
        [MATH_TAN_DERIVATIVE] = kernel_tan_derivative,
#endif
        [MATH_EXPM1] = kernel_expm1,
        [MATH_LOG2] = kernel_log2,
        [MATH_LOG2_DERIVATIVE] = kernel_log2_derivative,
        [MATH_LOG10] = kernel_log10,
        [MATH_LOG10_DERIVATIVE] = kernel_log10_derivative,
        [MATH_LOG1P_DERIVATIVE] = kernel_log1p_derivative,
        [MATH_SQRT] = kernel_sqrt,
        [MATH_SQRT_DERIVATIVE] = kernel_sqrt_derivative,
        [MATH_TANH] = kernel_tanh,
        [MATH_TANH_DERIVATIVE] = kernel_tanh_derivative,
        [MATH_SIGMOID_DERIVATIVE] = kernel_sigmoid_derivative,
        [MATH_SOFTPLUS] = kernel_softplus,
        [MATH_LOGSIGMOID] = kernel_logsigmoid,
        [MATH_SILU] = kernel_silu,
        [MATH_GELU_TANH] = kernel_gelu_tanh,
        [MATH_GELU_TANH_DERIVATIVE] = kernel_gelu_tanh_derivative,
        [MATH_MISH] = kernel_mish,
        [MATH_MISH_DERIVATIVE] = kernel_mish_derivative,
        [MATH_ERF_DERIVATIVE] = kernel_erf_derivative,
        [MATH_ERFC] = kernel_erfc,
        [MATH_ERFINV] = kernel_erfinv,
        [MATH_ERFINV_DERIVATIVE] = kernel_erfinv_derivative,
        [MATH_ATAN] = kernel_atan,
        [MATH_ATAN_DERIVATIVE] = kernel_atan_derivative,
        [MATH_ASIN] = kernel_asin,
        [MATH_ASIN_DERIVATIVE] = kernel_asin_derivative,
        [MATH_ACOS] = kernel_acos,
        [MATH_SINH] = kernel_sinh,
        [MATH_COSH] = kernel_cosh,
        [MATH_ASINH] = kernel_asinh,
        [MATH_ASINH_DERIVATIVE] = kernel_asinh_derivative,
        [MATH_ACOSH] = kernel_acosh,
        [MATH_ACOSH_DERIVATIVE] = kernel_acosh_derivative,
        [MATH_ATANH] = kernel_atanh,
        [MATH_ATANH_DERIVATIVE] = kernel_atanh_derivative,
        [MATH_CBRT] = kernel_cbrt,
        [MATH_RSQRT] = kernel_rsqrt,
        [MATH_RSQRT_DERIVATIVE] = kernel_rsqrt_derivative,
    },
    .attention_scores = kernel_attention_scores,
    .attention_values = kernel_attention_values,
    .gemm_rows = GEMM_ROWS,
    .gemm_columns = GEMM_COLUMNS,
    .gemm_panel = gemm_panel,
    .gemm_pack_copy = gemm_pack_copy,
    .gemm_pack_transpose = gemm_pack_transpose,
    .gemm_pack_lines = gemm_pack_lines,
    .gemm_row = gemm_row,
    .gemm_dots_columns = GEMM_DOTS * VF_LANES,
    .gemm_dots = gemm_dots,
    .panel_row = panel_row,
    .panel_widen = panel_widen,
    .lanes = VF_LANES,
    .conv_vectors = GEMM_VECTORS,
    .conv_wide_rows = CONV_WIDE_ROWS,
    .conv_window = conv_window,
    .conv_lines = conv_lines,
    .conv_pixels = conv_pixels,
    .conv_range = conv_range,
    .add = kernel_add,
    .sub = kernel_sub,
    .mul = kernel_mul,
    .div = kernel_div,
    .sub_scalar = kernel_sub_scalar,
    .mul_scalar = kernel_mul_scalar,
    .div_scalar = kernel_div_scalar,
    .pair = { [MATH_POW] = kernel_pow,
              [MATH_ATAN2] = kernel_atan2,
              [MATH_HYPOT] = kernel_hypot,
              [MATH_FMOD] = kernel_fmod },
    .point_argument = kernel_point_argument,
    .point = kernel_point,
    .relu = kernel_relu,
    .relu_backward = kernel_relu_backward,
    .reciprocal = kernel_reciprocal,
    .sum_chunk = kernel_sum_chunk,
    .sum_columns = kernel_sum_columns,
    .sum_chunk_columns = kernel_sum_chunk_columns,
    .product_chunk_columns = kernel_product_chunk_columns,
    .maximum_columns = kernel_maximum_columns,
    .minimum_columns = kernel_minimum_columns,
    .maximum = kernel_maximum,
    .minimum = kernel_minimum,
    .product_chunk = kernel_product_chunk,
    .rows_together = VF_LANES,
    .add_rows = kernel_add_rows,
    .max_pool_2x2 = kernel_max_pool_2x2,
    .axis_rows = kernel_axis_rows,
    .axis_line = kernel_axis_line,
    .norm_apply = kernel_norm_apply,
    .norm_divide = kernel_norm_divide,
    .norm_squares = kernel_norm_squares,
    .norm_sums = kernel_norm_sums,
    .norm_gradient = kernel_norm_gradient,
    .sgd = kernel_sgd,
    .adam = kernel_adam,
    .update = kernel_update,
};
