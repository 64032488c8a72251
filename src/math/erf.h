/* erf.h: erf and erfc.
 *
 * For z ≥ 0, erfc z = e^−z²·erfcx z, and erfcx z = g(t)/(1 + 2z) with t = (z − 3)/(z + 3), which
 * maps the half line to [−1, 1) (Shepherd and Laframboise, 1981). g is a polynomial of degree 22
 * through Chebyshev points on 0 ≤ z ≤ 10.7, relative error 2^−54. erf near 0 is z·p(z²), 2^−56.
 */
#ifndef MATH_ERF_H
#define MATH_ERF_H

#include "math/exp.h"
#include "math/join.h"
#include "math/poly.h"
#include "math/sign.h"

/* e^z²·erfc z for 0 ≤ z ≤ 10.7; beyond, a positive number of about that size. */
static inline md md_erfcx(md z)
{
    static const double g[] = {
        0x1.40c522d7e4987p+0,   -0x1.15c084bb9e8f4p-3,  -0x1.85a15c58aa600p-5,
        0x1.098366a5b479cp-3,   -0x1.e88b803a48ad6p-4,  0x1.17ca2877ec065p-4,
        -0x1.8574c40c18895p-6,  0x1.4b884e51ab74bp-9,   0x1.ef1bdda055ee1p-10,
        -0x1.98db53881e950p-11, -0x1.b912b41fd4ed3p-14, 0x1.065a76fd8bb99p-13,
        0x1.4c41461ab2dd5p-18,  -0x1.514213fc97082p-16, -0x1.8c4cf2dd1a268p-21,
        0x1.d23d093dfc479p-19,  0x1.92172bc56032ep-22,  -0x1.470dfcef408d1p-21,
        -0x1.63ebd278c55d3p-23, 0x1.4f819d328251dp-24,  0x1.b47e31610a29dp-25,
        0x1.27dc7e9dec4afp-27,  0x1.dd5bb2cbfa06ap-35
    };
    md t = md_div(md_sub(z, md_set(3)), md_add(z, md_set(3)));
    return md_div(MD_POLY(t, g), md_mad(z, md_set(2), md_set(1)));
}

/* 2/√π in two parts */
#define ERF_SLOPE 0x1.20dd750429b6dp0
#define ERF_SLOPE_LOST 0x1.1ae3a914fed80p-56

static inline md md_erfc(md x)
{
    md z = md_min(md_set(12), md_abs(x));
    md upper = md_mul(md_exp_inside(md_neg(md_mul(z, z))), md_erfcx(z));
    md far = md_select(md_lt(x, md_set(0)), md_sub(md_set(2), upper), upper);
    /* 1 − 2/√π·(x − x³/3 + x⁵/10) */
    md x2 = md_mul(x, x);
    md series = md_mad(x2, md_set(-ERF_SLOPE / 10), md_set(ERF_SLOPE / 3));
    series = md_mul(x, md_mad(x2, series, md_set(-ERF_SLOPE)));
    return md_near_zero(x, 0x1p-8, md_join(md_set(1), series), far);
}

static inline md md_erf(md x)
{
    static const double p[] = { 0x1.20dd750429b6dp+0,  -0x1.812746b0379e0p-2,
                                0x1.ce2f21a0424c0p-4,  -0x1.b82ce312572fap-6,
                                0x1.565bcd0362164p-8,  -0x1.c02db1214bed9p-11,
                                0x1.f9a2af89af017p-14, -0x1.f4c5dc976c85cp-17,
                                0x1.b90eb1bb738ebp-20, -0x1.564eaf2b300b8p-23,
                                0x1.8a2ca05725a4dp-27 };
    md z = md_min(md_set(6), md_abs(x)), z2 = md_mul(z, z);
    md far = md_sub(md_set(1), md_mul(md_exp_inside(md_neg(z2)), md_erfcx(z)));
    md near = md_mul(z, MD_POLY(z2, p));
    return md_with_sign(md_select(md_lt(z, md_set(0.75)), near, far), x);
}

/* 2/√π·e^−x²; erfc's is its negative. */
static inline md md_erf_derivative(md x)
{
    md z = md_min(md_set(12), md_abs(x)), minus_z2 = md_neg(md_mul(z, z));
    md far = md_mul(md_exp_inside(minus_z2), md_set(ERF_SLOPE));
    md fall = md_mad(md_exp_tail(minus_z2), md_set(ERF_SLOPE), md_set(ERF_SLOPE_LOST));
    return md_near_zero(x, 0.25, md_join(md_set(ERF_SLOPE), fall), far);
}

#endif
