/* sin.h: sin, cos and tan.
 *
 * |x| = m·2^e with an integer m < 2^24. sin and cos repeat after 4 quarter turns, and x is m·c of
 * them with c = 2^e·2/π mod 4, which a table gives for every exponent in three parts of 29, 29 and
 * 53 bits (the idea of Payne and Hanek, 1983). m times the first two is exact, so what is left
 * beyond the nearest quarter turn keeps its relative precision, however large x is. On |r| ≤ π/4:
 * sin r = r + r³·s(r²), cos r = 1 − r²/2 + r⁴·c(r²), polynomials of degree 6 through Chebyshev
 * points, relative error 2^−54.
 */
#ifndef MATH_SIN_H
#define MATH_SIN_H

#include "math/join.h"
#include "math/poly.h"
#include "math/sign.h"

#include <math.h>

/* 2^(i − 24)·2/π mod 4 for 2^(i − 1) ≤ |x| < 2^i */
static const double turns[129][3] = {
    { 0x1.4000000000000p-25, 0x1.7cc1b70000000p-31, 0x1.391054a7f09d6p-58 },
    { 0x1.4000000000000p-24, 0x1.7cc1b70000000p-30, 0x1.391054a7f09d6p-57 },
    { 0x1.4000000000000p-23, 0x1.7cc1b72000000p-29, 0x1.c882a53f84eb0p-59 },
    { 0x1.4000000000000p-22, 0x1.7cc1b72000000p-28, 0x1.c882a53f84eb0p-58 },
    { 0x1.4400000000000p-21, 0x1.f306dc8000000p-29, 0x1.c882a53f84eb0p-57 },
    { 0x1.4400000000000p-20, 0x1.f306dc9000000p-28, 0x1.91054a7f09d5fp-57 },
    { 0x1.4500000000000p-19, 0x1.e60db93000000p-28, 0x1.220a94fe13abfp-57 },
    { 0x1.4580000000000p-18, 0x1.cc1b727000000p-28, 0x1.1054a7f09d5f4p-59 },
    { 0x1.45c0000000000p-17, 0x1.9836e4e000000p-28, 0x1.1054a7f09d5f4p-58 },
    { 0x1.45e0000000000p-16, 0x1.306dc9c000000p-28, 0x1.1054a7f09d5f4p-57 },
    { 0x1.45f0000000000p-15, 0x1.836e4e4000000p-30, 0x1.054a7f09d5f48p-60 },
    { 0x1.45f0000000000p-14, 0x1.836e4e4000000p-29, 0x1.054a7f09d5f48p-59 },
    { 0x1.45f0000000000p-13, 0x1.836e4e4000000p-28, 0x1.054a7f09d5f48p-58 },
    { 0x1.45f2000000000p-12, 0x1.06dc9c8000000p-28, 0x1.054a7f09d5f48p-57 },
    { 0x1.45f3000000000p-11, 0x1.b727220000000p-33, 0x1.529fc2757d1f5p-62 },
    { 0x1.45f3000000000p-10, 0x1.b727220000000p-32, 0x1.529fc2757d1f5p-61 },
    { 0x1.45f3000000000p-9, 0x1.b727220000000p-31, 0x1.529fc2757d1f5p-60 },
    { 0x1.45f3000000000p-8, 0x1.b727220000000p-30, 0x1.529fc2757d1f5p-59 },
    { 0x1.45f3000000000p-7, 0x1.b727220000000p-29, 0x1.529fc2757d1f5p-58 },
    { 0x1.45f3000000000p-6, 0x1.b727220000000p-28, 0x1.529fc2757d1f5p-57 },
    { 0x1.45f3040000000p-5, 0x1.6e4e441000000p-28, 0x1.4a7f09d5f47d5p-58 },
    { 0x1.45f3060000000p-4, 0x1.b939104000000p-29, 0x1.4a7f09d5f47d5p-57 },
    { 0x1.45f3060000000p-3, 0x1.b939105000000p-28, 0x1.29fc2757d1f53p-58 },
    { 0x1.45f3068000000p-2, 0x1.727220a000000p-28, 0x1.29fc2757d1f53p-57 },
    { 0x1.45f306c000000p-1, 0x1.c9c882a000000p-29, 0x1.4fe13abe8fa9ap-59 },
    { 0x1.45f306c000000p+0, 0x1.c9c882a000000p-28, 0x1.4fe13abe8fa9ap-58 },
    { 0x1.45f306d000000p+1, 0x1.9391054000000p-28, 0x1.4fe13abe8fa9ap-57 },
    { 0x1.17cc1b6000000p+0, 0x1.27220a9000000p-28, 0x1.3f84eafa3ea6ap-58 },
    { 0x1.17cc1b7000000p+1, 0x1.3910548000000p-30, 0x1.3f84eafa3ea6ap-57 },
    { 0x1.7cc1b70000000p-2, 0x1.391054a000000p-29, 0x1.fc2757d1f534ep-59 },
    { 0x1.7cc1b70000000p-1, 0x1.391054a000000p-28, 0x1.fc2757d1f534ep-58 },
    { 0x1.7cc1b72000000p+0, 0x1.c882a50000000p-30, 0x1.fc2757d1f534ep-57 },
    { 0x1.7cc1b72000000p+1, 0x1.c882a52000000p-29, 0x1.f84eafa3ea69cp-57 },
    { 0x1.f306dc8000000p+0, 0x1.c882a53000000p-28, 0x1.f09d5f47d4d37p-57 },
    { 0x1.f306dc9000000p+1, 0x1.91054a7000000p-28, 0x1.e13abe8fa9a6fp-57 },
    { 0x1.e60db93000000p+1, 0x1.220a94f000000p-28, 0x1.c2757d1f534dep-57 },
    { 0x1.cc1b727000000p+1, 0x1.1054a7c000000p-30, 0x1.84eafa3ea69bcp-57 },
    { 0x1.9836e4e000000p+1, 0x1.1054a7e000000p-29, 0x1.09d5f47d4d377p-57 },
    { 0x1.306dc9c000000p+1, 0x1.1054a7f000000p-28, 0x1.3abe8fa9a6ee0p-61 },
    { 0x1.836e4e4000000p-1, 0x1.054a7f0000000p-31, 0x1.3abe8fa9a6ee0p-60 },
    { 0x1.836e4e4000000p+0, 0x1.054a7f0000000p-30, 0x1.3abe8fa9a6ee0p-59 },
    { 0x1.836e4e4000000p+1, 0x1.054a7f0000000p-29, 0x1.3abe8fa9a6ee0p-58 },
    { 0x1.06dc9c8000000p+1, 0x1.054a7f0000000p-28, 0x1.3abe8fa9a6ee0p-57 },
    { 0x1.b727220000000p-4, 0x1.529fc20000000p-33, 0x1.d5f47d4d37703p-59 },
    { 0x1.b727220000000p-3, 0x1.529fc20000000p-32, 0x1.d5f47d4d37703p-58 },
    { 0x1.b727220000000p-2, 0x1.529fc20000000p-31, 0x1.d5f47d4d37703p-57 },
    { 0x1.b727220000000p-1, 0x1.529fc24000000p-30, 0x1.abe8fa9a6ee07p-57 },
    { 0x1.b727220000000p+0, 0x1.529fc26000000p-29, 0x1.57d1f534ddc0ep-57 },
    { 0x1.b727220000000p+1, 0x1.529fc27000000p-28, 0x1.5f47d4d377037p-58 },
    { 0x1.6e4e441000000p+1, 0x1.4a7f09c000000p-29, 0x1.5f47d4d377037p-57 },
    { 0x1.b939104000000p+0, 0x1.4a7f09d000000p-28, 0x1.7d1f534ddc0dbp-58 },
    { 0x1.b939105000000p+1, 0x1.29fc274000000p-29, 0x1.7d1f534ddc0dbp-57 },
    { 0x1.727220a000000p+1, 0x1.29fc275000000p-28, 0x1.f47d4d377036ep-58 },
    { 0x1.c9c882a000000p+0, 0x1.4fe13a8000000p-30, 0x1.f47d4d377036ep-57 },
    { 0x1.c9c882a000000p+1, 0x1.4fe13aa000000p-29, 0x1.e8fa9a6ee06dbp-57 },
    { 0x1.9391054000000p+1, 0x1.4fe13ab000000p-28, 0x1.d1f534ddc0db6p-57 },
    { 0x1.27220a9000000p+1, 0x1.3f84eae000000p-29, 0x1.a3ea69bb81b6cp-57 },
    { 0x1.3910548000000p-1, 0x1.3f84eaf000000p-28, 0x1.47d4d377036d9p-57 },
    { 0x1.391054a000000p+0, 0x1.fc2757c000000p-30, 0x1.1f534ddc0db63p-58 },
    { 0x1.391054a000000p+1, 0x1.fc2757c000000p-29, 0x1.1f534ddc0db63p-57 },
    { 0x1.c882a50000000p-1, 0x1.fc2757d000000p-28, 0x1.f534ddc0db629p-60 },
    { 0x1.c882a52000000p+0, 0x1.f84eafa000000p-28, 0x1.f534ddc0db629p-59 },
    { 0x1.c882a53000000p+1, 0x1.f09d5f4000000p-28, 0x1.f534ddc0db629p-58 },
    { 0x1.91054a7000000p+1, 0x1.e13abe8000000p-28, 0x1.f534ddc0db629p-57 },
    { 0x1.220a94f000000p+1, 0x1.c2757d1000000p-28, 0x1.ea69bb81b6c53p-57 },
    { 0x1.1054a7c000000p-1, 0x1.84eafa3000000p-28, 0x1.d4d377036d8a5p-57 },
    { 0x1.1054a7e000000p+0, 0x1.09d5f47000000p-28, 0x1.a9a6ee06db14bp-57 },
    { 0x1.1054a7f000000p+1, 0x1.3abe8f0000000p-32, 0x1.534ddc0db6296p-57 },
    { 0x1.054a7f0000000p-2, 0x1.3abe8f8000000p-31, 0x1.4d377036d8a56p-58 },
    { 0x1.054a7f0000000p-1, 0x1.3abe8f8000000p-30, 0x1.4d377036d8a56p-57 },
    { 0x1.054a7f0000000p+0, 0x1.3abe8fa000000p-29, 0x1.34ddc0db6295ap-58 },
    { 0x1.054a7f0000000p+1, 0x1.3abe8fa000000p-28, 0x1.34ddc0db6295ap-57 },
    { 0x1.529fc20000000p-4, 0x1.d5f47d4000000p-30, 0x1.a6ee06db14acdp-59 },
    { 0x1.529fc20000000p-3, 0x1.d5f47d4000000p-29, 0x1.a6ee06db14acdp-58 },
    { 0x1.529fc20000000p-2, 0x1.d5f47d4000000p-28, 0x1.a6ee06db14acdp-57 },
    { 0x1.529fc24000000p-1, 0x1.abe8fa9000000p-28, 0x1.4ddc0db629599p-57 },
    { 0x1.529fc26000000p+0, 0x1.57d1f53000000p-28, 0x1.377036d8a5665p-58 },
    { 0x1.529fc27000000p+1, 0x1.5f47d4c000000p-29, 0x1.377036d8a5665p-57 },
    { 0x1.4a7f09c000000p+0, 0x1.5f47d4d000000p-28, 0x1.bb81b6c52b328p-59 },
    { 0x1.4a7f09d000000p+1, 0x1.7d1f534000000p-29, 0x1.bb81b6c52b328p-58 },
    { 0x1.29fc274000000p+0, 0x1.7d1f534000000p-28, 0x1.bb81b6c52b328p-57 },
    { 0x1.29fc275000000p+1, 0x1.f47d4d2000000p-29, 0x1.77036d8a5664fp-57 },
    { 0x1.4fe13a8000000p-1, 0x1.f47d4d3000000p-28, 0x1.dc0db6295993cp-58 },
    { 0x1.4fe13aa000000p+0, 0x1.e8fa9a6000000p-28, 0x1.dc0db6295993cp-57 },
    { 0x1.4fe13ab000000p+1, 0x1.d1f534d000000p-28, 0x1.b81b6c52b3279p-57 },
    { 0x1.3f84eae000000p+0, 0x1.a3ea69b000000p-28, 0x1.7036d8a5664f1p-57 },
    { 0x1.3f84eaf000000p+1, 0x1.47d4d37000000p-28, 0x1.c0db6295993c4p-58 },
    { 0x1.fc2757c000000p-1, 0x1.1f534dc000000p-29, 0x1.c0db6295993c4p-57 },
    { 0x1.fc2757c000000p+0, 0x1.1f534dd000000p-28, 0x1.81b6c52b32788p-57 },
    { 0x1.fc2757d000000p+1, 0x1.f534dd8000000p-31, 0x1.036d8a5664f11p-57 },
    { 0x1.f84eafa000000p+1, 0x1.f534ddc000000p-30, 0x1.b6c52b3278872p-63 },
    { 0x1.f09d5f4000000p+1, 0x1.f534ddc000000p-29, 0x1.b6c52b3278872p-62 },
    { 0x1.e13abe8000000p+1, 0x1.f534ddc000000p-28, 0x1.b6c52b3278872p-61 },
    { 0x1.c2757d1000000p+1, 0x1.ea69bb8000000p-28, 0x1.b6c52b3278872p-60 },
    { 0x1.84eafa3000000p+1, 0x1.d4d3770000000p-28, 0x1.b6c52b3278872p-59 },
    { 0x1.09d5f47000000p+1, 0x1.a9a6ee0000000p-28, 0x1.b6c52b3278872p-58 },
    { 0x1.3abe8f0000000p-3, 0x1.534ddc0000000p-28, 0x1.b6c52b3278872p-57 },
    { 0x1.3abe8f8000000p-2, 0x1.4d37702000000p-29, 0x1.6d8a5664f10e4p-57 },
    { 0x1.3abe8f8000000p-1, 0x1.4d37703000000p-28, 0x1.b6295993c4390p-58 },
    { 0x1.3abe8fa000000p+0, 0x1.34ddc0c000000p-29, 0x1.b6295993c4390p-57 },
    { 0x1.3abe8fa000000p+1, 0x1.34ddc0d000000p-28, 0x1.6c52b32788721p-57 },
    { 0x1.d5f47d4000000p-1, 0x1.a6ee06c000000p-30, 0x1.b14acc9e21c82p-58 },
    { 0x1.d5f47d4000000p+0, 0x1.a6ee06c000000p-29, 0x1.b14acc9e21c82p-57 },
    { 0x1.d5f47d4000000p+1, 0x1.a6ee06d000000p-28, 0x1.6295993c43904p-57 },
    { 0x1.abe8fa9000000p+1, 0x1.4ddc0db000000p-28, 0x1.8a5664f10e410p-58 },
    { 0x1.57d1f53000000p+1, 0x1.377036c000000p-29, 0x1.8a5664f10e410p-57 },
    { 0x1.5f47d4c000000p+0, 0x1.377036d000000p-28, 0x1.14acc9e21c821p-57 },
    { 0x1.5f47d4d000000p+1, 0x1.bb81b6c000000p-30, 0x1.4acc9e21c8210p-60 },
    { 0x1.7d1f534000000p+0, 0x1.bb81b6c000000p-29, 0x1.4acc9e21c8210p-59 },
    { 0x1.7d1f534000000p+1, 0x1.bb81b6c000000p-28, 0x1.4acc9e21c8210p-58 },
    { 0x1.f47d4d2000000p+0, 0x1.77036d8000000p-28, 0x1.4acc9e21c8210p-57 },
    { 0x1.f47d4d3000000p+1, 0x1.dc0db62000000p-29, 0x1.2b32788720840p-58 },
    { 0x1.e8fa9a6000000p+1, 0x1.dc0db62000000p-28, 0x1.2b32788720840p-57 },
    { 0x1.d1f534d000000p+1, 0x1.b81b6c5000000p-28, 0x1.5993c439041fep-59 },
    { 0x1.a3ea69b000000p+1, 0x1.7036d8a000000p-28, 0x1.5993c439041fep-58 },
    { 0x1.47d4d37000000p+1, 0x1.c0db628000000p-29, 0x1.5993c439041fep-57 },
    { 0x1.1f534dc000000p+0, 0x1.c0db629000000p-28, 0x1.664f10e4107f9p-58 },
    { 0x1.1f534dd000000p+1, 0x1.81b6c52000000p-28, 0x1.664f10e4107f9p-57 },
    { 0x1.f534dd8000000p-2, 0x1.036d8a5000000p-28, 0x1.993c439041fe5p-58 },
    { 0x1.f534ddc000000p-1, 0x1.b6c5280000000p-34, 0x1.993c439041fe5p-57 },
    { 0x1.f534ddc000000p+0, 0x1.b6c52a0000000p-33, 0x1.3278872083fcap-57 },
    { 0x1.f534ddc000000p+1, 0x1.b6c52b0000000p-32, 0x1.93c439041fe51p-59 },
    { 0x1.ea69bb8000000p+1, 0x1.b6c52b0000000p-31, 0x1.93c439041fe51p-58 },
    { 0x1.d4d3770000000p+1, 0x1.b6c52b0000000p-30, 0x1.93c439041fe51p-57 },
    { 0x1.a9a6ee0000000p+1, 0x1.b6c52b2000000p-29, 0x1.278872083fca3p-57 },
    { 0x1.534ddc0000000p+1, 0x1.b6c52b3000000p-28, 0x1.3c439041fe516p-59 },
    { 0x1.4d37702000000p+0, 0x1.6d8a566000000p-28, 0x1.3c439041fe516p-58 },
    { 0x1.4d37703000000p+1, 0x1.b629598000000p-29, 0x1.3c439041fe516p-57 },
    { 0x1.34ddc0c000000p+0, 0x1.b629599000000p-28, 0x1.e21c820ff28b2p-59 },
};

