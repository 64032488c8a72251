/* lanes.h: the vocabulary of src/math (math/scalar.h) on vectors: md and ml hold a double and an
 * int64 for each lane of a vf, as two vectors. Every operation is written for both, one after the
 * other: two independent chains side by side keep the pipelines full, which one long chain would
 * not. */
#ifndef CPU_ISA_LANES_H
#define CPU_ISA_LANES_H

typedef struct md {
    vd lo, hi;
} md;

typedef struct ml {
    vl lo, hi;
} ml;

typedef struct mm {
    vdm lo, hi;
} mm;

static inline md md_widen(vf x)
{
    return (md){ vf_lo(x), vf_hi(x) };
}

static inline vf md_round(md x)
{
    return vd_pack(x.lo, x.hi);
}

static inline md md_gather(const double *p, ml index)
{
    return (md){ vd_gather(p, index.lo), vd_gather(p, index.hi) };
}

static inline md md_set(double x)
{
    return (md){ vd_set(x), vd_set(x) };
}

static inline md md_add(md a, md b)
{
    return (md){ vd_add(a.lo, b.lo), vd_add(a.hi, b.hi) };
}

static inline md md_sub(md a, md b)
{
    return (md){ vd_sub(a.lo, b.lo), vd_sub(a.hi, b.hi) };
}

static inline md md_mul(md a, md b)
{
    return (md){ vd_mul(a.lo, b.lo), vd_mul(a.hi, b.hi) };
}

static inline md md_div(md a, md b)
{
    return (md){ vd_div(a.lo, b.lo), vd_div(a.hi, b.hi) };
}

static inline md md_mad(md a, md b, md c)
{
    return (md){ vd_mad(a.lo, b.lo, c.lo), vd_mad(a.hi, b.hi, c.hi) };
}

static inline md md_sqrt(md a)
{
    return (md){ vd_sqrt(a.lo), vd_sqrt(a.hi) };
}

static inline md md_neg(md a)
{
    return (md){ vd_neg(a.lo), vd_neg(a.hi) };
}

static inline md md_abs(md a)
{
    return (md){ vd_abs(a.lo), vd_abs(a.hi) };
}

static inline md md_min(md a, md b)
{
    return (md){ vd_min(a.lo, b.lo), vd_min(a.hi, b.hi) };
}

static inline md md_max(md a, md b)
{
    return (md){ vd_max(a.lo, b.lo), vd_max(a.hi, b.hi) };
}

static inline mm md_lt(md a, md b)
{
    return (mm){ vd_lt(a.lo, b.lo), vd_lt(a.hi, b.hi) };
}

static inline mm md_le(md a, md b)
{
    return (mm){ vd_le(a.lo, b.lo), vd_le(a.hi, b.hi) };
}

static inline mm md_eq(md a, md b)
{
    return (mm){ vd_eq(a.lo, b.lo), vd_eq(a.hi, b.hi) };
}

static inline mm md_ne(md a, md b)
{
    return (mm){ vd_ne(a.lo, b.lo), vd_ne(a.hi, b.hi) };
}

static inline md md_select(mm m, md a, md b)
{
    return (md){ vd_select(m.lo, a.lo, b.lo), vd_select(m.hi, a.hi, b.hi) };
}

static inline mm mm_and(mm a, mm b)
{
    return (mm){ vdm_and(a.lo, b.lo), vdm_and(a.hi, b.hi) };
}

static inline mm mm_or(mm a, mm b)
{
    return (mm){ vdm_or(a.lo, b.lo), vdm_or(a.hi, b.hi) };
}

static inline ml md_bits(md a)
{
    return (ml){ vd_bits(a.lo), vd_bits(a.hi) };
}

static inline md ml_double(ml a)
{
    return (md){ vl_double(a.lo), vl_double(a.hi) };
}

/* The low 32 bits of all lanes, in some order. */
static inline vi md_low_words(md a)
{
    return vd_low_words(a.lo, a.hi);
}

static inline ml ml_set(int64_t x)
{
    return (ml){ vl_set(x), vl_set(x) };
}

static inline ml ml_add(ml a, ml b)
{
    return (ml){ vl_add(a.lo, b.lo), vl_add(a.hi, b.hi) };
}

static inline ml ml_sub(ml a, ml b)
{
    return (ml){ vl_sub(a.lo, b.lo), vl_sub(a.hi, b.hi) };
}

static inline ml ml_and(ml a, ml b)
{
    return (ml){ vl_and(a.lo, b.lo), vl_and(a.hi, b.hi) };
}

static inline ml ml_or(ml a, ml b)
{
    return (ml){ vl_or(a.lo, b.lo), vl_or(a.hi, b.hi) };
}

static inline ml ml_xor(ml a, ml b)
{
    return (ml){ vl_xor(a.lo, b.lo), vl_xor(a.hi, b.hi) };
}

static inline ml ml_shl(ml a, int n)
{
    return (ml){ vl_shl(a.lo, n), vl_shl(a.hi, n) };
}

static inline ml ml_shr(ml a, int n)
{
    return (ml){ vl_shr(a.lo, n), vl_shr(a.hi, n) };
}

static inline mm ml_eq(ml a, ml b)
{
    return (mm){ vl_eq(a.lo, b.lo), vl_eq(a.hi, b.hi) };
}

#endif
