/* sizes.h: the smaller and the larger of two sizes or places. */
#ifndef CPU_SIZES_H
#define CPU_SIZES_H

#include <stdint.h>

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
