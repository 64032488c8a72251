/* simd_generic.h: the vector primitives (docs/kernels.md) in the portable vector extensions of gcc
 * and clang: four lanes, on any machine. */
#ifndef CPU_ISA_SIMD_GENERIC_H
#define CPU_ISA_SIMD_GENERIC_H

#include "core/view.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 4
#define VD_LANES 2

typedef float vf __attribute__((vector_size(16)));   /* float */
typedef int32_t vi __attribute__((vector_size(16))); /* int32 */
typedef double vd __attribute__((vector_size(16)));  /* double */
typedef int64_t vl __attribute__((vector_size(16))); /* int64 */
typedef vi vfm;                                      /* mask of a vf or vi: 0 or −1 a lane */
typedef vl vdm;                                      /* mask of a vd or vl */

typedef uint32_t simd_u32 __attribute__((vector_size(16)));
typedef uint64_t simd_u64 __attribute__((vector_size(16)));

/* --- float: memory ---------------------------------------------------------------------------- */

static inline vf vf_load(const float *p)
{
    vf a;
    memcpy(&a, p, sizeof a);
    return a;
}

static inline void vf_store(float *p, vf a)
{
    memcpy(p, &a, sizeof a);
}

static inline vf vf_load_n(const float *p, int n)
{
    vf a = { 0 };
    for (int i = 0; i < n; i++)
        a[i] = p[i];
    return a;
}

static inline void vf_store_n(float *p, vf a, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = a[i];
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    return (vf){ core_from_bf16(p[0]), core_from_bf16(p[1]), core_from_bf16(p[2]),
                 core_from_bf16(p[3]) };
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return (vf){ core_from_f16(p[0]), core_from_f16(p[1]), core_from_f16(p[2]),
                 core_from_f16(p[3]) };
}

static inline vf vf_gather(const float *p, vi index)
{
    return (vf){ p[index[0]], p[index[1]], p[index[2]], p[index[3]] };
}

/* --- float: arithmetic ------------------------------------------------------------------------ */

static inline vf vf_set(float x)
{
    return (vf){ x, x, x, x };
}

static inline vf vf_zero(void)
{
    return vf_set(0);
}

static inline vf vf_add(vf a, vf b)
{
    return a + b;
}

static inline vf vf_sub(vf a, vf b)
{
    return a - b;
}

static inline vf vf_mul(vf a, vf b)
{
    return a * b;
}

static inline vf vf_div(vf a, vf b)
{
    return a / b;
}

static inline vf vf_sqrt(vf a)
{
    return (vf){ sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3]) };
}

static inline vf vf_neg(vf a)
{
    return (vf)((vi)a ^ INT32_MIN);
}

static inline vf vf_abs(vf a)
{
    return (vf)((vi)a & INT32_MAX);
}

/* --- float: comparison and choice ------------------------------------------------------------- */

static inline vfm vf_lt(vf a, vf b)
{
    return (vfm)(a < b);
}

static inline vfm vf_le(vf a, vf b)
{
    return (vfm)(a <= b);
}

static inline vfm vf_gt(vf a, vf b)
{
    return (vfm)(a > b);
}

static inline vfm vf_ge(vf a, vf b)
{
    return (vfm)(a >= b);
}

static inline vfm vf_eq(vf a, vf b)
{
    return (vfm)(a == b);
}

static inline vfm vf_ne(vf a, vf b)
{
    return (vfm)(a != b);
}

static inline vf vf_select(vfm m, vf a, vf b)
{
    return (vf)(((vi)a & m) | ((vi)b & ~m));
}

