/* wide.h: positive numbers of 128 bits of precision, for the few inputs at which double does not
 * show how to round. Every operation truncates: relative error below 2^−127, unless it says more.
 */
#ifndef MATH_WIDE_H
#define MATH_WIDE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef unsigned __int128 wide_bits;

/* m·2^e, the highest bit of m being set; m = 0 is 0. */
typedef struct wide {
    wide_bits m;
    int e;
} wide;

static inline wide wide_normal(wide_bits m, int e)
{
    if (m == 0)
        return (wide){ 0, 0 };
    uint64_t high = (uint64_t)(m >> 64), low = (uint64_t)m;
    int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll(low);
    return (wide){ m << zeros, e - zeros };
}

static inline wide wide_integer(uint64_t n)
{
    return wide_normal(n, 0);
}

static inline wide wide_scaled(wide a, int power)
{
    return (wide){ a.m, a.e + power };
}

static inline wide wide_mul(wide a, wide b)
{
    uint64_t ah = (uint64_t)(a.m >> 64), al = (uint64_t)a.m;
    uint64_t bh = (uint64_t)(b.m >> 64), bl = (uint64_t)b.m;
    wide_bits cross = (wide_bits)ah * bl, other = (wide_bits)al * bh;
    wide_bits carry = ((wide_bits)al * bl >> 64) + (uint64_t)cross + (uint64_t)other;
    wide_bits high = (wide_bits)ah * bh + (cross >> 64) + (other >> 64) + (carry >> 64);
    return wide_normal(high, a.e + b.e + 128);
}

static inline bool wide_less(wide a, wide b)
{
    if (a.m == 0 || b.m == 0)
        return a.m == 0 && b.m != 0;
    return a.e != b.e ? a.e < b.e : a.m < b.m;
}

/* b's bits moved to a's place; a ≥ b > 0. */
static inline wide_bits wide_aligned(wide a, wide b)
{
    return a.e - b.e < 128 ? b.m >> (a.e - b.e) : 0;
}

static inline wide wide_add(wide a, wide b)
{
    if (wide_less(a, b))
        return wide_add(b, a);
    if (b.m == 0)
        return a;
    wide_bits half = (a.m >> 1) + (wide_aligned(a, b) >> 1);
    return wide_normal(half, a.e + 1);
}

/* a − b for a ≥ b; the error is relative to a. */
static inline wide wide_sub(wide a, wide b)
{
    return b.m == 0 ? a : wide_normal(a.m - wide_aligned(a, b), a.e);
}

static inline wide wide_over(wide a, uint32_t divisor)
{
    return wide_normal(a.m / divisor, a.e); /* error below divisor·2^−127 */
}

/* a/b of integers 0 < a, b < 2^60, bit by bit. */
static inline wide wide_ratio(uint64_t a, uint64_t b)
{
    int e = -127;
    while (a < b) {
        a <<= 1;
        e--;
    }
    while (a >= 2 * b) {
        b <<= 1;
        e++;
    }
    wide_bits m = 0;
    for (int bit = 0; bit < 128; bit++) {
        m = m << 1 | (a >= b);
        a = (a >= b ? a - b : a) << 1;
    }
    return wide_normal(m, e);
}

/* The integer below a < 2^31, and what a has above it. */
static inline int wide_floor(wide a, wide *fraction)
{
    int below = -a.e; /* bits after the point */
    if (a.m == 0 || below >= 128) {
        *fraction = a;
        return 0;
    }
    wide_bits whole = a.m >> below;
    *fraction = wide_normal(a.m - (whole << below), a.e);
    return (int)whole;
}

/* To the nearest float. Within 2^−105 of halfway between two floats the number counts as halfway,
 * and the even one is taken. */
static inline float wide_round(wide a)
{
    int top = a.e + 127;                     /* 2^top ≤ a < 2^(top + 1) */
    int keep = top >= -126 ? 24 : top + 150; /* bits of the float */
    if (keep < 0)
        return 0;
    if (top > 127)
        return INFINITY;
    wide_bits half = (wide_bits)1 << (127 - keep);
    wide_bits kept = keep ? a.m >> (128 - keep) : 0;
    wide_bits rest = a.m - (keep ? kept << (128 - keep) : 0);
    wide_bits distance = rest > half ? rest - half : half - rest;
    bool up = distance >> 22 == 0 ? (kept & 1) != 0 : rest > half;
    return ldexpf((float)(uint32_t)(kept + up), top + 1 - keep);
}

/* ln 2, 1/ln 2, π */
static inline wide wide_ln2(void)
{
    return (wide){ (wide_bits)0xb17217f7d1cf79ab << 64 | 0xc9e3b39803f2f6af, -128 };
}

static inline wide wide_over_ln2(void)
{
    return (wide){ (wide_bits)0xb8aa3b295c17f0bb << 64 | 0xbe87fed0691d3e88, -127 };
}

static inline wide wide_pi(void)
{
    return (wide){ (wide_bits)0xc90fdaa22168c234 << 64 | 0xc4c6628b80dc1cd1, -126 };
}

#endif
