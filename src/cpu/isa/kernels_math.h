/* kernels_math.h: the functions of src/math on vectors: y[i] = f(x[i]), i < n; y may be x. */
#include "cpu/isa/lanes.h"

#include "math/asinh.h"
#include "math/atan.h"
#include "math/cbrt.h"
#include "math/erf.h"
#include "math/erfinv.h"
#include "math/exp.h"
#include "math/exp2.h"
#include "math/expm1.h"
#include "math/gelu.h"
#include "math/hard.h"
#include "math/join.h"
#include "math/log.h"
#include "math/log1p.h"
#include "math/log2.h"
#include "math/math.h"
#include "math/mish.h"
#include "math/poly.h"
#include "math/root.h"
#include "math/selu.h"
#include "math/sigmoid.h"
#include "math/sign.h"
#include "math/silu.h"
#include "math/sin.h"
#include "math/sinh.h"
#include "math/sqrt.h"
#include "math/tanh.h"

/* Not to be inlined in kernels_quick.h and kernels_quick_double.h, whose loops call them for few
 * vectors. */
#define RARE __attribute__((noinline))

static inline __attribute__((always_inline)) void map_double(md (*f)(md), const float *x, float *y,
                                                             int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, md_round(f(md_widen(vf_load(x + i)))));
    if (i < n) {
        int rest = (int)(n - i);
        vf_store_n(y + i, md_round(f(md_widen(vf_load_n(x + i, rest)))), rest);
    }
}

/* The same with a shorter way for the vectors whose lanes all have `easy` arguments. */
static inline __attribute__((always_inline)) void
map_easy(md (*f)(md), vfm (*easy)(vf), md (*easy_f)(md), const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf at = vf_load(x + i);
        bool all = vfm_bits(easy(at)) == (1u << VF_LANES) - 1;
        md wide = md_widen(at);
        vf_store(y + i, md_round(all ? easy_f(wide) : f(wide)));
    }
    map_double(f, x + i, y + i, n - i);
}

static inline vfm above_zero(vf x)
{
    return vf_gt(x, vf_zero());
}

static RARE void kernel_exp(const float *x, float *y, int64_t n)
{
    map_double(md_exp, x, y, n);
}

static RARE void kernel_exp2(const float *x, float *y, int64_t n)
{
    map_double(md_exp2, x, y, n);
}

static RARE void kernel_exp2_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_exp2_derivative, x, y, n);
}

static void kernel_expm1(const float *x, float *y, int64_t n)
{
    map_double(md_expm1, x, y, n);
}

static RARE void kernel_log(const float *x, float *y, int64_t n)
{
    map_double(md_log, x, y, n);
}

static RARE void kernel_log2(const float *x, float *y, int64_t n)
{
    map_double(md_log2, x, y, n);
}

static void kernel_log2_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_log2_derivative, x, y, n);
}

static RARE void kernel_log10(const float *x, float *y, int64_t n)
{
    map_double(md_log10, x, y, n);
}

static void kernel_log10_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_log10_derivative, x, y, n);
}

static RARE void kernel_log1p(const float *x, float *y, int64_t n)
{
    map_double(md_log1p, x, y, n);
}

static RARE void kernel_log1p_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_log1p_derivative, x, y, n);
}

/* The machine's own square root is correctly rounded. */
static void kernel_sqrt(const float *x, float *y, int64_t n)
{
    map_float(vf_sqrt, x, y, n);
}

static void kernel_sqrt_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_sqrt_derivative, x, y, n);
}

static void kernel_tanh(const float *x, float *y, int64_t n)
{
    map_double(md_tanh, x, y, n);
}

static void kernel_tanh_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_tanh_derivative, x, y, n);
}

static RARE void kernel_sigmoid(const float *x, float *y, int64_t n)
{
    map_double(md_sigmoid, x, y, n);
}

static RARE void kernel_sigmoid_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_sigmoid_derivative, x, y, n);
}

static void kernel_softplus(const float *x, float *y, int64_t n)
{
    map_double(md_softplus, x, y, n);
}

static void kernel_logsigmoid(const float *x, float *y, int64_t n)
{
    map_double(md_logsigmoid, x, y, n);
}

static void kernel_silu(const float *x, float *y, int64_t n)
{
    map_double(md_silu, x, y, n);
}

