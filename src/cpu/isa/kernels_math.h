/* kernels_math.h: the functions of src/math on vectors: y[i] = f(x[i]), i < n; y may be x. */
#include "cpu/isa/lanes.h"

#include "math/exp.h"
#include "math/log.h"
#include "math/math.h"
#include "math/sigmoid.h"
#include "math/sqrt.h"
#include "math/tanh.h"

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

static void kernel_exp(const float *x, float *y, int64_t n)
{
    map_double(md_exp, x, y, n);
}

static void kernel_log(const float *x, float *y, int64_t n)
{
    map_double(md_log, x, y, n);
}

/* The machine's own square root is correctly rounded. */
static void kernel_sqrt(const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_sqrt(vf_load(x + i)));
    if (i < n) {
        int rest = (int)(n - i);
        vf_store_n(y + i, vf_sqrt(vf_load_n(x + i, rest)), rest);
    }
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

static void kernel_sigmoid(const float *x, float *y, int64_t n)
{
    map_double(md_sigmoid, x, y, n);
}

static void kernel_sigmoid_derivative(const float *x, float *y, int64_t n)
{
    map_double(md_sigmoid_derivative, x, y, n);
}
