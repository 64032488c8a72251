/* log2.h: the logarithms of base 2 and 10, from the parts of log.h; log(2^k·m) = k·log 2 + log m.
 */
#ifndef MATH_LOG2_H
#define MATH_LOG2_H

#include "math/log.h"

static inline md md_log2(md x)
{
    log_parts l = md_log_parts(x);
    md tail = md_mul(md_log1p_small(l.f), md_set(0x1.71547652b82fep0));
    return md_log_special(x, md_join(l.k, tail));
}

static inline md md_log10(md x)
{
    log_parts l = md_log_parts(x);
    /* log10 2 in two parts, the first so short that k times it is exact. */
    md tail = md_mul(md_log1p_small(l.f), md_set(0x1.bcb7b1526e50ep-2));
    tail = md_mad(l.k, md_set(0x1.3fde623e2566bp-43), tail);
    return md_log_special(x, md_join(md_mul(l.k, md_set(0x1.34413509f7000p-2)), tail));
}

/* 1/(x·ln 2), 1/(x·ln 10) */
static inline md md_log2_derivative(md x)
{
    return md_div(md_set(0x1.71547652b82fep0), x);
}

static inline md md_log10_derivative(md x)
{
    return md_div(md_set(0x1.bcb7b1526e50ep-2), x);
}

#endif
