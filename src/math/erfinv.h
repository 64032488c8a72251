/* erfinv.h: the inverse of erf.
 *
 * With w = −log(1 − x²), erfinv x = x·p(w), and its derivative is r(w)/(1 − x²) (the variable is
 * Giles's: Approximating the erfinv function, 2011). p and r are nearly flat: polynomials of degree
 * 23 and 21 through Chebyshev points, in w − 3 for w ≤ 6 and in √w − 13/4 beyond, where floats end
 * at w = 15.95; relative errors 2^−53. Near 0 both are power series, whose first term is added
 * last.
 */
#ifndef MATH_ERFINV_H
#define MATH_ERFINV_H

#include "math/join.h"
#include "math/log.h"
#include "math/sign.h"

/* ½√π: its first 29 bits, which times a float are exact, and the rest; and in two doubles. */
#define ERFINV_SLOPE_SHORT 0x1.c5bf891p-1
#define ERFINV_SLOPE_REST 0x1.69ded54f38761p-30
#define ERFINV_SLOPE 0x1.c5bf891b4ef6bp-1
#define ERFINV_SLOPE_LOST -0x1.618f13eb7ca89p-55

/* 1 − x², negative and zero where x is outside and at the ends of (−1, 1). */
static inline md md_erfinv_rest(md x)
{
    return md_sub(md_set(1), md_mul(x, x));
}

/* The polynomial `near` in w − 3 or `far` in √w − 13/4, each of 2·pairs coefficients. */
static inline md md_erfinv_poly(md w, const double *near, const double *far, int pairs)
{
    mm is_near = md_lt(w, md_set(6));
    md t = md_select(is_near, md_sub(w, md_set(3)), md_sub(md_sqrt(w), md_set(3.25)));
    md t2 = md_mul(t, t), even = md_set(0), odd = md_set(0);
    for (int i = 2 * (pairs - 1); i >= 0; i -= 2) {
        even = md_mad(even, t2, md_select(is_near, md_set(near[i]), md_set(far[i])));
        odd = md_mad(odd, t2, md_select(is_near, md_set(near[i + 1]), md_set(far[i + 1])));
    }
    return md_mad(odd, t, even);
}

/* x²·(a + b·x² + c·x⁴ + d·x⁶) */
static inline md md_erfinv_series(md x, double a, double b, double c, double d)
{
    md x2 = md_mul(x, x);
    md high = md_mad(x2, md_set(d), md_set(c));
    return md_mul(x2, md_mad(x2, md_mad(x2, high, md_set(b)), md_set(a)));
}

static inline md md_erfinv(md x)
{
    static const double near[] = {
        0x1.9fa072ed72dbbp+0,   0x1.eedbebdce73e6p-3,   -0x1.780def1d3f3ffp-8,
        -0x1.b6666b152b661p-11, 0x1.9912c04a501f2p-13,  -0x1.aab13d1c2749ep-17,
        -0x1.d539ca175ac91p-20, 0x1.e32b0d49a4fdfp-22,  -0x1.96f81eb1e4c7fp-26,
        -0x1.77b3a13c70ca6p-28, 0x1.31556b71e4d10p-30,  -0x1.146c0ceeb112fp-35,
        -0x1.30d8ccf28c4eap-36, 0x1.7bd8787070135p-39,  0x1.be17c2f60be00p-48,
        -0x1.dcbfa03933bc4p-45, 0x1.c8c5f47132742p-48,  0x1.3bf80cf783e3dp-52,
        -0x1.76cf01ba6594bp-53, 0x1.dafb4fe02a26cp-57,  0x1.2d37ac45dfdd5p-59,
        -0x1.ce564b0e47e8ep-62, -0x1.81ab51d514e6cp-67, 0x1.47a851c2cf954p-68
    };
    static const double far[] = {
        0x1.8abcc380d5a48p+1,   0x1.0158a6d641d54p+0,   0x1.5ffcfe5b6ccc9p-8,
        -0x1.ebadabb9fba56p-9,  0x1.468eeca949b8ep-9,   -0x1.ba9240da9b3bbp-10,
        0x1.f3cc545b1116fp-11,  -0x1.7448bc304acdep-12, 0x1.932e94f587bbap-16,
        0x1.1e6aa4705df50p-14,  -0x1.8cf47ac3400d6p-15, 0x1.a24624ff94beep-17,
        0x1.89a2d19b1a4e7p-19,  -0x1.0b9ade27e1652p-18, 0x1.8d7ca9f016762p-20,
        -0x1.8a9264d787e54p-26, -0x1.059097d27832bp-22, 0x1.0b46d8fed2d34p-23,
        -0x1.94743a2b31e71p-26, -0x1.2d6d4be5c9b15p-27, 0x1.4e1f671814561p-27,
        -0x1.af2d32dcb01b0p-29, -0x1.778c100624b13p-31, 0x1.2d626fed1b6bap-31
    };
    md a = md_abs(x), w = md_neg(md_log(md_erfinv_rest(x)));
    md inside = md_mul(a, md_erfinv_poly(w, near, far, 12));
    md value = md_select(md_eq(a, md_set(1)), md_set(HUGE_VAL), inside);
    md series = md_erfinv_series(a, 0x1.db29fb2fee5e4p-3, 0x1.053c2c0ab91c5p-3,
                                 0x1.62847c47dda48p-4, 0x1.0a13189c6ef7ap-4);
    md first = md_mul(a, md_set(ERFINV_SLOPE_SHORT));
    md rest = md_mul(a, md_add(series, md_set(ERFINV_SLOPE_REST)));
    return md_with_sign(md_near_zero(a, 0x1p-6, md_join(first, rest), value), x);
}

