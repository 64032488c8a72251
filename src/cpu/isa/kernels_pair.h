/* kernels_pair.h: pow, atan2, hypot and fmod: y[i] = f(a[i], b[i]), y may be one of them. Vectors
 * whose lanes are all ordinary numbers, and whose rounding the double's error leaves no doubt about
 * (math/pair.h), are taken at once, the others lane by lane. */
#include "math/pair.h"

static inline vfm vf_between(vf low, vf x, vf high)
{
    return vfm_and(vf_lt(low, x), vf_lt(x, high));
}

static inline __attribute__((always_inline)) void
map_pair(md (*f)(md, md), vfm (*ordinary)(vf, vf), double error, float (*scalar)(float, float),
         const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int count = n - i < VF_LANES ? (int)(n - i) : VF_LANES;
        bool whole = count == VF_LANES;
        vf va = whole ? vf_load(a + i) : vf_load_n(a + i, count);
        vf vb = whole ? vf_load(b + i) : vf_load_n(b + i, count);
        md r = f(md_widen(va), md_widen(vb));
        vf low = md_round(md_mul(r, md_set(1 - error))),
           high = md_round(md_mul(r, md_set(1 + error)));
        unsigned good = vfm_bits(vfm_and(ordinary(va, vb), vf_eq(low, high)));
        unsigned all = (1u << count) - 1;
        if ((good & all) == all && whole) {
            vf_store(y + i, high);
            continue;
        }
        float lane[VF_LANES];
        vf_store(lane, high);
        for (int k = 0; k < count; k++)
            lane[k] = good >> k & 1 ? lane[k] : scalar(a[i + k], b[i + k]);
        for (int k = 0; k < count; k++)
            y[i + k] = lane[k];
    }
}

static inline vfm pow_ordinary(vf x, vf y)
{
    vf infinity = vf_set(INFINITY);
    return vfm_and(vf_between(vf_zero(), x, infinity), vf_between(vf_set(-INFINITY), y, infinity));
}

static void kernel_pow(const float *a, const float *b, float *y, int64_t n)
{
    map_pair(md_pow, pow_ordinary, POW_ERROR, math_pow, a, b, y, n);
}

static inline vfm not_zero(vf x)
{
    return vfm_and(vf_ne(x, vf_zero()), vf_between(vf_set(-INFINITY), x, vf_set(INFINITY)));
}

static inline vfm atan2_ordinary(vf y, vf x)
{
    return vfm_and(not_zero(y), not_zero(x));
}

static inline md atan2_signed(md y, md x)
{
    return md_with_sign(md_atan2(md_abs(y), x), y);
}

static void kernel_atan2(const float *a, const float *b, float *y, int64_t n)
{
    map_pair(atan2_signed, atan2_ordinary, ATAN2_ERROR, math_atan2, a, b, y, n);
}

static inline vfm both_finite(vf x, vf y)
{
    vf low = vf_set(-INFINITY), high = vf_set(INFINITY);
    return vfm_and(vf_between(low, x, high), vf_between(low, y, high));
}

static void kernel_hypot(const float *a, const float *b, float *y, int64_t n)
{
    map_pair(md_hypot, both_finite, 0, math_hypot, a, b, y, n);
}

/* |x| < 2^28·|y|, both finite. */
static inline vfm fmod_ordinary(vf x, vf y)
{
    return vfm_and(vf_lt(vf_abs(x), vf_mul(vf_abs(y), vf_set(0x1p28f))),
                   vf_lt(vf_abs(y), vf_set(INFINITY)));
}

static void kernel_fmod(const float *a, const float *b, float *y, int64_t n)
{
    map_pair(md_fmod, fmod_ordinary, 0, math_fmod, a, b, y, n);
}
