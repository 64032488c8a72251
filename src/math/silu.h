/* silu.h: x·σ(x) = x/(1 + e^−x), and its derivative σ(x)·(1 + x·(1 − σ(x))). */
#ifndef MATH_SILU_H
#define MATH_SILU_H

#include "math/exp.h"
#include "math/join.h"
#include "math/root.h"

/* 2, or next to it on the side that makes x/2 smaller for x < 0 and greater for x > 0, as the next
 * term of a gate would, were it not too small for a double: it decides for subnormals. */
static inline md md_almost_two(md x)
{
    return md_select(md_lt(x, md_set(0)), md_set(0x1.0000000000001p1), md_set(0x1.fffffffffffffp0));
}

static inline md md_silu(md x)
{
    md above = md_max(md_set(-125), x);
    md e = md_exp_inside(md_neg(md_min(md_set(125), above)));
    md divisor = md_near_zero(x, 0x1p-60, md_almost_two(x), md_add(e, md_set(1)));
    return md_div(above, divisor);
}

/* The derivative of x·σ(v(x)): σ(v) + p·σ(v)·σ(−v) with p = x·v′, given e = e^−|v|. */
static inline md md_gate_derivative(md e, md p, mm negative)
{
    md one_e = md_add(e, md_set(1));
    md below = md_mul(e, md_add(one_e, p)), above = md_mad(e, p, one_e);
    return md_div(md_select(negative, below, above), md_mul(one_e, one_e));
}

static inline md md_silu_derivative(md x)
{
    static const double root[] = { 0x1.be1410460527fp-3,   0x1.2c563458cc0adp-3,
                                   0x1.353eb573ca457p-6,   -0x1.f2d0e32bc2994p-7,
                                   -0x1.b0f82c498fd59p-8,  0x1.098e92b8f0433p-13,
                                   0x1.a2a7caf0f836dp-11,  0x1.8574d136eca67p-13,
                                   -0x1.57238ded81445p-15, -0x1.f2d897915bc4dp-16,
                                   -0x1.8af3c9fbda2c8p-19, 0x1.3ae1221fdab28p-19,
                                   0x1.cd9e40e2f24f1p-21,  -0x1.06d509d3b4606p-25,
                                   -0x1.8897a0d7b7ef0p-24, -0x1.36eda8386c472p-26 };

    x = md_max(md_set(-125), md_min(md_set(125), x));
    md e = md_exp(md_neg(md_abs(x)));
    md far = md_gate_derivative(e, x, md_lt(x, md_set(0)));
    /* ½ + x/2 can lie exactly between two floats while −x³/12 is too small for a double to show. */
    md series = md_mul(x, md_mad(md_mul(x, x), md_set(-0x1.5555555555555p-4), md_set(0.5)));
    far = md_near_zero(x, 0x1p-12, md_join(md_set(0.5), series), far);
    return md_near_root(x, -0x1.474973c84120bp+0, -0x1.f8d74bc9ac154p-54, root,
                        (int)(sizeof root / sizeof *root), far);
}

#endif