static inline vf vf_min(vf a, vf b)
{
    return vf_select(vf_lt(a, b), a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return vf_select(vf_gt(a, b), a, b);
}

static inline vfm vfm_and(vfm a, vfm b)
{
    return a & b;
}

static inline vfm vfm_or(vfm a, vfm b)
{
    return a | b;
}

static inline vfm vfm_andnot(vfm a, vfm b)
{
    return a & ~b;
}

static inline unsigned vfm_bits(vfm m)
{
    return (unsigned)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}

/* --- int32 ------------------------------------------------------------------------------------ */

static inline vi vf_bits(vf a)
{
    return (vi)a;
}

static inline vf vi_float(vi a)
{
    return (vf)a;
}

static inline vi vf_to_vi(vf a)
{
    return (vi){ (int32_t)lrintf(a[0]), (int32_t)lrintf(a[1]), (int32_t)lrintf(a[2]),
                 (int32_t)lrintf(a[3]) };
}

static inline vf vi_to_vf(vi a)
{
    return __builtin_convertvector(a, vf);
}

static inline vi vi_load(const int32_t *p)
{
    vi a;
    memcpy(&a, p, sizeof a);
    return a;
}

static inline void vi_store(int32_t *p, vi a)
{
    memcpy(p, &a, sizeof a);
}

static inline vi vi_set(int32_t x)
{
    return (vi){ x, x, x, x };
}

/* Integer arithmetic wraps: computed unsigned. */
static inline vi vi_add(vi a, vi b)
{
    return (vi)((simd_u32)a + (simd_u32)b);
}

static inline vi vi_sub(vi a, vi b)
{
    return (vi)((simd_u32)a - (simd_u32)b);
}

static inline vi vi_mul(vi a, vi b)
{
    return (vi)((simd_u32)a * (simd_u32)b);
}

static inline vi vi_and(vi a, vi b)
{
    return a & b;
}

static inline vi vi_or(vi a, vi b)
{
    return a | b;
}

static inline vi vi_xor(vi a, vi b)
{
    return a ^ b;
}

static inline vi vi_andnot(vi a, vi b)
{
    return a & ~b;
}

static inline vi vi_shl(vi a, int n)
{
    return (vi)((simd_u32)a << (unsigned)n);
}

static inline vi vi_shr(vi a, int n)
{
    return (vi)((simd_u32)a >> (unsigned)n);
}

static inline vi vi_sar(vi a, int n)
{
    return a >> n;
}

static inline vfm vi_eq(vi a, vi b)
{
    return (vfm)(a == b);
}

static inline vfm vi_gt(vi a, vi b)
{
    return (vfm)(a > b);
}

static inline vi vi_select(vfm m, vi a, vi b)
{
    return (a & m) | (b & ~m);
}

/* --- double ----------------------------------------------------------------------------------- */

static inline vd vf_lo(vf a)
{
    return (vd){ a[0], a[1] };
}

static inline vd vf_hi(vf a)
{
    return (vd){ a[2], a[3] };
}

static inline vf vd_pack(vd lo, vd hi)
{
    return (vf){ (float)lo[0], (float)lo[1], (float)hi[0], (float)hi[1] };
}

static inline vd vd_load(const double *p)
{
    vd a;
    memcpy(&a, p, sizeof a);
    return a;
}

static inline void vd_store(double *p, vd a)
{
    memcpy(p, &a, sizeof a);
}

static inline vd vd_gather(const double *p, vl index)
{
    return (vd){ p[index[0]], p[index[1]] };
}

static inline vd vd_set(double x)
{
    return (vd){ x, x };
}

static inline vd vd_add(vd a, vd b)
{
    return a + b;
}

static inline vd vd_sub(vd a, vd b)
{
    return a - b;
}

static inline vd vd_mul(vd a, vd b)
{
    return a * b;
}

static inline vd vd_div(vd a, vd b)
{
    return a / b;
}

static inline vd vd_sqrt(vd a)
{
    return (vd){ sqrt(a[0]), sqrt(a[1]) };
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return (vd){ __builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1]) };
}

static inline vd vd_mad(vd a, vd b, vd c)
{
    return a * b + c;
}

static inline vd vd_neg(vd a)
{
    return (vd)((vl)a ^ INT64_MIN);
}

static inline vd vd_abs(vd a)
{
    return (vd)((vl)a & INT64_MAX);
}

static inline vdm vd_lt(vd a, vd b)
{
    return (vdm)(a < b);
}

