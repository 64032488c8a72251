/* simd_avx512.h: the vector primitives (docs/kernels.md) in AVX-512 F, DQ, VL and BW. */
#ifndef CPU_ISA_SIMD_AVX512_H
#define CPU_ISA_SIMD_AVX512_H

#ifdef EADEM_EMULATE_AVX512 /* runs these kernels on machines without AVX-512: tests only */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#include "cpu/isa/simde_missing.h"
#else
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stdint.h>

#define VF_LANES 16
#define VD_LANES 8
#define VF_FUSES 1 /* vf_fma is one instruction */

typedef __m512 vf;     /* float */
typedef __m512i vi;    /* int32 */
typedef __m512d vd;    /* double */
typedef __m512i vl;    /* int64 */
typedef __mmask16 vfm; /* mask of a vf or vi */
typedef __mmask8 vdm;  /* mask of a vd or vl */

/* --- float: memory ---------------------------------------------------------------------------- */

static inline __mmask16 simd_first(int n)
{
    return (__mmask16)((1u << n) - 1);
}

static inline vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void vf_store(float *p, vf a)
{
    _mm512_storeu_ps(p, a);
}

static inline vf vf_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(simd_first(n), p);
}

static inline void vf_store_n(float *p, vf a, int n)
{
    _mm512_mask_storeu_ps(p, simd_first(n), a);
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

static inline vf vf_gather(const float *p, vi index)
{
    return _mm512_i32gather_ps(index, p, 4);
}

static inline vf vf_lookup8(const float *table, vi index)
{
    __m256 row = _mm256_loadu_ps(table);
    return _mm512_permutexvar_ps(index, _mm512_insertf32x8(_mm512_castps256_ps512(row), row, 1));
}

static inline vf vf_even(vf a, vf b)
{
    const __m512i lanes =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, lanes, b);
}

static inline vf vf_odd(vf a, vf b)
{
    const __m512i lanes =
        _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, lanes, b);
}

/* rows[i][j] ↔ rows[j][i]. Pairs of elements are exchanged first, then quads, then the 128-bit
 * parts. */
static inline __attribute__((always_inline)) void vf_transpose(vf rows[VF_LANES])
{
    vf pair[16], quad[16];
    for (int i = 0; i < 16; i += 2) {
        pair[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        pair[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        quad[i] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0xee);
        quad[i + 2] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        vf even_low = _mm512_shuffle_f32x4(quad[i], quad[i + 4], 0x88);
        vf odd_low = _mm512_shuffle_f32x4(quad[i], quad[i + 4], 0xdd);
        vf even_high = _mm512_shuffle_f32x4(quad[i + 8], quad[i + 12], 0x88);
        vf odd_high = _mm512_shuffle_f32x4(quad[i + 8], quad[i + 12], 0xdd);
        rows[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        rows[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        rows[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        rows[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}

/* --- float: arithmetic ------------------------------------------------------------------------ */

static inline vf vf_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline vf vf_zero(void)
{
    return _mm512_setzero_ps();
}

static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}

static inline vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf vf_neg(vf a)
{
    return _mm512_castsi512_ps(
        _mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}

static inline vf vf_abs(vf a)
{
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MAX)));
}

static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

/* --- float: comparison and choice ------------------------------------------------------------- */

static inline vfm vf_lt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline vfm vf_le(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

static inline vfm vf_gt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

static inline vfm vf_ge(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}

static inline vfm vf_eq(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

static inline vfm vf_ne(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ);
}

static inline vf vf_select(vfm m, vf a, vf b)
{
    return _mm512_mask_blend_ps(m, b, a);
}

static inline vfm vfm_and(vfm a, vfm b)
{
    return (vfm)(a & b);
}

static inline vfm vfm_or(vfm a, vfm b)
{
    return (vfm)(a | b);
}

static inline vfm vfm_andnot(vfm a, vfm b)
{
    return (vfm)(a & ~b);
}

static inline unsigned vfm_bits(vfm m)
{
    return m;
}

/* --- int32 ------------------------------------------------------------------------------------ */

static inline vi vf_bits(vf a)
{
    return _mm512_castps_si512(a);
}

static inline vf vi_float(vi a)
{
    return _mm512_castsi512_ps(a);
}

static inline vi vf_to_vi(vf a)
{
    return _mm512_cvtps_epi32(a);
}

static inline vf vi_to_vf(vi a)
{
    return _mm512_cvtepi32_ps(a);
}

static inline vi vi_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void vi_store(int32_t *p, vi a)
{
    _mm512_storeu_si512(p, a);
}

static inline vi vi_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

static inline vi vi_add(vi a, vi b)
{
    return _mm512_add_epi32(a, b);
}

static inline vi vi_sub(vi a, vi b)
{
    return _mm512_sub_epi32(a, b);
}

static inline vi vi_mul(vi a, vi b)
{
    return _mm512_mullo_epi32(a, b);
}

static inline vi vi_and(vi a, vi b)
{
    return _mm512_and_si512(a, b);
}

static inline vi vi_or(vi a, vi b)
{
    return _mm512_or_si512(a, b);
}

static inline vi vi_xor(vi a, vi b)
{
    return _mm512_xor_si512(a, b);
}

static inline vi vi_andnot(vi a, vi b)
{
    return _mm512_andnot_si512(b, a);
}

static inline vi vi_shl(vi a, int n)
{
    return _mm512_slli_epi32(a, (unsigned)n);
}

static inline vi vi_shr(vi a, int n)
{
    return _mm512_srli_epi32(a, (unsigned)n);
}

static inline vi vi_sar(vi a, int n)
{
    return _mm512_srai_epi32(a, (unsigned)n);
}

/* Byte j of each element, counted from the lowest, as the highest; zeros below. j is a constant. */
static inline vi vi_high_byte(vi a, int j)
{
    return _mm512_and_si512(_mm512_slli_epi32(a, (unsigned)(24 - 8 * j)),
                            _mm512_set1_epi32((int)0xff000000));
}

static inline vfm vi_eq(vi a, vi b)
{
    return _mm512_cmpeq_epi32_mask(a, b);
}

static inline vfm vi_gt(vi a, vi b)
{
    return _mm512_cmpgt_epi32_mask(a, b);
}

static inline vi vi_select(vfm m, vi a, vi b)
{
    return _mm512_mask_blend_epi32(m, b, a);
}

/* --- double ----------------------------------------------------------------------------------- */

static inline vd vf_lo(vf a)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}

static inline vd vf_hi(vf a)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}

static inline vf vd_pack(vd lo, vd hi)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(lo)), _mm512_cvtpd_ps(hi), 1);
}