static RARE void kernel_silu_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_silu_derivative, x, y, n);
}

static RARE void kernel_gelu(const float *x, float *y, int64_t n)
{
    map_double(md_gelu, x, y, n);
}

static RARE void kernel_gelu_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_gelu_derivative, x, y, n);
}

static void kernel_gelu_tanh(const float *x, float *y, int64_t n)
{
    map_double(md_gelu_tanh, x, y, n);
}

static void kernel_gelu_tanh_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_gelu_tanh_derivative, x, y, n);
}

static void kernel_mish(const float *x, float *y, int64_t n)
{
    map_double(md_mish, x, y, n);
}

static void kernel_mish_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_mish_derivative, x, y, n);
}

static RARE void kernel_erf(const float *x, float *y, int64_t n)
{
    map_double(md_erf, x, y, n);
}

static void kernel_erf_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_erf_derivative, x, y, n);
}

static void kernel_erfc(const float *x, float *y, int64_t n)
{
    map_double(md_erfc, x, y, n);
}

static RARE void kernel_erfinv(const float *x, float *y, int64_t n)
{
    map_double(md_erfinv, x, y, n);
}

static void kernel_erfinv_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_erfinv_derivative, x, y, n);
}

static RARE void kernel_sin(const float *x, float *y, int64_t n)
{
    map_double(md_sin, x, y, n);
}

static RARE void kernel_cos(const float *x, float *y, int64_t n)
{
    map_double(md_cos, x, y, n);
}

static RARE void kernel_tan(const float *x, float *y, int64_t n)
{
    map_double(md_tan, x, y, n);
}

static RARE void kernel_tan_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_tan_derivative, x, y, n);
}

static void kernel_atan(const float *x, float *y, int64_t n)
{
    map_double(md_atan, x, y, n);
}

static void kernel_atan_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_atan_derivative, x, y, n);
}

static RARE void kernel_asin(const float *x, float *y, int64_t n)
{
    map_double(md_asin, x, y, n);
}

static void kernel_asin_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_asin_derivative, x, y, n);
}

static RARE void kernel_acos(const float *x, float *y, int64_t n)
{
    map_double(md_acos, x, y, n);
}

static void kernel_sinh(const float *x, float *y, int64_t n)
{
    map_double(md_sinh, x, y, n);
}

static void kernel_cosh(const float *x, float *y, int64_t n)
{
    map_double(md_cosh, x, y, n);
}

static void kernel_asinh(const float *x, float *y, int64_t n)
{
    map_double(md_asinh, x, y, n);
}

static void kernel_asinh_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_asinh_derivative, x, y, n);
}

static void kernel_acosh(const float *x, float *y, int64_t n)
{
    map_double(md_acosh, x, y, n);
}

static void kernel_acosh_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_acosh_derivative, x, y, n);
}

static void kernel_atanh(const float *x, float *y, int64_t n)
{
    map_double(md_atanh, x, y, n);
}

static void kernel_atanh_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_atanh_derivative, x, y, n);
}

static void kernel_cbrt(const float *x, float *y, int64_t n)
{
    map_double(md_cbrt, x, y, n);
}

static RARE void kernel_rsqrt(const float *x, float *y, int64_t n)
{
    map_double(md_rsqrt, x, y, n);
}

static void kernel_rsqrt_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_rsqrt_derivative, x, y, n);
}

static void kernel_selu(const float *x, float *y, int64_t n)
{
    map_easy(md_selu, above_zero, md_selu_above_zero, x, y, n);
}

static void kernel_selu_derivative(const float *x, float *y, int64_t n)
{
    map_easy(md_selu_derivative, above_zero, md_selu_derivative_above_zero, x, y, n);
}

static RARE void kernel_hardswish(const float *x, float *y, int64_t n)
{
    map_double(md_hardswish, x, y, n);
}

#if !VF_FUSES /* else in kernels_quick_hard.h */
static void kernel_hardswish_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_hardswish_derivative, x, y, n);
}

static void kernel_hardsigmoid(const float *x, float *y, int64_t n)
{
    map_double(md_hardsigmoid, x, y, n);
}
#endif

static void kernel_cbrt_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_cbrt_derivative, x, y, n);
}

static void kernel_reciprocal_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_reciprocal_derivative, x, y, n);
}
