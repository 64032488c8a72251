/* gelu.h: x·Φ(x), Φ the normal distribution, and its derivative Φ(x) + x·φ(x); and the form with
 * tanh, ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) = x·σ(v) with v = 2·√(2/π)·(x + 0.044715·x³).
 *
 * Φ(−a) = ½·erfc(a/√2) = ½·e^−a²/2·erfcx(a/√2), a²/2 being exact in double.
 */
#ifndef MATH_GELU_H
#define MATH_GELU_H

#include "math/erf.h"
#include "math/root.h"
#include "math/silu.h"

/* ½·erfcx(a/√2) */
static inline md md_half_erfcx(md a)
{
    return md_mul(md_erfcx(md_mul(a, md_set(0x1.6a09e667f3bcdp-1))), md_set(0.5));
}

/* e^−a²/2 for 0 ≤ a ≤ 20 */
static inline md md_bell(md a)
{
    return md_exp_inside(md_mul(md_mul(a, a), md_set(-0.5)));
}

#define GELU_DENSITY 0x1.9884533d43651p-2 /* 1/√(2π) */

/* Where the first terms of the series, joined, are more exact than the usual formula. */
static inline mm md_gelu_joins(md x)
{
    md a = md_abs(x);
    return mm_and(md_lt(md_set(0x1p-60), a), md_lt(a, md_set(0x1p-10)));
}

static inline md md_gelu(md x)
{
    md above = md_max(md_set(-20), x), a = md_min(md_set(20), md_abs(above));
    md tail = md_mul(md_bell(a), md_half_erfcx(a));
    md share = md_select(md_lt(x, md_set(0)), tail, md_sub(md_set(1), tail));
    md half = md_div(md_set(1), md_almost_two(x));
    md far = md_mul(above, md_near_zero(x, 0x1p-60, half, share));
    /* x/2 + (x² − x⁴/6)/√(2π) */
    md x2 = md_mul(above, above);
    md bend = md_mul(x2, md_mad(x2, md_set(-GELU_DENSITY / 6), md_set(GELU_DENSITY)));
    md near = md_join(md_mul(above, md_set(0.5)), bend);
    return md_select(md_gelu_joins(x), near, far);
}

static inline md md_gelu_derivative(md x)
{
    static const double root[] = { 0x1.b9d98fa5a3215p-2,   0x1.8d9a941de3ac5p-2,
                                   -0x1.2a2ef9bb865aep-6,  -0x1.d2fa4c17c7e84p-4,
                                   -0x1.e4088244f8f7fp-7,  0x1.3e346def4205ap-6,
                                   0x1.297b9d6ff18ecp-8,   -0x1.258a6d8563f07p-9,
                                   -0x1.8680f73dda845p-11, 0x1.86c863b8f44fbp-13,
                                   0x1.6960f8cb4305dp-14,  -0x1.784acfec12e9cp-17,
                                   -0x1.03f5d4c092178p-17, 0x1.d0ceb353a180cp-22,
                                   0x1.2d0fae9662fc5p-21,  -0x1.0f9158ef2b632p-29 };

    x = md_max(md_set(-20), md_min(md_set(20), x));
    md a = md_abs(x), bell = md_bell(a), half = md_half_erfcx(a);
    md slope = md_mul(x, md_set(GELU_DENSITY));
    md below = md_mul(bell, md_add(half, slope));
    md above = md_add(md_set(1), md_mul(bell, md_sub(slope, half)));
    md far = md_select(md_lt(x, md_set(0)), below, above);
    /* ½ + (2·x − ⅔·x³)/√(2π) */
    md bend = md_mul(slope, md_mad(md_mul(x, x), md_set(-2.0 / 3), md_set(2)));
    far = md_near_zero(x, 0x1p-10, md_join(md_set(0.5), bend), far);
    return md_near_root(x, -0x1.80ead197f00b4p-1, 0x1.13e74c58cada8p-56, root,
                        (int)(sizeof root / sizeof *root), far);
}

#define GELU_A 0x1.9884533d43651p0  /* 2·√(2/π) */
#define GELU_B 0x1.2444f2a4d8b4bp-4 /* 0.044715 times that */

static inline md md_gelu_tanh(md x)
{
    md above = md_max(md_set(-16), x), inside = md_min(md_set(16), above);
    md v = md_mul(inside, md_mad(md_mul(inside, inside), md_set(GELU_B), md_set(GELU_A)));
    md divisor = md_add(md_exp_inside(md_neg(v)), md_set(1));
    md far = md_div(above, md_near_zero(x, 0x1p-60, md_almost_two(x), divisor));
    /* x·(½ + v/4 − v³/48) */
    md bend = md_mul(md_mul(above, v), md_mad(md_mul(v, v), md_set(-1.0 / 48), md_set(0.25)));
    md near = md_join(md_mul(above, md_set(0.5)), bend);
    return md_select(md_gelu_joins(x), near, far);
}

static inline md md_gelu_tanh_derivative(md x)
{
    static const double root[] = { 0x1.b8bacd2c96b91p-2,   0x1.8cd1a2b2fff33p-2,
                                   -0x1.029615edb077dp-6,  -0x1.d2b77346470abp-4,
                                   -0x1.104a83edc0a3cp-6,  0x1.427996dc24898p-6,
                                   0x1.58c9ed70c9249p-8,   -0x1.3d8d6416c429ap-9,
                                   -0x1.e63f287fe0362p-11, 0x1.14bf88d853f04p-12,
                                   0x1.04930e80d74bbp-13,  -0x1.253b4e1bdeb4ep-15,
                                   -0x1.0b6797dad4483p-16, 0x1.8cea8ca79bc8dp-18,
                                   0x1.37699885f27d2p-19,  -0x1.ff448a8b273f2p-21 };

    x = md_max(md_set(-16), md_min(md_set(16), x));
    md x2 = md_mul(x, x);
    md v = md_mul(x, md_mad(x2, md_set(GELU_B), md_set(GELU_A)));
    md p = md_mul(x, md_mad(x2, md_set(0x1.b6676bf7450f0p-3), md_set(GELU_A))); /* x·v′ */
    md e = md_exp_inside(md_neg(md_abs(v)));
    md far = md_gate_derivative(e, p, md_lt(x, md_set(0)));
    /* ½ + A·x/2 + (B − A³/12)·x³ */
    md third = md_set(GELU_B - GELU_A * GELU_A * GELU_A / 12);
    md bend = md_mul(x, md_mad(x2, third, md_set(GELU_A / 2)));
    far = md_near_zero(x, 0x1p-10, md_join(md_set(0.5), bend), far);
    return md_near_root(x, -0x1.81429f9e97e4dp-1, 0x1.4f523ed77dbdcp-55, root,
                        (int)(sizeof root / sizeof *root), far);
}

#endif