/* |x| as r + π/2·k: the nearest k, in the lowest bits of `quarter`, and r. NaN for ∞ and NaN. */
typedef struct sin_parts {
    md r;
    ml quarter;
} sin_parts;

static inline sin_parts md_sin_parts(md x)
{
    const int64_t half_exponent = 1022, integer = (int64_t)(1023 + 23) << 52;
    md a = md_abs(x), inside = md_max(md_set(0.5), a);
    inside = md_select(md_lt(inside, md_set(HUGE_VAL)), inside, md_set(1));
    ml bits = md_bits(inside), row = ml_sub(ml_shr(bits, 52), ml_set(half_exponent));
    ml at = ml_add(ml_add(row, row), row);
    md m = ml_double(ml_or(ml_and(bits, ml_set(0x000fffffffffffff)), ml_set(integer)));

    md whole = md_mul(m, md_gather(turns[0], at));
    md shifted = md_add(whole, md_set(0x1.8p52)), k = md_sub(shifted, md_set(0x1.8p52));
    md turn = md_mul(m, md_gather(turns[0], ml_add(at, ml_set(1))));
    turn = md_add(md_sub(whole, k), turn);
    turn = md_mad(m, md_gather(turns[0], ml_add(at, ml_set(2))), turn);

    mm small = md_lt(a, md_set(0x1.921fb54442d18p-1));
    md r = md_select(small, a, md_mul(turn, md_set(0x1.921fb54442d18p0)));
    r = md_select(md_lt(a, md_set(HUGE_VAL)), r, md_set(NAN));
    ml quarter = md_bits(md_select(small, md_set(0x1.8p52), shifted));
    return (sin_parts){ r, quarter };
}

