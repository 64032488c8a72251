/* pairs.h: two vectors of float or int32 side by side. Every operation is done on one and then on
 * the other: two independent chains, which keep the pipelines full where one long chain would not.
 * The operations are those of docs/kernels.md. */
#ifndef CPU_ISA_PAIRS_H
#define CPU_ISA_PAIRS_H

#define PF_LANES (2 * VF_LANES)

typedef struct pf {
    vf lo, hi;
} pf;

typedef struct pi {
    vi lo, hi;
} pi;

typedef struct pfm {
    vfm lo, hi;
} pfm;

static inline pf pf_load(const float *p)
{
    return (pf){ vf_load(p), vf_load(p + VF_LANES) };
}

static inline void pf_store(float *p, pf a)
{
    vf_store(p, a.lo);
    vf_store(p + VF_LANES, a.hi);
}

static inline pf pf_lookup8(const float *table, pi index)
{
    return (pf){ vf_lookup8(table, index.lo), vf_lookup8(table, index.hi) };
}

static inline pf pf_set(float x)
{
    return (pf){ vf_set(x), vf_set(x) };
}

static inline pf pf_add(pf a, pf b)
{
    return (pf){ vf_add(a.lo, b.lo), vf_add(a.hi, b.hi) };
}

static inline pf pf_sub(pf a, pf b)
{
    return (pf){ vf_sub(a.lo, b.lo), vf_sub(a.hi, b.hi) };
}

static inline pf pf_mul(pf a, pf b)
{
    return (pf){ vf_mul(a.lo, b.lo), vf_mul(a.hi, b.hi) };
}

static inline pf pf_div(pf a, pf b)
{
    return (pf){ vf_div(a.lo, b.lo), vf_div(a.hi, b.hi) };
}

static inline pf pf_sqrt(pf a)
{
    return (pf){ vf_sqrt(a.lo), vf_sqrt(a.hi) };
}

static inline pf pf_max(pf a, pf b)
{
    return (pf){ vf_max(a.lo, b.lo), vf_max(a.hi, b.hi) };
}

static inline pf pf_min(pf a, pf b)
{
    return (pf){ vf_min(a.lo, b.lo), vf_min(a.hi, b.hi) };
}

static inline pf pf_fma(pf a, pf b, pf c)
{
    return (pf){ vf_fma(a.lo, b.lo, c.lo), vf_fma(a.hi, b.hi, c.hi) };
}

static inline pf pf_neg(pf a)
{
    return (pf){ vf_neg(a.lo), vf_neg(a.hi) };
}

static inline pf pf_abs(pf a)
{
    return (pf){ vf_abs(a.lo), vf_abs(a.hi) };
}

static inline pfm pf_le(pf a, pf b)
{
    return (pfm){ vf_le(a.lo, b.lo), vf_le(a.hi, b.hi) };
}

static inline pfm pf_eq(pf a, pf b)
{
    return (pfm){ vf_eq(a.lo, b.lo), vf_eq(a.hi, b.hi) };
}

static inline pf pf_select(pfm m, pf a, pf b)
{
    return (pf){ vf_select(m.lo, a.lo, b.lo), vf_select(m.hi, a.hi, b.hi) };
}

static inline pfm pfm_and(pfm a, pfm b)
{
    return (pfm){ vfm_and(a.lo, b.lo), vfm_and(a.hi, b.hi) };
}

/* In every lane. */
static inline bool pfm_all(pfm m)
{
    return vfm_bits(vfm_and(m.lo, m.hi)) == (1u << VF_LANES) - 1;
}

static inline pi pf_bits(pf a)
{
    return (pi){ vf_bits(a.lo), vf_bits(a.hi) };
}

static inline pf pi_float(pi a)
{
    return (pf){ vi_float(a.lo), vi_float(a.hi) };
}

static inline pf pi_to_pf(pi a)
{
    return (pf){ vi_to_vf(a.lo), vi_to_vf(a.hi) };
}

static inline pi pi_set(int32_t x)
{
    return (pi){ vi_set(x), vi_set(x) };
}

static inline pi pi_add(pi a, pi b)
{
    return (pi){ vi_add(a.lo, b.lo), vi_add(a.hi, b.hi) };
}

static inline pi pi_sub(pi a, pi b)
{
    return (pi){ vi_sub(a.lo, b.lo), vi_sub(a.hi, b.hi) };
}

static inline pi pi_and(pi a, pi b)
{
    return (pi){ vi_and(a.lo, b.lo), vi_and(a.hi, b.hi) };
}

static inline pi pi_shl(pi a, int n)
{
    return (pi){ vi_shl(a.lo, n), vi_shl(a.hi, n) };
}

static inline pi pi_shr(pi a, int n)
{
    return (pi){ vi_shr(a.lo, n), vi_shr(a.hi, n) };
}

static inline pi pi_sar(pi a, int n)
{
    return (pi){ vi_sar(a.lo, n), vi_sar(a.hi, n) };
}

static inline pfm pi_gt(pi a, pi b)
{
    return (pfm){ vi_gt(a.lo, b.lo), vi_gt(a.hi, b.hi) };
}

#endif
