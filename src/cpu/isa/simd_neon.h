/* simd_neon.h: the vector primitives (docs/kernels.md) in AArch64 Advanced SIMD. */
#ifndef CPU_ISA_SIMD_NEON_H
#define CPU_ISA_SIMD_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 4
#define VD_LANES 2
#define VF_FUSES 1 /* vf_fma is one instruction */

typedef float32x4_t vf; /* float */
typedef int32x4_t vi;   /* int32 */
typedef float64x2_t vd; /* double */
typedef int64x2_t vl;   /* int64 */
typedef uint32x4_t vfm; /* mask of a vf or vi: all bits of a lane, or none */
typedef uint64x2_t vdm; /* mask of a vd or vl */

/* --- float: memory ---------------------------------------------------------------------------- */

static inline vf vf_load(const float *p)
{
    return vld1q_f32(p);
}

static inline void vf_store(float *p, vf a)
{
    vst1q_f32(p, a);
}

static inline vf vf_load_n(const float *p, int n)
{
    float lanes[VF_LANES] = { 0 };
    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return vld1q_f32(lanes);
}

static inline void vf_store_n(float *p, vf a, int n)
{
    float lanes[VF_LANES];
    vst1q_f32(lanes, a);
    for (int i = 0; i < n; i++)
        p[i] = lanes[i];
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static inline vf vf_gather(const float *p, vi index)
{
    float lanes[VF_LANES] = { p[index[0]], p[index[1]], p[index[2]], p[index[3]] };
    return vld1q_f32(lanes);
}

static inline vf vf_lookup8(const float *table, vi index)
{
    uint8x16x2_t row = { { vreinterpretq_u8_f32(vld1q_f32(table)),
                           vreinterpretq_u8_f32(vld1q_f32(table + 4)) } };
    /* The four bytes of element i are 4i, 4i + 1, … */
    uint32x4_t at = vandq_u32(vreinterpretq_u32_s32(index), vdupq_n_u32(7));
    at = vmlaq_n_u32(vdupq_n_u32(0x03020100), at, 0x04040404);
    return vreinterpretq_f32_u8(vqtbl2q_u8(row, vreinterpretq_u8_u32(at)));
}

static inline vf vf_even(vf a, vf b)
{
    return vuzp1q_f32(a, b);
}

static inline vf vf_odd(vf a, vf b)
{
    return vuzp2q_f32(a, b);
}

/* rows[i][j] ↔ rows[j][i]. */
static inline __attribute__((always_inline)) void vf_transpose(vf rows[VF_LANES])
{
    float32x4x2_t ab = vtrnq_f32(rows[0], rows[1]), cd = vtrnq_f32(rows[2], rows[3]);
    rows[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
    rows[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
    rows[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
    rows[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

/* --- float: arithmetic ------------------------------------------------------------------------ */

static inline vf vf_set(float x)
{
    return vdupq_n_f32(x);
}

static inline vf vf_zero(void)
{
    return vdupq_n_f32(0);
}

static inline vf vf_add(vf a, vf b)
{
    return vaddq_f32(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return vsubq_f32(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return vmulq_f32(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return vdivq_f32(a, b);
}

static inline vf vf_sqrt(vf a)
{
    return vsqrtq_f32(a);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}

static inline vf vf_neg(vf a)
{
    return vnegq_f32(a);
}

static inline vf vf_abs(vf a)
{
    return vabsq_f32(a);
}

/* --- float: comparison and choice ------------------------------------------------------------- */

static inline vfm vf_lt(vf a, vf b)
{
    return vcltq_f32(a, b);
}

static inline vfm vf_le(vf a, vf b)
{
    return vcleq_f32(a, b);
}

static inline vfm vf_gt(vf a, vf b)
{
    return vcgtq_f32(a, b);
}

static inline vfm vf_ge(vf a, vf b)
{
    return vcgeq_f32(a, b);
}

static inline vfm vf_eq(vf a, vf b)
{
    return vceqq_f32(a, b);
}

static inline vfm vf_ne(vf a, vf b)
{
    return vmvnq_u32(vceqq_f32(a, b));
}

static inline vf vf_select(vfm m, vf a, vf b)
{
    return vbslq_f32(m, a, b);
}

/* Not vminq_f32: it returns NaN when either is NaN, docs/kernels.md asks for b. */
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
    return vandq_u32(a, b);
}

static inline vfm vfm_or(vfm a, vfm b)
{
    return vorrq_u32(a, b);
}

static inline vfm vfm_andnot(vfm a, vfm b)
{
    return vbicq_u32(a, b);
}

static inline unsigned vfm_bits(vfm m)
{
    static const uint32_t bit[4] = { 1, 2, 4, 8 };
    return vaddvq_u32(vandq_u32(m, vld1q_u32(bit)));
}

/* --- int32 ------------------------------------------------------------------------------------ */

static inline vi vf_bits(vf a)
{
    return vreinterpretq_s32_f32(a);
}

static inline vf vi_float(vi a)
{
    return vreinterpretq_f32_s32(a);
}

static inline vi vf_to_vi(vf a)
{
    return vcvtnq_s32_f32(a);
}

static inline vf vi_to_vf(vi a)
{
    return vcvtq_f32_s32(a);
}

static inline vi vi_load(const int32_t *p)
{
    return vld1q_s32(p);
}

static inline void vi_store(int32_t *p, vi a)
{
    vst1q_s32(p, a);
}

static inline vi vi_set(int32_t x)
{
    return vdupq_n_s32(x);
}

static inline vi vi_add(vi a, vi b)
{
    return vaddq_s32(a, b);
}

static inline vi vi_sub(vi a, vi b)
{
    return vsubq_s32(a, b);
}

static inline vi vi_mul(vi a, vi b)
{
    return vmulq_s32(a, b);
}

static inline vi vi_and(vi a, vi b)
{
    return vandq_s32(a, b);
}

static inline vi vi_or(vi a, vi b)
{
    return vorrq_s32(a, b);
}

static inline vi vi_xor(vi a, vi b)
{
    return veorq_s32(a, b);
}

static inline vi vi_andnot(vi a, vi b)
{
    return vbicq_s32(a, b);
}

static inline vi vi_shl(vi a, int n)
{
    return vshlq_s32(a, vdupq_n_s32(n));
}

static inline vi vi_shr(vi a, int n)
{
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-n)));
}

static inline vi vi_sar(vi a, int n)
{
    return vshlq_s32(a, vdupq_n_s32(-n));
}

/* Byte j of each element, counted from the lowest, as the highest; zeros below. j is a constant. */
static inline vi vi_high_byte(vi a, int j)
{
    return vandq_s32(vshlq_s32(a, vdupq_n_s32(24 - 8 * j)), vdupq_n_s32((int)0xff000000));
}

static inline vfm vi_eq(vi a, vi b)
{
    return vceqq_s32(a, b);
}

static inline vfm vi_gt(vi a, vi b)
{
    return vcgtq_s32(a, b);
}

static inline vi vi_select(vfm m, vi a, vi b)
{
    return vbslq_s32(m, a, b);
}

/* --- double ----------------------------------------------------------------------------------- */

static inline vd vf_lo(vf a)
{
    return vcvt_f64_f32(vget_low_f32(a));
}

static inline vd vf_hi(vf a)
{
    return vcvt_high_f64_f32(a);
}

static inline vf vd_pack(vd lo, vd hi)
{
    return vcvt_high_f32_f64(vcvt_f32_f64(lo), hi);
}

static inline vd vd_load(const double *p)
{
    return vld1q_f64(p);
}

static inline void vd_store(double *p, vd a)
{
    vst1q_f64(p, a);
}

static inline vd vd_gather(const double *p, vl index)
{
    double lanes[VD_LANES] = { p[index[0]], p[index[1]] };
    return vld1q_f64(lanes);
}

static inline vd vd_set(double x)
{
    return vdupq_n_f64(x);
}

static inline vd vd_add(vd a, vd b)
{
    return vaddq_f64(a, b);
}

static inline vd vd_sub(vd a, vd b)
{
    return vsubq_f64(a, b);
}

static inline vd vd_mul(vd a, vd b)
{
    return vmulq_f64(a, b);
}

static inline vd vd_div(vd a, vd b)
{
    return vdivq_f64(a, b);
}

static inline vd vd_sqrt(vd a)
{
    return vsqrtq_f64(a);
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return vfmaq_f64(c, a, b);
}

static inline vd vd_mad(vd a, vd b, vd c)
{
    return vd_fma(a, b, c);
}

static inline vd vd_neg(vd a)
{
    return vnegq_f64(a);
}

static inline vd vd_abs(vd a)
{
    return vabsq_f64(a);
}

static inline vdm vd_lt(vd a, vd b)
{
    return vcltq_f64(a, b);
}

static inline vdm vd_le(vd a, vd b)
{
    return vcleq_f64(a, b);
}

static inline vdm vd_eq(vd a, vd b)
{
    return vceqq_f64(a, b);
}

static inline vdm vd_ne(vd a, vd b)
{
    return veorq_u64(vceqq_f64(a, b), vdupq_n_u64(UINT64_MAX));
}

static inline vd vd_select(vdm m, vd a, vd b)
{
    return vbslq_f64(m, a, b);
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
    return vandq_u64(a, b);
}

static inline vdm vdm_or(vdm a, vdm b)
{
    return vorrq_u64(a, b);
}

static inline unsigned vdm_bits(vdm m)
{
    return (unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2));
}

/* --- int64 ------------------------------------------------------------------------------------ */

static inline vl vd_bits(vd a)
{
    return vreinterpretq_s64_f64(a);
}

static inline vd vl_double(vl a)
{
    return vreinterpretq_f64_s64(a);
}

/* The low 32 bits of all lanes of both, in an order of its own. */
static inline vi vd_low_words(vd a, vd b)
{
    return vuzp1q_s32(vreinterpretq_s32_f64(a), vreinterpretq_s32_f64(b));
}

static inline vl vl_set(int64_t x)
{
    return vdupq_n_s64(x);
}

static inline vl vl_add(vl a, vl b)
{
    return vaddq_s64(a, b);
}

static inline vl vl_sub(vl a, vl b)
{
    return vsubq_s64(a, b);
}

static inline vl vl_and(vl a, vl b)
{
    return vandq_s64(a, b);
}

static inline vl vl_or(vl a, vl b)
{
    return vorrq_s64(a, b);
}

static inline vl vl_xor(vl a, vl b)
{
    return veorq_s64(a, b);
}

static inline vl vl_andnot(vl a, vl b)
{
    return vbicq_s64(a, b);
}

static inline vl vl_shl(vl a, int n)
{
    return vshlq_s64(a, vdupq_n_s64(n));
}

static inline vl vl_shr(vl a, int n)
{
    return vreinterpretq_s64_u64(vshlq_u64(vreinterpretq_u64_s64(a), vdupq_n_s64(-n)));
}

static inline vdm vl_eq(vl a, vl b)
{
    return vceqq_s64(a, b);
}

static inline vdm vl_gt(vl a, vl b)
{
    return vcgtq_s64(a, b);
}

static inline vl vl_select(vdm m, vl a, vl b)
{
    return vbslq_s64(m, a, b);
}

#endif