static inline md md_sin_near(md r)
{
    static const double s[] = { -0x1.5555555555555p-3,  0x1.1111111111110p-7,
                                -0x1.a01a01a019926p-13, 0x1.71de3a545e700p-19,
                                -0x1.ae64540f0ba18p-26, 0x1.61217c1864fa1p-33,
                                -0x1.ab161757f0c63p-41 };
    md r2 = md_mul(r, r);
    return md_mad(md_mul(r, r2), MD_POLY(r2, s), r);
}

static inline md md_cos_near(md r)
{
    static const double c[] = { 0x1.5555555555555p-5,  -0x1.6c16c16c16c16p-10,
                                0x1.a01a01a019d02p-16, -0x1.27e4fb7711e1dp-22,
                                0x1.1eed8de9ef73ep-29, -0x1.9394b76d1f265p-37,
                                0x1.ab76cf6e9b365p-45 };
    md r2 = md_mul(r, r);
    return md_join(md_set(1), md_mul(r2, md_mad(r2, MD_POLY(r2, c), md_set(-0.5))));
}

/* `value` with its sign changed where bit 1 of `quarter` is set. */
static inline md md_turned(md value, ml quarter)
{
    ml sign = ml_shl(ml_and(quarter, ml_set(2)), 62);
    return ml_double(ml_xor(md_bits(value), sign));
}