static inline vdm vd_le(vd a, vd b)
{
    return (vdm)(a <= b);
}

static inline vdm vd_eq(vd a, vd b)
{
    return (vdm)(a == b);
}

static inline vdm vd_ne(vd a, vd b)
{
    return (vdm)(a != b);
}

static inline vd vd_select(vdm m, vd a, vd b)
{
    return (vd)(((vl)a & m) | ((vl)b & ~m));
}

static inline vd vd_min(vd a, vd b)
{
    return vd_select(vd_lt(a, b), a, b);
}

static inline vd vd_max(vd a, vd b)
{
    return vd_select(vd_lt(b, a), a, b);
}

static inline vdm vdm_and(vdm a, vdm b)
{
    return a & b;
}

static inline vdm vdm_or(vdm a, vdm b)
{
    return a | b;
}

static inline unsigned vdm_bits(vdm m)
{
    return (unsigned)((m[0] & 1) | (m[1] & 2));
}

/* --- int64 ------------------------------------------------------------------------------------ */

static inline vl vd_bits(vd a)
{
    return (vl)a;
}

static inline vd vl_double(vl a)
{
    return (vd)a;
}

static inline vl vl_set(int64_t x)
{
    return (vl){ x, x };
}

static inline vl vl_add(vl a, vl b)
{
    return (vl)((simd_u64)a + (simd_u64)b);
}

static inline vl vl_sub(vl a, vl b)
{
    return (vl)((simd_u64)a - (simd_u64)b);
}

static inline vl vl_and(vl a, vl b)
{
    return a & b;
}

static inline vl vl_or(vl a, vl b)
{
    return a | b;
}

static inline vl vl_xor(vl a, vl b)
{
    return a ^ b;
}

static inline vl vl_andnot(vl a, vl b)
{
    return a & ~b;
}

static inline vl vl_shl(vl a, int n)
{
    return (vl)((simd_u64)a << (unsigned)n);
}

static inline vl vl_shr(vl a, int n)
{
    return (vl)((simd_u64)a >> (unsigned)n);
}

static inline vdm vl_eq(vl a, vl b)
{
    return (vdm)(a == b);
}

static inline vdm vl_gt(vl a, vl b)
{
    return (vdm)(a > b);
}

static inline vl vl_select(vdm m, vl a, vl b)
{
    return (a & m) | (b & ~m);
}

/* --- float: fused multiply-add ---------------------------------------------------------------- */

#ifdef __FP_FAST_FMAF

static inline vf vf_fma(vf a, vf b, vf c)
{
    return (vf){ __builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]),
                 __builtin_fmaf(a[2], b[2], c[2]), __builtin_fmaf(a[3], b[3], c[3]) };
}

#else

/* a·b + c rounded to odd in double. The product of two floats is exact in double. The sum is
 * rounded to nearest and `error` is what that lost, exactly (Knuth's two-sum). If something was
 * lost and the last bit of the sum is even, the odd neighbour is the one towards the error. The
 * comparisons are ordered, so an infinite or NaN sum, whose error is NaN, stays as it is. */
static inline vd simd_fma_odd(vd a, vd b, vd c)
{
    vd product = a * b, sum = product + c;
    vd c_part = sum - product, product_part = sum - c_part;
    vd error = (product - product_part) + (c - c_part);
    vdm lost = (vdm)(error < 0) | (vdm)(error > 0);
    vdm towards_zero = (vdm)(((vl)error ^ (vl)sum) < 0);
    vl step = 1 | towards_zero; /* −1 or +1 in the last place */
    vdm even = ((vl)sum & 1) - 1;
    return (vd)((vl)sum + (step & lost & even));
}

/* Rounding to odd with 53 bits and then to nearest with 24, or fewer for subnormals, gives the same
 * as rounding once, since 53 ≥ 24 + 2 (Boldo and Melquiond, 2008). */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return vd_pack(simd_fma_odd(vf_lo(a), vf_lo(b), vf_lo(c)),
                   simd_fma_odd(vf_hi(a), vf_hi(b), vf_hi(c)));
}

#endif
#endif
