/* simd_generic.h: the vector primitives (docs/kernels.md) in the portable vector extensions of gcc
 * and clang: four lanes, on any machine. */
#ifndef CPU_ISA_SIMD_GENERIC_H
#define CPU_ISA_SIMD_GENERIC_H

#include "core/view.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 4
#define VD_LANES 2
#define VF_FUSES 0 /* vf_fma may be a library call */

typedef float vf __attribute__((vector_size(16)));   /* float */
typedef int32_t vi __attribute__((vector_size(16))); /* int32 */
typedef double vd __attribute__((vector_size(16)));  /* double */
typedef int64_t vl __attribute__((vector_size(16))); /* int64 */
typedef vi vfm;                                      /* mask of a vf or vi: 0 or −1 a lane */
typedef vl vdm;                                      /* mask of a vd or vl */

/* For steps inside a function. */
typedef double simd_double4 __attribute__((vector_size(32)));
typedef int64_t simd_long4 __attribute__((vector_size(32)));
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

static inline vf vf_lookup8(const float *table, vi index)
{
    return vf_gather(table, index & 7);
}

static inline vf vf_even(vf a, vf b)
{
    return (vf){ a[0], a[2], b[0], b[2] };
}

static inline vf vf_odd(vf a, vf b)
{
    return (vf){ a[1], a[3], b[1], b[3] };
}

/* rows[i][j] ↔ rows[j][i]. */
static inline __attribute__((always_inline)) void vf_transpose(vf rows[VF_LANES])
{
    vf a = rows[0], b = rows[1], c = rows[2], d = rows[3];
    rows[0] = (vf){ a[0], b[0], c[0], d[0] };
    rows[1] = (vf){ a[1], b[1], c[1], d[1] };
    rows[2] = (vf){ a[2], b[2], c[2], d[2] };
    rows[3] = (vf){ a[3], b[3], c[3], d[3] };
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

/* Byte j of each element, counted from the lowest, as the highest; zeros below. j is a constant. */
static inline vi vi_high_byte(vi a, int j)
{
    return (vi)(((simd_u32)a << (unsigned)(24 - 8 * j)) & 0xff000000u);
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

/* Whole vectors are converted: element by element, gcc 12 miscompiles some uses at -O2. */
static inline vd vf_lo(vf a)
{
    simd_double4 wide = __builtin_convertvector(a, simd_double4);
    vd half;
    memcpy(&half, &wide, sizeof half);
    return half;
}

static inline vd vf_hi(vf a)
{
    simd_double4 wide = __builtin_convertvector(a, simd_double4);
    vd half;
    memcpy(&half, (const char *)&wide + sizeof half, sizeof half);
    return half;
}

static inline vf vd_pack(vd lo, vd hi)
{
    simd_double4 wide;
    memcpy(&wide, &lo, sizeof lo);
    memcpy((char *)&wide + sizeof lo, &hi, sizeof hi);
    return __builtin_convertvector(wide, vf);
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

/* The low 32 bits of all lanes of both, in an order of its own. */
static inline vi vd_low_words(vd a, vd b)
{
    vl low = (vl)a, high = (vl)b;
    return (vi){ (int32_t)low[0], (int32_t)low[1], (int32_t)high[0], (int32_t)high[1] };
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

/* In double, the product of two floats is exact, and `error` is what rounding lost of the sum,
 * exactly (Knuth's two-sum). Then the sum is made to be rounded to odd: if something was lost and
 * its last bit is even, the odd neighbour towards the error is taken. The comparisons are ordered,
 * so an infinite or NaN sum, whose error is NaN, stays as it is. Rounding to odd with 53 bits and
 * then to nearest with 24, or fewer for subnormals, gives the same as rounding once, since 53 ≥ 24
 * + 2 (Boldo and Melquiond, 2008). */
static inline vf vf_fma(vf a, vf b, vf c)
{
    simd_double4 product =
        __builtin_convertvector(a, simd_double4) * __builtin_convertvector(b, simd_double4);
    simd_double4 addend = __builtin_convertvector(c, simd_double4), sum = product + addend;
    simd_double4 addend_part = sum - product, product_part = sum - addend_part;
    simd_double4 error = (product - product_part) + (addend - addend_part);
    simd_long4 lost = (simd_long4)(error < 0) | (simd_long4)(error > 0);
    simd_long4 even = ((simd_long4)sum & 1) - 1;
    simd_long4 inwards = (simd_long4)((error < 0) ^ (sum < 0));
    simd_long4 odd = (simd_long4)sum + ((1 | inwards) & lost & even); /* ±1 in the last place */
    return __builtin_convertvector((simd_double4)odd, vf);
}

#endif
#endif
