/* exp.h: e^x.
 *
 * x = k·ln 2 + r with k the nearest integer, |r| ≤ ln 2 / 2; e^x = 2^k·e^r (Cody and Waite). e^r is
 * 1 + r + r²·q(r), q of degree 8 by fpminimax (Brisebarre and Chevillard, 2007; made with Sollya),
 * evaluated by Estrin's scheme. Relative error about 2^−51: rounding to float then is correct for
 * every float, which the exhaustive check shows (docs/correct-rounding.md).
 */
#ifndef MATH_EXP_H
#define MATH_EXP_H

/* 1.5·2^52 + 1023: adding it rounds to an integer k and leaves k + 1023, an exponent field, in the
 * lowest bits. */
#define EXP_SHIFT 0x1.80000000003ffp52

/* x = k·ln 2 + r as 2^k and r. |x| < 700. */
typedef struct exp_parts {
    md scale, r;
} exp_parts;

static inline exp_parts md_exp_parts(md x)
{
    md shifted = md_mad(x, md_set(0x1.71547652b82fep0), md_set(EXP_SHIFT));
    md k = md_sub(shifted, md_set(EXP_SHIFT));
    /* ln 2 in two parts, the first so short that k times it is exact. */
    md r = md_mad(k, md_set(-0x1.62e42fefa38p-1), x);
    r = md_mad(k, md_set(-0x1.ef35793c7673p-45), r);
    return (exp_parts){ ml_double(ml_shl(md_bits(shifted), 52)), r };
}

/* e^r − 1, its error small against e^r. */
static inline md md_exp_tail(md r)
{
    md r2 = md_mul(r, r), r4 = md_mul(r2, r2);
    md q0 = md_mad(r, md_set(0x1.55555555507b5p-3), md_set(0x1.ffffffffffed2p-2));
    md q2 = md_mad(r, md_set(0x1.11111125b71f6p-7), md_set(0x1.555555558910fp-5));
    md q4 = md_mad(r, md_set(0x1.a0198d4c45188p-13), md_set(0x1.6c16c0c8288a4p-10));
    md q6 = md_mad(r, md_set(0x1.72e928c8aa134p-19), md_set(0x1.a01b7c500eaa6p-16));
    q0 = md_mad(r2, q2, q0);
    q4 = md_mad(r2, q6, q4);
    q4 = md_mad(r4, md_set(0x1.2707b9c4411fbp-22), q4);
    return md_mad(r2, md_mad(r4, q4, q0), r);
}

/* e^x without clamp: |x| < 700. */
static inline md md_exp_inside(md x)
{
    exp_parts e = md_exp_parts(x);
    return md_mad(e.scale, md_exp_tail(e.r), e.scale);
}

/* e^x in double for any x: beyond the clamp float overflows or underflows to zero. NaN stays. */
static inline md md_exp(md x)
{
    x = md_max(md_set(-110), md_min(md_set(90), x));
    return md_exp_inside(x);
}

#endif