/* A few values lie nearer to halfway between two floats than the arithmetic above can tell; the
 * exhaustive check found them. There the value is a double on the right side. */
static inline md md_except(md a, double at, double value, md elsewhere)
{
    return md_select(md_eq(a, md_set(at)), md_set(value), elsewhere);
}

static inline md md_sin(md x)
{
    sin_parts p = md_sin_parts(x);
    mm even = ml_eq(ml_and(p.quarter, ml_set(1)), ml_set(0));
    md value = md_turned(md_select(even, md_sin_near(p.r), md_cos_near(p.r)), p.quarter);
    value = md_except(md_abs(x), 0x1.33333p+13, -0x1.63f4bafffffffp-2, value);
    return ml_double(ml_xor(md_bits(value), ml_and(md_bits(x), ml_set(INT64_MIN))));
}

static inline md md_cos(md x)
{
    sin_parts p = md_sin_parts(x);
    mm even = ml_eq(ml_and(p.quarter, ml_set(1)), ml_set(0));
    md value = md_select(even, md_cos_near(p.r), md_sin_near(p.r));
    /* cos turns its sign in the quarters 1 and 2. */
    value = md_turned(value, ml_add(p.quarter, ml_set(1)));
    value = md_except(md_abs(x), 0x1.887814p+51, 0x1.84bec4fffffffp-1, value);
    return md_except(md_abs(x), 0x1.e072ecp+67, 0x1.b598ab0000001p-2, value);
}

static inline md md_tan(md x)
{
    sin_parts p = md_sin_parts(x);
    mm even = ml_eq(ml_and(p.quarter, ml_set(1)), ml_set(0));
    md s = md_sin_near(p.r), c = md_cos_near(p.r);
    md value = md_div(md_select(even, s, md_neg(c)), md_select(even, c, s));
    return ml_double(ml_xor(md_bits(value), ml_and(md_bits(x), ml_set(INT64_MIN))));
}

/* 1 + tan² x = 1/cos² x */
static inline md md_tan_derivative(md x)
{
    md c = md_cos(x), a = md_abs(x);
    md value = md_div(md_set(1), md_mul(c, c));
    value = md_except(a, 0x1.aeaddep+97, 0x1.2ec322fffffffp+0, value);
    return md_except(a, 0x1.bfb656p+104, 0x1.03d40d0000001p+0, value);
}

#endif