static inline vd vd_load(const double *p)
{
    return _mm512_loadu_pd(p);
}

static inline void vd_store(double *p, vd a)
{
    _mm512_storeu_pd(p, a);
}

static inline vd vd_gather(const double *p, vl index)
{
    return _mm512_i64gather_pd(index, p, 8);
}

static inline vd vd_set(double x)
{
    return _mm512_set1_pd(x);
}

static inline vd vd_add(vd a, vd b)
{
    return _mm512_add_pd(a, b);
}

static inline vd vd_sub(vd a, vd b)
{
    return _mm512_sub_pd(a, b);
}

static inline vd vd_mul(vd a, vd b)
{
    return _mm512_mul_pd(a, b);
}

static inline vd vd_div(vd a, vd b)
{
    return _mm512_div_pd(a, b);
}

static inline vd vd_sqrt(vd a)
{
    return _mm512_sqrt_pd(a);
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm512_fmadd_pd(a, b, c);
}

static inline vd vd_mad(vd a, vd b, vd c)
{
    return vd_fma(a, b, c);
}

static inline vd vd_neg(vd a)
{
    return _mm512_castsi512_pd(
        _mm512_xor_si512(_mm512_castpd_si512(a), _mm512_set1_epi64(INT64_MIN)));
}

static inline vd vd_abs(vd a)
{
    return _mm512_castsi512_pd(
        _mm512_and_si512(_mm512_castpd_si512(a), _mm512_set1_epi64(INT64_MAX)));
}

static inline vd vd_min(vd a, vd b)
{
    return _mm512_min_pd(a, b);
}

static inline vd vd_max(vd a, vd b)
{
    return _mm512_max_pd(a, b);
}

static inline vdm vd_lt(vd a, vd b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}

static inline vdm vd_le(vd a, vd b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
}

static inline vdm vd_eq(vd a, vd b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

static inline vdm vd_ne(vd a, vd b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ);
}

static inline vd vd_select(vdm m, vd a, vd b)
{
    return _mm512_mask_blend_pd(m, b, a);
}

static inline vdm vdm_and(vdm a, vdm b)
{
    return (vdm)(a & b);
}

static inline vdm vdm_or(vdm a, vdm b)
{
    return (vdm)(a | b);
}

static inline unsigned vdm_bits(vdm m)
{
    return m;
}

/* --- int64 ------------------------------------------------------------------------------------ */

static inline vl vd_bits(vd a)
{
    return _mm512_castpd_si512(a);
}

static inline vd vl_double(vl a)
{
    return _mm512_castsi512_pd(a);
}

/* The low 32 bits of all lanes of both, in an order of its own. */
static inline vi vd_low_words(vd a, vd b)
{
    return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castpd_ps(a), _mm512_castpd_ps(b), 0x88));
}

static inline vl vl_set(int64_t x)
{
    return _mm512_set1_epi64(x);
}

static inline vl vl_add(vl a, vl b)
{
    return _mm512_add_epi64(a, b);
}

static inline vl vl_sub(vl a, vl b)
{
    return _mm512_sub_epi64(a, b);
}

static inline vl vl_and(vl a, vl b)
{
    return _mm512_and_si512(a, b);
}

static inline vl vl_or(vl a, vl b)
{
    return _mm512_or_si512(a, b);
}

static inline vl vl_xor(vl a, vl b)
{
    return _mm512_xor_si512(a, b);
}

static inline vl vl_andnot(vl a, vl b)
{
    return _mm512_andnot_si512(b, a);
}

static inline vl vl_shl(vl a, int n)
{
    return _mm512_slli_epi64(a, (unsigned)n);
}

static inline vl vl_shr(vl a, int n)
{
    return _mm512_srli_epi64(a, (unsigned)n);
}

static inline vdm vl_eq(vl a, vl b)
{
    return _mm512_cmpeq_epi64_mask(a, b);
}

static inline vdm vl_gt(vl a, vl b)
{
    return _mm512_cmpgt_epi64_mask(a, b);
}

static inline vl vl_select(vdm m, vl a, vl b)
{
    return _mm512_mask_blend_epi64(m, b, a);
}

#endif