/* ½√π·e^(erfinv² x) */
static inline md md_erfinv_derivative(md x)
{
    static const double near[] = {
        0x1.147f153f1e9f7p-1,   -0x1.1097c5430ff55p-4,  0x1.4cead5c4862cbp-7,
        -0x1.6e956bb88ab2dp-10, 0x1.501351a26c41cp-13,  -0x1.e6f7b72fb9126p-17,
        0x1.060dcdf49fe31p-20,  -0x1.8f0b211ef9cd6p-25, 0x1.53d74c72ee764p-29,
        -0x1.90e525f02ad60p-32, 0x1.97a5e2513fffbp-35,  -0x1.a97c83b70b215p-40,
        -0x1.0261f7b08a881p-41, 0x1.2c11a7da728dap-44,  0x1.b9b2c4d034b81p-51,
        -0x1.5c002a70922fbp-50, 0x1.0ade512d416a6p-53,  0x1.3c7317c98c76cp-57,
        -0x1.95759988ee3cap-59, 0x1.f544916c0b599p-64,  0x1.0014883eff584p-65,
        -0x1.8a419ffa02085p-69
    };
    static const double far[] = {
        0x1.3cceb1a240353p-2,   -0x1.7a153d71ed85ep-4,  0x1.ab06e2189f7dbp-6,
        -0x1.be499ec0ad63dp-8,  0x1.93e77ee6f6f3fp-10,  -0x1.c53c754127924p-13,
        -0x1.d3d5c6d7d0ef7p-15, 0x1.20f3f593a8985p-14,  -0x1.30b6479721598p-15,
        0x1.80294e1c35fd0p-17,  -0x1.b155307410141p-21, -0x1.740b13658a686p-20,
        0x1.c48fff2fe28ebp-21,  -0x1.b2023a996d5eep-23, -0x1.0ae04415dd2adp-25,
        0x1.7bd406f370a8bp-25,  -0x1.0f1d6267ba237p-26, 0x1.9a813c401d978p-31,
        0x1.26f28b62eb7c6p-29,  -0x1.1762ed55bbdcfp-30, 0x1.0facc1297d01ep-38,
        0x1.a187636512889p-34
    };
    md u = md_erfinv_rest(x), w = md_neg(md_log(u));
    md inside = md_div(md_erfinv_poly(w, near, far, 11), u);
    md value = md_select(md_eq(u, md_set(0)), md_set(HUGE_VAL), inside);
    md series = md_erfinv_series(x, 0x1.645f7c63f2c6bp-1, 0x1.468b370d67636p-1,
                                 0x1.3633ecbee1effp-1, 0x1.2b557baffcd69p-1);
    md rest = md_add(series, md_set(ERFINV_SLOPE_LOST));
    return md_near_zero(x, 0x1p-6, md_join(md_set(ERFINV_SLOPE), rest), value);
}

#endif
