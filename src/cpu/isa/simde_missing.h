/* simde_missing.h: AVX-512 intrinsics that SIMDe 0.7 lacks, for EADEM_EMULATE_AVX512. */
#ifndef CPU_ISA_SIMDE_MISSING_H
#define CPU_ISA_SIMDE_MISSING_H

#include <string.h>

static inline simde__m512 simde_missing_maskz_loadu_ps(simde__mmask16 mask, const float *p)
{
    float lanes[16] = { 0 };
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            lanes[i] = p[i];
    return simde_mm512_loadu_ps(lanes);
}

static inline void simde_missing_mask_storeu_ps(float *p, simde__mmask16 mask, simde__m512 a)
{
    float lanes[16];
    simde_mm512_storeu_ps(lanes, a);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = lanes[i];
}

static inline simde__m512i simde_missing_cvtepu16_epi32(simde__m256i a)
{
    uint16_t from[16];
    uint32_t to[16];
    memcpy(from, &a, sizeof from);
    for (int i = 0; i < 16; i++)
        to[i] = from[i];
    return simde_mm512_loadu_si512(to);
}

static inline simde__m512 simde_missing_cvtph_ps(simde__m256i a)
{
    simde__m128i halves[2];
    simde__m256 wide[2];
    memcpy(halves, &a, sizeof halves);
    wide[0] = simde_mm256_cvtph_ps(halves[0]);
    wide[1] = simde_mm256_cvtph_ps(halves[1]);
    return simde_mm512_loadu_ps(wide);
}

static inline simde__m512 simde_missing_i32gather_ps(simde__m512i index, const float *p)
{
    int32_t at[16];
    float lanes[16];
    simde_mm512_storeu_si512(at, index);
    for (int i = 0; i < 16; i++)
        lanes[i] = p[at[i]];
    return simde_mm512_loadu_ps(lanes);
}

static inline simde__m512d simde_missing_i64gather_pd(simde__m512i index, const double *p)
{
    int64_t at[8];
    double lanes[8];
    simde_mm512_storeu_si512(at, index);
    for (int i = 0; i < 8; i++)
        lanes[i] = p[at[i]];
    return simde_mm512_loadu_pd(lanes);
}

static inline simde__m512i simde_missing_cvtps_epi32(simde__m512 a)
{
    simde__m256 from[2];
    simde__m256i to[2];
    memcpy(from, &a, sizeof from);
    to[0] = simde_mm256_cvtps_epi32(from[0]);
    to[1] = simde_mm256_cvtps_epi32(from[1]);
    return simde_mm512_loadu_si512(to);
}

static inline simde__m256 simde_missing_cvtpd_ps(simde__m512d a)
{
    simde__m256d from[2];
    memcpy(from, &a, sizeof from);
    return simde_mm256_set_m128(simde_mm256_cvtpd_ps(from[1]), simde_mm256_cvtpd_ps(from[0]));
}

static inline simde__m512 simde_missing_cvtepi32_ps(simde__m512i a)
{
    simde__m256i from[2];
    simde__m256 to[2];
    memcpy(from, &a, sizeof from);
    to[0] = simde_mm256_cvtepi32_ps(from[0]);
    to[1] = simde_mm256_cvtepi32_ps(from[1]);
    return simde_mm512_loadu_ps(to);
}

static inline simde__m512d simde_missing_cvtps_pd(simde__m256 a)
{
    simde__m256d to[2];
    to[0] = simde_mm256_cvtps_pd(simde_mm256_castps256_ps128(a));
    to[1] = simde_mm256_cvtps_pd(simde_mm256_extractf128_ps(a, 1));
    return simde_mm512_loadu_pd(to);
}

static inline simde__m256 simde_missing_extractf32x8_ps(simde__m512 a, int half)
{
    simde__m256 halves[2];
    memcpy(halves, &a, sizeof halves);
    return halves[half];
}

static inline simde__m512i simde_missing_srai_epi32(simde__m512i a, unsigned n)
{
    simde__m256i halves[2];
    memcpy(halves, &a, sizeof halves);
    halves[0] = simde_mm256_srai_epi32(halves[0], (int)n);
    halves[1] = simde_mm256_srai_epi32(halves[1], (int)n);
    return simde_mm512_loadu_si512(halves);
}

static inline simde__m512 simde_missing_shuffle_f32x4(simde__m512 a, simde__m512 b, int choice)
{
    float from[2][16], to[16];
    simde_mm512_storeu_ps(from[0], a);
    simde_mm512_storeu_ps(from[1], b);
    for (int quarter = 0; quarter < 4; quarter++)
        memcpy(to + 4 * quarter, from[quarter / 2] + 4 * (choice >> 2 * quarter & 3),
               4 * sizeof *to);
    return simde_mm512_loadu_ps(to);
}

#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 simde_missing_shuffle_f32x4
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps simde_missing_cvtepi32_ps
#undef _mm512_cvtps_pd
#define _mm512_cvtps_pd simde_missing_cvtps_pd
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps simde_missing_extractf32x8_ps
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 simde_missing_srai_epi32
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 simde_missing_cvtps_epi32
#undef _mm512_cvtpd_ps
#define _mm512_cvtpd_ps simde_missing_cvtpd_ps
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32 simde_missing_cvtepu16_epi32
#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps simde_missing_cvtph_ps
#undef _mm512_i32gather_ps
#define _mm512_i32gather_ps(index, p, scale) simde_missing_i32gather_ps(index, p)
#undef _mm512_i64gather_pd
#define _mm512_i64gather_pd(index, p, scale) simde_missing_i64gather_pd(index, p)
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps simde_missing_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps simde_missing_mask_storeu_ps

#endif
