/* simd_avx2.h: the vector primitives (docs/kernels.md) in AVX2 and FMA. */
#ifndef CPU_ISA_SIMD_AVX2_H
#define CPU_ISA_SIMD_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define VF_LANES 8
#define VD_LANES 4
#define VF_FUSES 1 /* vf_fma is one instruction */

typedef __m256 vf;   /* float */
typedef __m256i vi;  /* int32 */
typedef __m256d vd;  /* double */
typedef __m256i vl;  /* int64 */
typedef __m256 vfm;  /* mask of a vf or vi: all bits of a lane, or none */
typedef __m256d vdm; /* mask of a vd or vl */

/* --- float: memory ---------------------------------------------------------------------------- */

/* The first n lanes on, 0 ≤ n ≤ VF_LANES. */
static inline __m256i simd_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void vf_store(float *p, vf a)
{
    _mm256_storeu_ps(p, a);
}

static inline vf vf_load_n(const float *p, int n)
{
    return _mm256_maskload_ps(p, simd_first(n));
}

/* Not vmaskmovps: as a store it is microcode on AMD. */
static inline void vf_store_n(float *p, vf a, int n)
{
    if (n == 8) {
        _mm256_storeu_ps(p, a);
        return;
    }
    __m128 part = _mm256_castps256_ps128(a);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, part);
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

static inline vf vf_gather(const float *p, vi index)
{
    return _mm256_i32gather_ps(p, index, 4);
}

static inline vf vf_lookup8(const float *table, vi index)
{
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
}

static inline vf vf_even(vf a, vf b)
{
    __m256 mixed = _mm256_shuffle_ps(a, b, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}

static inline vf vf_odd(vf a, vf b)
{
    __m256 mixed = _mm256_shuffle_ps(a, b, 0xdd);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8));
}

/* rows[i][j] ↔ rows[j][i]. Pairs of elements are exchanged first, then quarters, then halves. */
static inline __attribute__((always_inline)) void vf_transpose(vf rows[VF_LANES])
{
    vf pair[8], quad[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31);
    }
}

/* --- float: arithmetic ------------------------------------------------------------------------ */

static inline vf vf_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline vf vf_zero(void)
{
    return _mm256_setzero_ps();
}

static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}

static inline vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* The operator, which compilers take into a fused multiply-add. */
static inline vf vf_neg(vf a)
{
    return -a;
}

static inline vf vf_abs(vf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

/* --- float: comparison and choice ------------------------------------------------------------- */

static inline vfm vf_lt(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

static inline vfm vf_le(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}

static inline vfm vf_gt(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}

static inline vfm vf_ge(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_GE_OQ);
}

static inline vfm vf_eq(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

static inline vfm vf_ne(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ);
}

static inline vf vf_select(vfm m, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, m);
}

static inline vfm vfm_and(vfm a, vfm b)
{
    return _mm256_and_ps(a, b);
}

static inline vfm vfm_or(vfm a, vfm b)
{
    return _mm256_or_ps(a, b);
}

static inline vfm vfm_andnot(vfm a, vfm b)
{
    return _mm256_andnot_ps(b, a);
}

static inline unsigned vfm_bits(vfm m)
{
    return (unsigned)_mm256_movemask_ps(m);
}

/* --- int32 ------------------------------------------------------------------------------------ */

static inline vi vf_bits(vf a)
{
    return _mm256_castps_si256(a);
}

static inline vf vi_float(vi a)
{
    return _mm256_castsi256_ps(a);
}

static inline vi vf_to_vi(vf a)
{
    return _mm256_cvtps_epi32(a);
}

static inline vf vi_to_vf(vi a)
{
    return _mm256_cvtepi32_ps(a);
}

static inline vi vi_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void vi_store(int32_t *p, vi a)
{
    _mm256_storeu_si256((__m256i *)p, a);
}

static inline vi vi_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

static inline vi vi_add(vi a, vi b)
{
    return _mm256_add_epi32(a, b);
}

static inline vi vi_sub(vi a, vi b)
{
    return _mm256_sub_epi32(a, b);
}

static inline vi vi_mul(vi a, vi b)
{
    return _mm256_mullo_epi32(a, b);
}

static inline vi vi_and(vi a, vi b)
{
    return _mm256_and_si256(a, b);
}

static inline vi vi_or(vi a, vi b)
{
    return _mm256_or_si256(a, b);
}

static inline vi vi_xor(vi a, vi b)
{
    return _mm256_xor_si256(a, b);
}

static inline vi vi_andnot(vi a, vi b)
{
    return _mm256_andnot_si256(b, a);
}

static inline vi vi_shl(vi a, int n)
{
    return _mm256_slli_epi32(a, n);
}

static inline vi vi_shr(vi a, int n)
{
    return _mm256_srli_epi32(a, n);
}

static inline vi vi_sar(vi a, int n)
{
    return _mm256_srai_epi32(a, n);
}

