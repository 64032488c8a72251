/* bench_peak.h: the clock, and the machine's measured rate of fused multiply-adds on one thread. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <time.h>

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GFLOP/s of independent fused multiply-adds; the widest vectors that the machine has. 0: unknown.
 */
static inline double bench_peak(void)
{
    double best = 0;
#if defined(__x86_64__)
    enum { LOOPS = 200000, CHAINS = 12 };
    int lanes = __builtin_cpu_supports("avx512f") ? 16 : 8;
    for (int round = 0; round < 50; round++) {
        double begin = bench_now();
#define BENCH_FMA(register, i) \
    "vfmadd231ps %%" register "15, %%" register "14, %%" register #i "\n\t"
#define BENCH_CHAINS(r)                                                             \
    BENCH_FMA(r, 0)                                                                 \
    BENCH_FMA(r, 1)                                                                 \
    BENCH_FMA(r, 2) BENCH_FMA(r, 3) BENCH_FMA(r, 4) BENCH_FMA(r, 5) BENCH_FMA(r, 6) \
        BENCH_FMA(r, 7) BENCH_FMA(r, 8) BENCH_FMA(r, 9) BENCH_FMA(r, 10) BENCH_FMA(r, 11)
#define BENCH_CLOBBERS                                                                       \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm14", "xmm15"
        __asm__ volatile("vzeroall" ::: BENCH_CLOBBERS);
        if (lanes == 16)
            for (int i = 0; i < LOOPS; i++)
                __asm__ volatile(BENCH_CHAINS("zmm")::: BENCH_CLOBBERS);
        else
            for (int i = 0; i < LOOPS; i++)
                __asm__ volatile(BENCH_CHAINS("ymm")::: BENCH_CLOBBERS);
        double rate = 2.0 * LOOPS * CHAINS * lanes / (bench_now() - begin) / 1e9;
        best = rate > best ? rate : best;
    }
#endif
    return best;
}

#endif
