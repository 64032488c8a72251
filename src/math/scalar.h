/* scalar.h: the vector primitives (docs/kernels.md) with one lane, in plain C. The functions of
 * this room are written over them, once: with this header they are the scalar functions of math.h,
 * with a simd_*.h they are the vector kernels. */
#ifndef MATH_SCALAR_H
#define MATH_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef double md;
typedef int64_t ml;
typedef int mm;

static inline md md_gather(const double *p, ml index)
{
    return p[index];
}

static inline md md_set(double x)
{
    return x;
}

static inline md md_add(md a, md b)
{
    return a + b;
}

static inline md md_sub(md a, md b)
{
    return a - b;
}

static inline md md_mul(md a, md b)
{
    return a * b;
}

static inline md md_div(md a, md b)
{
    return a / b;
}

static inline md md_sqrt(md a)
{
    return sqrt(a);
}

static inline md md_mad(md a, md b, md c)
{
    return a * b + c;
}

static inline ml md_bits(md a)
{
    ml bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}

static inline md ml_double(ml a)
{
    md x;
    memcpy(&x, &a, sizeof x);
    return x;
}

static inline md md_neg(md a)
{
    return -a;
}

static inline md md_abs(md a)
{
    return ml_double(md_bits(a) & INT64_MAX);
}

static inline md md_min(md a, md b)
{
    return a < b ? a : b;
}

static inline md md_max(md a, md b)
{
    return a > b ? a : b;
}

static inline mm md_lt(md a, md b)
{
    return a < b;
}

static inline mm md_le(md a, md b)
{
    return a <= b;
}

static inline mm md_eq(md a, md b)
{
    return a == b;
}

static inline mm md_ne(md a, md b)
{
    return a != b;
}

static inline md md_select(mm m, md a, md b)
{
    return m ? a : b;
}

static inline mm mm_and(mm a, mm b)
{
    return a && b;
}

static inline mm mm_or(mm a, mm b)
{
    return a || b;
}

static inline ml ml_set(int64_t x)
{
    return x;
}

/* Integer arithmetic wraps: computed unsigned. */
static inline ml ml_add(ml a, ml b)
{
    return (ml)((uint64_t)a + (uint64_t)b);
}

static inline ml ml_sub(ml a, ml b)
{
    return (ml)((uint64_t)a - (uint64_t)b);
}

static inline ml ml_and(ml a, ml b)
{
    return a & b;
}

static inline ml ml_or(ml a, ml b)
{
    return a | b;
}

static inline ml ml_xor(ml a, ml b)
{
    return a ^ b;
}

static inline ml ml_shl(ml a, int n)
{
    return (ml)((uint64_t)a << n);
}

static inline ml ml_shr(ml a, int n)
{
    return (ml)((uint64_t)a >> n);
}

static inline mm ml_eq(ml a, ml b)
{
    return a == b;
}

#endif