/* Byte j of each element, counted from the lowest, as the highest; zeros below. j is a constant. */
static inline vi vi_high_byte(vi a, int j)
{
    if (j == 0 || j == 3)
        return j == 0 ? _mm256_slli_epi32(a, 24)
                      : _mm256_and_si256(a, _mm256_set1_epi32((int)0xff000000));
    const __m128i from = _mm_set_epi32((int)0x0c808080 + (j << 24), 0x08808080 + (j << 24),
                                       0x04808080 + (j << 24), 0x00808080 + (j << 24));
    return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(from));
}

static inline vfm vi_eq(vi a, vi b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}

static inline vfm vi_gt(vi a, vi b)
{
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}

static inline vi vi_select(vfm m, vi a, vi b)
{
    return _mm256_castps_si256(vf_select(m, _mm256_castsi256_ps(a), _mm256_castsi256_ps(b)));
}

/* --- double ----------------------------------------------------------------------------------- */

static inline vd vf_lo(vf a)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}

static inline vd vf_hi(vf a)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}

static inline vf vd_pack(vd lo, vd hi)
{
    return _mm256_set_m128(_mm256_cvtpd_ps(hi), _mm256_cvtpd_ps(lo));
}

static inline vd vd_load(const double *p)
{
    return _mm256_loadu_pd(p);
}

static inline void vd_store(double *p, vd a)
{
    _mm256_storeu_pd(p, a);
}

static inline vd vd_gather(const double *p, vl index)
{
    return _mm256_i64gather_pd(p, index, 8);
}

static inline vd vd_set(double x)
{
    return _mm256_set1_pd(x);
}

static inline vd vd_add(vd a, vd b)
{
    return _mm256_add_pd(a, b);
}

static inline vd vd_sub(vd a, vd b)
{
    return _mm256_sub_pd(a, b);
}

static inline vd vd_mul(vd a, vd b)
{
    return _mm256_mul_pd(a, b);
}

static inline vd vd_div(vd a, vd b)
{
    return _mm256_div_pd(a, b);
}

static inline vd vd_sqrt(vd a)
{
    return _mm256_sqrt_pd(a);
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm256_fmadd_pd(a, b, c);
}

static inline vd vd_mad(vd a, vd b, vd c)
{
    return vd_fma(a, b, c);
}

static inline vd vd_neg(vd a)
{
    return _mm256_xor_pd(a, _mm256_set1_pd(-0.0));
}

static inline vd vd_abs(vd a)
{
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}

static inline vd vd_min(vd a, vd b)
{
    return _mm256_min_pd(a, b);
}

static inline vd vd_max(vd a, vd b)
{
    return _mm256_max_pd(a, b);
}

static inline vdm vd_lt(vd a, vd b)
{
    return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}

static inline vdm vd_le(vd a, vd b)
{
    return _mm256_cmp_pd(a, b, _CMP_LE_OQ);
}

static inline vdm vd_eq(vd a, vd b)
{
    return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}

static inline vdm vd_ne(vd a, vd b)
{
    return _mm256_cmp_pd(a, b, _CMP_NEQ_UQ);
}

static inline vd vd_select(vdm m, vd a, vd b)
{
    return _mm256_blendv_pd(b, a, m);
}

static inline vdm vdm_and(vdm a, vdm b)
{
    return _mm256_and_pd(a, b);
}

static inline vdm vdm_or(vdm a, vdm b)
{
    return _mm256_or_pd(a, b);
}

static inline unsigned vdm_bits(vdm m)
{
    return (unsigned)_mm256_movemask_pd(m);
}

/* --- int64 ------------------------------------------------------------------------------------ */

static inline vl vd_bits(vd a)
{
    return _mm256_castpd_si256(a);
}

static inline vd vl_double(vl a)
{
    return _mm256_castsi256_pd(a);
}

/* The low 32 bits of all lanes of both, in an order of its own. */
static inline vi vd_low_words(vd a, vd b)
{
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castpd_ps(a), _mm256_castpd_ps(b), 0x88));
}

static inline vl vl_set(int64_t x)
{
    return _mm256_set1_epi64x(x);
}

static inline vl vl_add(vl a, vl b)
{
    return _mm256_add_epi64(a, b);
}

static inline vl vl_sub(vl a, vl b)
{
    return _mm256_sub_epi64(a, b);
}

static inline vl vl_and(vl a, vl b)
{
    return _mm256_and_si256(a, b);
}

static inline vl vl_or(vl a, vl b)
{
    return _mm256_or_si256(a, b);
}

static inline vl vl_xor(vl a, vl b)
{
    return _mm256_xor_si256(a, b);
}

static inline vl vl_andnot(vl a, vl b)
{
    return _mm256_andnot_si256(b, a);
}

static inline vl vl_shl(vl a, int n)
{
    return _mm256_slli_epi64(a, n);
}

static inline vl vl_shr(vl a, int n)
{
    return _mm256_srli_epi64(a, n);
}

static inline vdm vl_eq(vl a, vl b)
{
    return _mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b));
}

static inline vdm vl_gt(vl a, vl b)
{
    return _mm256_castsi256_pd(_mm256_cmpgt_epi64(a, b));
}

static inline vl vl_select(vdm m, vl a, vl b)
{
    return _mm256_castpd_si256(vd_select(m, _mm256_castsi256_pd(a), _mm256_castsi256_pd(b)));
}

#endif
